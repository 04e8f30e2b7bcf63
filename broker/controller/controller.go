package controller

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/broker/controller/quorum"
	"github.com/leat-project/leat/broker/fault"
)

// Log is the metadata log, which *quorum.Node implements.
type Log interface {
	// Start applies what is known to be committed; see quorum.Node.
	Start(sm quorum.StateMachine) error
	// Lead returns once everything in the log is applied and this node may
	// append; quorum.ErrNotLeader if it may not.
	Lead(ctx context.Context) error
	// Append commits values as one group, planned on the record at offset
	// base, and returns when it is applied. tag comes back in the Commit.
	Append(ctx context.Context, base int64, values [][]byte, tag any) error
	// Do runs fn between two calls of Apply and waits for it.
	Do(ctx context.Context, fn func()) error
	// Run does the work until ctx ends.
	Run(ctx context.Context) error
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
	// CheckBroker validates dynamic keys of a broker, or of all, as a whole;
	// may be nil.
	CheckBroker func(img *Image, r Resource, next map[string]string) error
	// CheckGroup validates the overrides of a group as a whole; may be nil.
	CheckGroup func(img *Image, overrides map[string]string) error
	// Room says why no topic or partition can be begun now, such as that the
	// disk is full; may be nil. So the last bytes are left to deletions.
	Room func() error
	// Apply makes a committed change real (creates and deletes logs) before
	// it is published and answered. An error is reported to the caller of the
	// change; the change itself stands, because it is committed. What Open
	// replays is not applied: the broker compares its logs with the image.
	Apply func(Delta) error
	// Published is told of the same change when everybody can see it, before
	// it is answered; may be nil.
	Published func(Delta)
	Log       *slog.Logger
}

// Controller validates, logs and publishes changes of the metadata. It is
// safe for concurrent use; changes are made only while Run is running.
type Controller struct {
	cfg   Config
	log   Log
	image atomic.Pointer[Image]
	queue chan *proposal
	done  chan struct{}

	// replayed is the image that Open builds; nil afterwards.
	replayed *Image
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
	c := &Controller{cfg: cfg, log: log, queue: make(chan *proposal, maxGroup), done: make(chan struct{}), replayed: newImage()}
	if err := log.Start(stateMachine{c}); err != nil {
		return nil, err
	}
	c.publish(c.replayed)
	c.replayed = nil
	return c, nil
}

// Image returns the latest published metadata.
func (c *Controller) Image() *Image { return c.image.Load() }

func (c *Controller) publish(img *Image) {
	img.fresh = nil
	c.image.Store(img)
}

// Run serves changes until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	defer close(c.done)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.log.Run(ctx) })
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case p := <-c.queue:
				c.commit(context.WithoutCancel(ctx), c.gather(p))
			}
		}
	})
	return g.Wait()
}

// maxGroup and maxGroupBytes bound what is committed together. One change may
// have maxChangeBytes: a batch must fit into the smallest segment
// (metadata.log.segment.bytes), which is Kafka's largest batch, too.
const (
	maxGroup       = 256
	maxGroupBytes  = 1 << 20
	maxChangeBytes = 6 << 20
	recordOverhead = 24 // bytes at most that a record takes in a batch beside its value
)

// gather takes what waits beside the first change.
func (c *Controller) gather(first *proposal) []*proposal {
	group := []*proposal{first}
	for len(group) < maxGroup {
		select {
		case p := <-c.queue:
			group = append(group, p)
		default:
			return group
		}
	}
	return group
}

// propose hands a change to the controller's goroutine and waits for it. plan
// sees an image with all changes before this one and returns the records of
// the change; no records means there is nothing to do.
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
	}
	select {
	case err := <-p.result: // answered on the way out
		return err
	default:
		return ErrStopped
	}
}

// Between runs fn between two changes, with the image that holds meanwhile.
func (c *Controller) Between(ctx context.Context, fn func(*Image) error) error {
	var err error
	if failed := c.log.Do(ctx, func() { err = fn(c.Image()) }); failed != nil {
		return failed
	}
	return err
}

// change is a planned change of a group.
type change struct {
	p        *proposal
	records  []Record
	old, new *Image
	err      error // of Config.Apply
}

// commit carries a group of changes from plan to answer. Each is planned on
// the image that the ones before it lead to; all are flushed at once.
func (c *Controller) commit(ctx context.Context, group []*proposal) {
	for len(group) > 0 {
		n := c.commitSome(ctx, group)
		group = group[n:]
	}
}

// commitSome commits the first changes of a group, as many as fit into one
// batch, and returns how many.
func (c *Controller) commitSome(ctx context.Context, group []*proposal) int {
	fail := func(err error, ps []*proposal) int {
		for _, p := range ps {
			p.result <- answer(err)
		}
		return len(ps)
	}
	if err := c.log.Lead(ctx); err != nil {
		return fail(fmt.Errorf("preparing a change of the metadata: %w", err), group)
	}
	base := c.Image()
	img := base
	var changes []*change
	var values [][]byte
	var idle []*proposal // without records; answered with the rest, as they may depend on it
	var answers []error
	taken, bytes := 0, 0
	for _, p := range group {
		if bytes >= maxGroupBytes {
			break
		}
		taken++
		records, err := p.plan(img)
		if err == nil && len(records) > 0 {
			var next *Image
			var encoded [][]byte
			var size int
			if next, encoded, size, err = img.with(records); err == nil {
				changes = append(changes, &change{p: p, records: records, old: img, new: next})
				values, bytes, img = append(values, encoded...), bytes+size, next
				continue
			}
		}
		idle, answers = append(idle, p), append(answers, err)
	}
	if len(changes) > 0 {
		if err := c.log.Append(ctx, base.offset, values, changes); err != nil {
			return fail(fmt.Errorf("appending to the metadata log: %w", err), group[:taken])
		}
	}
	for i, p := range idle {
		p.result <- answers[i]
	}
	for _, ch := range changes {
		ch.p.result <- answer(ch.err)
	}
	return taken
}

// answer gives what happens to a committer, or to a disk, the code that has
// clients try again.
func answer(err error) error {
	switch {
	case errors.Is(err, quorum.ErrNotLeader):
		return fault.New(kerr.NotController, "The active controller is another node, or there is none.")
	case quorum.IsStorage(err):
		return fault.New(kerr.KafkaStorageError, "%v", err)
	}
	return err
}

// with returns the image that records lead to, and the records encoded. What
// cannot be applied or stored must not reach the log.
func (i *Image) with(records []Record) (next *Image, values [][]byte, size int, err error) {
	next = i.draft()
	for _, r := range records {
		if err := next.apply(r); err != nil {
			return nil, nil, 0, fmt.Errorf("planning a metadata change: %w", err)
		}
		v := AppendRecord(nil, r)
		values = append(values, v)
		size += len(v) + recordOverhead
	}
	if size > maxChangeBytes {
		return nil, nil, 0, fault.New(kerr.InvalidRequest, "The change has %d bytes of metadata, which is more than the %d that fit into a batch; split the request.", size, maxChangeBytes)
	}
	next.offset += int64(len(records))
	return next, values, size, nil
}

// stateMachine is the side of a Controller that the log drives.
type stateMachine struct{ *Controller }

// Restore implements quorum.StateMachine.
func (c stateMachine) Restore(at quorum.Position, records func(fn func([]byte) error) error) error {
	img := newImage()
	err := records(func(value []byte) error {
		r, err := ReadRecord(value)
		if err != nil {
			return err
		}
		return img.apply(r)
	})
	if err != nil {
		return err
	}
	img.offset, img.epoch = at.End-1, at.Epoch
	if c.replayed != nil {
		c.replayed = img
		return nil
	}
	// A snapshot from the leader, because this node lags far behind: what it
	// changes is not known record by record.
	old := c.Image()
	if err := c.take(Delta{Old: old, New: img, Records: difference(old, img)}); err != nil {
		c.cfg.Log.Error("applying a metadata snapshot", "err", err)
	}
	return nil
}

// Apply implements quorum.StateMachine.
func (c stateMachine) Apply(commit quorum.Commit) error {
	if changes, ok := commit.Tag.([]*change); ok {
		for i, ch := range changes {
			ch.new.epoch = commit.Epoch
			if i == len(changes)-1 && ch.new.offset != commit.End-1 {
				panic(fmt.Sprintf("controller: a change planned up to offset %d was stored up to %d", ch.new.offset, commit.End-1))
			}
			ch.err = c.take(Delta{Old: ch.old, New: ch.new, Records: ch.records})
		}
		return nil
	}
	img, old := c.replayed, c.Image()
	if old != nil {
		img = old.draft()
	}
	records := make([]Record, len(commit.Values))
	for i, v := range commit.Values {
		offset := commit.End - int64(len(commit.Values)-i)
		r, err := ReadRecord(v)
		if err == nil {
			err = img.apply(r)
		}
		if err != nil {
			return fmt.Errorf("metadata log at offset %d: %w", offset, err)
		}
		records[i] = r
	}
	img.offset, img.epoch = commit.End-1, commit.Epoch
	if old == nil {
		return nil
	}
	// Nobody waits for this change on this node.
	if err := c.take(Delta{Old: old, New: img, Records: records}); err != nil {
		c.cfg.Log.Error("applying a metadata change", "offset", img.offset, "err", err)
	}
	return nil
}

// take makes a committed change real and shows it.
func (c stateMachine) take(d Delta) error {
	err := c.cfg.Apply(d)
	c.publish(d.New)
	if c.cfg.Published != nil {
		c.cfg.Published(d)
	}
	return err
}

// Snapshot implements quorum.StateMachine.
func (c stateMachine) Snapshot() (quorum.Position, iter.Seq[[]byte]) {
	img := c.Image()
	return quorum.Position{End: img.offset + 1, Epoch: img.epoch}, img.records()
}
