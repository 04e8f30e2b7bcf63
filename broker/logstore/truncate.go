package logstore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// Truncate drops everything from offset on: for followers that diverged from their leader. A batch that holds the
// offset goes whole.
func (p *Partition) Truncate(offset int64) error {
	p.layoutMu.Lock()
	p.appendMu.Lock()
	ev, err := p.truncateLocked(offset)
	p.endCut()
	p.appendMu.Unlock()
	p.layoutMu.Unlock()
	p.notify(ev)
	return err
}

func (p *Partition) truncateLocked(offset int64) (Event, error) {
	if err := p.appendableErr(); err != nil {
		return 0, err
	}
	if offset >= p.leo.Load() {
		return 0, nil
	}
	if offset < p.segments[0].base || offset < p.start.Load() {
		return p.truncateFullyLocked(offset)
	}
	i := segmentFor(p.segments, offset)
	s := p.segments[i]
	f, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer s.release()
	pos, _, found, err := s.locate(f, offset, s.size.Load())
	if p.repaired(err) {
		pos, _, found, err = s.locate(f, offset, s.size.Load())
	}
	if err != nil {
		return 0, err
	}
	if !found {
		pos = s.size.Load()
	}
	if err := p.announceCut(offset); err != nil {
		return 0, err
	}
	p.mu.Lock()
	gone := p.segments[i+1:]
	p.segments = slices.Clone(p.segments[:i+1])
	p.mu.Unlock()
	for _, g := range gone {
		g.retire()
		if err := g.removeFiles(""); err != nil {
			return 0, p.storageError("truncating", err)
		}
	}
	if err := f.Truncate(pos); err != nil {
		return 0, p.storageError("truncating", err)
	}
	next, err := s.rebuildTail(f, pos, offset, p.cfg.Load().IndexIntervalBytes)
	if err != nil {
		return 0, p.storageError("truncating", err)
	}
	if err := vfs.SyncFile(f, s.path(logSuffix)); err != nil {
		return 0, p.storageError("truncating", err)
	}
	return p.resetTo(next)
}

// announceCut lowers what is said to be durable before it is cut. For a log of Config.NeverCut the checkpoints say so
// first: a crash in between would leave a log that ends too early, which a start refuses.
func (p *Partition) announceCut(offset int64) error {
	p.mu.Lock()
	p.cutting = true
	p.truncations++
	p.flushed.Store(min(p.flushed.Load(), offset))
	p.hw.Store(min(p.hw.Load(), offset))
	p.lso.Store(min(p.lso.Load(), offset))
	p.touch(inAll)
	p.mu.Unlock()
	if !p.neverCut() {
		return nil
	}
	if err := p.dir.checkpointAll(); err != nil {
		return p.storageError("truncating", err)
	}
	return nil
}

// endCut ends what announceCut began, if resetTo has not.
func (p *Partition) endCut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cutting {
		p.cutting = false
		p.truncations++
	}
}

// rebuildTail makes the indexes fit a segment cut at pos and returns the offset after its last batch. The segment
// is read from its start: truncation is rare.
func (s *segment) rebuildTail(f vfs.File, pos, offset int64, interval int32) (next int64, err error) {
	s.idxMu.Lock()
	s.offsets.reset()
	s.times.reset()
	s.lastTimeTs, s.maxTs, s.maxTsOffset, s.firstTs, s.sinceIndex = -1, -1, -1, unknown, 0
	s.aborted = slices.DeleteFunc(slices.Clone(s.aborted), func(e abortedEntry) bool { return e.last >= offset })
	s.abortedNew = true
	s.idxMu.Unlock()
	s.size.Store(pos)
	s.sealed.Store(false)
	next = s.base
	err = s.scan(f, 0, pos, replayWindow, func(b recordbatch.Batch, at int64) bool {
		s.noteBatch(b, at, interval)
		next = b.NextOffset()
		return true
	})
	return min(max(next, s.base), offset), err
}

// resetTo publishes a log end that moved back and rebuilds the producer state below it.
func (p *Partition) resetTo(leo int64) (Event, error) {
	for off := range p.snapshotOffsets() {
		if off > leo {
			if err := p.dropSnapshot(off); err != nil {
				return 0, p.storageError("truncating", err)
			}
		}
	}
	p.mu.Lock()
	p.cutting = false
	p.truncations++ // a flush that began before proves nothing
	p.leo.Store(leo)
	p.flushed.Store(min(p.flushed.Load(), leo))
	p.hw.Store(min(p.hw.Load(), leo))
	p.lso.Store(min(p.lso.Load(), leo))
	p.flush.mark = mark{}
	if p.epochs.truncateEnd(leo) {
		p.epochsDirty = true
	}
	p.cleaned = min(p.cleaned, leo)
	p.touch(inAll)
	p.mu.Unlock()
	if err := p.reloadProducers(leo); err != nil {
		return 0, err
	}
	p.mu.Lock()
	ev := p.advanceLocked()
	p.startFlushLocked()
	p.mu.Unlock()
	return ev | EventHighWatermark | EventLastStable | EventAppend, nil
}

// reloadProducers rebuilds the producer state from the newest snapshot and the log after it.
func (p *Partition) reloadProducers(leo int64) error {
	from := p.segments[0].base
	state := newProducers()
	for _, off := range slices.Backward(slices.Sorted(p.snapshotOffsets())) {
		if off > leo || off < from {
			continue // of what is not there any more, or with a gap before the first segment
		}
		p.mu.Lock()
		data := p.snapshots[off]
		p.mu.Unlock()
		var err error
		if data != nil {
			state, err = decodeSnapshot(data, "snapshot in memory")
		} else {
			state, err = p.readSnapshot(off)
		}
		if err == nil {
			from = off
			break
		}
		if !errors.Is(err, ErrCorrupt) {
			return p.storageError("reading producer snapshot", err)
		}
		state = newProducers()
	}
	// Built apart: readers of p.prod see the old state or the new one.
	scratch := &Partition{store: p.store, dir: p.dir, tp: p.tp, path: p.path, prod: state}
	if err := scratch.replayProducers(from, leo, p.segments); err != nil {
		return p.storageError("replaying producers", err)
	}
	p.mu.Lock()
	p.prod = scratch.prod
	p.mu.Unlock()
	return nil
}

// TruncateFully drops everything and starts over at offset.
func (p *Partition) TruncateFully(offset int64) error {
	p.layoutMu.Lock()
	p.appendMu.Lock()
	err := p.appendableErr()
	var ev Event
	if err == nil {
		ev, err = p.truncateFullyLocked(offset)
		p.endCut()
	}
	p.appendMu.Unlock()
	p.layoutMu.Unlock()
	p.notify(ev)
	return err
}

func (p *Partition) truncateFullyLocked(offset int64) (Event, error) {
	if p.bare {
		if err := p.fill(); err != nil {
			return 0, err
		}
	}
	if err := p.announceCut(min(offset, p.segments[0].base)); err != nil {
		return 0, err
	}
	old := p.segments
	seg := p.newSegment(offset)
	if err := seg.create(); err != nil {
		return 0, fmt.Errorf("starting %s over at %d: %w: %w", p.tp, offset, ErrStorage, err)
	}
	p.mu.Lock()
	p.segments = []*segment{seg}
	p.dirDirty, p.epochsDirty = true, true
	p.epochs = nil
	p.start.Store(offset)
	p.touch(inAll)
	p.mu.Unlock()
	for _, s := range old {
		s.retire()
		if s.base == offset {
			continue // the new segment has taken its files
		}
		if err := s.removeFiles(""); err != nil {
			return 0, p.storageError("truncating", err)
		}
	}
	for off := range p.snapshotOffsets() {
		if err := p.dropSnapshot(off); err != nil {
			return 0, p.storageError("truncating", err)
		}
	}
	// Before anything is appended: a crash must not bring back what went, below what comes, nor find a log start of
	// before beyond the new end.
	if err := vfs.SyncDir(p.store.fs, p.path); err != nil {
		return 0, p.storageError("truncating", err)
	}
	if err := p.dir.write(&p.dir.files.starts); err != nil {
		return 0, p.storageError("truncating", err)
	}
	ev, err := p.resetTo(offset)
	p.mu.Lock()
	p.flushed.Store(offset)
	p.hw.Store(offset)
	p.lso.Store(offset)
	p.touch(inAll)
	p.mu.Unlock()
	return ev | EventLogStart, err
}

// snapshotOffsets yields the offsets of the producer snapshots.
func (p *Partition) snapshotOffsets() func(yield func(int64) bool) {
	p.mu.Lock()
	list := make([]int64, 0, len(p.snapshots))
	for off := range p.snapshots {
		list = append(list, off)
	}
	p.mu.Unlock()
	return slices.Values(list)
}

// dropSnapshot forgets a producer snapshot and removes its file.
func (p *Partition) dropSnapshot(off int64) error {
	p.mu.Lock()
	delete(p.snapshots, off)
	p.mu.Unlock()
	if err := p.store.fs.Remove(p.file(segmentName(off, snapshotSuffix))); err != nil && !errors.Is(err, errNotExist) {
		return err
	}
	return nil
}
