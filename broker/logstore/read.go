package logstore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// Read finds stored batches from an offset on, within one segment. An offset below the log start or above the log
// end is ErrOffsetOutOfRange; between bound and log end the result is empty. Release the result.
func (p *Partition) Read(o ReadOptions) (ReadResult, error) {
	for {
		r, err := p.readOnce(o)
		// A segment that was taken away is not in the list any more, and a bad index has no entries once it was
		// repaired, so this ends.
		if !errors.Is(err, errGone) && !p.repaired(err) {
			return r, err
		}
		r.Release()
	}
}

func (p *Partition) readOnce(o ReadOptions) (ReadResult, error) {
	if err := p.Err(); err != nil {
		return ReadResult{}, err
	}
	p.mu.Lock()
	segs := p.segments
	r := ReadResult{
		HighWatermark: p.hw.Load(), LastStableOffset: p.lso.Load(),
		LogStartOffset: p.start.Load(), LogEndOffset: p.leo.Load(),
	}
	end := p.boundMarkLocked(o.Bound)
	p.mu.Unlock()
	if o.Bound == BoundLastStable {
		r.Aborted = []AbortedTxn{}
	}
	if o.Offset < r.LogStartOffset || o.Offset > r.LogEndOffset {
		return r, fmt.Errorf("offset %d of %s is not in [%d, %d]: %w", o.Offset, p.tp, r.LogStartOffset, r.LogEndOffset, ErrOffsetOutOfRange)
	}
	if o.Offset >= end.offset {
		return r, nil
	}
	for i := segmentFor(segs, o.Offset); i < len(segs) && segs[i].base < end.offset && r.n == 0; i++ {
		segEnd := end.offset
		if i+1 < len(segs) {
			segEnd = min(segEnd, segs[i+1].base)
		}
		found, err := r.readSegment(segs[i], o, end)
		if err != nil {
			r.Release()
			return ReadResult{}, fmt.Errorf("reading offset %d of %s: %w", o.Offset, p.tp, err)
		}
		if found && o.Bound == BoundLastStable {
			if err := r.collectAborted(segs, i, o.Offset, segEnd); err != nil {
				r.Release()
				return ReadResult{}, fmt.Errorf("reading offset %d of %s: %w", o.Offset, p.tp, err)
			}
		}
		if found {
			break
		}
	}
	return r, nil
}

// boundMarkLocked returns the offset of a bound, with its position if that is known without a look-up.
func (p *Partition) boundMarkLocked(b Bound) mark {
	var off int64
	switch b {
	case BoundHighWatermark:
		off = p.hw.Load()
	case BoundLastStable:
		off = p.lso.Load()
	case BoundLogEnd:
		off = p.leo.Load()
	}
	active := p.activeLocked()
	switch off {
	case p.leo.Load():
		return mark{off, active, active.size.Load()}
	case p.flush.mark.offset:
		return p.flush.mark
	}
	return mark{offset: off}
}

// readSegment fills r with data of one segment; found is false if it has none at or after the offset.
func (r *ReadResult) readSegment(s *segment, o ReadOptions, end mark) (found bool, err error) {
	size := s.size.Load()
	f, err := s.acquire()
	if err != nil {
		return false, err
	}
	r.seg = s
	limit := size
	switch {
	case end.seg == s:
		limit = min(end.pos, size)
	case end.seg == nil:
		// The batch that holds the bound is not whole below it, so it is left out.
		at, _, ok, err := s.locate(f, end.offset, size)
		if err != nil {
			return false, err
		}
		if ok {
			limit = at
		}
	}
	pos, first, ok, err := s.locate(f, o.Offset, limit)
	if err != nil || !ok {
		r.Release()
		return false, err
	}
	n := limit - pos
	if n > int64(o.MaxBytes) {
		switch {
		case first <= o.MaxBytes:
			n = int64(o.MaxBytes)
		case o.MinOneBatch:
			n = int64(first)
		default:
			n = 0
		}
	}
	if n > 0 && pos < s.unchecked.Load() {
		if n, err = s.checkStored(f, pos, n); err != nil {
			r.Release()
			return false, err
		}
	}
	r.file, r.pos, r.n = f, pos, n
	if n == 0 {
		r.Release()
	}
	return true, nil
}

// Release gives the file back. The zero ReadResult may be released, and one more than once.
func (r *ReadResult) Release() {
	if r.seg != nil {
		r.seg.release()
		r.seg, r.file, r.n = nil, nil, 0
	}
}

// collectAborted lists the aborted transactions that overlap the data of r, which begins in segs[i].
func (r *ReadResult) collectAborted(segs []*segment, i int, from, segEnd int64) error {
	if r.n == 0 {
		return nil
	}
	to := int64(-1) // found out only if there is an aborted transaction at all
	for ; i < len(segs); i++ {
		s := segs[i]
		s.idxMu.Lock()
		list := s.aborted // append-only
		s.idxMu.Unlock()
		if len(list) > 0 && to < 0 {
			var err error
			if to, err = r.upperOffset(segEnd); err != nil {
				return err
			}
		}
		// They are in the order of their markers.
		first, _ := slices.BinarySearchFunc(list, from, func(e abortedEntry, from int64) int { return cmp.Compare(e.last, from) })
		for _, e := range list[first:] {
			if e.first < to {
				r.Aborted = append(r.Aborted, AbortedTxn{e.producerID, e.first})
			}
			if to >= 0 && e.lso >= to {
				return r.sortAborted()
			}
		}
	}
	return r.sortAborted()
}

func (r *ReadResult) sortAborted() error {
	slices.SortFunc(r.Aborted, func(a, b AbortedTxn) int {
		return cmp.Or(cmp.Compare(a.FirstOffset, b.FirstOffset), cmp.Compare(a.ProducerID, b.ProducerID))
	})
	return nil
}

// upperOffset is an offset above all data of r.
func (r *ReadResult) upperOffset(segEnd int64) (int64, error) {
	end := r.pos + r.n
	if end >= r.seg.size.Load() {
		return segEnd, nil
	}
	start, err := r.seg.startBefore(end)
	if err != nil {
		return 0, err
	}
	upper := segEnd
	err = r.seg.scan(r.file, start, r.seg.size.Load(), lookupWindow, func(b recordbatch.Batch, pos int64) bool {
		if pos >= end {
			upper = b.BaseOffset()
			return false
		}
		upper = b.NextOffset()
		return true
	})
	return min(upper, segEnd), err
}

// lookupWindow is how much is read at once while looking for a batch behind an index entry, in bytes.
const lookupWindow = 8 << 10

// windows holds *[]byte of lookupWindow bytes.
var windows = sync.Pool{New: func() any { b := make([]byte, lookupWindow); return &b }}

// locate finds the first batch with a last offset of at least offset below position limit, and its size. A
// *badIndexError says that the index led astray.
func (s *segment) locate(f vfs.File, offset, limit int64) (pos int64, size int, found bool, err error) {
	start, err := s.positionAtOrBefore(offset)
	if err != nil {
		return 0, 0, false, err
	}
	astray := start < 0 || start > 0 && start >= s.size.Load()
	if astray {
		return 0, 0, false, &badIndexError{s, offset, start}
	}
	err = s.scan(f, start, limit, lookupWindow, func(b recordbatch.Batch, at int64) bool {
		if at == start && start > 0 && b.BaseOffset() > offset {
			astray = true // what is before it would be skipped
			return false
		}
		if b.LastOffset() < offset {
			return true
		}
		pos, size, found = at, b.Size(), true
		return false
	})
	if astray || start > 0 && errors.Is(err, ErrCorrupt) {
		return 0, 0, false, &badIndexError{s, offset, start}
	}
	return pos, size, found, err
}

// scan calls fn with the header of each batch from pos up to limit until fn returns false. It reads window bytes
// at a time, and no record sections that do not fall into a window.
func (s *segment) scan(f vfs.File, pos, limit int64, window int, fn func(b recordbatch.Batch, pos int64) bool) error {
	var buf []byte
	if window <= lookupWindow {
		w := windows.Get().(*[]byte)
		defer windows.Put(w)
		buf = *w
	} else {
		buf = make([]byte, window)
	}
	var have []byte // the bytes at [at, at+len(have))
	at := pos
	for pos < limit {
		if off := pos - at; off < 0 || off+recordbatch.HeaderSize > int64(len(have)) {
			n := min(int64(len(buf)), limit-pos)
			if n < recordbatch.HeaderSize {
				return s.corrupt(pos, "%d bytes are no whole batch header", n)
			}
			if err := readFull(f, buf[:n], pos); err != nil {
				return fmt.Errorf("%s: %w: %w", s.path(logSuffix), ErrStorage, err)
			}
			have, at = buf[:n], pos
		}
		b := recordbatch.Batch(have[pos-at:])
		size := int64(b.Size())
		if b.Magic() != 2 || size < recordbatch.HeaderSize || size > limit-pos {
			return s.corrupt(pos, "no batch of magic 2 with a length that fits")
		}
		if !fn(b, pos) {
			return nil
		}
		pos += size
	}
	return nil
}

func (s *segment) corrupt(pos int64, format string, args ...any) error {
	return fmt.Errorf("%s at byte %d: %s: %w: %w", s.path(logSuffix), pos, fmt.Sprintf(format, args...), ErrCorrupt, ErrStorage)
}

// readBatch reads the whole batch at pos into buf, growing it.
func (s *segment) readBatch(f vfs.File, pos int64, size int, buf []byte) (recordbatch.Batch, error) {
	buf = slices.Grow(buf[:0], size)[:size]
	if err := readFull(f, buf, pos); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", s.path(logSuffix), ErrStorage, err)
	}
	b := recordbatch.Batch(buf)
	if !b.CRCValid() {
		return nil, s.corrupt(pos, "the crc of the batch at offset %d is wrong", b.BaseOffset())
	}
	return b, nil
}

// OffsetForTimestamp finds the first record with a timestamp of at least ms, at or after the log start and below
// bound.
func (p *Partition) OffsetForTimestamp(ms int64, bound Bound) (TimestampOffset, error) {
	for {
		at, err := p.offsetForTimestampOnce(ms, bound)
		if !errors.Is(err, errGone) {
			return at, err
		}
	}
}

func (p *Partition) offsetForTimestampOnce(ms int64, bound Bound) (TimestampOffset, error) {
	none := TimestampOffset{-1, -1, -1}
	if err := p.Err(); err != nil {
		return none, err
	}
	p.mu.Lock()
	segs := p.segments
	start, end := p.start.Load(), p.boundMarkLocked(bound).offset
	p.mu.Unlock()
	for i := segmentFor(segs, start); i < len(segs) && segs[i].base < end; i++ {
		if largest, _ := segs[i].timestamps(); largest < ms {
			continue
		}
		at, err := segs[i].findTime(ms, start, end)
		if err != nil {
			return none, fmt.Errorf("looking up time %d in %s: %w", ms, p.tp, err)
		}
		if at.Offset >= 0 {
			at.LeaderEpoch = p.EpochAt(at.Offset)
			return at, nil
		}
	}
	return none, nil
}

// findTime finds the first record in [from, to) with a timestamp of at least ms.
func (s *segment) findTime(ms, from, to int64) (TimestampOffset, error) {
	none := TimestampOffset{-1, -1, -1}
	startOffset, err := s.offsetAtOrBeforeTime(ms)
	if err != nil {
		return none, err
	}
	f, err := s.acquire()
	if err != nil {
		return none, err
	}
	defer s.release()
	size := s.size.Load()
	pos, err := s.positionAtOrBefore(max(startOffset, from))
	if err != nil {
		return none, err
	}
	result := none
	var buf []byte
	var rd recordbatch.Reader
	var inner error
	err = s.scan(f, pos, size, lookupWindow, func(h recordbatch.Batch, at int64) bool {
		if h.BaseOffset() >= to {
			return false
		}
		if h.MaxTimestamp() < ms || h.LastOffset() < from || h.Count() == 0 {
			return true
		}
		b, err := s.readBatch(f, at, h.Size(), buf)
		if err != nil {
			inner = err
			return false
		}
		buf = b
		if inner = rd.Reset(b); inner != nil {
			return false
		}
		for rd.Next() {
			if r := rd.Record(); r.Timestamp >= ms && r.Offset >= from && r.Offset < to {
				result.Offset, result.Timestamp = r.Offset, r.Timestamp
				return false
			}
		}
		inner = rd.Err()
		return inner == nil
	})
	return result, errors.Join(err, inner)
}

// MaxTimestampOffset finds the first record with the largest timestamp below the high watermark.
func (p *Partition) MaxTimestampOffset() (TimestampOffset, error) {
	var best int64 = -1
	var in *segment
	for _, s := range p.segmentList() {
		if largest, _ := s.timestamps(); largest > best {
			best, in = largest, s
		}
	}
	if in == nil {
		return TimestampOffset{-1, -1, -1}, p.Err()
	}
	return p.OffsetForTimestamp(best, BoundHighWatermark)
}
