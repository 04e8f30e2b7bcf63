package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
)

// Bounds of a source batch. Two batches are in hand: one is filled while the other
// is encoded.
const (
	sourceBatchRecords = 2048
	sourceBatchBytes   = 4 << 20

	// maxInFlight bounds the encoded bytes that wait for their acknowledgement. It
	// is enough to keep five requests in flight; more would only make the
	// producer's batches, and everybody's buffers, larger.
	maxInFlight = 10 << 20
)

type source struct {
	*Task
	task     connect.SourceTask
	pipe     *pipeline.Source
	errs     *pipeline.Errors
	producer *kgo.Client
	maxSize  string // max.request.size in force, for messages
	topics   *topicCreator
	tracker  *tracker

	acked   chan struct{} // capacity 1: a flight may be ready
	request chan struct{} // capacity 1: the plugin asks for a commit
	landed  chan struct{} // capacity 1: the tracker may have room
	encoded sync.Pool     // of *pipeline.Encoded, all acknowledged
}

var _ connect.SourceContext = (*sourceContext)(nil)

func runSource(t *Task) (err error) {
	s := &source{Task: t, tracker: newTracker(), acked: make(chan struct{}, 1), request: make(chan struct{}, 1),
		landed: make(chan struct{}, 1)}
	s.encoded.New = func() any { return new(pipeline.Encoded) }
	if err := t.awaitStart(); err != nil {
		return err
	}
	if err := s.build(); err != nil {
		return err
	}
	defer func() {
		if cerr := s.pipe.Close(); cerr != nil {
			t.log.Warn("closing converters and transforms", "err", cerr)
		}
		s.producer.Close()
		s.topics.close()
	}()
	s.task = t.spec.Plugin.NewSource().NewTask()
	err = t.guard(func() error { return s.task.Start(&sourceContext{s}, t.spec.Config) })
	if err != nil || t.stopped() {
		s.stopPlugin()
		return err
	}
	t.report(model.Running, nil)
	return s.loop()
}

// build makes what the task needs besides the plugin.
func (s *source) build() error {
	spec, deps := &s.spec, &s.deps
	var ec pipeline.ErrorConfig
	if err := config.Parse(&ec, spec.Connector); err != nil {
		return err
	}
	ec.DeadLetterTopic = "" // sinks only
	s.errs = pipeline.NewErrors(ec, spec.ID, nil, s.log)
	s.Task.errs.Store(s.errs)
	props := deps.Conf.Producer(spec.ID.Connector, spec.ID.Task, spec.Connector, false)
	opts, err := kafka.Options(props, kafka.Producer, s.log)
	if err != nil {
		return fmt.Errorf("producer of the task: %w", err)
	}
	s.maxSize = props["max.request.size"]
	if s.maxSize == "" {
		s.maxSize = "1048576"
	}
	if s.topics, err = newTopicCreator(deps, spec, s.log); err != nil {
		return err
	}
	batch, err := strconv.Atoi(props["batch.size"])
	if err != nil {
		batch = 16384
	}
	// Brokers create missing topics where they do so for producers; as in Java
	// a record waits for its topic for as long as it takes.
	opts = append(opts, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(-1),
		kgo.RecordPartitioner(pipeline.Partitioner(batch)))
	if s.producer, err = kgo.NewClient(opts...); err != nil {
		s.topics.close()
		return fmt.Errorf("producer of the task: %w", err)
	}
	chain, err := pipeline.BuildChain(deps.Registry, spec.Connector)
	if err == nil {
		var conv *pipeline.Converters
		if conv, err = pipeline.BuildConverters(deps.Registry, spec.Connector, deps.Conf.Props); err == nil {
			s.pipe = pipeline.NewSource(chain, conv, s.errs)
			return nil
		}
		err = errors.Join(err, chain.Close())
	}
	s.producer.Close()
	s.topics.close()
	return err
}

// loop runs until the task is stopped or fails, and then brings in what is in
// flight.
func (s *source) loop() error {
	full, free := make(chan *connect.Batch), make(chan *connect.Batch, 2)
	for range 2 {
		free <- connect.NewBatch(sourceBatchRecords, sourceBatchBytes, nil)
	}
	// Records in flight get offset.flush.timeout.ms after a stop, then they are
	// given up: their offsets were not stored, they will be read again.
	inFlight, giveUp := context.WithCancel(s.hard)
	defer giveUp()
	unhook := context.AfterFunc(s.run, func() {
		timer := time.AfterFunc(s.deps.Conf.FlushTimeout(), giveUp)
		context.AfterFunc(inFlight, func() { timer.Stop() })
	})
	defer unhook()

	var poller, committer sync.WaitGroup
	poller.Add(1)
	go func() {
		defer poller.Done()
		defer close(full)
		if err := s.guard(func() error { return s.poll(full, free) }); err != nil {
			s.fail(err)
		}
	}()
	ended := make(chan struct{})
	committer.Add(1)
	go func() {
		defer committer.Done()
		if err := s.guard(func() error { s.commitLoop(ended); return nil }); err != nil {
			s.fail(err)
		}
	}()
	err := s.guard(func() error { return s.dispatchAll(inFlight, full, free) })
	if err != nil {
		s.fail(err)
	}
	// Everything dispatched gets an outcome: written, or failed by giveUp.
	if ferr := s.producer.Flush(inFlight); ferr != nil {
		s.producer.UnsafeAbortBufferedRecords()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(inFlight), time.Second)
		s.producer.Flush(bounded) // promises run in the background
		cancel()
	}
	close(ended)
	committer.Wait()
	s.stopPlugin()
	drain(full)
	poller.Wait()
	if err == nil {
		err = s.Failed()
	}
	return err
}

// drain lets the poller hand over its last batch, which is dropped.
func drain(full <-chan *connect.Batch) {
	for range full {
	}
}

func (s *source) stopPlugin() {
	if err := s.guard(s.task.Stop); err != nil {
		s.log.Warn("stopping the plugin's task", "err", err)
	}
}

// poll fills batches until the task is to stop.
func (s *source) poll(full chan<- *connect.Batch, free <-chan *connect.Batch) error {
	var b *connect.Batch
	for {
		if b == nil {
			select {
			case b = <-free:
			case <-s.run.Done():
				return nil
			}
		}
		if !s.awaitResume() {
			return nil
		}
		b.Reset()
		err := s.task.Poll(s.run, b)
		if s.stopped() {
			return nil
		}
		if err != nil {
			if !connect.IsRetriable(err) {
				return err
			}
			s.stats.Retries.Add(1)
			s.log.Warn(s.kind()+" failed to poll records from SourceTask. Will retry operation.",
				pipeline.Logger, "org.apache.kafka.connect.runtime.AbstractWorkerSourceTask", "err", err, pipeline.TraceKey, pipeline.Trace(err))
			if !s.sleep(100 * time.Millisecond) {
				return nil
			}
			continue
		}
		if b.Len() == 0 {
			continue
		}
		s.stats.Polled.Add(int64(b.Len()))
		s.stats.Active.Add(int64(b.Len()))
		storeMax(&s.stats.BatchSizeMax, int64(b.Len()))
		select {
		case full <- b:
			b = nil
		case <-s.run.Done():
			return nil
		}
	}
}

// awaitResume blocks while the task is paused; false when it is to stop.
func (s *source) awaitResume() bool {
	target, changed := s.state()
	if target != model.TargetPaused {
		return !s.stopped()
	}
	s.report(model.Paused, nil)
	for {
		select {
		case <-changed:
		case <-s.run.Done():
			return false
		}
		if target, changed = s.state(); target != model.TargetPaused {
			s.report(model.Running, nil)
			return true
		}
	}
}

// dispatchAll encodes and produces batches as they come.
func (s *source) dispatchAll(ctx context.Context, full <-chan *connect.Batch, free chan<- *connect.Batch) error {
	for {
		var b *connect.Batch
		select {
		case b = <-full:
		case <-s.run.Done():
			return nil
		}
		if b == nil {
			return nil
		}
		switch err := s.encodeAll(ctx, b, free); {
		case errors.Is(err, errStop):
			return nil
		case err != nil:
			return err
		}
	}
}

// encodeAll encodes and produces a batch, and gives it back as soon as its values
// are not needed. It ends with errStop where records were left out.
func (s *source) encodeAll(ctx context.Context, b *connect.Batch, free chan<- *connect.Batch) error {
	records := b.Len()
	for next := 0; next < records; {
		enc := s.encoded.Get().(*pipeline.Encoded)
		var err error
		next, err = s.pipe.Encode(s.run, b, next, enc)
		if err != nil || next == records {
			free <- b // its values die here: all are encoded
		}
		if derr := s.dispatch(ctx, enc); derr != nil {
			return derr
		}
		// A stop may have cut the batch short, or left it out. The poller may be offering the
		// next one: were that written, its offsets would pass over what is missing here.
		if s.stopped() {
			return errStop
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dispatch hands an encoded batch to the producer. It blocks while the producer's
// memory is full.
func (s *source) dispatch(ctx context.Context, enc *pipeline.Encoded) error {
	if len(enc.Items) == 0 {
		s.encoded.Put(enc)
		return nil
	}
	for s.tracker.full() {
		select {
		case <-s.landed:
		case <-s.run.Done():
			return errStop // it will be read again; nothing behind it may be written
		}
	}
	f := &flight{enc: enc, ready: s.wake, onError: s.sendFailed}
	// One more than there are records, so that it is not ready before all are
	// handed over, also when there are none.
	f.pending.Store(int32(len(enc.Records)) + 1)
	s.tracker.push(f)
	promise := f.promise
	for i := range enc.Records {
		r := &enc.Records[i]
		if err := s.topics.ensure(ctx, r.Topic); err != nil {
			for ; i < len(enc.Records); i++ { // none of the rest will be written
				enc.Records[i].Offset = failedOffset
				f.pending.Add(-1)
			}
			f.pending.Add(-1)
			s.wake()
			return err
		}
		s.producer.Produce(ctx, r, promise)
	}
	if f.pending.Add(-1) == 0 {
		s.wake()
	}
	return nil
}

func (s *source) wake() {
	select {
	case s.acked <- struct{}{}:
	default:
	}
}

// sendFailed decides on a record that the producer gave up.
func (s *source) sendFailed(r *kgo.Record, err error) (skip bool) {
	if s.stopped() {
		return false // given up at the end; it will be read again
	}
	err = s.explain(r, err)
	f := pipeline.Failure{Stage: pipeline.KafkaProduce, Class: "org.apache.kafka.connect.runtime.WorkerSourceTask", Err: err}
	s.errs.Stats.Failures.Add(1)
	s.errs.Report(f, nil)
	if s.errs.TolerateAll() {
		s.errs.Stats.Skipped.Add(1)
		return true
	}
	s.fail(connect.Cause(connect.ClassConnect, "Unrecoverable exception from producer send callback", err))
	return false
}

// explain says of a record that is too large what it is and which setting helps.
func (s *source) explain(r *kgo.Record, err error) error {
	const class = "org.apache.kafka.common.errors.RecordTooLargeException"
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	if errors.Is(err, kerr.InvalidTopicException) {
		return connect.Errorf("org.apache.kafka.common.errors.InvalidTopicException", "Invalid topics: [%s]", r.Topic)
	}
	if !errors.Is(err, kerr.MessageTooLarge) && !errors.Is(err, kerr.RecordListTooLarge) {
		return connect.Errorf("org.apache.kafka.common.KafkaException", "sending a record to topic %s: %w", r.Topic, err)
	}
	key := r.Key
	if len(key) > 200 {
		key = key[:200]
	}
	return connect.Errorf(class, "a record of %d bytes for topic %s with key %q is too large: it is larger than %s bytes "+
		"(producer.override.max.request.size in the connector or producer.max.request.size in the worker) or than "+
		"max.message.bytes of the topic; raise both, then restart the task", size, r.Topic, key, s.maxSize)
}

// sourceContext is what the plugin sees.
type sourceContext struct{ s *source }

func (c *sourceContext) Context() context.Context { return c.s.run }
func (c *sourceContext) Connector() string        { return c.s.spec.ID.Connector }
func (c *sourceContext) Task() int                { return c.s.spec.ID.Task }
func (c *sourceContext) Logger() *slog.Logger     { return c.s.log }
func (c *sourceContext) Offsets() connect.OffsetReader {
	return Reader(c.s.deps.Offsets, c.s.spec.ID.Connector)
}
func (c *sourceContext) Fail(err error)                        { c.s.fail(err) }
func (c *sourceContext) Go(fn func(ctx context.Context) error) { c.s.goPlugin(fn) }
func (c *sourceContext) ByteBudget() int                       { return byteBudget }

func (c *sourceContext) RequestCommit() {
	select {
	case c.s.request <- struct{}{}:
	default:
	}
}

// Reader returns the offset reader of a connector.
func Reader(o Offsets, connector string) connect.OffsetReader { return reader{o, connector} }

type reader struct {
	offsets   Offsets
	connector string
}

func (r reader) Offsets(ctx context.Context, ps ...*connect.Partition) ([]map[string]any, error) {
	return r.offsets.Read(ctx, r.connector, ps...)
}
