package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/postgrestest"
)

// harness runs a task as the worker does: it polls, acknowledges and commits.
type harness struct {
	t     testing.TB
	props map[string]string

	mu        sync.Mutex
	records   []*connect.Record
	stored    map[string]any // the durable offset
	history   []map[string]any
	err       error
	logs      *logBuffer
	holdAcks  bool // nothing becomes durable
	waitAcks  []connect.CommittedOffset
	requested int
	limit     int // records after which no more is taken; 0: no limit

	cancel context.CancelFunc
	ended  chan struct{}
	task   *Task
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if os.Getenv("LEAT_TEST_LOG") != "" {
		_, _ = os.Stderr.Write(p)
	}
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var _ io.Writer = (*logBuffer)(nil)

func newHarness(t testing.TB, pg *postgrestest.Server, db string, props map[string]string) *harness {
	all := map[string]string{
		"name": db, "connector.class": Class, "database.hostname": pg.Host, "database.port": fmt.Sprint(pg.Port),
		"database.user": pg.User, "database.password": pg.Password, "database.dbname": db, "topic.prefix": db,
		"plugin.name": "pgoutput", "slot.name": db, "publication.name": db + "_pub",
	}
	maps.Copy(all, props)
	h := &harness{t: t, props: all, logs: &logBuffer{}}
	t.Cleanup(func() {
		h.stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", db, h.logs.String())
		}
	})
	return h
}

// sourceContext is what the harness offers the task.
type sourceContext struct {
	h   *harness
	ctx context.Context
	wg  *sync.WaitGroup
	log *slog.Logger
}

func (c *sourceContext) Context() context.Context      { return c.ctx }
func (c *sourceContext) Connector() string             { return c.h.props["name"] }
func (c *sourceContext) Task() int                     { return 0 }
func (c *sourceContext) Logger() *slog.Logger          { return c.log }
func (c *sourceContext) Offsets() connect.OffsetReader { return durable{c.h} }
func (c *sourceContext) RequestCommit() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.requested++
}
func (c *sourceContext) Fail(err error)  { c.h.fail(err) }
func (c *sourceContext) ByteBudget() int { return 16 << 20 }
func (c *sourceContext) Go(fn func(ctx context.Context) error) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		if err := fn(c.ctx); err != nil && c.ctx.Err() == nil {
			c.h.fail(err)
		}
	}()
}

// durable reads what is durable.
type durable struct{ h *harness }

func (d durable) Offsets(context.Context, ...*connect.Partition) ([]map[string]any, error) {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	return []map[string]any{maps.Clone(d.h.stored)}, nil
}

func (h *harness) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
	}
}

// start starts the task; after stop it goes on from what is durable.
func (h *harness) start() *harness {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel, h.ended, h.err = cancel, make(chan struct{}), nil
	var wg sync.WaitGroup
	sc := &sourceContext{h: h, ctx: ctx, wg: &wg, log: slog.New(slog.NewTextHandler(h.logs, nil))}
	h.task = &Task{}
	if err := h.task.Start(sc, h.props); err != nil {
		h.err = err
		close(h.ended)
		return h
	}
	go func() {
		defer close(h.ended)
		h.poll(ctx, h.task)
		if err := h.task.Stop(); err != nil {
			h.fail(err)
		}
		cancel()
		wg.Wait()
	}()
	return h
}

func (h *harness) poll(ctx context.Context, task *Task) {
	b := connect.NewBatch(10000, 8<<20, nil)
	for ctx.Err() == nil {
		if h.limit > 0 && len(h.records) >= h.limit {
			<-ctx.Done()
			return
		}
		err := task.Poll(ctx, b)
		if err != nil {
			if ctx.Err() == nil && !connect.IsRetriable(err) {
				h.fail(err)
				return
			}
			b.Reset()
			continue
		}
		if b.Len() > 0 {
			h.deliver(task, b)
		}
		b.Reset()
	}
}

// deliver keeps the records and makes the offset durable.
func (h *harness) deliver(task *Task, b *connect.Batch) {
	h.mu.Lock()
	for i := range b.Records {
		if !b.Records[i].OffsetOnly() {
			h.records = append(h.records, b.Records[i].Clone())
		}
	}
	last := b.Records[b.Len()-1]
	done := []connect.CommittedOffset{{Partition: last.SourcePartition, Offset: last.SourceOffset}}
	// What is held are records: a mark that no record precedes becomes durable.
	if h.holdAcks && (len(h.waitAcks) > 0 || !last.OffsetOnly() || b.Len() > 1) {
		h.waitAcks = append(h.waitAcks, done...)
		h.mu.Unlock()
		return
	}
	h.storeLocked(last.SourceOffset)
	h.mu.Unlock()
	task.OffsetsCommitted(done)
}

// hold keeps records from becoming durable, or releases those that were held.
func (h *harness) hold(on bool) {
	h.mu.Lock()
	h.holdAcks = on
	waiting := h.waitAcks
	h.waitAcks = nil
	for _, o := range waiting {
		h.storeLocked(o.Offset)
	}
	h.mu.Unlock()
	if len(waiting) > 0 {
		h.task.OffsetsCommitted(waiting)
	}
}

func (h *harness) requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requested
}

func (h *harness) storeLocked(o connect.Offset) {
	h.stored = o.OffsetMap()
	h.history = append(h.history, h.stored)
}

// patience bounds every wait; a busy machine needs a small part of it.
const patience = 2 * time.Minute

// stop ends the task gracefully.
func (h *harness) stop() {
	if h.cancel == nil {
		return
	}
	h.cancel()
	select {
	case <-h.ended:
	case <-time.After(patience):
		h.t.Error("the task did not end")
	}
	h.cancel = nil
}

// await waits until cond holds of the records so far.
func (h *harness) await(what string, cond func(rs []*connect.Record) bool) []*connect.Record {
	h.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		h.mu.Lock()
		rs, err := h.records, h.err
		h.mu.Unlock()
		if cond(rs) {
			return rs
		}
		if err != nil {
			h.t.Fatalf("waiting for %s: the task failed: %v", what, err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	h.t.Fatalf("waiting for %s: timeout; %d records:\n%s", what, len(h.records), h.show())
	return nil
}

// awaitError waits until the task fails.
func (h *harness) awaitError() error {
	h.t.Helper()
	select {
	case <-h.ended:
		return h.err
	case <-time.After(patience):
		h.t.Fatal("the task did not fail")
	}
	return nil
}

func (h *harness) awaitLen(n int) []*connect.Record {
	h.t.Helper()
	return h.await(fmt.Sprintf("%d records", n), func(rs []*connect.Record) bool { return len(rs) >= n })
}

func (h *harness) show() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, r := range h.records {
		fmt.Fprintln(&b, describe(r))
	}
	return b.String()
}

// describe is a short form: topic op key before after.
func describe(r *connect.Record) string {
	if r.Value.IsNull() {
		return fmt.Sprintf("%s tombstone %s", r.Topic, plain(r.Key))
	}
	v := r.Value.Struct()
	op, ok := v.Lookup("op")
	if !ok {
		return fmt.Sprintf("%s %s %s", r.Topic, plain(r.Key), plain(r.Value))
	}
	before, _ := v.Lookup("before")
	after, _ := v.Lookup("after")
	return fmt.Sprintf("%s %s %s %s -> %s", r.Topic, op.Str(), plain(r.Key), plain(before), plain(after))
}

func offsetJSON(m map[string]any) string {
	b, _ := json.Marshal(m)
	return string(b)
}
