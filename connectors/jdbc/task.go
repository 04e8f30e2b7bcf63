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

// grace is how long a transaction may go on when the task is told to stop.
const grace = 5 * time.Second

// write is the writer. It ends with the task's context or when the task stops.
// After a failure it waits, since later rows must not overtake those that failed.
func (t *task) write(ctx context.Context) error {
	defer close(t.ended)
	// A transaction under way when the task stops is brought to its end.
	writing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	for {
		var b *buffer
		select {
		case <-ctx.Done():
			return nil
		case <-t.quit:
			return nil
		case b = <-t.slot:
		}
		err := t.writeBuffer(writing, b)
		t.done <- written{b, err}
		if err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.quit:
			return nil
		case <-t.again:
		}
	}
}

func (t *task) writeBuffer(ctx context.Context, b *buffer) error {
	if len(b.entries) == 0 {
		return nil
	}
	if err := t.connect(ctx); err != nil {
		return err
	}
	return t.session.Write(ctx, b.work(nil))
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

// takeBack makes the buffer that the writer has not begun the current one again:
// what is put while the writer is busy goes into one transaction.
func (t *task) takeBack() {
	if !t.cur.empty() {
		return
	}
	select {
	case b := <-t.slot:
		t.handed = t.handed[:len(t.handed)-1]
		t.free = append(t.free, t.cur)
		t.cur = b
	default:
	}
}

// handOver gives the current buffer to the writer, who takes it when it is done
// with the one before. A full buffer waits for that.
func (t *task) handOver(ctx context.Context) {
	if t.cur.empty() || t.failure.buffer != nil {
		return
	}
	full := len(t.cur.entries) >= t.maxRows || len(t.cur.data) >= t.maxBytes
	for len(t.handed) == cap(t.done) && ctx.Err() == nil {
		t.await(ctx)
	}
	if t.failure.buffer != nil || ctx.Err() != nil {
		return
	}
	b := t.cur
	t.handed, t.cur = append(t.handed, b), t.freeBuffer()
	select {
	case t.slot <- b: // at most a moment: handed had room, so the writer takes what is there
	case <-t.ended:
		t.finished(written{b, t.writeBuffer(ctx, b)})
		return
	}
	if full && len(t.handed) > 1 {
		t.await(ctx)
	}
}

func (t *task) freeBuffer() *buffer {
	if n := len(t.free); n > 0 {
		b := t.free[n-1]
		t.free = t.free[:n-1]
		return b
	}
	return newBuffer()
}

// await waits for the writer's next result. Once the task's context has ended
// there is no writer; what is left is written here, for the last PreCommit.
func (t *task) await(ctx context.Context) {
	select {
	case w := <-t.done:
		t.finished(w)
		return
	case <-ctx.Done():
		return
	case <-t.ended:
	}
	if t.poll(); len(t.handed) == 0 || t.failure.buffer != nil {
		return
	}
	b := <-t.slot
	t.finished(written{b, t.writeBuffer(ctx, b)})
}

// poll takes the writer's results as far as there are.
func (t *task) poll() {
	for len(t.handed) > 0 {
		select {
		case w := <-t.done:
			t.finished(w)
		default:
			return
		}
	}
}

func (t *task) finished(w written) {
	t.handed = append(t.handed[:0], t.handed[1:]...)
	if w.err != nil {
		t.failure.buffer, t.failure.err = w.buffer, w.err
		t.takeBack()
		return
	}
	t.recycle(w.buffer)
	t.failure.reset()
}

func (t *task) recycle(b *buffer) {
	b.release()
	t.free = append(t.free, b)
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
