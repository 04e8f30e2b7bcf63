package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// streaming follows the slot.
type streaming struct {
	t      *Task
	resume wire.LSN      // where to start; 0: where the slot stands
	until  wire.LSN      // catch-up: stop behind here; 0: never
	state  snapshotState // of the offsets: running during a catch-up
	then   plan          // what follows a catch-up

	stream *wire.Stream
	cancel context.CancelFunc
	span   []byte // rest of what was taken from the stream
	tries  int    // while the slot is in use

	decoder decoder
}

// poll opens the stream and passes on what has come.
func (s *streaming) poll(ctx context.Context, b *connect.Batch) (phase, error) {
	t := s.t
	if t.session == nil {
		if err := t.openCatalogue(ctx); err != nil {
			return nil, err
		}
	}
	if s.stream == nil {
		if err := s.open(ctx); err != nil {
			return nil, s.busy(ctx, err)
		}
	}
	reached, err := s.fill(ctx, b)
	if err != nil {
		return nil, s.explain(err)
	}
	t.requestCommit(t.progress.waiting())
	if t.heartbeat.Due(t.emitter.now) {
		if err := s.beat(ctx, b); err != nil {
			return nil, err
		}
	}
	if !reached {
		return nil, nil
	}
	s.close()
	next := s.then
	next.resume = max(next.resume, s.decoder.passed)
	return &starting{t: t, plan: next}, nil
}

// starting takes the snapshot that follows a catch-up, in a Poll of its own.
type starting struct {
	t    *Task
	plan plan
}

func (s *starting) poll(ctx context.Context, _ *connect.Batch) (phase, error) {
	return s.t.startSnapshot(ctx, s.plan)
}
func (s *starting) recover() phase { return nil }
func (s *starting) close()         {}

// open starts the replication connection and the goroutine that owns it.
func (s *streaming) open(ctx context.Context) error {
	t := s.t
	repl, err := t.cfg.dialReplication(ctx, t.application)
	if err != nil {
		return err
	}
	options, err := t.pluginOptions()
	if err != nil {
		return errors.Join(err, repl.Close())
	}
	stream, err := repl.Stream(ctx, wire.StreamConfig{
		Slot: ident(t.cfg.Slot), Start: s.resume, Options: options, Status: t.statusInterval(),
		WriteTimeout: millis(t.cfg.FlushTimeout), MaxBytes: t.queueBytes(), MaxMessages: t.cfg.QueueSize,
	})
	if err != nil {
		return errors.Join(err, repl.Close())
	}
	run, cancel := context.WithCancel(t.ctx.Context())
	s.stream, s.cancel, s.span = stream, cancel, nil
	t.ctx.Go(func(context.Context) error {
		stream.Run(run)
		return nil // the error reaches Poll, which decides
	})
	if t.confirms() {
		t.progress.attach(stream)
	}
	s.decoder = decoder{t: t, state: s.state, commit: s.decoder.commit, passed: s.decoder.passed, last: s.decoder.last, tables: map[uint32]*table{}}
	if s.decoder.commit == 0 {
		s.decoder.commit = s.resume
	}
	if s.decoder.last == nil && s.resume != 0 { // for heartbeats before the first change
		s.decoder.last = &position{lsn: s.resume, lsnCommit: s.resume, micros: t.emitter.now.UnixMicro(), snapshot: s.state}
	}
	t.log.Info("streaming", "slot", t.cfg.Slot, "position", s.resume.String())
	return nil
}

// statusInterval is how often the server hears from us: well within its timeout.
func (t *Task) statusInterval() time.Duration {
	d := time.Duration(t.cfg.StatusInterval) * time.Millisecond
	if t.senderTimeout > 0 {
		d = min(d, time.Duration(t.senderTimeout)*time.Millisecond/3)
	}
	return max(d, 10*time.Millisecond)
}

const (
	minQueueBytes = 256 << 10
	maxQueueBytes = 16 << 20
)

// queueBytes is how much is read ahead.
func (t *Task) queueBytes() int {
	if n := t.cfg.QueueBytes; n > 0 {
		return int(n)
	}
	return min(max(t.ctx.ByteBudget()/4, minQueueBytes), maxQueueBytes)
}

// confirms says whether positions are confirmed to the server (lsn.flush.mode).
func (t *Task) confirms() bool {
	return !strings.EqualFold(t.cfg.FlushMode, "manual") && t.cfg.FlushSource
}

// busy handles a slot that another connection uses: after a crash of ours the
// server needs a moment to notice.
func (s *streaming) busy(ctx context.Context, err error) error {
	t := s.t
	if !slotBusy(err) {
		return s.explain(err)
	}
	delay := millis(t.cfg.SlotRetryDelay)
	pause := min(firstRetry<<min(s.tries, 16), delay)
	if s.tries++; s.tries > t.cfg.SlotRetries+busyTries(delay) {
		return &finalError{fmt.Errorf("replication slot %s is in use by another connection (slot.max.retries=%d, slot.retry.delay.ms=%d); stop that connector, or give this one another slot.name: %w",
			t.cfg.Slot, t.cfg.SlotRetries, t.cfg.SlotRetryDelay, err)}
	}
	t.log.Warn("the replication slot is in use, waiting for it", "slot", t.cfg.Slot, "error", err, "pause", pause)
	if s.tries > 1 {
		if err := evict(ctx, t.session, t.cfg.Slot, t.application, t.log); err != nil {
			t.log.Warn("cannot end the connection of an earlier run", "error", err)
		}
	}
	return sleep(ctx, pause)
}

// busyTries counts the quick tries before pauses reach slot.retry.delay.ms.
func busyTries(delay time.Duration) int {
	n := 0
	for d := firstRetry; d < delay; d *= 2 {
		n++
	}
	return n
}

// explain adds what to do to errors of the stream.
func (s *streaming) explain(err error) error {
	if errors.Is(err, wire.ErrStatusTimeout) && strings.EqualFold(s.t.cfg.FlushAction, "fail") {
		return &finalError{fmt.Errorf("%w; raise lsn.flush.timeout.ms, or set lsn.flush.timeout.action=warn to connect again", err)}
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	cfg := s.t.cfg
	switch {
	case pg.Code == "42704" && strings.Contains(pg.Message, "publication"):
		return fmt.Errorf("%w: the slot %s stands before the publication %s was created. Drop the slot (SELECT pg_drop_replication_slot('%s')) and delete the connector's offsets for a new snapshot; if the publication was dropped, create it first",
			err, cfg.Slot, cfg.Publication, cfg.Slot)
	case pg.Code == "42704":
		return fmt.Errorf("%w: somebody dropped the slot while it was in use; changes are missing. Delete the connector's offsets for a new snapshot, or set snapshot.mode=when_needed", err)
	case pg.Code == "42501":
		return fmt.Errorf("%w; give the user the REPLICATION attribute (ALTER ROLE %s REPLICATION)", err, cfg.User)
	}
	return err
}

// fill decodes until the batch is full or nothing is at hand. reached is true
// when a catch-up is done.
func (s *streaming) fill(ctx context.Context, b *connect.Batch) (reached bool, err error) {
	d := &s.decoder
	d.begin(b)
	defer d.end()
	for {
		for len(s.span) > 0 {
			m, rest, ok := wire.Messages(s.span)
			if !ok {
				s.span = nil
				break
			}
			if isRow(m) && s.t.full(b) {
				return false, nil
			}
			if err := d.message(ctx, m); err != nil {
				return false, err
			}
			s.span = rest
			if s.until != 0 && !d.open && d.passed >= s.until {
				return true, nil
			}
		}
		if s.t.full(b) {
			return false, nil
		}
		if s.span, err = s.next(ctx, b); err != nil || s.span == nil {
			if err != nil && b.Len() > 0 && ctx.Err() == nil {
				return false, nil // pass on what is whole; the next Poll meets the error
			}
			return false, err
		}
		s.t.emitter.now = time.Now()
		s.t.retry.reset() // the server speaks
	}
}

// next takes what has come. It waits only when there is nothing to pass on, or
// when the rest of a transaction is on its way.
func (s *streaming) next(ctx context.Context, b *connect.Batch) ([]byte, error) {
	span, err := s.stream.Poll()
	if span != nil || err != nil {
		return span, err
	}
	if b.Len() > 0 && !s.decoder.open {
		return nil, nil
	}
	wait := s.t.pollInterval()
	if s.until != 0 { // an idle server says how far it is only when asked
		s.stream.Poke()
		wait = pokeEvery
	}
	span, err = s.stream.Next(ctx, wait)
	if span == nil && err == nil {
		s.t.emitter.now = time.Now()
	}
	return span, err
}

const pokeEvery = 100 * time.Millisecond

// beat runs heartbeat.action.query and adds a heartbeat.
func (s *streaming) beat(ctx context.Context, b *connect.Batch) error {
	t := s.t
	if q := t.cfg.HeartbeatQuery; q != "" {
		if err := t.session.exec(ctx, q); err != nil {
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code == "42P01" || transient(err) {
				return fmt.Errorf("heartbeat.action.query: %w", err)
			}
			t.log.Warn("heartbeat.action.query failed", "error", err)
		}
	}
	if last := s.decoder.last; last != nil {
		t.beat(b, func(p *position) {
			seq := p.seq
			*p = *last
			p.seq = seq
			if !s.decoder.open {
				p.lsnCommit = max(s.decoder.commit, s.decoder.passed)
			}
		})
	}
	return nil
}

// recover goes on behind the last transaction that was passed on as a whole.
func (s *streaming) recover() phase {
	return &streaming{t: s.t, resume: max(s.resume, s.decoder.commit, s.decoder.passed), until: s.until, state: s.state, then: s.then,
		decoder: decoder{commit: s.decoder.commit, passed: s.decoder.passed, last: s.decoder.last}}
}

func (s *streaming) close() {
	if s.stream == nil {
		return
	}
	s.t.progress.attach(nil)
	s.cancel()
	<-s.stream.Done()
	s.stream = nil
}
