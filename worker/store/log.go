package store

import (
	"context"
	"sync"
	"time"
)

// Record is one entry of a Log. A nil Value is a tombstone.
type Record struct {
	Key, Value []byte
	Offset     int64
	Time       time.Time
}

// Log is an ordered sequence of keyed records of which the last one a key
// counts. Its methods are safe for concurrent use.
type Log interface {
	// Start reads all there is, calling apply for each record in order, and
	// returns when it has reached the end; apply goes on being called, by one
	// goroutine at a time, for what comes later. Start is called once.
	Start(ctx context.Context, apply func(Record)) error
	// Append writes records in order and returns when all are durable. After
	// an error some of them may have been written.
	Append(ctx context.Context, recs ...Record) error
	// AppendAsync queues a record and calls done (which may be nil and must
	// not block) with its outcome. Calls keep their order.
	AppendAsync(rec Record, done func(error))
	// Sync waits until all that was appended by anybody before the call has
	// been applied.
	Sync(ctx context.Context) error
	// Close ends the log; queued records are written first, for a moment.
	Close()
}

// MemLog is a Log in memory: the config and status store of standalone mode.
type MemLog struct {
	mu    sync.Mutex // guards apply and next, and serializes apply
	apply func(Record)
	next  int64
}

var _ Log = (*MemLog)(nil)

// Start implements Log.
func (l *MemLog) Start(_ context.Context, apply func(Record)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apply = apply
	return nil
}

// Append implements Log.
func (l *MemLog) Append(_ context.Context, recs ...Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range recs {
		r.Offset, r.Time = l.next, time.Now()
		l.next++
		l.apply(r)
	}
	return nil
}

// AppendAsync implements Log.
func (l *MemLog) AppendAsync(rec Record, done func(error)) {
	err := l.Append(context.Background(), rec)
	if done != nil {
		done(err)
	}
}

// Sync implements Log.
func (l *MemLog) Sync(context.Context) error { return nil }

// Close implements Log.
func (l *MemLog) Close() {}
