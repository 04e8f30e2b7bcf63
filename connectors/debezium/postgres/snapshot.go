package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/event"
	"github.com/leat-project/leat/connectors/debezium/postgres/column"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// snapshotting reads the captured tables, one COPY after the other, in one
// REPEATABLE READ snapshot.
type snapshotting struct {
	t       *Task
	session *session
	plan    plan
	tables  []*relation
	lsn     wire.LSN // where the stream goes on
	txID    uint64

	copy   *wire.CopyOut
	table  *table
	micros int64 // the server's clock when the scan began
	count  int64 // rows of this table
	total  int64
	logged time.Time

	// One line is held back, because the last row is marked.
	held      []byte
	heldTable *table
	heldTime  int64
	heldFirst bool // of its table
	emitted   bool
}

var (
	snapTrue      = data.String("true")
	snapFirst     = data.String("first")
	snapFirstIn   = data.String("first_in_data_collection")
	snapLastIn    = data.String("last_in_data_collection")
	snapLast      = data.String("last")
	copyNull      = []byte(`\N`)
	progressEvery = 10 * time.Second
)

// startSnapshot opens the snapshot and lists what is to be read.
func (t *Task) startSnapshot(ctx context.Context, p plan) (phase, error) {
	if err := sleepUnlessZero(ctx, millis(t.cfg.SnapshotDelay)); err != nil {
		return nil, err
	}
	s := &snapshotting{t: t, plan: p, lsn: p.resume, logged: time.Now()}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	t.closeExporter() // its snapshot is in use now
	t.log.Info("snapshot begins", "tables", len(s.tables), "position", s.lsn.String())
	if !p.stream {
		return s, nil
	}
	return &marking{t: t, pos: s.mark(snapshotRunning), then: s}, nil
}

func sleepUnlessZero(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	return sleep(ctx, d)
}

func (s *snapshotting) open(ctx context.Context) (err error) {
	t := s.t
	if s.session, err = t.cfg.dial(ctx, t.application); err != nil {
		return err
	}
	begin := fmt.Sprintf("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = %d; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", t.cfg.LockTimeout)
	if s.plan.exported != "" {
		begin += "; SET TRANSACTION SNAPSHOT " + literal(s.plan.exported)
	}
	if err := s.session.exec(ctx, begin); err != nil {
		return err
	}
	if err := s.position(ctx); err != nil {
		return err
	}
	if err := t.catalogue.loadTypes(ctx, s.session); err != nil {
		return err
	}
	if s.tables, err = t.catalogue.captured(ctx, s.session, t.cfg, t.publication.viaRoot); err != nil {
		return err
	}
	s.choose()
	if strings.EqualFold(t.cfg.Locking, "shared") {
		for _, r := range s.tables {
			if err := s.session.exec(ctx, "LOCK TABLE "+r.quoted()+" IN ACCESS SHARE MODE"); err != nil {
				return fmt.Errorf("snapshot.locking.mode=shared: %w", err)
			}
		}
	}
	return nil
}

// position reads what the source block of every row says.
func (s *snapshotting) position(ctx context.Context) error {
	r, err := s.session.one(ctx, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text,
 CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END`)
	if err != nil {
		return err
	}
	s.txID = uint64(r.int(0))
	if s.lsn == 0 {
		s.lsn = r.lsn(1)
	}
	return nil
}

// choose filters and orders the tables: by the include list, else by name.
func (s *snapshotting) choose() {
	cfg := s.t.cfg
	if len(cfg.snapshot) > 0 {
		s.tables = slices.DeleteFunc(s.tables, func(r *relation) bool { return !cfg.snapshot.Match(r.full()) })
	}
	slices.SortStableFunc(s.tables, func(a, b *relation) int {
		return cfg.tables.Include.Index(a.full()) - cfg.tables.Include.Index(b.full())
	})
	sign := map[string]int64{"ascending": 1, "descending": -1}[strings.ToLower(cfg.TableOrder)]
	if sign != 0 {
		slices.SortStableFunc(s.tables, func(a, b *relation) int { return int(max(-1, min(1, (a.rows-b.rows)*sign))) })
	}
}

// poll reads rows until the batch is full.
func (s *snapshotting) poll(ctx context.Context, b *connect.Batch) (phase, error) {
	pos := s.mark(snapshotRunning)
	for !s.t.full(b) {
		if s.copy == nil {
			if len(s.tables) == 0 {
				return s.finish(ctx, b)
			}
			if err := s.begin(ctx); err != nil {
				return nil, err
			}
		}
		more, err := s.copy.Rows(ctx, func(line []byte) (bool, error) {
			if err := s.row(b, line, pos); err != nil {
				return false, err
			}
			return !s.t.full(b), nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading table %s: %w", s.table.full, err)
		}
		if !more {
			s.t.log.Info("table read", "table", s.table.full, "rows", s.count)
			s.copy = nil
		}
	}
	s.report()
	return nil, nil
}

// full reports whether Poll should return.
func (t *Task) full(b *connect.Batch) bool { return b.Full() || b.Len() >= t.cfg.BatchSize }

// mark returns a position of the snapshot. The rows of a batch share one: it says
// the same for all of them, and the slot is confirmed by what follows.
func (s *snapshotting) mark(state snapshotState) *position {
	pos := s.t.emitter.positions.next()
	pos.lsn, pos.txID, pos.snapshot, pos.micros = s.lsn, s.txID, state, s.t.emitter.now.UnixMicro()
	return pos
}

// begin starts the COPY of the next table.
func (s *snapshotting) begin(ctx context.Context) error {
	rel := s.tables[0]
	s.tables = s.tables[1:]
	cols := make([]sent, 0, len(rel.columns))
	var names []string
	simple := rel.kind == 'r'
	for _, a := range rel.columns {
		cols = append(cols, sent{a.name, a.oid, a.mod})
		names = append(names, ident(a.name))
		simple = simple && !a.generated
	}
	var err error
	if s.table, err = s.t.catalogue.compile(s.t.cfg, rel, rel.identity, cols); err != nil {
		return err
	}
	s.table.warnOmitted(s.t.log)
	s.table, names = s.wantedOnly(s.table, names)
	if len(names) == 0 { // nothing of the table is captured, but its rows are
		names = []string{"NULL"}
		s.table.columns = []planned{{name: "NULL", row: -1, key: -1}}
		simple = false
	}
	r, err := s.session.one(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
	if err != nil {
		return err
	}
	s.micros, s.count = r.int(0), 0
	s.copy, err = s.session.Copy(ctx, s.statement(rel, strings.Join(names, ", "), simple))
	return err
}

// wantedOnly leaves out columns that are not captured.
func (s *snapshotting) wantedOnly(t *table, names []string) (*table, []string) {
	kept := t.columns[:0]
	var keptNames []string
	for i, p := range t.columns {
		if p.wanted() {
			kept = append(kept, p)
			keptNames = append(keptNames, names[i])
		}
	}
	t.columns = kept
	return t, keptNames
}

// statement is the COPY of a table. Only the table's own rows are read: those of
// tables that inherit are captured under their own names, as in the stream.
func (s *snapshotting) statement(rel *relation, names string, simple bool) string {
	override := s.t.cfg.overrides[rel.full()]
	switch {
	case override != "":
		return fmt.Sprintf("COPY (SELECT %s FROM (%s) AS overridden) TO STDOUT", names, strings.TrimRight(strings.TrimSpace(override), ";"))
	case simple:
		return fmt.Sprintf("COPY %s (%s) TO STDOUT", rel.quoted(), names)
	case rel.kind == 'p':
		return fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT", names, rel.quoted())
	}
	return fmt.Sprintf("COPY (SELECT %s FROM ONLY %s) TO STDOUT", names, rel.quoted())
}

// row holds a line back and emits the one before.
func (s *snapshotting) row(b *connect.Batch, line []byte, pos *position) error {
	if s.held != nil {
		marker := snapTrue
		switch {
		case !s.emitted:
			marker = snapFirst
		case s.heldTable != s.table:
			marker = snapLastIn
		case s.heldFirst:
			marker = snapFirstIn
		}
		if err := s.emit(b, marker, pos); err != nil {
			return err
		}
	}
	s.held, s.heldTable, s.heldTime, s.heldFirst = line, s.table, s.micros, s.count == 0
	s.count++
	s.total++
	return nil
}

// emit emits the line that is held back.
func (s *snapshotting) emit(b *connect.Batch, marker data.Value, pos *position) error {
	t, e, a := s.heldTable, &s.t.emitter, b.Arena()
	im := newImage(t, a)
	if err := copyRow(t, im, e.space(b), s.held); err != nil {
		return err
	}
	b.Grow(len(s.held))
	source := e.sourceBlock(t, a, s.heldTime, s.txID, 0, s.lsn)
	source.Set(sourceSnapshot, marker)
	r := e.record(b, t, im.key, pos)
	t.Fill(r, &event.Change{Op: event.Read, After: im.value(t, a), Source: data.StructOf(source), Now: e.now})
	s.emitted, s.held = true, nil
	return nil
}

// finish emits the last row and ends the snapshot.
func (s *snapshotting) finish(ctx context.Context, b *connect.Batch) (phase, error) {
	t := s.t
	if s.held != nil {
		if err := s.emit(b, snapLast, s.mark(snapshotCompleted)); err != nil {
			return nil, err
		}
	} else if !s.emitted { // nothing was read, and that is completed, too
		b.AddOffset(t.partition, s.mark(snapshotCompleted))
	}
	if t.heartbeat.Enabled() {
		t.beat(b, func(p *position) { p.lsn, p.txID = s.lsn, s.txID })
	}
	if err := s.session.exec(ctx, "COMMIT"); err != nil {
		return nil, err
	}
	t.log.Info("snapshot completed", "rows", s.total)
	if !s.plan.stream {
		return &idle{}, nil
	}
	if d := millis(t.cfg.StreamingDelay); d > 0 {
		t.retry.pause(d)
	}
	return &streaming{t: t, resume: s.lsn}, nil
}

// beat adds a heartbeat record.
func (t *Task) beat(b *connect.Batch, set func(*position)) {
	pos := t.emitter.positions.next()
	pos.micros = t.emitter.now.UnixMicro()
	set(pos)
	r := b.Add()
	t.heartbeat.Fill(r, t.emitter.now)
	r.SourcePartition, r.SourceOffset = t.partition, pos
}

func (s *snapshotting) report() {
	if now := s.t.emitter.now; now.Sub(s.logged) >= progressEvery {
		s.logged = now
		name := ""
		if s.table != nil {
			name = s.table.full
		}
		s.t.log.Info("snapshot progress", "table", name, "rows", s.count, "total", s.total, "tables_left", len(s.tables))
	}
}

// recover begins again: the snapshot is gone with its connection.
func (s *snapshotting) recover() phase { return nil }

func (s *snapshotting) close() {
	if s.session != nil {
		_ = s.session.Close()
		s.session = nil
	}
}

var errFields = errors.New("the row has another number of fields than the table has columns")

// copyRow decodes a line of COPY's text format.
func copyRow(t *table, im image, sp column.Space, line []byte) error {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	escaped := bytes.IndexByte(line, '\\') >= 0
	for i := range t.columns {
		p := &t.columns[i]
		field := line
		if end := bytes.IndexByte(line, '\t'); end >= 0 {
			if i == len(t.columns)-1 {
				return errFields
			}
			field, line = line[:end:end], line[end+1:]
		} else if i < len(t.columns)-1 {
			return errFields
		}
		if !p.wanted() {
			continue
		}
		if escaped && bytes.IndexByte(field, '\\') >= 0 {
			if bytes.Equal(field, copyNull) {
				p.set(im, data.Null)
				continue
			}
			field = unescape(sp, field)
		}
		v, err := p.decode(sp, field)
		if err != nil {
			if v, err = p.unusable(err); err != nil {
				return errColumn(t, p, err)
			}
		}
		p.set(im, v)
	}
	return nil
}

// unescape undoes COPY's backslash escapes.
func unescape(sp column.Space, field []byte) []byte {
	b := sp.Bytes.Start(len(field))
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' && i+1 < len(field) {
			i++
			switch c = field[i]; c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'v':
				c = '\v'
			}
		}
		b = append(b, c)
	}
	return sp.Bytes.Keep(b)
}
