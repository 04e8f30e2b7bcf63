package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// Record is one record of a state partition. A nil Value is a tombstone.
type Record struct {
	Key   []byte
	Value []byte
}

// Batch is what is appended as one record batch. ProducerID is -1 except for
// records that belong to a transaction.
type Batch struct {
	Records       []Record
	ProducerID    int64
	ProducerEpoch int16
	// Marker ends the producer's transaction; there are no records then.
	Marker *Marker
}

// Marker is how a transaction ended.
type Marker struct {
	Commit           bool
	CoordinatorEpoch int32
}

// Entry is one replayed record, or with Marker set the end of a transaction.
// Key and Value are valid during the call only.
type Entry struct {
	Key, Value    []byte
	Timestamp     int64 // ms
	ProducerID    int64
	ProducerEpoch int16
	Transactional bool
	Marker        bool
	Commit        bool
}

// Log is one partition of the state topic. The Loop is its only caller.
type Log interface {
	// Append writes batches in order and returns when all are committed.
	Append(ctx context.Context, batches []Batch) error
	// Replay calls fn for every committed record and marker in order.
	Replay(ctx context.Context, fn func(Entry) error) error
}

// State is the memory of one partition. All its methods run on the Loop.
type State interface {
	// Replay takes in one record of the log. UnknownKind is an error that the
	// Loop passes over.
	Replay(Entry) error
	// Loaded is called once when the log is replayed; the State arms its
	// timers and repairs what was cut short.
	Loaded(*Tx)
	// Abandon answers everything that is parked with err. The State is not
	// used afterwards.
	Abandon(err error)
}

// UnknownKind is what a State answers to a record with a key of a kind (its
// version) that it does not know: a program that has more features was here
// and went. As in Kafka such records are no obstacle and stay in the log. A
// known kind with a value of an unknown version is one: what it says counts.
type UnknownKind int16

func (k UnknownKind) Error() string { return fmt.Sprintf("record of unknown kind %d", int16(k)) }

// ErrStopped answers events of a loop that has ended.
var ErrStopped = errors.New("coordinator has stopped")

// ErrLoading says that the log is being replayed still.
var ErrLoading = errors.New("coordinator is loading")

// roundLimit bounds the events whose records share one flush.
const roundLimit = 512

// Loop runs one State. Do is safe for concurrent use.
type Loop[S State] struct {
	log    Log
	fresh  func() S
	logger *slog.Logger
	queue  chan event[S]
	done   chan struct{}
	state  S
	timers timers
	loaded atomic.Int64 // nanoseconds that the last load took plus 1; 0 while it goes on
	// replaying is open while the log is read, and closed when it has been, or
	// turned out to be unreadable.
	replaying atomic.Pointer[chan struct{}]
	quit      context.Context // ends with Stop
	stop      context.CancelFunc
	loading   Trouble
	writing   Trouble
}

type event[S State] func(tx *Tx, s S)

// NewLoop returns a loop over log; fresh makes an empty State.
func NewLoop[S State](log Log, fresh func() S, logger *slog.Logger) *Loop[S] {
	l := &Loop[S]{log: log, fresh: fresh, logger: logger, queue: make(chan event[S], roundLimit), done: make(chan struct{})}
	replaying := make(chan struct{})
	l.replaying.Store(&replaying)
	l.quit, l.stop = context.WithCancel(context.Background())
	return l
}

// Stop ends the loop and does not wait for it: the partition is gone, or led
// by another broker.
func (l *Loop[S]) Stop() { l.stop() }

// Ready waits for a replay that is under way, no longer than patience: then it
// is ErrLoading. A loop whose log cannot be read is ready: its events fail.
func (l *Loop[S]) Ready(ctx context.Context, patience time.Duration) error {
	replayed := *l.replaying.Load()
	select {
	case <-replayed:
		return nil
	default:
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-replayed:
		return nil
	case <-l.done:
		return ErrStopped
	case <-limit.C:
		return ErrLoading
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Do queues an event. It fails only when the loop has ended or ctx has.
func (l *Loop[S]) Do(ctx context.Context, fn func(tx *Tx, s S)) error {
	select {
	case l.queue <- fn:
		return nil
	case <-l.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Queued is the number of events that wait.
func (l *Loop[S]) Queued() int { return len(l.queue) }

// LoadTime is how long it took to load the state; ok is false while that goes
// on.
func (l *Loop[S]) LoadTime() (d time.Duration, ok bool) {
	n := l.loaded.Load()
	return time.Duration(max(n-1, 0)), n > 0
}

// Done is closed when the loop has ended; events still queued then are never
// run.
func (l *Loop[S]) Done() <-chan struct{} { return l.done }

// Run replays the log and serves events until ctx ends, or Stop.
func (l *Loop[S]) Run(ctx context.Context) error {
	defer close(l.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.quit, cancel)()
	l.state = l.fresh() // for Abandon: load does nothing if ctx has ended already
	l.load(ctx)
	defer func() { l.state.Abandon(ErrStopped) }()
	wake := time.NewTimer(time.Hour)
	defer wake.Stop()
	for {
		if wait, armed := l.timers.next(); armed {
			wake.Reset(time.Until(wait))
		} else {
			wake.Stop()
		}
		var first event[S]
		select {
		case <-ctx.Done():
			return nil
		case first = <-l.queue:
		case <-wake.C:
		}
		if err := l.round(ctx, first); err != nil {
			if ctx.Err() == nil { // else the log may be gone with its topic
				l.writing.Failed(l.logger, "writing coordinator state", "err", err)
			}
			l.state.Abandon(err)
			l.load(ctx)
		}
	}
}

// reloadDelay is how long a loop waits before it tries again to load a log
// that cannot be read or written.
const reloadDelay = time.Second

// load replays the log into a fresh state, again and again until that works:
// a log dir that is offline or full may come back.
func (l *Loop[S]) load(ctx context.Context) {
	l.loaded.Store(0)
	began := time.Now()
	for ctx.Err() == nil {
		l.timers = nil
		l.state = l.fresh()
		err := l.replay(ctx)
		if err == nil {
			tx := l.begin()
			l.state.Loaded(tx)
			err = l.finish(ctx, tx)
		}
		if err == nil {
			l.loading.Over(l.logger, "coordinator state is loaded again")
			l.loaded.Store(int64(time.Since(began)) + 1)
			return
		}
		if ctx.Err() != nil {
			return
		}
		l.loading.Failed(l.logger, "loading coordinator state", "err", err)
		l.refuse(ctx, err)
	}
}

// refuse fails the events that come until it is time to load again: they run
// on a state that is thrown away, as those of a round whose append failed.
// Clients look the coordinator up again and do not wait for a disk that may
// not come back.
func (l *Loop[S]) refuse(ctx context.Context, err error) {
	defer func() { l.state.Abandon(err) }()
	again := time.NewTimer(reloadDelay)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			return
		case fn := <-l.queue:
			tx := l.begin()
			fn(tx, l.state)
			for _, answer := range tx.after {
				answer(err)
			}
		}
	}
}

// replay fills the fresh state. Records of an unknown kind are counted, and told
// of once.
func (l *Loop[S]) replay(ctx context.Context) error {
	replayed := *l.replaying.Load()
	select {
	case <-replayed: // of the load before
		replayed = make(chan struct{})
		l.replaying.Store(&replayed)
	default:
	}
	defer close(replayed)
	unknown := map[UnknownKind]int{}
	err := l.log.Replay(ctx, func(e Entry) error {
		err := l.state.Replay(e)
		if kind := UnknownKind(0); errors.As(err, &kind) {
			unknown[kind]++
			return nil
		}
		return err
	})
	for _, kind := range slices.Sorted(maps.Keys(unknown)) {
		l.logger.Warn("ignoring records of an unknown kind; a newer program may have written them", "kind", int16(kind), "records", unknown[kind])
	}
	return err
}

func (l *Loop[S]) begin() *Tx { return &Tx{Now: time.Now(), timers: &l.timers} }

// round runs the events at hand and the timers that are due, then commits.
func (l *Loop[S]) round(ctx context.Context, first event[S]) error {
	tx := l.begin()
	if first != nil {
		first(tx, l.state)
	}
	l.timers.fire(tx)
	for n := 1; n < roundLimit; n++ {
		select {
		case fn := <-l.queue:
			fn(tx, l.state)
			continue
		default:
		}
		break
	}
	return l.finish(ctx, tx)
}

// finish commits the records of a round and lets its answers out.
func (l *Loop[S]) finish(ctx context.Context, tx *Tx) error {
	var err error
	if len(tx.batches) > 0 {
		// Not cut short by shutdown: what is appended is answered.
		if err = l.log.Append(context.WithoutCancel(ctx), tx.batches); err == nil {
			l.writing.Over(l.logger, "coordinator state is written again")
		}
	}
	for _, fn := range tx.after {
		fn(err)
	}
	return err
}

// Tx collects what the events of one round do. It is valid during the call
// that receives it.
type Tx struct {
	// Now is the time of the round.
	Now     time.Time
	batches []Batch
	after   []func(error)
	timers  *timers
}

// NewTx returns a Tx outside any loop, for tests of a State.
func NewTx(now time.Time) *Tx { return &Tx{Now: now, timers: &timers{}} }

// Write adds records outside a transaction.
func (tx *Tx) Write(records ...Record) { tx.WriteAs(-1, -1, records...) }

// WriteAs adds records of a producer's transaction.
func (tx *Tx) WriteAs(producerID int64, producerEpoch int16, records ...Record) {
	if len(records) == 0 {
		return
	}
	if n := len(tx.batches); n > 0 {
		last := &tx.batches[n-1]
		if last.Marker == nil && last.ProducerID == producerID && last.ProducerEpoch == producerEpoch && len(last.Records) < batchLimit {
			last.Records = append(last.Records, records...)
			return
		}
	}
	tx.batches = append(tx.batches, Batch{Records: records, ProducerID: producerID, ProducerEpoch: producerEpoch})
}

// WriteMarker ends a producer's transaction on this partition.
func (tx *Tx) WriteMarker(producerID int64, producerEpoch int16, m Marker) {
	tx.batches = append(tx.batches, Batch{ProducerID: producerID, ProducerEpoch: producerEpoch, Marker: &m})
}

// batchLimit bounds the records of one batch.
const batchLimit = 1000

// After runs fn once the round is committed, or with the error that kept it
// from being so. Answers are sent from here.
func (tx *Tx) After(fn func(err error)) { tx.after = append(tx.after, fn) }

// Commit ends a round outside any loop, for tests of a State: it returns what
// was written and lets the answers out.
func (tx *Tx) Commit() []Batch {
	batches, after := tx.batches, tx.after
	tx.batches, tx.after = nil, nil
	for _, fn := range after {
		fn(nil)
	}
	return batches
}
