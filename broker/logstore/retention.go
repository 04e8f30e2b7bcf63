package logstore

import (
	"fmt"
	"slices"

	"github.com/leat-project/leat/internal/vfs"
)

// DeleteRecordsBefore moves the log start up to offset, at most to the high watermark (ErrOffsetOutOfRange
// beyond; -1 means the high watermark), removes segments wholly below it, and returns the log start.
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
		p.store.wakeCheckpoints()
	}
	if _, err := p.ApplyRetention(); err != nil {
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
	if p.epochs.truncateStart(offset) {
		p.epochsDirty = true
	}
	return EventLogStart | p.advanceLocked()
}

// ApplyRetention removes old segments now: those wholly below the log start, those that exceed retention.ms or
// retention.bytes if the policy is delete. It needs no disk space. It returns how many segments went. Store.Run
// calls it regularly.
func (p *Partition) ApplyRetention() (deleted int, err error) {
	p.appendMu.Lock()
	ev, deleted, err := p.retainLocked()
	p.appendMu.Unlock()
	p.notify(ev)
	return deleted, err
}

func (p *Partition) retainLocked() (Event, int, error) {
	if err := p.appendableErr(); err != nil {
		return 0, 0, err
	}
	n := p.deletable()
	if n == 0 {
		return 0, 0, nil
	}
	if n == len(p.segments) {
		// The active segment goes too, so there must be another one. Without space for that it stays.
		if err := p.rollAppendLocked(); err != nil {
			p.store.warnIO("rolling for retention", p, err)
			n--
		}
	}
	if n == 0 {
		return 0, 0, nil
	}
	gone := p.segments[:n]
	ev, err := p.removeSegments(gone, p.segments[n:])
	return ev, n, err
}

// deletable counts the oldest segments that may go.
func (p *Partition) deletable() int {
	cfg := p.cfg.Load()
	now, start, hw := p.store.nowMs(), p.start.Load(), p.hw.Load()
	excess := int64(-1)
	if cfg.Delete && cfg.RetentionBytes >= 0 {
		excess = p.Size() - cfg.RetentionBytes
	}
	n := 0
	for i, s := range p.segments {
		next := p.leo.Load()
		if i+1 < len(p.segments) {
			next = p.segments[i+1].base
		}
		size := s.size.Load()
		active := i == len(p.segments)-1
		if next > hw || (active && size == 0) {
			break
		}
		tooOld := cfg.Delete && cfg.RetentionMs >= 0 && p.ageOf(s, now) > cfg.RetentionMs
		tooMuch := excess >= 0 && excess >= size
		if next > start && !tooOld && !tooMuch {
			break
		}
		excess -= size
		n++
	}
	return n
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

// removeSegments takes segments off the front of the log. Their files are renamed at once and removed later; those
// who read them keep them open.
func (p *Partition) removeSegments(gone, rest []*segment) (Event, error) {
	p.mu.Lock()
	p.segments = slices.Clone(rest)
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
