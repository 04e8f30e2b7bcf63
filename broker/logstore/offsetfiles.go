package logstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
)

// offsetFile is one of the checkpoint files of a log dir: what it holds, and of which partitions the value may have
// changed since. So a broker that does nothing looks at nothing and writes nothing, with however many partitions.
//
// Partition.touch notes a change after it was made; write forgets the note before it looks at the value. So a change
// that comes in between is noted again, or seen.
type offsetFile struct {
	name  string
	bit   fileSet
	value func(*Partition) int64 // negative: no line

	mu      sync.Mutex   // guards touched
	touched []*Partition // each at most once: Partition.touched has the bit

	// What follows is guarded by logDir.ckMu.
	offsets offsetCheckpoint // what the file should hold
	behind  bool             // it does not
	// ghosts are partitions that the file has a value of, and that are gone. One that is made anew must not find it.
	ghosts map[TopicPartition]bool
}

// fileSet is a set of offset files.
type fileSet uint32

const (
	inRecovery fileSet = 1 << iota
	inStarts
	inWatermarks
	inCleaner
	inAll = 1<<iota - 1
)

// offsetFiles are those of one dir.
type offsetFiles struct {
	recovery, starts, watermarks, cleaner offsetFile
}

func newOffsetFiles() *offsetFiles {
	return &offsetFiles{
		recovery:   offsetFile{name: recoveryPointFile, bit: inRecovery, value: (*Partition).recoveryPoint},
		starts:     offsetFile{name: logStartFile, bit: inStarts, value: (*Partition).startToCheckpoint},
		watermarks: offsetFile{name: highWatermarkFile, bit: inWatermarks, value: (*Partition).HighWatermark},
		cleaner:    offsetFile{name: cleanerFile, bit: inCleaner, value: (*Partition).cleanedTo},
	}
}

func (o *offsetFiles) all() [4]*offsetFile {
	return [4]*offsetFile{&o.recovery, &o.starts, &o.watermarks, &o.cleaner}
}

// touch notes that values of the partition in these files may have changed. It may be called with mu held.
func (p *Partition) touch(files fileSet) {
	if fileSet(p.touched.Load())&files == files {
		return // the common case: appends between two checkpoints
	}
	added := files &^ fileSet(p.touched.Or(uint32(files)))
	for _, f := range p.dir.files.all() {
		if added&f.bit != 0 {
			f.mu.Lock()
			f.touched = append(f.touched, p)
			f.mu.Unlock()
		}
	}
}

// checkpoints are the offset files of a dir as Open found them; nothing changes them before all partitions are loaded.
type checkpoints struct {
	recovery, start, hw, cleaner offsetCheckpoint
}

// readCheckpoints reads them all. A damaged file counts as missing: recovery then reads more than it had to.
func (d *logDir) readCheckpoints() checkpoints {
	for _, f := range d.files.all() {
		c, err := readCheckpoint(d.store.fs, filepath.Join(d.path, f.name))
		if err != nil {
			d.store.log.Warn("ignoring checkpoint file", "err", err)
			f.behind = true
			c = offsetCheckpoint{}
		}
		f.offsets = c
	}
	f := d.files
	return checkpoints{f.recovery.offsets, f.starts.offsets, f.watermarks.offsets, f.cleaner.offsets}
}

// dropUnknown takes what Open has no partition for out of the files. Those that cannot be opened keep their values:
// they may be repaired.
func (d *logDir) dropUnknown() {
	d.ckMu.Lock()
	defer d.ckMu.Unlock()
	for _, f := range d.files.all() {
		for tp := range f.offsets {
			if p := d.store.Get(tp); p == nil || p.dir != d {
				f.drop(tp)
			}
		}
	}
}

// drop removes a partition. A zero is what a new one begins with, so nothing remembers it.
func (f *offsetFile) drop(tp TopicPartition) {
	v, there := f.offsets[tp]
	if !there {
		return
	}
	delete(f.offsets, tp)
	f.behind = true
	if v > 0 {
		if f.ghosts == nil {
			f.ghosts = map[TopicPartition]bool{}
		}
		f.ghosts[tp] = true
	}
}

// updateLocked looks at the partitions that were touched. The caller holds ckMu.
func (d *logDir) updateLocked(f *offsetFile) {
	f.mu.Lock()
	touched := f.touched
	f.touched = nil
	f.mu.Unlock()
	for _, p := range touched {
		p.touched.And(^uint32(f.bit))
		// It may have been deleted since, and another one made that has its name.
		now := d.store.Get(p.tp)
		switch {
		case now == nil || now.dir != d:
			f.drop(p.tp)
			continue
		case now.Err() != nil:
			continue
		}
		old, there := f.offsets[p.tp]
		switch v := f.value(now); {
		case v < 0 && there:
			delete(f.offsets, p.tp)
			f.behind = true
		case v >= 0 && (!there || v != old):
			f.offsets[p.tp] = v
			f.behind = true
		}
	}
	d.store.offsetsLooked.Add(int64(len(touched)))
}

// saveLocked writes a file if it is behind. The caller holds ckMu.
//
// Before log starts come the high watermarks: no start on the disk is ever beyond them, and so one that is can be told
// to be damage; see loader.believes.
func (d *logDir) saveLocked(f *offsetFile) error {
	if !f.behind {
		return nil
	}
	if err := d.err(); err != nil {
		return err
	}
	if hw := &d.files.watermarks; f == &d.files.starts {
		d.updateLocked(hw) // after the starts: a high watermark taken now is at or above each of them
		if err := d.saveLocked(hw); err != nil {
			return err
		}
	}
	err := writeCheckpoint(d.store.fs, filepath.Join(d.path, f.name), f.offsets)
	if isSyncError(err) {
		d.fail(err)
	}
	if err != nil {
		return err
	}
	f.behind = false
	clear(f.ghosts)
	return nil
}

// write brings a file up to date.
func (d *logDir) write(f *offsetFile) error {
	if err := d.err(); err != nil {
		return err
	}
	d.ckMu.Lock()
	defer d.ckMu.Unlock()
	d.updateLocked(f)
	return d.saveLocked(f)
}

// forget makes sure that nothing is on the disk of a partition of that name that was there before: its log start would
// hide, and at the next start remove, what the new one holds. It writes only if there was such a partition a moment ago.
func (d *logDir) forget(tp TopicPartition) error {
	d.ckMu.Lock()
	defer d.ckMu.Unlock()
	var errs []error
	for _, f := range d.files.all() {
		d.updateLocked(f)
		if f.drop(tp); f.ghosts[tp] {
			errs = append(errs, d.saveLocked(f))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("forgetting the offsets of the partition that was there before: %w", err)
	}
	return nil
}

// checkpointAll writes recovery points, log starts and high watermarks.
func (d *logDir) checkpointAll() error {
	return errors.Join(d.write(&d.files.recovery), d.write(&d.files.starts), d.write(&d.files.watermarks))
}

// recoveryPoint is the offset below which recovery need not look: everything before is synced with its indexes.
//
// Recovery begins with the segment that holds the point. So the point stays below the end of a segment whose indexes
// are not synced: were it the end itself, then after a roll it would be the base of the next segment, and a crash
// before the seal would leave indexes that nobody looks at again, among them the aborted transactions.
func (p *Partition) recoveryPoint() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	point := p.flushed.Load()
	for i, s := range p.segments {
		if s.sealed.Load() {
			continue
		}
		if i+1 < len(p.segments) {
			point = min(point, p.segments[i+1].base)
		}
		return max(s.base, point-1)
	}
	return point
}

// startToCheckpoint is the log start where it is not evident from the first segment, else -1.
func (p *Partition) startToCheckpoint() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if start := p.start.Load(); start > p.segments[0].base {
		return start
	}
	return -1
}

// cleanedTo is where the last compaction ended, -1 if there was none.
func (p *Partition) cleanedTo() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cleaned
}
