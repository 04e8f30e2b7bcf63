package jdbc

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// Bounds of what is written in one transaction.
const (
	pooledRows  = 10000
	pooledBytes = 4 << 20
	// pooledRaw bounds what the records were before: with a schema in each of them
	// that is many times more than their rows.
	pooledRaw  = 8 << 20
	leastBytes = 256 << 10
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

	session *postgres.Session // the writer's while it writes
	cur     *buffer           // being filled
	handed  []*buffer         // given to the writer, oldest first; at most two
	free    []*buffer
	slot    chan *buffer  // filled buffers until the writer takes them; holds one
	done    chan written  // what the writer did; has room for all of handed
	again   chan struct{} // lets the writer go on after a failure
	quit    chan struct{} // closed by Stop
	ended   chan struct{} // closed by the writer

	orphans map[orphanKey]orphan
	opened  time.Time // when the task got its partitions

	failure  failure // of the buffer that could not be written
	resume   resume
	current  *connect.Batch        // the batch of the Put under way
	rejected []connect.RecordError // records of current
	maxRows  int
	maxBytes int
}

// written is the writer's result.
type written struct {
	buffer *buffer
	err    error
}

// resume is where to go on when a batch is offered again.
type resume struct {
	batch    *connect.Batch
	first    position // of the batch, which may have been recycled since
	count    int
	next     int
	rejected []connect.RecordError
}

// position is where a record is in Kafka.
type position struct {
	tp     connect.TopicPartition
	offset int64
}

func firstOf(b *connect.Batch) position {
	if b.Len() == 0 {
		return position{}
	}
	return position{topicPartition(&b.Records[0]), b.Records[0].Offset}
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
	t.orphans, t.opened = map[orphanKey]orphan{}, now()
	t.mappings, t.tables = map[mappingKey]*mapping{}, map[string]*table{}
	t.cur = newBuffer()
	t.maxRows, t.maxBytes = max(set.batch, pooledRows), pooledBytes
	if budget := ctx.ByteBudget(); budget > 0 {
		t.maxBytes = min(pooledBytes, max(budget/4, leastBytes))
	}
	t.slot, t.done = make(chan *buffer, 1), make(chan written, 2)
	t.again, t.quit, t.ended = make(chan struct{}), make(chan struct{}), make(chan struct{})
	ctx.Go(t.write)
	return nil
}

// Put encodes a batch and hands it to the writer.
func (t *task) Put(ctx context.Context, b *connect.Batch) error {
	t.current = b
	defer func() { t.current, t.rejected = nil, nil }()
	next := t.resumeAt(b)
	t.takeBack()
	if err := t.settle(ctx); err != nil {
		return t.postpone(b, next, err)
	}
	for ; next < b.Len(); next++ {
		if err := t.take(ctx, b, next); err != nil {
			return t.postpone(b, next, err)
		}
	}
	t.handOver(ctx)
	if err := t.reportOrphans(); err != nil {
		return err
	}
	if len(t.rejected) > 0 {
		slices.SortStableFunc(t.rejected, func(a, b connect.RecordError) int { return a.Index - b.Index })
		return &connect.BatchError{Failed: t.rejected}
	}
	return nil
}

// resumeAt returns where to go on with a batch that may have been offered before.
func (t *task) resumeAt(b *connect.Batch) int {
	r := t.resume
	t.resume = resume{}
	if r.batch != b || r.count != b.Len() || r.first != firstOf(b) {
		return 0
	}
	t.rejected = r.rejected
	return r.next
}

// postpone remembers how far a batch has been taken, for when it comes again.
func (t *task) postpone(b *connect.Batch, next int, err error) error {
	if connect.IsRetriable(err) {
		t.resume = resume{batch: b, first: firstOf(b), count: b.Len(), next: next, rejected: t.rejected}
	}
	return err
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
		if t.failure.buffer != nil {
			if err := t.recover(ctx); err != nil {
				return err
			}
		}
		t.takeBack()
		t.handOver(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(t.handed) == 0 && t.failure.buffer == nil && t.cur.empty() {
			return nil
		}
		if len(t.handed) > 0 {
			t.await(ctx)
		}
	}
}

// PreCommit writes what is buffered. Where that fails it returns the positions up
// to which rows are committed; the next Put deals with the failure.
func (t *task) PreCommit(ctx context.Context, offsets map[connect.TopicPartition]int64) (map[connect.TopicPartition]int64, error) {
	err := t.drain(ctx)
	if err != nil {
		t.log.Debug("offsets are held back", "err", t.shown(err))
	}
	safe := make(map[connect.TopicPartition]int64, len(offsets))
	for tp, offset := range offsets {
		for _, b := range t.buffers() {
			if first, ok := b.first[tp]; ok {
				offset = min(offset, first)
			}
		}
		safe[tp] = offset
	}
	for _, o := range t.orphans {
		tp := topicPartition(o.record)
		if offset, ok := safe[tp]; ok {
			safe[tp] = min(offset, o.record.Offset)
		}
	}
	return safe, nil
}

// buffers returns all that hold rows.
func (t *task) buffers() []*buffer {
	all := append([]*buffer{t.cur}, t.handed...)
	if t.failure.buffer != nil {
		all = append(all, t.failure.buffer)
	}
	return all
}

// Open notes the time: records from before may have been read already.
func (t *task) Open(context.Context, []connect.TopicPartition) error {
	t.opened = now()
	return nil
}

// Close drops rows of partitions that go: PreCommit was their last chance, and
// whoever has them next reads them again.
func (t *task) Close(ctx context.Context, tps []connect.TopicPartition) error {
	t.resume = resume{}
	t.takeBack()
	for len(t.handed) > 0 && ctx.Err() == nil {
		t.await(ctx)
	}
	for _, tp := range tps {
		for _, b := range t.buffers() {
			b.drop(tp)
		}
		t.dropOrphans(tp)
	}
	return nil
}

// Stop ends the writer and the connection.
func (t *task) Stop() error {
	if t.quit == nil {
		return nil // Start failed
	}
	close(t.quit)
	select {
	case <-t.ended:
	case <-time.After(grace): // a writer that hangs keeps its connection and buffers
		return errors.New("the database does not answer; the connection is left to its fate")
	}
	t.poll()
	for _, b := range t.buffers() {
		b.release()
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
