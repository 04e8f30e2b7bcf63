// Package logtail keeps the last log lines of each connector in memory, so that
// the REST API and the command line can show them. A [Tail] wraps the program's
// slog handler: a record whose attributes hold "connector" (on the record or on
// its logger) is also kept under that name. Memory is bounded by the number of
// connectors kept and lines a connector.
package logtail

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// Lines is how many lines of a connector are kept.
	Lines = 500
	// Connectors is how many connectors' lines are kept; the one that was silent
	// longest goes first.
	Connectors = 1000
	// ConnectorKey is the attribute that names the connector.
	ConnectorKey = "connector"
)

// Line is one log record as text, without a line end.
type Line struct {
	Seq  uint64    `json:"seq"` // ascends over all connectors
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// Tail keeps lines. It is safe for concurrent use.
type Tail struct {
	mu    sync.Mutex // guards the rest
	seq   uint64
	rings map[string]*ring
	more  chan struct{} // closed and replaced when a line comes
}

type ring struct {
	lines []Line // oldest first
}

// New returns an empty Tail.
func New() *Tail { return &Tail{rings: map[string]*ring{}, more: make(chan struct{})} }

// Lines returns the kept lines of a connector after sequence number after, oldest
// first, and a channel that is closed when a further line of any connector comes.
func (t *Tail) Lines(connector string, after uint64) ([]Line, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Line
	if r := t.rings[connector]; r != nil {
		for _, l := range r.lines {
			if l.Seq > after {
				out = append(out, l)
			}
		}
	}
	return out, t.more
}

func (t *Tail) add(connector string, at time.Time, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rings[connector]
	if r == nil {
		t.makeRoomLocked()
		r = &ring{}
		t.rings[connector] = r
	}
	t.seq++
	if len(r.lines) == Lines {
		r.lines = append(r.lines[:0], r.lines[1:]...)
	}
	r.lines = append(r.lines, Line{t.seq, at, text})
	close(t.more)
	t.more = make(chan struct{})
}

func (t *Tail) makeRoomLocked() {
	if len(t.rings) < Connectors {
		return
	}
	oldest, seq := "", uint64(1<<64-1)
	for name, r := range t.rings {
		if last := r.lines[len(r.lines)-1].Seq; last < seq {
			oldest, seq = name, last
		}
	}
	delete(t.rings, oldest)
}

// Handler returns a handler that passes every record on to next and keeps those
// of connectors.
func (t *Tail) Handler(next slog.Handler) slog.Handler { return newHandler(t, next) }

type handler struct {
	next      slog.Handler
	tail      *Tail
	connector string
	text      *renderer
}

// renderer turns records into text: a text handler with the same attributes and
// groups as next, writing into a buffer of its own.
type renderer struct {
	mu  *sync.Mutex // guards buf, which the handlers derived from one another share
	buf *bytes.Buffer
	h   slog.Handler
}

func newHandler(t *Tail, next slog.Handler) *handler {
	buf := &bytes.Buffer{}
	h := slog.NewTextHandler(buf, &slog.HandlerOptions{Level: slog.LevelDebug - 4, ReplaceAttr: dropConnector})
	return &handler{next: next, tail: t, text: &renderer{mu: &sync.Mutex{}, buf: buf, h: h}}
}

func dropConnector(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == ConnectorKey {
		return slog.Attr{}
	}
	return a
}

func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	connector := h.connector
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == ConnectorKey {
			connector = a.Value.String()
		}
		return true
	})
	if connector != "" {
		h.tail.add(connector, r.Time, h.text.render(ctx, r))
	}
	return h.next.Handle(ctx, r)
}

func (t *renderer) render(ctx context.Context, r slog.Record) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Reset()
	_ = t.h.Handle(ctx, r) // a bytes.Buffer takes every write
	return string(bytes.TrimRight(t.buf.Bytes(), "\n"))
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == ConnectorKey {
			c.connector = a.Value.String()
		}
	}
	c.next = h.next.WithAttrs(attrs)
	c.text = &renderer{h.text.mu, h.text.buf, h.text.h.WithAttrs(attrs)}
	return &c
}

func (h *handler) WithGroup(name string) slog.Handler {
	c := *h
	c.next = h.next.WithGroup(name)
	c.text = &renderer{h.text.mu, h.text.buf, h.text.h.WithGroup(name)}
	return &c
}
