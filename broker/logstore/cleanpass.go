package logstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// cleaner is one compaction pass over one log.
//
// mapKeys reads the dirty range and notes the last offset of each key. rewrite then copies all segments from the
// log start to the end of that map, in groups that fit a segment, into .cleaned files, and swaps each group in.
// Offsets never change. Produce and fetch go on meanwhile; the partition is locked only for the swaps.
type cleaner struct {
	p    *Partition
	cfg  LogConfig
	now  int64 // ms
	segs []*segment
	keys *keyMap
	end  int64 // everything below is clean after the pass
	// lastOfProducer is the last data offset of each active producer: that batch is kept, if need be empty, so that
	// sequences stay known after a restart.
	lastOfProducer map[int64]int64
	txns           cleanTxns
	rate           throttle

	in   []byte // the batch being read
	out  []byte // batches not written yet
	rd   recordbatch.Reader
	kept []recordbatch.Record
}

// eachBatch calls fn with every batch of a segment, whole and verified.
func (c *cleaner) eachBatch(ctx context.Context, s *segment, fn func(b recordbatch.Batch) error) error {
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	size := s.size.Load()
	for pos := int64(0); pos < size; {
		var head [recordbatch.HeaderSize]byte
		if err := readFull(f, head[:], pos); err != nil {
			return fmt.Errorf("%s: %w", s.path(logSuffix), err)
		}
		n := recordbatch.Batch(head[:]).Size()
		if n < recordbatch.HeaderSize || int64(n) > size-pos {
			return s.corrupt(pos, "batch length %d is impossible", n)
		}
		b, err := s.readBatch(f, pos, n, c.in)
		if err != nil {
			return err
		}
		c.in = b
		if err := fn(b); err != nil {
			return err
		}
		if err := c.rate.spend(ctx, int64(n)); err != nil {
			return err
		}
		pos += int64(n)
	}
	return nil
}

// abortedIn lists the aborted transactions of which something lies in segs[i:], sorted by first offset.
func (c *cleaner) abortedIn(i int) []abortedEntry {
	from := c.segs[i].base
	var out []abortedEntry
	for _, s := range c.segs[i:] {
		s.idxMu.Lock()
		list := s.aborted
		s.idxMu.Unlock()
		for _, e := range list {
			if e.last >= from {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b abortedEntry) int { return cmp.Compare(a.first, b.first) })
	return out
}

// errMapFull ends mapKeys early.
var errMapFull = errors.New("key map is full")

// mapKeys fills the key map from the dirty range and sets end. Records of aborted transactions do not count.
func (c *cleaner) mapKeys(ctx context.Context, r cleanRange) error {
	c.end = r.from
	first := segmentFor(c.segs, r.from)
	c.txns.add(c.abortedIn(first))
	for i := first; i < len(c.segs) && c.segs[i].base < r.to; i++ {
		err := c.eachBatch(ctx, c.segs[i], func(b recordbatch.Batch) error {
			if b.LastOffset() >= r.to {
				return errMapFull
			}
			if b.Control() {
				_, _, err := c.txns.marker(b)
				c.end = max(c.end, b.NextOffset())
				return err
			}
			if c.txns.data(b) || b.LastOffset() < r.from {
				c.end = max(c.end, b.NextOffset())
				return nil
			}
			return c.mapBatch(b, r.from)
		})
		if errors.Is(err, errMapFull) {
			break
		}
		if err != nil {
			return fmt.Errorf("compacting %s: %w", c.p.tp, err)
		}
	}
	if c.end == r.from {
		return fmt.Errorf("compacting %s: the batch at offset %d has more keys than log.cleaner.dedupe.buffer.size allows: raise it", c.p.tp, r.from)
	}
	c.txns = newCleanTxns()
	return nil
}

func (c *cleaner) mapBatch(b recordbatch.Batch, from int64) error {
	if err := c.rd.Reset(b); err != nil {
		return err
	}
	for c.rd.Next() {
		r := c.rd.Record()
		if r.Key != nil && r.Offset >= from && !c.keys.put(r.Key, r.Offset) {
			// Keys of this batch that are in the map already lie above end, where nothing is dropped for being old, and
			// older records of these keys are superseded all the same.
			return errMapFull
		}
	}
	c.end = max(c.end, b.NextOffset())
	return c.rd.Err()
}

// rewrite copies the segments below end, group by group.
func (c *cleaner) rewrite(ctx context.Context) error {
	todo := 0 // segments
	for todo < len(c.segs)-1 && c.segs[todo].base < c.end {
		todo++
	}
	c.txns.add(c.abortedIn(0))
	for from := 0; from < todo; {
		to := c.groupEnd(from, todo)
		if err := c.rewriteGroup(ctx, c.segs[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// groupEnd is the end of the segments from an index on that fit into one, at most limit.
func (c *cleaner) groupEnd(from, limit int) int {
	size := c.segs[from].size.Load()
	to := from + 1
	for ; to < limit; to++ {
		size += c.segs[to].size.Load()
		// The last offset of a segment lies below the base of the one that follows it.
		if size > int64(c.cfg.SegmentBytes) || c.segs[to+1].base-1-c.segs[from].base > relativeLimit ||
			size/int64(max(c.cfg.IndexIntervalBytes, 1))*timeEntrySize > int64(c.cfg.SegmentIndexBytes) {
			break
		}
	}
	return to
}

// cleanedFile is the output of one group.
type cleanedFile struct {
	seg  *segment
	file vfs.File
	pos  int64
}

// rewriteGroup writes what stays of a group into .cleaned files, syncs them, and swaps them in.
func (c *cleaner) rewriteGroup(ctx context.Context, group []*segment) error {
	base := group[0].base
	path := c.p.cleanedPath(base, logSuffix) + cleanedSuffix
	f, err := c.p.store.fs.Create(path)
	if err != nil {
		return c.p.storageError("compacting", err)
	}
	out := cleanedFile{seg: c.p.newSegment(base), file: f}
	c.out = c.out[:0]
	for _, s := range group {
		err := c.eachBatch(ctx, s, func(b recordbatch.Batch) error {
			if err := c.filter(b, &out); err != nil {
				return err
			}
			if len(c.out) >= verifyWindow {
				return c.write(&out)
			}
			return nil
		})
		if err != nil {
			return c.abandon(&out, err)
		}
	}
	if err := c.write(&out); err != nil {
		return c.abandon(&out, err)
	}
	if err := c.finishCleaned(&out, path); err != nil {
		return c.abandon(&out, err)
	}
	if err := c.p.swapIn(group, out.seg); err != nil {
		if errors.Is(err, ErrDirOffline) {
			return err // the output is in use already
		}
		return c.abandon(&out, err)
	}
	return nil
}

// abandon removes the files of a group that will not be swapped in.
func (c *cleaner) abandon(out *cleanedFile, cause error) error {
	errs := []error{cause, out.file.Close()}
	for _, suffix := range segmentSuffixes {
		err := c.p.store.fs.Remove(out.seg.path(suffix) + cleanedSuffix)
		if err != nil && !errors.Is(err, errNotExist) {
			errs = append(errs, err)
		}
	}
	if ctxErr := errors.Join(errs[1:]...); ctxErr != nil && errors.Is(cause, errLogChanged) {
		c.p.store.warnIO("removing unused compaction output", c.p, ctxErr)
		return cause
	}
	return c.p.storageError("compacting", errors.Join(errs...))
}

// write puts the collected batches into the file and its indexes.
func (c *cleaner) write(out *cleanedFile) error {
	if _, err := out.file.WriteAt(c.out, out.pos); err != nil {
		return err
	}
	for buf := c.out; len(buf) > 0; {
		b, rest := cutBatch(buf)
		out.seg.noteBatch(b, out.pos, c.cfg.IndexIntervalBytes)
		out.pos += int64(len(b))
		buf = rest
	}
	out.seg.size.Store(out.pos)
	c.out = c.out[:0]
	return nil
}

// filter appends what stays of a batch to c.out.
func (c *cleaner) filter(b recordbatch.Batch, out *cleanedFile) error {
	var dropAll, emptyTxn bool
	if b.LastOffset() >= c.end {
		c.out = append(c.out, b...)
		return nil
	}
	if b.Control() {
		removable, keep, err := c.txns.marker(b)
		if err != nil {
			return err
		}
		if keep != nil {
			out.seg.addAborted(*keep)
		}
		horizon, set := b.DeleteHorizon()
		emptyTxn = removable && b.Count() > 0
		dropAll = removable && (b.Count() == 0 || set && horizon <= c.now)
	} else {
		dropAll = c.txns.data(b)
	}
	if dropAll {
		return c.keepEmpty(b)
	}
	if err := c.rd.Reset(b); err != nil {
		return err
	}
	c.kept = c.kept[:0]
	tombstone := false
	for c.rd.Next() {
		r := c.rd.Record()
		if !c.keeps(b, r) {
			continue
		}
		tombstone = tombstone || r.Value == nil && !b.Control()
		c.kept = append(c.kept, *r)
	}
	if err := c.rd.Err(); err != nil {
		return err
	}
	if len(c.kept) == 0 {
		return c.keepEmpty(b)
	}
	_, has := b.DeleteHorizon()
	// The first pass that sees a tombstone or an empty transaction's marker clean starts its clock.
	setHorizon := (tombstone || emptyTxn) && !has
	if len(c.kept) == int(b.Count()) && !setHorizon {
		c.out = append(c.out, b...)
		return nil
	}
	var err error
	c.out, err = recordbatch.AppendRebuilt(c.out, b, c.kept, satAdd(c.now, c.cfg.DeleteRetentionMs), setHorizon)
	return err
}

// keepEmpty keeps the header of a batch that lost all its records, if its offsets or its producer still need it.
func (c *cleaner) keepEmpty(b recordbatch.Batch) error {
	last, active := c.lastOfProducer[b.ProducerID()]
	needed := active && b.ProducerID() >= 0 && (last == b.LastOffset() || b.Control() && last == -int64(b.ProducerEpoch())-2)
	if !needed && b.NextOffset() != c.end {
		return nil
	}
	var err error
	c.out, err = recordbatch.AppendRebuilt(c.out, b, nil, 0, false)
	return err
}

// keeps says whether a record below end stays: it is the latest of its key and no expired tombstone.
func (c *cleaner) keeps(b recordbatch.Batch, r *recordbatch.Record) bool {
	if b.Control() {
		return true
	}
	if r.Key == nil || c.keys.get(r.Key) > r.Offset {
		return false
	}
	if r.Value != nil {
		return true
	}
	horizon, set := b.DeleteHorizon()
	return !set || c.now < horizon
}

func satAdd(a, b int64) int64 {
	if a > Forever-b {
		return Forever
	}
	return a + b
}

// finishCleaned writes and syncs the indexes and syncs the log of a group. The entries stay in memory until the
// files have their final names.
func (c *cleaner) finishCleaned(out *cleanedFile, path string) error {
	s, fsys := out.seg, c.p.store.fs
	s.idxMu.Lock()
	s.addTimeLocked()
	content := map[string][]byte{
		indexSuffix: s.offsets.pending, timeIndexSuffix: s.times.pending, txnIndexSuffix: encodeTxnIndex(s.aborted),
	}
	s.abortedNew = false
	s.idxMu.Unlock()
	for suffix, data := range content {
		name := s.path(suffix) + cleanedSuffix
		if err := writeWhole(fsys, name, data); err != nil {
			return err
		}
		if err := syncPath(fsys, name); err != nil {
			return err
		}
	}
	if err := vfs.SyncFile(out.file, path); err != nil {
		return err
	}
	s.file, s.used = out.file, true
	s.sealed.Store(true)
	return vfs.SyncDir(fsys, c.p.path)
}
