package logstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// Swapping a compacted segment in, and what a crash between two steps leaves:
//
//  1. .cleaned files are written and synced        crash: they are removed at the next start
//  2. index files become .swap, the log last       crash: without .log.swap, .swap indexes are removed too
//  3. replaced segments become .deleted            crash: .log.swap covers them, so they are removed
//  4. .swap files get their final names, log last  crash: as long as .log.swap is there, 3 and 4 are done again
//
// The log is renamed last in 2 and 4, so .log.swap stands for "everything of it is on disk".

// swapIn replaces a group of segments by one. errLogChanged if they are not all there any more.
func (p *Partition) swapIn(group []*segment, seg *segment) error {
	p.layoutMu.Lock()
	defer p.layoutMu.Unlock()
	if err := p.appendableErr(); err != nil {
		return err
	}
	segs := p.segmentList()
	at := slices.Index(segs, group[0])
	if at < 0 || at+len(group) >= len(segs) || !slices.Equal(segs[at:at+len(group)], group) {
		return errLogChanged
	}
	fsys := p.store.fs
	for _, suffix := range swapOrder {
		if err := fsys.Rename(seg.path(suffix)+cleanedSuffix, seg.path(suffix)+swapSuffix); err != nil {
			return err
		}
	}
	if err := vfs.SyncDir(fsys, p.path); err != nil {
		return err
	}
	// From here on the new segment is the truth. It has its file open and its index entries in memory, so that it
	// works before the files have their names; the old ones answer errGone, and their readers look again.
	p.mu.Lock()
	p.segments = slices.Concat(p.segments[:at:at], []*segment{seg}, p.segments[at+len(group):])
	p.flush.mark = mark{}
	p.mu.Unlock()
	for _, s := range group {
		s.retire()
	}
	if err := p.renameSwapped(seg.base, group); err != nil {
		// Memory and folder disagree now; the next start completes the swap.
		p.dir.fail(err)
		return fmt.Errorf("swapping in the compacted segment %d of %s: %w: %w", seg.base, p.tp, ErrDirOffline, err)
	}
	seg.settle()
	return nil
}

// swapOrder is the order of renames: the log last.
var swapOrder = [...]string{indexSuffix, timeIndexSuffix, txnIndexSuffix, logSuffix}

// renameSwapped does steps 3 and 4.
func (p *Partition) renameSwapped(base int64, group []*segment) error {
	fsys := p.store.fs
	for _, s := range group[1:] {
		if err := p.discard(s); err != nil {
			return err
		}
		if err := p.dropSnapshot(s.base); err != nil {
			return err
		}
	}
	for _, suffix := range swapOrder {
		name := p.cleanedPath(base, suffix)
		if err := fsys.Rename(name+swapSuffix, name); err != nil {
			return err
		}
	}
	return vfs.SyncDir(fsys, p.path)
}

// settle makes the index files, now under their final names, the home of the entries.
func (s *segment) settle() {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	for _, x := range []*sparseIndex{&s.offsets, &s.times} {
		x.flushed, x.pending = int64(len(x.pending)), nil
	}
}

// completeSwaps finishes at start what a crash interrupted, and says whether there was anything.
func (p *Partition) completeSwaps(names []string) (bool, error) {
	fsys := p.store.fs
	changed := false
	for _, name := range names {
		final, ok := strings.CutSuffix(name, swapSuffix)
		if !ok {
			continue
		}
		changed = true
		if base, ok := parseSegmentName(final, logSuffix); ok {
			if err := p.completeSwap(base, names); err != nil {
				return false, err
			}
			continue
		}
		if logName := final[:min(20, len(final))] + logSuffix + swapSuffix; slices.Contains(names, logName) {
			continue // belongs to a swap that is completed with its log
		}
		if err := fsys.Remove(p.file(name)); err != nil {
			return false, err
		}
	}
	return changed, nil
}

// completeSwap puts the segment at base into the place of those that it covers.
func (p *Partition) completeSwap(base int64, names []string) error {
	fsys := p.store.fs
	end, err := p.swapEnd(base)
	if err != nil {
		return err
	}
	for _, name := range names {
		for _, suffix := range segmentSuffixes {
			if other, ok := parseSegmentName(name, suffix); ok && other > base && other < end {
				if err := fsys.Remove(p.file(name)); err != nil && !errors.Is(err, errNotExist) {
					return err
				}
			}
		}
	}
	for _, suffix := range swapOrder {
		name := segmentName(base, suffix)
		if slices.Contains(names, name+swapSuffix) {
			if err := fsys.Rename(p.file(name+swapSuffix), p.file(name)); err != nil {
				return err
			}
		}
	}
	return vfs.SyncDir(fsys, p.path)
}

// swapEnd is the offset after the last batch of a .log.swap file.
func (p *Partition) swapEnd(base int64) (int64, error) {
	path := p.cleanedPath(base, logSuffix) + swapSuffix
	f, err := p.store.fs.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	end := base
	err = p.newSegment(base).scan(f, 0, size, replayWindow, func(b recordbatch.Batch, _ int64) bool {
		end = b.NextOffset()
		return true
	})
	if err != nil {
		return 0, fmt.Errorf("completing the compaction that wrote %s: %w", path, err)
	}
	return end, nil
}
