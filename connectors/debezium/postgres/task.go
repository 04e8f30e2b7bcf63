package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/debezium/event"
)

// Task captures the changes of one database.
type Task struct {
	ctx         connect.SourceContext
	log         *slog.Logger
	cfg         *settings
	application string
	partition   *connect.Partition
	emitter     emitter
	progress    progress
	heartbeat   event.Heartbeat
	retry       retry

	// Of the current connection.
	session       *session
	exporter      *session // holds the snapshot exported with a new slot
	catalogue     catalogue
	publication   publicationState
	version       int   // server_version_num
	senderTimeout int64 // wal_sender_timeout in ms, 0 for none

	warned map[string]bool // what warnOnce has said

	phase       phase         // nil: prepare
	turn        chan struct{} // held by Poll and Stop: what is above is theirs
	lastRequest time.Time
}

var (
	_ connect.SourceTask      = (*Task)(nil)
	_ connect.OffsetCommitter = (*Task)(nil)
)

// phase is a part of the task's life. poll adds records and returns the phase
// that follows it, nil while it goes on.
type phase interface {
	poll(ctx context.Context, b *connect.Batch) (phase, error)
	// recover returns the phase that takes over after a lost connection; nil
	// means prepare.
	recover() phase
	close()
}

// Start reads the configuration. The server is first met by Poll.
func (t *Task) Start(ctx connect.SourceContext, props map[string]string) error {
	cfg, err := parse(props)
	if err != nil {
		return err
	}
	t.ctx, t.cfg, t.log, t.turn = ctx, cfg, ctx.Logger(), make(chan struct{}, 1)
	t.application = "leat " + ctx.Connector()
	t.partition = connect.NewPartition(map[string]any{"server": cfg.Prefix})
	t.emitter = emitter{cfg: cfg, partition: t.partition, headers: headersFor(cfg, ctx.Task())}
	t.heartbeat = event.Heartbeat{Topic: cfg.heartbeatTopic(), Server: cfg.Prefix, Interval: millis(int64(cfg.HeartbeatInterval))}
	t.retry = retry{max: cfg.MaxRetries, limit: max(millis(cfg.RestartWait), firstRetry)}
	return nil
}

func headersFor(cfg *settings, task int) *event.Headers {
	if !cfg.ExtendedHeaders {
		return &event.Headers{}
	}
	return event.NewHeaders(cfg.Prefix, "postgresql", task, uuid.NewString())
}

func (s *settings) heartbeatTopic() string {
	switch {
	case s.HeartbeatTopic != "":
		return s.HeartbeatTopic
	case s.HeartbeatTopicPrefix != "":
		return event.TopicName(s.Delimiter, s.HeartbeatTopicPrefix, s.Prefix)
	}
	return event.TopicName(s.Delimiter, s.HeartbeatPrefix, s.Prefix)
}

const idleWait = time.Second // longest Poll without a record

// pollInterval is how long Poll waits for a change.
func (t *Task) pollInterval() time.Duration {
	return min(millis(t.cfg.PollInterval), idleWait)
}

// Poll runs the phases.
func (t *Task) Poll(ctx context.Context, b *connect.Batch) error {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if wait := t.retry.wait(); wait > 0 {
		return sleep(ctx, min(wait, idleWait))
	}
	t.emitter.now = time.Now()
	next, err := t.step(ctx, b)
	if err != nil {
		return t.failed(ctx, b, err)
	}
	if b.Len() > 0 {
		t.retry.reset()
	}
	if next != nil {
		if t.phase != nil {
			t.phase.close()
		}
		t.phase = next
	}
	return nil
}

func (t *Task) step(ctx context.Context, b *connect.Batch) (phase, error) {
	if t.phase == nil {
		return t.prepare(ctx)
	}
	return t.phase.poll(ctx, b)
}

// failed answers an error of a phase: a lost connection is opened again, with
// records that were read before it passed on. Others fail the task.
func (t *Task) failed(ctx context.Context, b *connect.Batch, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !transient(err) {
		return err
	}
	if !t.retry.failed() {
		return fmt.Errorf("giving up after %d retries (errors.max.retries): %w", t.cfg.MaxRetries, err)
	}
	if t.retry.worthLogging() {
		t.log.Warn("lost the connection to PostgreSQL, connecting again", "error", err, "attempt", t.retry.attempts, "pause", t.retry.wait())
	}
	if t.phase != nil {
		next := t.phase.recover()
		t.phase.close()
		t.phase = next
	}
	t.closeSession()
	return nil // records of b, if any, are whole
}

// warnOnce warns of a table, but not again when prepare looks at it again: after
// the mark of a first snapshot and after every lost connection.
func (t *Task) warnOnce(table, msg string) {
	said := table + "\x00" + msg
	if t.warned[said] {
		return
	}
	if t.warned == nil {
		t.warned = map[string]bool{}
	}
	t.warned[said] = true
	t.log.Warn(msg, "table", table)
}

// OffsetsCommitted confirms to the server what is durable.
func (t *Task) OffsetsCommitted(offsets []connect.CommittedOffset) {
	for _, o := range offsets {
		if p, ok := o.Offset.(*position); ok {
			t.progress.done(p.seq)
		}
	}
}

// requestCommit asks for an offset commit, at most once a second, while something
// waits to become durable.
func (t *Task) requestCommit(waiting bool) {
	if now := t.emitter.now; waiting && now.Sub(t.lastRequest) >= time.Second {
		t.lastRequest = now
		t.ctx.RequestCommit()
	}
}

// Stop waits for Poll, whose context has ended, and closes the connections.
func (t *Task) Stop() error {
	if t.cfg == nil {
		return nil // Start failed
	}
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	if t.phase != nil {
		t.phase.close()
		t.phase = nil
	}
	t.closeSession()
	if !t.cfg.DropSlot {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx.Context()), dropTimeout)
	defer cancel()
	s, err := t.cfg.dial(ctx, t.application)
	if err != nil {
		return fmt.Errorf("slot.drop.on.stop: %w", err)
	}
	return errors.Join(dropSlot(ctx, s, t.cfg.Slot), s.Close())
}

const dropTimeout = 5 * time.Second

func (t *Task) closeSession() {
	if t.session != nil {
		_ = t.session.Close() // nothing is pending on it
		t.session = nil
	}
	t.closeExporter()
}

func (t *Task) closeExporter() {
	if t.exporter != nil {
		_ = t.exporter.Close()
		t.exporter = nil
	}
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

const firstRetry = 200 * time.Millisecond

// retry paces reconnecting: pauses double up to a limit.
type retry struct {
	max      int // -1: no bound
	limit    time.Duration
	attempts int
	until    time.Time
	logged   time.Time
}

// worthLogging is true for the first failures and then once a minute.
func (r *retry) worthLogging() bool {
	if r.attempts > 3 && time.Since(r.logged) < time.Minute {
		return false
	}
	r.logged = time.Now()
	return true
}

// failed notes a failure and reports whether to try again.
func (r *retry) failed() bool {
	r.attempts++
	if r.max >= 0 && r.attempts > r.max {
		return false
	}
	r.until = time.Now().Add(min(r.limit, firstRetry<<min(r.attempts-1, 16)))
	return true
}

func (r *retry) reset() { r.attempts = 0 }

// pause makes wait last at least d.
func (r *retry) pause(d time.Duration) { r.until = time.Now().Add(d) }

// wait is how long to wait before the next try.
func (r *retry) wait() time.Duration {
	if r.until.IsZero() {
		return 0
	}
	return time.Until(r.until)
}

// idle is the phase of a connector that has nothing more to do.
type idle struct{}

func (*idle) poll(ctx context.Context, _ *connect.Batch) (phase, error) {
	return nil, sleep(ctx, idleWait)
}
func (*idle) recover() phase { return &idle{} }
func (*idle) close()         {}
