package logstore

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// recover scans one segment from its start, rebuilds its indexes and takes its batches into epochs and producers.
// Where it finds something that is no batch, it cuts the segment there and deletes the later ones.
func (l *loader) recover(i int, recoveryPoint int64) error {
	p := l.p
	s := p.segments[i]
	s.offsets.reset()
	s.times.reset()
	s.aborted, s.abortedNew = nil, true
	s.lastTimeTs, s.maxTs, s.maxTsOffset, s.firstTs, s.sinceIndex = -1, -1, -1, unknown, 0
	l.next = max(l.next, s.base)
	interval := p.cfg.Load().IndexIntervalBytes

	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	size, err := f.Size()
	if err != nil {
		return err
	}
	good, why, err := s.verify(f, 0, size, l.next, func(b recordbatch.Batch, pos int64) {
		s.noteBatch(b, pos, interval)
		if b.LastOffset() >= l.replayFrom {
			p.noteBatchLocked(s, b)
		} else if p.epochs.assign(max(b.LeaderEpoch(), p.epochs.last()), b.BaseOffset()) {
			p.epochsDirty = true
		}
		l.next = b.NextOffset()
	})
	if err != nil {
		return fmt.Errorf("recovering %s: %w", s.path(logSuffix), err)
	}
	if good < size && l.p.neverCut() {
		if err := l.mayCut(i, f, good, size, recoveryPoint, why); err != nil {
			return err
		}
	}
	s.size.Store(good)
	s.unchecked.Store(0)
	if good < size {
		l.cut = true
		report := p.store.log.Warn
		if l.next < recoveryPoint {
			// Not a torn tail: these bytes were synced once.
			report = p.store.log.Error
		}
		report("cutting log at a damaged batch", "file", s.path(logSuffix), "position", good, "offset", l.next,
			"bytes", size-good, "reason", why, "later_segments", len(p.segments)-1-i)
		if err := f.Truncate(good); err != nil {
			return fmt.Errorf("cutting %s to %d bytes: %w", s.path(logSuffix), good, err)
		}
		if err := l.dropAfter(i); err != nil {
			return err
		}
	}
	// The bytes may be in the page cache only; readers must not see what a power cut could still take.
	if err := vfs.SyncFile(f, s.path(logSuffix)); err != nil {
		return err
	}
	return l.keepIndexes(s, i == len(p.segments)-1)
}

// neverCut says whether it is a log of Config.NeverCut.
func (p *Partition) neverCut() bool {
	f := p.store.cfg.NeverCut
	return f != nil && f(p.tp)
}

// mayCut refuses to cut a log of Config.NeverCut where more than a torn append would go: each batch of it was
// flushed before the next was written, so a damaged one that a sound one follows, or that lies below the recovery
// point, was durable once.
func (l *loader) mayCut(i int, f vfs.File, good, size, recoveryPoint int64, why string) error {
	s := l.p.segments[i]
	refuse := func(evidence string) error {
		return fmt.Errorf("%s is damaged at position %d (offset %d): %s, and %s, so that this is no append that a crash has cut short; restore the file from a backup: %w",
			s.path(logSuffix), good, l.next, why, evidence, ErrCorrupt)
	}
	if l.next < recoveryPoint {
		return refuse(fmt.Sprintf("everything below offset %d was flushed", recoveryPoint))
	}
	for _, later := range l.p.segments[i+1:] {
		info, err := s.fs.Stat(later.path(logSuffix))
		if err != nil {
			return err
		}
		if info.Size > 0 {
			return refuse(fmt.Sprintf("%s follows", later.path(logSuffix)))
		}
	}
	rest := make([]byte, size-good)
	if err := readFull(f, rest, good); err != nil {
		return fmt.Errorf("recovering %s: %w", s.path(logSuffix), err)
	}
	for at := 1; at+recordbatch.HeaderSize <= len(rest); at++ {
		b := recordbatch.Batch(rest[at:])
		if b.Magic() != 2 || b.BaseOffset() <= l.next || b.Size() < recordbatch.HeaderSize || b.Size() > len(b) {
			continue
		}
		if b[:b.Size()].CRCValid() {
			return refuse(fmt.Sprintf("a sound batch (offset %d) follows at position %d", b.BaseOffset(), good+int64(at)))
		}
	}
	return nil
}

// keepIndexes writes the rebuilt indexes of a segment. Those of the active one stay in memory while they are few: it
// is read again after the next crash in any case, and thousands of small partitions start sooner.
func (l *loader) keepIndexes(s *segment, active bool) error {
	if len(s.aborted) == 0 {
		// An empty file is as good as none, but a file with entries that are void must be replaced.
		info, err := s.fs.Stat(s.path(txnIndexSuffix))
		if err != nil && !errors.Is(err, errNotExist) {
			return err
		}
		s.abortedNew = err == nil && info.Size > 0
	}
	if active && !s.abortedNew && s.pendingIndexBytes() < maxPending {
		return nil
	}
	if err := s.writeIndexes(!active); err != nil {
		l.p.store.warnIO("writing rebuilt indexes", l.p, err)
	}
	return nil
}

// dropAfter removes the segments behind index i.
func (l *loader) dropAfter(i int) error {
	p := l.p
	for _, s := range p.segments[i+1:] {
		if err := s.removeFiles(""); err != nil {
			return err
		}
	}
	p.segments = slices.Clip(p.segments[:i+1])
	p.dirDirty = true
	return nil
}

// removeFiles removes the files of a segment, the log first: indexes without a log are removed at the next start.
func (s *segment) removeFiles(extra string) error {
	for _, suffix := range segmentSuffixes {
		if err := s.fs.Remove(s.path(suffix) + extra); err != nil && !errors.Is(err, errNotExist) {
			return err
		}
	}
	return nil
}

// checkEnd tells of records that were there and are gone; a log of Config.NeverCut is refused then. Below the recovery
// point all was synced; between it and the high watermark only if Config.FlushBeforeAck says so.
func (l *loader) checkEnd(recoveryPoint int64) error {
	p := l.p
	leo, want, says := p.leo.Load(), recoveryPoint, recoveryPointFile
	if l.readable > want {
		want, says = l.readable, highWatermarkFile
	}
	if leo >= want {
		return nil
	}
	file, next := p.active().path(logSuffix), segmentName(leo, logSuffix)
	if p.neverCut() {
		return fmt.Errorf("%s ends at offset %d, but there were records up to offset %d, says %s: it was cut at position %d, or the next file, %s, is missing; restore them from a backup: %w",
			file, leo, want, filepath.Join(p.dir.path, says), p.active().size.Load(), next, ErrCorrupt)
	}
	switch {
	case l.cut: // that was told
	case leo < recoveryPoint:
		p.store.log.Error("synced records are gone: the log ends before its recovery point", "partition", p.tp.String(),
			"file", file, "next_file", next, "end", leo, "recovery_point", recoveryPoint, "lost", recoveryPoint-leo)
	default:
		p.store.log.Warn("records are gone: the log ends before its high watermark", "partition", p.tp.String(),
			"file", file, "next_file", next, "end", leo, "high_watermark", l.readable, "lost", l.readable-leo)
	}
	return nil
}

// believes says whether a log start may be taken for what it is although the log ends before it. DeleteRecords moves the
// start up to the high watermark, and the files on the disk follow in that order: see logDir.saveLocked. So a start
// that neither the high watermark nor the recovery point has reached is no start that ever was.
func (l *loader) believes(recoveryPoint int64) bool {
	return l.adopted || l.start <= max(l.readable, recoveryPoint)
}

// fixEnd decides what a log is that ends below its start.
//
// A start that can be believed means that the end was lost, as a power cut may take what was not flushed: all that is
// left was deleted and must not be seen again, so the log begins anew at the start. Nothing else goes with it, since
// whatever is left lies below. A start that cannot be believed is a damaged checkpoint: the records stay.
func (l *loader) fixEnd(recoveryPoint int64) error {
	p := l.p
	if p.leo.Load() >= l.start {
		return nil
	}
	if !p.neverCut() && !l.believes(recoveryPoint) {
		first := p.segments[0].base
		p.store.log.Error("ignoring a log start that was never reached: the log is kept from its first record on, delete again what was deleted",
			"partition", p.tp.String(), "file", filepath.Join(p.dir.path, logStartFile), "value", l.start,
			"start", first, "end", p.leo.Load(), "high_watermark", l.readable, "recovery_point", recoveryPoint)
		l.start = first
		p.start.Store(first)
		return nil
	}
	if p.neverCut() {
		return fmt.Errorf("%s ends at offset %d, but %s says that the log starts at %d: restore the one that is wrong from a backup: %w",
			p.active().path(logSuffix), p.leo.Load(), filepath.Join(p.dir.path, logStartFile), l.start, ErrCorrupt)
	}
	p.store.log.Warn("log ends below its start, starting over there", "partition", p.tp.String(),
		"end", p.leo.Load(), "start", l.start)
	for _, s := range p.segments {
		s.retire()
		if err := s.removeFiles(""); err != nil {
			return err
		}
	}
	p.leo.Store(l.start)
	p.prod = newProducers()
	p.epochs, p.epochsDirty = nil, true
	return p.startOver(l.start)
}

// finish removes snapshots behind the end and makes the folder's entries durable.
func (l *loader) finish(first int) error {
	p := l.p
	leo := p.leo.Load()
	for off := range p.snapshots {
		if off > leo {
			delete(p.snapshots, off)
			if err := p.store.fs.Remove(p.file(segmentName(off, snapshotSuffix))); err != nil {
				return err
			}
		}
	}
	if first < len(p.segments) || p.dirDirty {
		if err := vfs.SyncDir(p.store.fs, p.path); err != nil {
			return err
		}
		p.dirDirty = false
	}
	return nil
}

// verify reads a segment from a position on and calls fn with every whole, correct batch in order, none of which may
// begin before the offset next. It returns the position up to which the file is good and, if that is not its end, what
// is wrong there.
func (s *segment) verify(f vfs.File, from, size, next int64, fn func(b recordbatch.Batch, pos int64)) (good int64, why string, err error) {
	buf := make([]byte, 0, max(min(verifyWindow, size-from), 0))
	at := int64(0) // position of buf
	fill := func(pos, need int64) error {
		n := min(max(need, verifyWindow), size-pos)
		buf = slices.Grow(buf[:0], int(n))[:n]
		at = pos
		return readFull(f, buf, pos)
	}
	for pos := from; pos < size; {
		if size-pos < recordbatch.HeaderSize {
			return pos, "the file ends within a batch header", nil
		}
		if pos+recordbatch.HeaderSize > at+int64(len(buf)) || pos == from {
			if err := fill(pos, recordbatch.HeaderSize); err != nil {
				return pos, "", err
			}
		}
		h := recordbatch.Batch(buf[pos-at:])
		n := int64(h.Size())
		switch {
		case n < recordbatch.HeaderSize:
			return pos, fmt.Sprintf("batch length %d is impossible", n), nil
		case h.Magic() != 2:
			return pos, fmt.Sprintf("magic is %d", h.Magic()), nil
		case n > size-pos:
			return pos, fmt.Sprintf("a batch of %d bytes is cut at %d", n, size-pos), nil
		}
		if pos+n > at+int64(len(buf)) {
			if err := fill(pos, n); err != nil {
				return pos, "", err
			}
		}
		b := recordbatch.Batch(buf[pos-at : pos-at+n])
		switch {
		case !b.CRCValid():
			return pos, "the crc does not match", nil
		case b.BaseOffset() < next || b.LastOffsetDelta() < 0 || b.LastOffset()-s.base > math.MaxInt32:
			return pos, fmt.Sprintf("offset %d does not follow %d", b.BaseOffset(), next), nil
		}
		fn(b, pos)
		next = b.NextOffset()
		pos += n
	}
	return size, "", nil
}

// verifyWindow is what recovery reads at once, in bytes.
const verifyWindow = 1 << 20
