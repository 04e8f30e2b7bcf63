package jdbc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// Bounds of what is written in one transaction.
const (
	pooledRows  = 10000
	pooledBytes = 4 << 20
	leastBytes  = 256 << 10
)

// task writes batches to PostgreSQL. See the package comment for how its parts
// work together.
type task struct {
	parse func(props map[string]string) (*settings, error)

	ctx   connect.SinkContext
	log   *slog.Logger
	set   *settings
	place *placeholders

	mappings map[mappingKey]*mapping
	lastMap  *mapping
	tables   map[string]*table
	shapes   int

	session  *postgres.Session // the writer's while a buffer is under way
	cur      *buffer           // being filled
	inflight *buffer           // with the writer
	spare    *buffer
	jobs     chan job
	done     chan error

	failure  failure // of the buffer that could not be written
	resume   resume
	current  *connect.Batch        // the batch of the Put under way
	rejected []connect.RecordError // records of current
	maxRows  int
	maxBytes int
}

type job struct {
	session *postgres.Session
	work    []postgres.Rows
}

// resume is where to go on when a batch is offered again.
type resume struct {
	batch    *connect.Batch
	next     int
	rejected []connect.RecordError
}

var (
	_ connect.SinkTask         = (*task)(nil)
	_ connect.PartitionHandler = (*task)(nil)
	_ connect.PreCommitter     = (*task)(nil)
)

// Start reads the configuration and starts the writer. The connection is opened
// with the first record, so that a database that is away is a matter of retries.
func (t *task) Start(ctx connect.SinkContext, props map[string]string) error {
	set, err := t.parse(props)
	if err != nil {
		return err
	}
	t.ctx, t.log, t.set, t.place = ctx, ctx.Logger(), set, newPlaceholders(set.placeholder)
	if len(set.target.Ignored) > 0 {
		t.log.Warn("connection parameters without effect", "parameters", set.target.Ignored)
	}
	t.mappings, t.tables = map[mappingKey]*mapping{}, map[string]*table{}
	t.cur, t.spare = newBuffer(), newBuffer()
	t.maxRows, t.maxBytes = max(set.batch, pooledRows), pooledBytes
	if budget := ctx.ByteBudget(); budget > 0 {
		t.maxBytes = min(pooledBytes, max(budget/4, leastBytes))
	}
	t.jobs, t.done = make(chan job), make(chan error, 1)
	ctx.Go(t.write)
	return nil
}

// write is the writer: it ends with the task's context or when jobs is closed.
func (t *task) write(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case j, ok := <-t.jobs:
			if !ok {
				return nil
			}
			t.done <- j.session.Write(ctx, j.work) // never blocks: one job at a time
		}
	}
}

// Put encodes a batch and hands it to the writer.
func (t *task) Put(ctx context.Context, b *connect.Batch) error {
	t.current = b
	defer func() { t.current, t.rejected = nil, nil }()
	next := t.resumeAt(b)
	if err := t.settle(ctx); err != nil {
		return t.postpone(b, next, err)
	}
	for ; next < b.Len(); next++ {
		if err := t.take(ctx, b, next); err != nil {
			return t.postpone(b, next, err)
		}
	}
	t.submitOrPool(ctx)
	if len(t.rejected) > 0 {
		return &connect.BatchError{Failed: t.rejected}
	}
	return nil
}

// resumeAt returns where to go on with a batch that may have been offered before.
func (t *task) resumeAt(b *connect.Batch) int {
	r := t.resume
	t.resume = resume{}
	if r.batch == nil || r.batch != b {
		return 0
	}
	t.rejected = r.rejected
	return r.next
}

// postpone remembers how far a batch has been taken, for when it comes again.
func (t *task) postpone(b *connect.Batch, next int, err error) error {
	if connect.IsRetriable(err) {
		t.resume = resume{batch: b, next: next, rejected: t.rejected}
	}
	return err
}

// submitOrPool gives the buffer to the writer if that is idle. If not, rows are
// pooled until the buffer is full.
func (t *task) submitOrPool(ctx context.Context) {
	if t.inflight != nil && (len(t.cur.entries) >= t.maxRows || len(t.cur.data) >= t.maxBytes) {
		t.await(ctx)
	}
	if t.inflight == nil && t.failure.buffer == nil && !t.cur.empty() {
		t.submit(ctx)
	}
}

// submit hands the current buffer to the writer. What goes wrong is kept for the
// next call of the task.
func (t *task) submit(ctx context.Context) {
	if len(t.cur.entries) == 0 {
		t.cur.release()
		return
	}
	if err := t.connect(ctx); err != nil {
		t.fail(t.cur, err)
		t.cur = newBuffer()
		return
	}
	t.inflight, t.cur, t.spare = t.cur, t.spare, nil
	select {
	case t.jobs <- job{t.session, t.inflight.work(nil)}:
	case <-t.ctx.Context().Done():
		t.done <- t.ctx.Context().Err() // the writer has ended
	}
}

// await waits for the writer.
func (t *task) await(ctx context.Context) {
	if t.inflight == nil {
		return
	}
	select {
	case err := <-t.done:
		t.finished(err)
	case <-ctx.Done():
	}
}

// poll takes the writer's result if there is one.
func (t *task) poll() {
	if t.inflight == nil {
		return
	}
	select {
	case err := <-t.done:
		t.finished(err)
	default:
	}
}

func (t *task) finished(err error) {
	b := t.inflight
	t.inflight = nil
	if err != nil {
		t.fail(b, err)
		t.spare = newBuffer()
		return
	}
	b.release()
	t.spare = b
	t.failure.reset()
}

// settle deals with what the writer has reported.
func (t *task) settle(ctx context.Context) error {
	t.poll()
	if t.failure.buffer == nil {
		return nil
	}
	return t.recover(ctx)
}

// drain writes everything that is buffered and returns when it is committed.
func (t *task) drain(ctx context.Context) error {
	for {
		t.await(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.failure.buffer != nil {
			if err := t.recover(ctx); err != nil {
				return err
			}
			continue
		}
		if t.cur.empty() {
			return nil
		}
		t.submit(ctx)
	}
}

// PreCommit writes what is buffered. Where that fails it returns the positions up
// to which rows are committed; the next Put deals with the failure.
func (t *task) PreCommit(ctx context.Context, offsets map[connect.TopicPartition]int64) (map[connect.TopicPartition]int64, error) {
	err := t.drain(ctx)
	if err == nil {
		return offsets, nil
	}
	t.log.Debug("offsets are held back", "err", err)
	safe := make(map[connect.TopicPartition]int64, len(offsets))
	for tp, offset := range offsets {
		for _, b := range []*buffer{t.failure.buffer, t.inflight, t.cur} {
			if b == nil {
				continue
			}
			if first, ok := b.first[tp]; ok {
				offset = min(offset, first)
			}
		}
		safe[tp] = offset
	}
	return safe, nil
}

// Open has nothing to do: tables are looked up with their first record.
func (t *task) Open(context.Context, []connect.TopicPartition) error { return nil }

// Close drops rows of partitions that go: PreCommit was their last chance, and
// whoever has them next reads them again.
func (t *task) Close(ctx context.Context, tps []connect.TopicPartition) error {
	t.await(ctx)
	t.resume = resume{}
	for _, b := range []*buffer{t.failure.buffer, t.cur} {
		if b == nil {
			continue
		}
		for _, tp := range tps {
			b.drop(tp)
		}
	}
	return nil
}

// Stop ends the writer and the connection.
func (t *task) Stop() error {
	if t.jobs == nil {
		return nil // Start failed
	}
	close(t.jobs)
	if t.inflight != nil {
		t.finished(<-t.done) // ends with the context at the latest
	}
	for _, b := range []*buffer{t.failure.buffer, t.cur} {
		if b != nil {
			b.release()
		}
	}
	if t.session != nil {
		t.session.Close()
	}
	return nil
}

// connect opens the session unless there is one.
func (t *task) connect(ctx context.Context) error {
	if t.session != nil && !t.session.Closed() {
		return nil
	}
	s, err := postgres.Connect(ctx, t.set.target, t.set.zone)
	if err != nil {
		return err
	}
	t.session = s
	return nil
}

func topicPartition(r *connect.Record) connect.TopicPartition {
	if r.OriginalTopic != "" {
		return connect.TopicPartition{Topic: r.OriginalTopic, Partition: r.OriginalPartition}
	}
	return connect.TopicPartition{Topic: r.Topic, Partition: r.Partition}
}

// recordError is an error of one record.
type recordError struct{ err error }

func (e *recordError) Error() string { return e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

func isRecordError(err error) bool {
	var e *recordError
	return errors.As(err, &e)
}

// now is the clock of retries.
func now() time.Time { return time.Now() }
