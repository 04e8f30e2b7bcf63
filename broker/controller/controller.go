package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// Log is the metadata log. The controller is its only writer.
type Log interface {
	// Append writes one batch and returns the offset of its last record once
	// the batch is committed: it survives a crash from then on.
	Append(ctx context.Context, values [][]byte) (int64, error)
	// Replay calls fn for every committed record in order. value is valid
	// during the call only.
	Replay(fn func(offset int64, value []byte) error) error
}

// Delta is what one change did.
type Delta struct {
	Old, New *Image
	Records  []Record
}

// Config is what a Controller needs to know of its broker.
type Config struct {
	NodeID            int32
	NumPartitions     int32
	ReplicationFactor int16
	// TopicConfig returns the effective value of a topic key for a set of
	// overrides; used to check keys that depend on one another.
	TopicConfig func(img *Image, overrides map[string]string, name string) string
	// Apply makes a committed change real (creates and deletes logs) before
	// it is published and answered. An error is reported to the caller of the
	// change; the change itself stands, because it is committed.
	Apply func(Delta) error
	Log   *slog.Logger
}

// Controller validates, logs and publishes changes of the metadata. It is
// safe for concurrent use; changes are made only while Run is running.
type Controller struct {
	cfg   Config
	log   Log
	image atomic.Pointer[Image]
	queue chan *proposal
	done  chan struct{}
}

// ErrStopped answers a change that was proposed to a controller that ended.
var ErrStopped = errors.New("controller has stopped")

// proposal is one change on its way: plan runs on the controller's goroutine.
type proposal struct {
	plan   func(*Image) ([]Record, error)
	result chan error
}

// Open replays the log into the first image. Run makes the controller accept
// changes.
func Open(cfg Config, log Log) (*Controller, error) {
	c := &Controller{cfg: cfg, log: log, queue: make(chan *proposal, 64), done: make(chan struct{})}
	img := newImage()
	err := log.Replay(func(offset int64, value []byte) error {
		r, err := ReadRecord(value)
		if err == nil {
			err = img.apply(r)
		}
		if err != nil {
			return fmt.Errorf("metadata log at offset %d: %w", offset, err)
		}
		img.offset = offset
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.image.Store(img)
	return c, nil
}

// Image returns the latest published metadata.
func (c *Controller) Image() *Image { return c.image.Load() }

// Run serves changes until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	defer close(c.done)
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-c.queue:
			p.result <- c.commit(ctx, p)
		}
	}
}

// propose hands a change to the controller's goroutine and waits for it. plan
// sees the latest image and returns the records of the change; no records
// means there is nothing to do.
func (c *Controller) propose(ctx context.Context, plan func(*Image) ([]Record, error)) error {
	p := &proposal{plan: plan, result: make(chan error, 1)}
	select {
	case c.queue <- p:
	case <-c.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// A change that was taken up is not abandoned: its caller must learn
	// whether it happened.
	select {
	case err := <-p.result:
		return err
	case <-c.done:
		return ErrStopped
	}
}

// Between runs fn between two changes, with the image that holds meanwhile.
func (c *Controller) Between(ctx context.Context, fn func(*Image) error) error {
	return c.propose(ctx, func(img *Image) ([]Record, error) { return nil, fn(img) })
}

// commit carries one change from plan to published image.
func (c *Controller) commit(ctx context.Context, p *proposal) error {
	old := c.Image()
	records, err := p.plan(old)
	if err != nil || len(records) == 0 {
		return err
	}
	next := old.draft()
	values := make([][]byte, len(records))
	for i, r := range records {
		// Applied to the draft first: a change that cannot be applied must
		// not reach the log.
		if err := next.apply(r); err != nil {
			return fmt.Errorf("planning a metadata change: %w", err)
		}
		values[i] = AppendRecord(nil, r)
	}
	next.offset, err = c.log.Append(context.WithoutCancel(ctx), values)
	if err != nil {
		return fmt.Errorf("appending to the metadata log: %w", err)
	}
	err = c.cfg.Apply(Delta{Old: old, New: next, Records: records})
	c.image.Store(next)
	return err
}
