package logstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/leat-project/leat/internal/vfs"
)

// flushState is the group commit of a partition. All but done is guarded by Partition.mu.
//
// At most one flush of a partition runs at a time. It notes the log end, syncs, and so serves every append that
// was written before it began; appends that come meanwhile are served together by the next one.
type flushState struct {
	running bool
	waiters []flushWaiter // in no order
	lastMs  int64         // when the log was opened or the last flush that found something ended, for flush.ms
	mark    mark          // where flushed lies, for reads up to the high watermark

	done []flushWaiter // scratch of the one flush that runs
}

type flushWaiter struct {
	offset int64
	done   func(error)
}

// mark is the position of an offset at a batch boundary. A nil seg is unknown.
type mark struct {
	offset int64
	seg    *segment
	pos    int64
}

// AfterFlush calls done once everything below offset is flushed, at once if it is already; with an error
// (ErrDirOffline, ErrClosed) if that will not happen. It starts the flush; it does not block. done is called
// without locks held, after the high watermark moved, and must not block; on the goroutine of the flush, or on
// the caller's.
func (p *Partition) AfterFlush(offset int64, done func(error)) {
	p.afterFlush(offset, done, p.startFlushLocked)
}

// FlushHere is AfterFlush for a caller that has nothing else to do meanwhile: if no flush runs in the log dir it makes
// one itself and returns after it, which spares the way to another goroutine and back. What was appended in that time
// is left to the dir's pool.
func (p *Partition) FlushHere(offset int64, done func(error)) {
	here := false
	p.afterFlush(offset, done, func() {
		if here = !p.flush.running && p.dir.flusher.enter(); here {
			p.flush.running = true
			return
		}
		p.startFlushLocked()
	})
	if here {
		p.dir.flusher.leave(p, p.flushOnce())
	}
}

// afterFlush registers done, or calls it at once. start is called with mu held if done is to wait.
func (p *Partition) afterFlush(offset int64, done func(error), start func()) {
	err := p.dir.err()
	p.mu.Lock()
	if err == nil {
		err = p.closed
	}
	if err != nil || offset <= p.flushed.Load() {
		p.mu.Unlock()
		done(err)
		return
	}
	p.flush.waiters = append(p.flush.waiters, flushWaiter{offset, done})
	start()
	p.mu.Unlock()
}

// WaitFlushed is AfterFlush for callers that can wait.
func (p *Partition) WaitFlushed(ctx context.Context, offset int64) error {
	ch := make(chan error, 1)
	p.AfterFlush(offset, func(err error) { ch <- err })
	select {
	case err := <-ch:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Partition) startFlush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.startFlushLocked()
}

// startFlushLocked makes sure that a flush runs. Nothing is started once the partition is closed.
func (p *Partition) startFlushLocked() {
	if p.flush.running || p.closed != nil {
		return
	}
	p.flush.running = true
	p.dir.flusher.submit(p)
}

// flushLoop flushes until nothing is dirty.
func (p *Partition) flushLoop() {
	for p.flushOnce() {
	}
}

// flushOnce makes one flush and says whether another is to follow. The caller has set flush.running.
func (p *Partition) flushOnce() (again bool) {
	work, err := p.takeFlushWork()
	if err == nil {
		err = p.doFlush(work)
	}
	return p.finishFlush(work, err)
}

// flushWork is what one flush does.
type flushWork struct {
	mark        mark
	old         []*segment // not active any more and not sealed yet
	epochs      []byte     // new content of leader-epoch-checkpoint, nil if it is current
	syncDir     bool
	truncations int
	dirty       bool // there are bytes to sync
}

// takeFlushWork notes what is dirty now. The error is why the partition is closed.
func (p *Partition) takeFlushWork() (flushWork, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return flushWork{}, p.closed
	}
	active := p.activeLocked()
	w := flushWork{syncDir: p.dirDirty, truncations: p.truncations}
	if w.dirty = p.dirtyLocked() || len(p.flush.waiters) > 0; w.dirty {
		w.mark = mark{p.leo.Load(), active, active.size.Load()}
	} else {
		// Nobody waits for the active segment: only what a roll left behind is synced.
		w.mark = mark{active.base, active, 0}
	}
	for _, s := range p.segments[:len(p.segments)-1] {
		if !s.sealed.Load() {
			w.old = append(w.old, s)
		}
	}
	if p.epochsDirty {
		w.epochs = p.epochs.encode()
	}
	p.dirDirty, p.epochsDirty = false, false
	return w, nil
}

// doFlush syncs in the order that doc.go gives. Files that are not data (indexes, snapshots, epochs) may fail to be
// written, as on a full disk: the data is durable all the same, and the next flush tries again.
func (p *Partition) doFlush(w flushWork) error {
	began := time.Now()
	defer func() {
		p.store.flushes.Add(1)
		p.store.flushNanos.Add(int64(time.Since(began)))
	}()
	for _, s := range w.old {
		if err := p.syncLog(s); err != nil && !s.isGone() {
			return err
		}
	}
	if w.dirty {
		if err := p.syncLog(w.mark.seg); err != nil {
			return err
		}
	}
	if w.syncDir {
		if err := p.syncNames(); err != nil {
			return err
		}
	}
	for _, s := range w.old {
		if s.isGone() {
			continue // retention or truncation took it meanwhile
		}
		if err := p.seal(s); err != nil {
			if isSyncError(err) {
				return err
			}
			p.store.warnIO("sealing segment", p, err)
		}
	}
	if w.epochs != nil {
		if err := vfs.WriteFileAtomic(p.store.fs, p.file(leaderEpochFile), w.epochs); err != nil {
			if isSyncError(err) {
				return err
			}
			p.store.warnIO("writing leader epochs", p, err)
			p.mu.Lock()
			p.epochsDirty = true
			p.mu.Unlock()
		}
	}
	return nil
}

func isSyncError(err error) bool {
	var se *vfs.SyncError
	return errors.As(err, &se)
}

func (p *Partition) syncLog(s *segment) error {
	f, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release()
	if err := f.Sync(); err != nil {
		return &vfs.SyncError{Path: s.path(logSuffix), Err: err}
	}
	return nil
}

// seal completes the files of a segment that is not active any more, and the producer snapshot taken when it was
// left. Recovery need not look at it from then on.
func (p *Partition) seal(s *segment) error {
	if s.empty() {
		s.sealed.Store(true)
		p.touch(inRecovery)
		return p.writeSnapshots()
	}
	wrote, err := s.completeIndexes()
	if err != nil {
		return err
	}
	if wrote {
		if err := s.syncIndexes(); err != nil {
			return err
		}
	}
	if err := p.writeSnapshots(); err != nil {
		return err
	}
	if wrote {
		// Their names, too: a segment without a .txnindex is one without aborted transactions.
		if err := vfs.SyncDir(p.store.fs, p.path); err != nil {
			return err
		}
	}
	s.sealed.Store(true)
	p.touch(inRecovery)
	select {
	case p.store.sealed <- struct{}{}:
	default:
	}
	return nil
}

// writeSnapshots writes the producer snapshots that were taken but are not on disk.
func (p *Partition) writeSnapshots() error {
	p.mu.Lock()
	var todo []int64
	for off, data := range p.snapshots {
		if data != nil {
			todo = append(todo, off)
		}
	}
	p.mu.Unlock()
	slices.Sort(todo)
	for _, off := range todo {
		p.mu.Lock()
		data := p.snapshots[off]
		p.mu.Unlock()
		if data == nil {
			continue // truncated meanwhile
		}
		path := p.file(segmentName(off, snapshotSuffix))
		if err := writeWhole(p.store.fs, path, data); err != nil {
			return err
		}
		if err := syncPath(p.store.fs, path); err != nil {
			return err
		}
		p.mu.Lock()
		if _, there := p.snapshots[off]; there {
			p.snapshots[off] = nil
		}
		p.mu.Unlock()
	}
	return nil
}

// finishFlush publishes the outcome, tells whom it concerns, and says whether to flush again.
func (p *Partition) finishFlush(w flushWork, err error) (again bool) {
	p.mu.Lock()
	if err != nil && p.closed == nil {
		p.mu.Unlock()
		return p.failFlush(err)
	}
	stop := p.closed
	if w.truncations == p.truncations && !p.cutting {
		if w.mark.offset > p.flushed.Load() {
			p.flushed.Store(w.mark.offset)
			p.touch(inRecovery)
			p.flush.lastMs = p.store.nowMs()
		}
		if w.dirty {
			p.flush.mark = w.mark
		}
	}
	ev := p.advanceLocked()
	done := p.flush.done[:0]
	flushed := p.flushed.Load()
	keep := p.flush.waiters[:0]
	for _, wt := range p.flush.waiters {
		if stop != nil || wt.offset <= flushed || wt.offset > p.leo.Load() {
			done = append(done, wt)
		} else {
			keep = append(keep, wt)
		}
	}
	clear(p.flush.waiters[len(keep):])
	p.flush.waiters = keep
	again = stop == nil && (len(keep) > 0 || p.dirtyLocked())
	leo := p.leo.Load()
	p.mu.Unlock()

	for i := range done {
		err := stop
		if err == nil && done[i].offset > flushed && done[i].offset > leo {
			err = fmt.Errorf("offset %d of %s was truncated: %w", done[i].offset-1, p.tp, ErrClosed)
		}
		done[i].done(err)
	}
	clear(done)
	p.flush.done = done[:0]
	p.notify(ev)

	if again {
		return true
	}
	// Who registers between the decision above and here finds running still set, so look again before the end.
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == nil && (len(p.flush.waiters) > 0 || p.dirtyLocked()) {
		return true
	}
	p.flush.running = false
	return false
}

// dirtyLocked says whether a flush that is due by itself has something to do: with FlushBeforeAck anything
// appended is, otherwise only what a roll left behind.
func (p *Partition) dirtyLocked() bool {
	return p.cfg.Load().FlushBeforeAck && p.leo.Load() > p.flushed.Load()
}

// failFlush ends flushing after an error: the log dir goes offline if a sync failed. Any other error (a file that
// does not open) fails the waiters, and the next append or waiter tries again.
func (p *Partition) failFlush(cause error) (again bool) {
	err := p.storageError("flushing", cause)
	p.mu.Lock()
	waiters := p.flush.waiters
	p.flush.waiters = nil
	p.flush.running = false
	p.dirDirty, p.epochsDirty = true, true
	p.mu.Unlock()
	for _, w := range waiters {
		w.done(err)
	}
	return false
}

// failWaiters ends all waits, when the partition closes or its dir goes offline.
func (p *Partition) failWaiters(err error) {
	p.mu.Lock()
	waiters := p.flush.waiters
	p.flush.waiters = nil
	p.mu.Unlock()
	for _, w := range waiters {
		w.done(err)
	}
}
