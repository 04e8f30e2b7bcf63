package jdbc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// compile makes the plan for a mapping and a table, and the table or its columns
// where they are missing and the settings say so. All rows before are written
// first: they are of the old schema, and their locks must be gone.
func (t *task) compile(ctx context.Context, m *mapping, name string, op operation) (*plan, error) {
	if !t.failure.replanning {
		if err := t.drain(ctx); err != nil {
			return nil, err
		}
	}
	id, err := t.set.table.parse(name)
	if err != nil {
		return nil, &recordError{err}
	}
	if err := t.connect(ctx); err != nil {
		return nil, t.trouble(err)
	}
	tbl, err := t.lookup(ctx, id)
	if err != nil {
		return nil, t.trouble(err)
	}
	if tbl.def == nil && m.row == nil {
		t.log.Debug("delete skipped: its table does not exist", "table", id.String(), "topic", m.topic)
		return nil, nil
	}
	if err := t.fit(ctx, m, id, tbl); err != nil {
		if isRecordError(err) {
			return nil, err
		}
		return nil, t.trouble(err)
	}
	return newPlan(t.set, m, tbl, t.shapeID), nil
}

func (t *task) shapeID() int {
	t.shapes++
	return t.shapes
}

// lookup returns a table of the catalogue; its def is nil while it does not exist.
func (t *task) lookup(ctx context.Context, id postgres.Name) (*table, error) {
	tbl := t.tables[id.String()]
	if tbl == nil {
		tbl = &table{id: uint32(len(t.tables) + 1)}
	}
	if tbl.def == nil {
		def, err := t.session.ReadTable(ctx, id)
		if err != nil {
			return nil, err
		}
		tbl.def = def
		t.tables[id.String()] = tbl
	}
	return tbl, nil
}

// fit makes the table have every column of the mapping.
func (t *task) fit(ctx context.Context, m *mapping, id postgres.Name, tbl *table) error {
	if tbl.def == nil {
		if !t.set.create {
			return &recordError{t.missingTable(id)}
		}
		def, err := t.session.Create(ctx, id, t.fields(m), t.set.types, t.set.bind)
		if err != nil {
			return fmt.Errorf("creating table %s: %w", id, err)
		}
		t.log.Info("table created", "table", id.String(), "topic", m.topic)
		tbl.def = def
	}
	if typ := tbl.def.Type(); len(t.set.tableTypes) > 0 && !slices.Contains(t.set.tableTypes, typ) {
		return &recordError{connect.ConnectErrorf("%s is a %s, which is not among table.types=%s", id, typ, strings.Join(t.set.tableTypes, ","))}
	}
	missing := t.missing(m, tbl)
	if len(missing) > 0 {
		// Somebody may have added the columns meanwhile.
		def, err := t.session.ReadTable(ctx, id)
		if err != nil {
			return err
		}
		if def == nil {
			return &recordError{t.missingTable(id)}
		}
		tbl.def = def
		missing = t.missing(m, tbl)
	}
	if len(missing) == 0 {
		return nil
	}
	names := make([]string, len(missing))
	for i, f := range missing {
		names[i] = f.Column
	}
	if !t.set.evolve || (tbl.def.Kind != 'r' && tbl.def.Kind != 'p') {
		return &recordError{t.missingColumns(tbl, names)}
	}
	def, err := t.session.Add(ctx, tbl.def.Name, missing, t.set.types, t.set.bind)
	if err != nil {
		return fmt.Errorf("adding columns to table %s: %w", id, err)
	}
	t.log.Info("columns added", "table", id.String(), "columns", names, "topic", m.topic)
	tbl.def = def
	return nil
}

func (t *task) missing(m *mapping, tbl *table) []postgres.Field {
	var out []postgres.Field
	for _, c := range m.columns {
		if tbl.def.Column(c.name) == nil {
			out = append(out, postgres.Field{Column: c.name, Schema: c.schema, Key: c.key})
		}
	}
	return out
}

// fields lists the columns of a table to be created: Debezium puts the key first,
// Confluent keeps the order of the value.
func (t *task) fields(m *mapping) []postgres.Field {
	cols := slices.Clone(m.columns)
	if t.set.confluent && m.row != nil {
		slices.SortStableFunc(cols, func(a, b column) int {
			ai, bi := m.row.FieldIndex(a.field), m.row.FieldIndex(b.field)
			switch {
			case ai >= 0 && bi >= 0:
				return ai - bi
			case ai < 0 && bi < 0:
				return 0
			case t.set.key == keyKafka: // they come first
				return ai - bi
			}
			return bi - ai
		})
	}
	out := make([]postgres.Field, len(cols))
	for i, c := range cols {
		out[i] = postgres.Field{Column: c.name, Schema: c.schema, Key: c.key}
	}
	return out
}

func (t *task) missingTable(id postgres.Name) error {
	if t.set.confluent {
		return connect.ConnectErrorf("Table %s is missing and auto-creation is disabled", id)
	}
	return connect.ConnectErrorf("Cannot create table %s because schema evolution is disabled; create it or set schema.evolution=basic", id)
}

func (t *task) missingColumns(tbl *table, names []string) error {
	list := strings.Join(names, ", ")
	if t.set.confluent {
		return connect.ConnectErrorf("Table %s is missing fields (%s) and auto-evolution is disabled", tbl.def.Name, list)
	}
	return connect.ConnectErrorf("Cannot alter table %s, which lacks columns %s, because schema evolution is disabled; add them or set schema.evolution=basic", tbl.def.Name, list)
}

// trouble says what the task returns for an error of the database outside of a
// buffer: retriable with a pause, until the retries are used up.
func (t *task) trouble(err error) error {
	err = t.shown(err)
	if postgres.Classify(err) != postgres.Transient {
		var se *postgres.StatementError
		if errors.As(err, &se) {
			return connect.ConnectErrorf("%w; nothing of the new schema was written. Correct the table or the record's schema and restart the task", err)
		}
		return connect.ConnectErrorf("%w", err)
	}
	pause, final := t.nextTry(err)
	if final != nil {
		return final
	}
	t.ctx.Timeout(pause)
	return connect.Retriable(err)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// shown is an error as users may see it: without values where the settings say so.
func (t *task) shown(err error) error {
	if !t.set.trim || err == nil {
		return err
	}
	return &trimmed{err}
}

// trimmed hides the text of an error, which may hold values of rows.
type trimmed struct{ err error }

func (e *trimmed) Error() string {
	return fmt.Sprintf("the database or the mapping refused it (SQLSTATE %s); the message is withheld because trim.sensitive.log=true", orNone(postgres.SQLState(e.err)))
}

// Unwrap returns the error itself.
func (e *trimmed) Unwrap() error { return e.err }
