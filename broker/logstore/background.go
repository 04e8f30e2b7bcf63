package logstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/internal/vfs"
)

// trash is a file or folder that is to be removed.
type trash struct {
	path string
	due  int64 // ms
}

func (s *Store) addTrash(path string, delayMs int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trash = append(s.trash, trash{path, s.nowMs() + delayMs})
}

// emptyTrash removes what is due. What cannot be removed (open files, on Windows) is tried again.
func (s *Store) emptyTrash() {
	now := s.nowMs()
	s.mu.Lock()
	var due []trash
	var later []trash
	for _, t := range s.trash {
		if t.due <= now {
			due = append(due, t)
		} else {
			later = append(later, t)
		}
	}
	s.trash = later
	s.mu.Unlock()
	for _, t := range due {
		if err := s.fs.RemoveAll(t.path); err != nil {
			s.log.Warn("removing deleted file later", "path", t.path, "err", err)
			s.addTrash(t.path, time.Minute.Milliseconds())
		}
	}
}

func renameIfThere(fsys vfs.FS, from, to string) error {
	if err := fsys.Rename(from, to); err != nil && !errors.Is(err, errNotExist) {
		return err
	}
	return nil
}

// Run does the background work (retention, compaction, flush.ms, checkpoints, removal of deleted folders,
// producer expiration) until ctx ends. Call it once. Failures are logged; they do not end it.
func (s *Store) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	every := func(first, d time.Duration, job func()) {
		g.Go(func() error {
			t := time.NewTimer(first)
			defer t.Stop()
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-t.C:
				}
				job()
				t.Reset(d)
			}
		})
	}
	c := &s.cfg
	every(c.InitialTaskDelay, c.RetentionCheckInterval, s.retainAll)
	every(c.InitialTaskDelay, c.FlushCheckpointInterval, s.checkpointAll)
	every(c.HWCheckpointInterval, c.HWCheckpointInterval, s.checkpointHW)
	every(c.FlushCheckInterval, c.FlushCheckInterval, s.flushDue)
	every(c.ProducerExpirationCheck, c.ProducerExpirationCheck, s.expireProducers)
	every(c.IdleClose, c.IdleClose, s.closeIdle)
	every(time.Second, time.Second, s.emptyTrash)
	every(c.StartCheckpointInterval, c.StartCheckpointInterval, s.checkpointStarts)
	g.Go(func() error { return s.cleanLoop(ctx) })
	g.Go(func() error { return s.checkpointSealed(ctx) })
	return g.Wait()
}

func (s *Store) retainAll() {
	for _, p := range s.Partitions() {
		if _, err := p.ApplyRetention(); err != nil && p.Err() == nil {
			s.warnIO("applying retention", p, err)
		}
	}
}

func (s *Store) checkpointAll() {
	for _, d := range s.dirs {
		if err := d.checkpointAll(); err != nil && d.err() == nil {
			s.log.Warn("writing checkpoints", "dir", d.path, "err", err)
		}
	}
}

// checkpointSealed writes recovery points when segments were sealed, at most once a second, so that a crash a moment
// after gigabytes were written costs the reading of active segments only.
func (s *Store) checkpointSealed(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.sealed:
		}
		for _, d := range s.dirs {
			if err := d.write(&d.files.recovery); err != nil && d.err() == nil {
				s.log.Warn("writing recovery points", "dir", d.path, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (s *Store) checkpointHW() {
	for _, d := range s.dirs {
		if err := d.write(&d.files.watermarks); err != nil && d.err() == nil {
			s.log.Warn("writing high watermarks", "dir", d.path, "err", err)
		}
	}
}

// SaveStarts makes the log starts durable: what was deleted before does not come back. It costs little if none has
// moved. A log dir whose disk fails is offline then; a full one is not.
func (s *Store) SaveStarts() error {
	var errs []error
	for _, d := range s.dirs {
		if err := d.write(&d.files.starts); err != nil {
			errs = append(errs, fmt.Errorf("writing the log starts of %s: %w", d.path, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Store) checkpointStarts() {
	for _, d := range s.dirs {
		if err := d.write(&d.files.starts); err != nil && d.err() == nil {
			s.log.Warn("writing log starts", "dir", d.path, "err", err)
		}
	}
}

// flushDue starts the flushes that flush.ms demands.
func (s *Store) flushDue() {
	now := s.nowMs()
	for _, p := range s.Partitions() {
		if p.leo.Load() <= p.flushed.Load() || p.cfg.Load().FlushMs == Forever {
			continue
		}
		p.mu.Lock()
		due := p.leo.Load() > p.flushed.Load() && now-p.flush.lastMs >= p.cfg.Load().FlushMs
		p.mu.Unlock()
		if due {
			p.AfterFlush(p.leo.Load(), func(error) {}) // the error took the dir offline, which is logged
		}
	}
}

func (s *Store) expireProducers() {
	before := s.nowMs() - s.tuning.Load().ProducerExpiration.Milliseconds()
	for _, p := range s.Partitions() {
		p.expireProducers(before)
	}
}

// closeIdle closes the files of segments that nobody used since the last call.
func (s *Store) closeIdle() {
	for _, p := range s.Partitions() {
		for _, seg := range p.segmentList() {
			seg.closeIfIdle()
		}
	}
}

// warnLimiter lets the same warning through once a minute.
type warnLimiter struct {
	mu   sync.Mutex // guards last
	last map[string]warning
}

type warning struct {
	at         int64
	suppressed int
}

// warnIO logs a failure that will be tried again, at most once a minute for each partition and kind.
func (s *Store) warnIO(doing string, p *Partition, err error) {
	key := doing + " " + p.tp.String()
	now := s.nowMs()
	w := &s.warnings
	w.mu.Lock()
	last, seen := w.last[key]
	if seen && now-last.at < time.Minute.Milliseconds() {
		last.suppressed++
		w.last[key] = last
		w.mu.Unlock()
		return
	}
	if w.last == nil || len(w.last) > 10000 {
		w.last = map[string]warning{}
	}
	w.last[key] = warning{at: now}
	w.mu.Unlock()
	s.log.Warn(doing, "partition", p.tp.String(), "err", err, "repeated", last.suppressed)
}
