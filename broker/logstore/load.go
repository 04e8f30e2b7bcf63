package logstore

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// load opens the files of a partition folder.
//
// After a clean shutdown checkpoints and indexes are trusted, and only the end of the last segment is read to find
// the log end. Otherwise every segment from the recovery point on is scanned: batch lengths, magic, CRC and rising
// offsets. At the first bad byte the file is cut and later segments are deleted; indexes, epochs, aborted
// transactions and producer state are rebuilt from what was read. Before that point the newest usable producer
// snapshot is loaded and what follows it is replayed from batch headers.
func (p *Partition) load(cks checkpoints) error {
	names, err := p.tidy()
	if err != nil {
		return err
	}
	if p.id, err = readPartitionMetadata(p.store.fs, p.file(partitionMetadataFile)); err != nil {
		return err
	}
	if p.epochs, err = readEpochs(p.store.fs, p.file(leaderEpochFile)); err != nil {
		p.store.log.Warn("rebuilding leader epochs", "err", err)
		p.epochs, p.epochsDirty = nil, true
	}
	start := cks.start[p.tp]
	l := loader{p: p, readable: cks.hw[p.tp]}
	if slices.Contains(names, adoptedStartFile) {
		adopted, err := p.adoptedStart()
		if err != nil {
			return err
		}
		l.adopted = adopted >= start
		start = max(start, adopted)
		p.unsettled = true
	}
	if err := p.openSegments(names, start); err != nil {
		return err
	}
	start = max(start, p.segments[0].base)
	p.start.Store(start)
	l.start = start
	l.cleaned = cks.cleaner[p.tp]
	if _, known := cks.recovery[p.tp]; known && p.dir.clean {
		l.checkBegin()
	}
	if err := l.run(names, p.dir.clean, cks.recovery[p.tp]); err != nil {
		return err
	}
	p.setLoaded(cks)
	return nil
}

// setLoaded publishes the offsets once all files are read and synced.
func (p *Partition) setLoaded(cks checkpoints) {
	p.mu.Lock()
	defer p.mu.Unlock()
	leo, start := p.leo.Load(), p.start.Load()
	if p.epochs.truncateEnd(leo) || p.epochs.truncateStart(start) {
		p.epochsDirty = true
	}
	p.flushed.Store(leo)
	p.flush.mark = mark{leo, p.activeLocked(), p.activeLocked().size.Load()}
	p.savedHW = -1
	if hw, ok := cks.hw[p.tp]; ok {
		p.savedHW = hw
	}
	if c, ok := cks.cleaner[p.tp]; ok && c >= start && c <= leo {
		p.cleaned = c
	}
	p.hw.Store(start)
	p.lso.Store(start)
	p.advanceLocked()
}

// tidy removes what a crash left half done and returns the names that remain.
func (p *Partition) tidy() ([]string, error) {
	fsys := p.store.fs
	names, err := fsys.List(p.path)
	if err != nil {
		return nil, err
	}
	changed := false
	remove := func(name string) error {
		changed = true
		return fsys.Remove(p.file(name))
	}
	for _, name := range names {
		if strings.HasSuffix(name, deletedSuffix) || strings.HasSuffix(name, cleanedSuffix) || strings.HasSuffix(name, ".tmp") {
			if err := remove(name); err != nil {
				return nil, err
			}
		}
	}
	if swapped, err := p.completeSwaps(names); err != nil {
		return nil, err
	} else if swapped {
		changed = true
	}
	if changed {
		if names, err = fsys.List(p.path); err != nil {
			return nil, err
		}
	}
	// Indexes without a log are leftovers of a segment that was being removed.
	kept := names[:0]
	for _, name := range names {
		orphan := false
		for _, suffix := range segmentSuffixes[1:] {
			if base, ok := parseSegmentName(name, suffix); ok && !slices.Contains(names, segmentName(base, logSuffix)) {
				orphan = true
			}
		}
		if !orphan {
			kept = append(kept, name)
			continue
		}
		changed = true
		if err := fsys.Remove(p.file(name)); err != nil {
			return nil, err
		}
	}
	if changed {
		return kept, vfs.SyncDir(fsys, p.path)
	}
	return kept, nil
}

// openSegments makes segments of the .log files, or an empty one at start.
func (p *Partition) openSegments(names []string, start int64) error {
	for _, name := range names {
		base, ok := parseSegmentName(name, logSuffix)
		if !ok {
			continue
		}
		seg := p.newSegment(base)
		info, err := p.store.fs.Stat(seg.path(logSuffix))
		if err != nil {
			return err
		}
		seg.size.Store(info.Size)
		p.segments = append(p.segments, seg)
	}
	if len(p.segments) > 0 {
		slices.SortFunc(p.segments, func(a, b *segment) int { return int(max(min(a.base-b.base, 1), -1)) })
		return nil
	}
	return p.startOver(start)
}

// startOver makes an empty segment at an offset the only one.
func (p *Partition) startOver(offset int64) error {
	seg := p.newSegment(offset)
	if err := seg.create(); err != nil {
		return err
	}
	p.segments = []*segment{seg}
	p.dirDirty = true
	return nil
}

// loader opens the segments of one partition and rebuilds its state.
type loader struct {
	p       *Partition
	start   int64 // log start
	adopted bool  // the start came with the partition, and was checked against its log
	next    int64 // offset after the last batch seen
	// readable is the high watermark that was written last: consumers may have seen what is before it.
	readable int64
	// replayFrom is the offset of the producer snapshot: batches below it are in the state already.
	replayFrom int64
	cut        bool  // a damaged batch was found, and told
	cleaned    int64 // the last compaction ended there, says its checkpoint
}

func (l *loader) run(names []string, clean bool, recoveryPoint int64) error {
	p := l.p
	first := len(p.segments) // index of the first segment to scan
	if !clean {
		first = segmentFor(p.segments, recoveryPoint)
	}
	for i, s := range p.segments {
		if i >= first {
			break
		}
		last, err := s.loadIndexes()
		if err != nil {
			// The log itself was synced, so it is whole: read it again from here on.
			p.store.log.Warn("rebuilding indexes", "partition", p.tp.String(), "segment", s.base, "err", err)
			first = i
			break
		}
		s.sealed.Store(i < len(p.segments)-1)
		s.unchecked.Store(s.size.Load())
		if i+1 == len(p.segments) {
			break
		}
		if end, known := s.endAfter(last); known {
			if err := l.noteGap(i, end); err != nil {
				return err
			}
		}
	}
	if first == len(p.segments) {
		if err := l.findEnd(); err != nil {
			p.store.log.Warn("recovering after all", "partition", p.tp.String(), "err", err)
			first--
			l.next = 0 // what the attempt has seen is read again
		}
	}
	if err := l.loadSnapshot(names, first); err != nil {
		return err
	}
	if err := l.replay(first); err != nil {
		return err
	}
	for i := first; i < len(p.segments); i++ {
		if base := p.segments[i].base; i > first && len(p.prod.byID) > 0 {
			p.snapshots[base] = p.prod.encodeSnapshot()
		}
		if err := l.recover(i, recoveryPoint); err != nil {
			return err
		}
		if err := l.noteGap(i, l.next); err != nil {
			return err
		}
	}
	p.leo.Store(max(l.next, p.active().base))
	if err := l.checkEnd(recoveryPoint); err != nil {
		return err
	}
	if err := l.fixEnd(recoveryPoint); err != nil {
		return err
	}
	return l.finish(first)
}

// loadIndexes takes the index files as they are, after a look at their plausibility. It returns the position of the
// last batch that is indexed.
func (s *segment) loadIndexes() (indexed int64, err error) {
	if s.size.Load() == 0 {
		// Nothing is indexed, and the files of an empty segment were not synced: see seal.
		s.offsets.stale, s.times.stale = true, true
		return 0, nil
	}
	for _, x := range []struct {
		idx    *sparseIndex
		suffix string
	}{{&s.offsets, indexSuffix}, {&s.times, timeIndexSuffix}} {
		last, n, err := lastIndexEntry(s.fs, s.path(x.suffix), x.idx.size)
		if err != nil {
			return 0, err
		}
		x.idx.flushed = n
		if n == 0 {
			continue
		}
		if x.idx == &s.offsets {
			rel, pos := offsetEntry(last)
			if rel < 0 || pos < 0 || int64(pos) >= s.size.Load() || (rel == 0 && n > offsetEntrySize) {
				return 0, fmt.Errorf("%s: last entry (%d, %d) is impossible: %w", s.path(x.suffix), rel, pos, ErrCorrupt)
			}
			indexed = int64(pos)
			continue
		}
		ts, rel := timeEntry(last)
		if rel < 0 || (rel == 0 && n > timeEntrySize && ts == 0) {
			return 0, fmt.Errorf("%s: last entry (%d, %d) is impossible: %w", s.path(x.suffix), ts, rel, ErrCorrupt)
		}
		s.lastTimeTs, s.maxTs, s.maxTsOffset = ts, ts, s.base+int64(rel)
	}
	s.aborted, err = readTxnIndex(s.fs, s.path(txnIndexSuffix), s.base)
	return indexed, err
}

// lastIndexEntry returns the last entry of an index file and its length in bytes.
func lastIndexEntry(fsys vfs.FS, path string, size int) ([]byte, int64, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil || n == 0 {
		return nil, 0, err
	}
	if n%int64(size) != 0 {
		return nil, 0, fmt.Errorf("%s: length %d is no multiple of %d: %w", path, n, size, ErrCorrupt)
	}
	last := make([]byte, size)
	if err := readFull(f, last, n-int64(size)); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return last, n, nil
}

// findEnd reads the last batches of a log that was closed cleanly.
func (l *loader) findEnd() error {
	s := l.p.active()
	l.next = s.base
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	size := s.size.Load()
	pos, err := s.positionAtOrBefore(math.MaxInt64 - 1)
	if err != nil {
		return err
	}
	indexed := pos
	err = s.scan(f, pos, size, lookupWindow, func(b recordbatch.Batch, at int64) bool {
		l.next = b.NextOffset()
		s.maxTs, s.maxTsOffset = maxTime(s.maxTs, s.maxTsOffset, b)
		return true
	})
	if err != nil {
		return err
	}
	s.sinceIndex = int(min(size-indexed, math.MaxInt32))
	if size == 0 {
		return nil
	}
	return s.scan(f, 0, size, lookupWindow, func(b recordbatch.Batch, _ int64) bool {
		s.firstTs = b.MaxTimestamp()
		return false
	})
}

func maxTime(ts, offset int64, b recordbatch.Batch) (int64, int64) {
	if b.MaxTimestamp() > ts {
		return b.MaxTimestamp(), b.LastOffset()
	}
	return ts, offset
}

// loadSnapshot loads the newest producer snapshot that is usable: readable, and not behind the first segment that
// is scanned, whose batches must be seen by the state in order.
func (l *loader) loadSnapshot(names []string, first int) error {
	p := l.p
	var limit int64
	if first < len(p.segments) {
		limit = p.segments[first].base
	} else {
		limit = l.next
	}
	// A snapshot below the first segment leaves a gap: what happened in between, such as the end of a transaction,
	// is not there to be replayed. Batches below the log start that still are there count.
	l.replayFrom = p.segments[0].base
	found := false
	for _, name := range slices.Backward(names) {
		off, ok := parseSegmentName(name, snapshotSuffix)
		if !ok {
			continue
		}
		if off < p.segments[0].base {
			off = math.MaxInt64
		}
		if off <= limit && !found {
			state, err := p.readSnapshot(off)
			if err == nil {
				found = true
				p.prod = state
				l.replayFrom = off
			} else if !errors.Is(err, ErrCorrupt) {
				return err
			} else {
				p.store.log.Warn("ignoring producer snapshot", "err", err)
				off = math.MaxInt64
			}
		}
		if off <= limit {
			p.snapshots[off] = nil // older ones are kept in case of truncation
			continue
		}
		if err := p.store.fs.Remove(p.file(name)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Partition) readSnapshot(offset int64) (producers, error) {
	path := p.file(segmentName(offset, snapshotSuffix))
	data, err := vfs.ReadFile(p.store.fs, path, 1<<31)
	if err != nil {
		return producers{}, err
	}
	return decodeSnapshot(data, path)
}

// replay takes the batches between the producer snapshot and the segments that are scanned anyway into the
// producer state. Control batches are read whole, of others only the headers.
func (l *loader) replay(first int) error {
	p := l.p
	end := int64(math.MaxInt64)
	if first < len(p.segments) {
		end = p.segments[first].base
	}
	return p.replayProducers(l.replayFrom, end, p.segments[:first])
}

// replayProducers takes the batches from one offset up to another into the producer state.
func (p *Partition) replayProducers(from, end int64, segs []*segment) error {
	for i, s := range segs {
		if i+1 < len(segs) && segs[i+1].base <= from || s.base >= end {
			continue
		}
		if err := p.replaySegment(s, from, end); err != nil {
			return err
		}
	}
	return nil
}

func (p *Partition) replaySegment(s *segment, from, end int64) error {
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	pos, err := s.positionAtOrBefore(from)
	if err != nil {
		return err
	}
	var inner error
	err = s.scan(f, pos, s.size.Load(), replayWindow, func(h recordbatch.Batch, at int64) bool {
		if h.BaseOffset() >= end {
			return false
		}
		if h.LastOffset() < from || h.ProducerID() < 0 {
			return true
		}
		if !h.Control() {
			p.prod.noteData(h)
			return true
		}
		b, err := s.readBatch(f, at, h.Size(), nil)
		if err != nil {
			inner = err
			return false
		}
		if m, ok, err := recordbatch.ReadMarker(b); err == nil && ok {
			p.prod.noteMarker(b, m)
		}
		return true
	})
	return errors.Join(err, inner)
}

// replayWindow is what a replay reads at once, in bytes.
const replayWindow = 256 << 10
