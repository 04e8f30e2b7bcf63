package logstore

import (
	"errors"
	"fmt"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// checkStored looks at batches that this process neither wrote nor recovered, before they are served for the first
// time: a disk may have changed them since the clean stop. It returns how much of the n bytes at pos is good; an
// error if not even the first batch is. A batch that is cut by the end of the range is not looked at: who reads it
// asks for it again.
func (s *segment) checkStored(f vfs.File, pos, n int64) (int64, error) {
	s.idxMu.Lock()
	known := pos >= s.checkedFrom && pos+n <= s.checkedTo
	s.idxMu.Unlock()
	if known {
		return n, nil
	}
	good, why, err := s.verify(f, pos, pos+n, s.base, func(recordbatch.Batch, int64) {})
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %w", s.path(logSuffix), ErrStorage, err)
	}
	switch {
	case good == pos && why != "":
		return 0, s.corrupt(pos, "%s", why)
	case why == "" || s.cutOnly(f, good, pos+n):
		s.noteChecked(pos, good)
		return n, nil
	}
	s.noteChecked(pos, good)
	return good - pos, nil
}

// cutOnly says whether the batch at pos merely goes on behind end.
func (s *segment) cutOnly(f vfs.File, pos, end int64) bool {
	if end-pos < recordbatch.HeaderSize {
		return true
	}
	header := make([]byte, recordbatch.HeaderSize)
	if readFull(f, header, pos) != nil {
		return false
	}
	b := recordbatch.Batch(header)
	size := int64(b.Size())
	return b.Magic() == 2 && size > end-pos && pos+size <= s.size.Load()
}

// noteChecked remembers that [from, to) is good: together with what is known if they touch, else instead of it, as
// readers go forward.
func (s *segment) noteChecked(from, to int64) {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	if from <= s.checkedTo && to >= s.checkedFrom {
		from, to = min(from, s.checkedFrom), max(to, s.checkedTo)
	}
	s.checkedFrom, s.checkedTo = from, to
	if from == 0 && to >= s.unchecked.Load() {
		s.unchecked.Store(0)
	}
}

// badIndexError is an offset index that points to no batch, or to one behind the offset that was looked for.
type badIndexError struct {
	seg      *segment
	offset   int64
	position int64
}

func (e *badIndexError) Error() string {
	return fmt.Sprintf("%s points for offset %d to byte %d of the log, where it is not", e.seg.path(indexSuffix), e.offset, e.position)
}

// Unwrap makes it a storage error for those who cannot repair it.
func (e *badIndexError) Unwrap() []error { return []error{ErrCorrupt, ErrStorage} }

// repaired says whether err was a bad index, which then has been built anew.
func (p *Partition) repaired(err error) bool {
	var bad *badIndexError
	if !errors.As(err, &bad) {
		return false
	}
	p.store.log.Warn("rebuilding an index", "partition", p.tp.String(), "err", bad)
	if err := bad.seg.rebuildOffsets(p.cfg.Load().IndexIntervalBytes); err != nil {
		p.store.warnIO("rebuilding an index", p, err)
	}
	return true
}

// rebuildOffsets makes the offset index anew from the log. The one of the active segment begins anew instead, with
// the batches that come: nobody reads it at the next start after a crash, and look-ups only take longer.
func (s *segment) rebuildOffsets(interval int32) error {
	s.idxMu.Lock()
	s.offsets.reset()
	s.idxMu.Unlock()
	if !s.sealed.Load() {
		return nil
	}
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	var entries []byte
	since := 0
	err = s.scan(f, 0, s.size.Load(), replayWindow, func(b recordbatch.Batch, pos int64) bool {
		if since > int(interval) {
			entries = appendOffsetEntry(entries, b.LastOffset()-s.base, pos)
			since = 0
		}
		since += b.Size()
		return true
	})
	s.idxMu.Lock()
	s.offsets.pending = entries
	s.idxMu.Unlock()
	return errors.Join(err, s.writeIndexes(false))
}
