package task

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
)

// sinkPollRecords is max.poll.records where nobody set it: large, because a target
// takes large batches well.
const sinkPollRecords = 5000

// fewRecords is how few of them need no memory that is kept for the next.
const fewRecords = 256

// pollWait is the longest time between two calls of Put.
const pollWait = time.Second

type sink struct {
	*Task
	task     connect.SinkTask
	pipe     *pipeline.Sink
	conv     *pipeline.Converters
	errs     *pipeline.Errors
	consumer *consumer
	max      int // records a poll

	// turn is held by whoever calls the plugin: the loop or a rebalance
	// callback. What follows belongs to the holder.
	turn      chan struct{}
	open      map[connect.TopicPartition]bool
	position  map[connect.TopicPartition]int64 // next offset to deliver
	delivered map[connect.TopicPartition]int64 // may be committed, as far as Put goes
	committed map[connect.TopicPartition]int64
	rewinds   map[connect.TopicPartition]int64
	closed    bool // the plugin takes no more calls

	batch     *connect.Batch // in hand: offered and not taken yet
	origin    []*kgo.Record  // of its records, parallel
	live      []liveBatch    // the last batches taken
	attempt   int            // failed Puts of batch
	timeout   time.Duration  // the plugin's wish for the next retry
	wantsSync bool           // RequestCommit
	reported  error          // first errant record that tolerance does not cover
	nextFlush time.Time
	paused    bool
	broken    bool // the task failed
	pool      *kafka.BatchPool
	batches   batches
}

// batches are used again, and so are the consumed records that they were decoded
// from, whose bytes they alias.
type batches struct {
	mu   sync.Mutex // guards of and free
	of   map[*connect.Batch][]*kgo.Record
	free []*connect.Batch
}

// freeBatches is how many empty batches are kept.
const freeBatches = 4

func (c *batches) take() *connect.Batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.free)
	if n == 0 {
		return connect.NewBatch(0, 0, c.recycle)
	}
	b := c.free[n-1]
	c.free = c.free[:n-1]
	return b
}

// drop lets go of the empty batches.
func (c *batches) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = nil
}

func (c *batches) keep(b *connect.Batch, recs []*kgo.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[*connect.Batch][]*kgo.Record{}
	}
	c.of[b] = recs
}

// recycle empties a batch that nobody uses and gives the memory of its records
// back.
func (c *batches) recycle(b *connect.Batch) {
	b.Reset()
	c.mu.Lock()
	recs := c.of[b]
	delete(c.of, b)
	if len(c.free) < freeBatches {
		c.free = append(c.free, b)
	}
	c.mu.Unlock()
	for _, r := range recs {
		r.Recycle()
	}
}

// liveBatch is what is kept of a batch that was taken: its records may still be
// reported.
type liveBatch struct{ origin []*kgo.Record }

func runSink(t *Task) (err error) {
	s := &sink{Task: t, turn: make(chan struct{}, 1), open: map[connect.TopicPartition]bool{},
		position: map[connect.TopicPartition]int64{}, delivered: map[connect.TopicPartition]int64{},
		committed: map[connect.TopicPartition]int64{}, rewinds: map[connect.TopicPartition]int64{}}
	if err := t.awaitStart(); err != nil {
		return err
	}
	defer s.release()
	if err := s.build(); err != nil {
		return err
	}
	s.task = t.spec.Plugin.NewSink().NewTask()
	err = t.guard(func() error { return s.task.Start(&sinkContext{s}, t.spec.Config) })
	if err != nil || t.stopped() {
		s.stopPlugin()
		return err
	}
	t.report(model.Running, nil)
	return s.end(s.guard(s.loop))
}

// release closes what build has made.
func (s *sink) release() {
	if s.consumer != nil {
		s.mu.Lock()
		// An abandoned task's member belongs to its successor by now.
		leave := (s.leave || s.broken) && !s.cancelled
		s.mu.Unlock()
		s.consumer.close(leave)
	}
	if s.pipe != nil {
		if err := s.pipe.Close(); err != nil {
			s.log.Warn("closing converters and transforms", "err", err)
		}
	}
	if s.errs != nil && s.errs.DeadLetters() != nil {
		s.errs.DeadLetters().Close()
	}
}

func (s *sink) stopPlugin() {
	if err := s.guard(s.task.Stop); err != nil {
		s.log.Warn("stopping the plugin's task", "err", err)
	}
}

func (s *sink) build() error {
	spec, deps := &s.spec, &s.deps
	var ec pipeline.ErrorConfig
	if err := config.Parse(&ec, spec.Connector); err != nil {
		return err
	}
	dead, err := deadLetters(s.run, deps, spec, ec, s.log)
	if err != nil {
		return err
	}
	s.errs = pipeline.NewErrors(ec, spec.ID, dead, s.log)
	s.Task.errs.Store(s.errs)
	if s.consumer, err = newConsumer(s); err != nil {
		return err
	}
	s.max = s.consumer.maxPoll
	chain, err := pipeline.BuildChain(deps.Registry, spec.Connector)
	if err != nil {
		return err
	}
	if s.conv, err = pipeline.BuildConverters(deps.Registry, spec.Connector, deps.Conf.Props); err != nil {
		return errors.Join(err, chain.Close())
	}
	s.pipe = pipeline.NewSink(chain, s.conv, s.errs)
	return nil
}

// loop is the iteration of Java's WorkerSinkTask.
func (s *sink) loop() error {
	s.nextFlush = time.Now().Add(s.deps.Conf.FlushInterval())
	for !s.stopped() {
		if err := s.iterate(); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) iterate() error {
	if err := s.consumer.subscribe(s.run); err != nil {
		return err
	}
	wait := min(pollWait, max(time.Until(s.nextFlush), 0))
	s.paused = s.pausedNow()
	if s.batch != nil { // the batch in hand is offered again after a pause
		if !s.sleep(s.retryPause()) {
			return nil
		}
		return s.withTurn(func() error { return s.step(nil) })
	}
	if s.paused {
		if !s.sleep(wait) {
			return nil
		}
		return s.withTurn(func() error { return s.step(nil) })
	}
	fetches, err := s.consumer.poll(s.run, wait, s.max)
	if err != nil {
		return err
	}
	// From here to allow, no rebalance callback runs if there are records.
	defer s.consumer.allow()
	return s.withTurn(func() error { return s.step(fetches) })
}

// withTurn runs fn while no rebalance callback does.
func (s *sink) withTurn(fn func() error) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return fn()
}

// step handles what a poll brought: decode, Put, and a commit when it is due.
func (s *sink) step(fetches kgo.Fetches) error {
	if s.batch == nil {
		if err := s.decode(fetches); err != nil {
			return err
		}
	}
	if err := s.put(); err != nil {
		return err
	}
	s.applyRewinds()
	if s.batch == nil && (s.wantsSync || !time.Now().Before(s.nextFlush)) {
		s.wantsSync = false
		s.nextFlush = time.Now().Add(s.deps.Conf.FlushInterval())
		if err := s.commit(s.openPartitions(), false); err != nil {
			return err
		}
	}
	s.applyRewinds()
	return nil
}

// decode makes the next batch in hand of consumed records.
func (s *sink) decode(fetches kgo.Fetches) error {
	var recs []*kgo.Record
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		tp := connect.TopicPartition{Topic: p.Topic, Partition: p.Partition}
		if len(p.Records) == 0 || !s.open[tp] {
			return
		}
		s.checkGap(tp, p)
		s.position[tp] = p.Records[len(p.Records)-1].Offset + 1
		recs = append(recs, p.Records...)
		s.deps.TopicUsed(s.spec.ID, p.Topic)
	})
	if len(recs) < fewRecords {
		s.pool.Idle()
		s.batches.drop()
	}
	s.stats.Read.Add(int64(len(recs)))
	storeMax(&s.stats.BatchSizeMax, int64(len(recs)))
	b := s.batches.take()
	origin, err := s.pipe.Decode(s.run, recs, b, make([]*kgo.Record, 0, len(recs)))
	if err != nil {
		if s.stopped() && errors.Is(err, context.Canceled) {
			return errStop
		}
		return err
	}
	if !s.errs.Reporting() { // else reports may need the bytes beyond the batch's end
		s.batches.keep(b, recs)
	}
	s.batch, s.origin, s.attempt = b, origin, 0
	return nil
}

// put offers the batch in hand. It stays in hand after a retriable error.
func (s *sink) put() error {
	s.reported = nil
	err := s.guard(func() error { return s.task.Put(s.run, s.batch) })
	if err == nil && s.reported != nil {
		err = s.reported // reported and not tolerated: fails the task although Put went well
	}
	var partial *connect.BatchError
	switch {
	case err == nil:
	case errors.As(err, &partial):
		if err := s.failedRecords(partial); err != nil {
			return err
		}
	case s.stopped():
		return errStop // the batch is not taken: it is read again
	case connect.IsRetriable(err):
		s.attempt++
		s.stats.Retries.Add(1)
		s.log.Error(s.kind()+" RetriableException from SinkTask:",
			pipeline.Logger, "org.apache.kafka.connect.runtime.WorkerSinkTask", "err", err, pipeline.TraceKey, pipeline.Trace(err))
		return nil
	default:
		s.log.Error(fmt.Sprintf("%s Task threw an uncaught and unrecoverable exception. Task is being killed and will not recover "+
			"until manually restarted. Error: %s", s.kind(), orNull(connect.MessageOf(err))),
			pipeline.Logger, "org.apache.kafka.connect.runtime.WorkerSinkTask", "err", err, pipeline.TraceKey, pipeline.Trace(err))
		return unrecoverable(err)
	}
	s.taken()
	return nil
}

// orNull is how Java prints a message that is not there.
func orNull(msg string) string {
	if msg == "" {
		return "null"
	}
	return msg
}

func unrecoverable(err error) error {
	return connect.Cause(connect.ClassConnect, "Exiting WorkerSinkTask due to unrecoverable exception.", err)
}

// taken lets go of the batch in hand: Put has taken it over.
func (s *sink) taken() {
	s.stats.Sent.Add(int64(s.batch.Len()))
	for tp, next := range s.position {
		if s.open[tp] {
			s.delivered[tp] = next
		}
	}
	s.attempt, s.timeout = 0, 0
	s.letGo(s.batch, s.origin)
	s.batch, s.origin = nil, nil
}

// retryPause is how long the batch in hand waits before it is offered again.
func (s *sink) retryPause() time.Duration {
	if s.timeout > 0 {
		d := s.timeout
		s.timeout = 0
		return d
	}
	return min(100*time.Millisecond<<min(s.attempt, 7), 10*time.Second)
}

// failedRecords handles a Put that wrote all but some records.
func (s *sink) failedRecords(e *connect.BatchError) error {
	for _, f := range e.Failed {
		if f.Index < 0 || f.Index >= len(s.origin) {
			return unrecoverable(fmt.Errorf("the plugin says that record %d of a batch of %d failed: %w", f.Index, len(s.origin), f.Err))
		}
		if err := s.errs.PutFailed(s.origin[f.Index], f.Err); err != nil {
			return unrecoverable(f.Err)
		}
	}
	return nil
}

// pausedNow reports changes between PAUSED and RUNNING.
func (s *sink) pausedNow() bool {
	paused := s.Task.paused()
	if paused != s.paused {
		state := model.Running
		if paused {
			state = model.Paused
			s.nextFlush = time.Now() // commit what was delivered
		}
		s.report(state, nil)
	}
	return paused
}

// end closes the plugin's partitions, commits what was delivered (also when the task
// has failed, as Java does) and stops the plugin.
func (s *sink) end(err error) error {
	if errors.Is(err, errStop) {
		err = nil
	}
	if err == nil {
		err = s.Failed()
	}
	s.broken = err != nil
	cerr := s.withTurn(func() error {
		defer func() { s.closed = true }()
		return s.closePartitions(s.openPartitions(), s.hard.Err() == nil)
	})
	s.stopPlugin()
	if err == nil {
		return cerr
	}
	if cerr != nil {
		s.log.Warn("closing partitions after a failure", "err", cerr)
	}
	return err
}
