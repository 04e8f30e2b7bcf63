package logstore

import (
	"fmt"
	"slices"

	"github.com/leat-project/leat/internal/vfs"
)

// DeleteRecordsBefore moves the log start up to offset, at most to the high watermark (ErrOffsetOutOfRange
// beyond; -1 means the high watermark), removes segments wholly below it, and returns the log start. A crash may undo
// it until Store.SaveStarts has returned.
func (p *Partition) DeleteRecordsBefore(offset int64) (int64, error) {
	if err := p.Err(); err != nil {
		return 0, err
	}
	if offset == -1 {
		offset = p.hw.Load()
	}
	if offset < 0 || offset > p.hw.Load() {
		return 0, fmt.Errorf("deleting records of %s before %d, the high watermark is %d: %w", p.tp, offset, p.hw.Load(), ErrOffsetOutOfRange)
	}
	if offset > p.start.Load() {
		p.notify(p.raiseStart(offset))
	}
	if _, err := p.retain(false); err != nil {
		return 0, err
	}
	return p.start.Load(), nil
}

// raiseStart moves the log start forward.
func (p *Partition) raiseStart(offset int64) Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	if offset <= p.start.Load() {
		return 0
	}
	p.start.Store(offset)
	p.touch(inStarts)
	if p.epochs.truncateStart(offset) {
		p.epochsDirty = true
	}
	return EventLogStart | p.advanceLocked()
}

// ApplyRetention removes old segments now: those wholly below the log start, those that exceed retention.ms or
// retention.bytes if the policy is delete. It needs no disk space. It returns how many segments went. Store.Run
// calls it regularly.
func (p *Partition) ApplyRetention() (deleted int, err error) { return p.retain(true) }

// retain removes segments below the log start and, with limits, those that exceed retention.ms or retention.bytes.
func (p *Partition) retain(limits bool) (deleted int, err error) {
	p.layoutMu.Lock()
	ev, deleted, err := p.retainLocked(limits)
	p.layoutMu.Unlock()
	p.notify(ev)
	return deleted, err
}

func (p *Partition) retainLocked(limits bool) (Event, int, error) {
	if err := p.appendableErr(); err != nil {
		return 0, 0, err
	}
	segs := p.segmentList()
	n := p.deletable(segs, limits)
	if n == len(segs) {
		// The active segment goes too, so there must be another one. Without space for that it stays.
		rolled, err := p.rollUnchanged(segs[n-1], limits)
		if err != nil {
			p.store.warnIO("rolling for retention", p, err)
		}
		if !rolled {
			n--
		}
	}
	if n == 0 {
		return 0, 0, nil
	}
	ev, err := p.removeSegments(n)
	return ev, n, err
}

// rollUnchanged rolls if s is still active and all of it lies below the high watermark: an append may have come
// since it was found deletable, and then it is not any more.
func (p *Partition) rollUnchanged(s *segment, limits bool) (bool, error) {
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	if p.active() != s || p.deletable([]*segment{s}, limits) != 1 {
		return false, nil
	}
	return true, p.rollAppendLocked()
}

// deletable counts the oldest segments that may go; without limits only those below the log start.
func (p *Partition) deletable(segs []*segment, limits bool) int {
	cfg := p.cfg.Load()
	aged := limits && cfg.Delete
	now, start, hw := p.store.nowMs(), p.start.Load(), p.hw.Load()
	excess := int64(-1)
	if aged && cfg.RetentionBytes >= 0 {
		excess = -cfg.RetentionBytes
		for _, s := range segs {
			excess += s.size.Load()
		}
	}
	for i, s := range segs {
		size, next := s.size.Load(), p.leo.Load()
		if i+1 < len(segs) {
			next = segs[i+1].base
		} else if size == 0 {
			return i
		}
		tooOld := aged && cfg.RetentionMs >= 0 && p.ageOf(s, now) > cfg.RetentionMs
		tooMuch := excess >= 0 && excess >= size
		if next > hw || next > start && !tooOld && !tooMuch {
			return i
		}
		excess -= size
	}
	return len(segs)
}

// ageOf is how long ago the newest record of a segment was, in ms; by the file's time if records have none.
func (p *Partition) ageOf(s *segment, now int64) int64 {
	if largest, _ := s.timestamps(); largest >= 0 {
		return now - largest
	}
	info, err := p.store.fs.Stat(s.path(logSuffix))
	if err != nil {
		return 0
	}
	return now - info.ModTime.UnixMilli()
}

// removeSegments takes n segments off the front of the log. Their files are renamed at once and removed later; those
// who read them keep them open.
func (p *Partition) removeSegments(n int) (Event, error) {
	p.mu.Lock()
	gone, rest := p.segments[:n], slices.Clone(p.segments[n:])
	p.segments = rest
	p.touch(inStarts | inRecovery)
	p.mu.Unlock()
	ev := p.raiseStart(rest[0].base)
	for _, s := range gone {
		if err := p.discard(s); err != nil {
			return ev, p.storageError("deleting segment", err)
		}
	}
	for off := range p.snapshotOffsets() {
		if off < rest[0].base {
			if err := p.dropSnapshot(off); err != nil {
				return ev, p.storageError("deleting snapshot", err)
			}
		}
	}
	if err := vfs.SyncDir(p.store.fs, p.path); err != nil {
		return ev, p.storageError("deleting segment", err)
	}
	return ev, nil
}

// discard renames the files of a segment that is out of the log, the log first, and schedules their removal.
func (p *Partition) discard(s *segment) error {
	s.retire()
	for _, suffix := range segmentSuffixes {
		path := s.path(suffix)
		if err := renameIfThere(p.store.fs, path, path+deletedSuffix); err != nil {
			return err
		}
		p.store.addTrash(path+deletedSuffix, p.cfg.Load().FileDeleteDelayMs)
	}
	return nil
}
