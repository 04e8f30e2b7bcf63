package wire

import (
	"context"
	"sync"
	"time"
)

// queue carries spans from the goroutine that reads to the one that decodes,
// bounded by bytes and messages. One span is always let in.
type queue struct {
	maxBytes, maxMessages int

	mu       sync.Mutex // guards the fields below
	spans    []span     // from head on
	head     int
	bytes    int
	messages int
	err      error // set once, after the last span

	timer  *time.Timer   // of the taker
	filled chan struct{} // holds a token when there may be something to take
	freed  chan struct{} // holds a token when there may be room
}

type span struct {
	data     []byte
	messages int
}

func newQueue(maxBytes, maxMessages int) *queue {
	return &queue{maxBytes: maxBytes, maxMessages: maxMessages, filled: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// offer adds a span if there is room.
func (q *queue) offer(s span) bool {
	q.mu.Lock()
	full := q.head < len(q.spans) && (q.bytes+len(s.data) > q.maxBytes || q.messages+s.messages > q.maxMessages)
	if !full {
		q.spans = append(q.spans, s)
		q.bytes += len(s.data)
		q.messages += s.messages
	}
	q.mu.Unlock()
	if !full {
		signal(q.filled)
	}
	return !full
}

// fail ends the queue: takers get err after the last span.
func (q *queue) fail(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	q.mu.Unlock()
	signal(q.filled)
}

// poll takes a span without waiting.
func (q *queue) poll() ([]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.spans) {
		return nil, q.err
	}
	s := q.spans[q.head]
	q.spans[q.head] = span{}
	if q.head++; q.head == len(q.spans) {
		q.spans, q.head = q.spans[:0], 0
	}
	q.bytes -= len(s.data)
	q.messages -= s.messages
	signal(q.freed)
	return s.data, nil
}

// take waits for a span, for so long; nil without error when none came.
func (q *queue) take(ctx context.Context, wait time.Duration) ([]byte, error) {
	if q.timer == nil {
		q.timer = time.NewTimer(wait)
	} else {
		q.timer.Reset(wait)
	}
	defer q.timer.Stop()
	for {
		if s, err := q.poll(); s != nil || err != nil {
			return s, err
		}
		select {
		case <-q.filled:
		case <-q.timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (q *queue) buffered() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
