package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/leat-project/leat/connect/data"
)

// Field is a field that shall have a column.
type Field struct {
	Column string
	Schema *data.Schema
	Key    bool
}

// lockTimeout bounds how long DDL waits for readers and writers of the table; all
// others queue behind it meanwhile.
const lockTimeout = 10 * time.Second

// Create creates a table with the fields as columns unless it exists, in a
// transaction of its own. It returns the table as it is then.
func (s *Session) Create(ctx context.Context, name Name, fields []Field, types Types, o Options) (*Table, error) {
	return s.change(ctx, name, func(t *Table) (string, error) {
		if t != nil {
			return "", nil // another task was quicker
		}
		return createSQL(name, fields, types, o)
	})
}

// Add adds the fields that have no column yet, in a transaction of its own.
func (s *Session) Add(ctx context.Context, name Name, fields []Field, types Types, o Options) (*Table, error) {
	return s.change(ctx, name, func(t *Table) (string, error) {
		if t == nil {
			return "", fmt.Errorf("table %s is gone", name)
		}
		return addSQL(t, fields, types, o)
	})
}

// change runs the statement that decide returns for the table as the catalogue
// has it once the lock is held: IF NOT EXISTS alone races with other tasks, whose
// CREATE then fails on a catalogue index.
func (s *Session) change(ctx context.Context, name Name, decide func(*Table) (string, error)) (t *Table, err error) {
	begin := fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = %d", lockTimeout.Milliseconds())
	if err := s.exec(ctx, begin); err != nil {
		return nil, fmt.Errorf("beginning a change of table %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			s.rollback(ctx)
		}
	}()
	if _, err := s.query(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "leat.jdbc:"+name.String()); err != nil {
		return nil, fmt.Errorf("waiting for the lock on changes of table %s: %w", name, err)
	}
	if t, err = s.ReadTable(ctx, name); err != nil {
		return nil, err
	}
	sql, err := decide(t)
	if err != nil {
		return nil, err
	}
	if sql != "" {
		if err := s.exec(ctx, sql); err != nil {
			return nil, &StatementError{SQL: sql, Err: err}
		}
		if t, err = s.ReadTable(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := s.exec(ctx, "COMMIT"); err != nil {
		return nil, &StatementError{SQL: sql, Err: err}
	}
	return t, nil
}

// StatementError is a failed DDL statement.
type StatementError struct {
	SQL string
	Err error
}

func (e *StatementError) Error() string { return fmt.Sprintf("%v; statement: %s", e.Err, e.SQL) }

// Unwrap returns the server's error.
func (e *StatementError) Unwrap() error { return e.Err }

func createSQL(name Name, fields []Field, types Types, o Options) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s (", name)
	var keys []string
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := columnSQL(&b, f, types, o); err != nil {
			return "", fmt.Errorf("field %s of table %s: %w", f.Column, name, err)
		}
		if f.Key {
			keys = append(keys, Quote(f.Column))
		}
	}
	if len(keys) > 0 {
		fmt.Fprintf(&b, ", PRIMARY KEY (%s)", strings.Join(keys, ", "))
	}
	b.WriteByte(')')
	return b.String(), nil
}

func addSQL(t *Table, fields []Field, types Types, o Options) (string, error) {
	var b strings.Builder
	for _, f := range fields {
		if t.Column(f.Column) != nil {
			continue
		}
		if _, hasDefault := f.Schema.Default(); !f.Schema.Optional() && !hasDefault {
			return "", fmt.Errorf("cannot add column %s to table %s: its field is neither optional nor has a default, so the rows there would have no value; add the column by hand", f.Column, t.Name)
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "ALTER TABLE %s ADD COLUMN ", t.Name)
		} else {
			b.WriteString(", ADD COLUMN ")
		}
		if err := columnSQL(&b, f, types, o); err != nil {
			return "", fmt.Errorf("field %s of table %s: %w", f.Column, t.Name, err)
		}
	}
	return b.String(), nil
}

func columnSQL(b *strings.Builder, f Field, types Types, o Options) error {
	sql, err := types.SQL(f.Schema)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s %s", Quote(f.Column), sql)
	if def, ok := f.Schema.Default(); ok {
		if lit, ok := literal(f.Schema, def, sql, o); ok {
			b.WriteString(" DEFAULT " + lit)
		}
	}
	if f.Key || !f.Schema.Optional() {
		b.WriteString(" NOT NULL")
	} else {
		b.WriteString(" NULL")
	}
	return nil
}

// literal returns a default as SQL; false where the type has no literal here.
func literal(s *data.Schema, v data.Value, sql string, o Options) (string, bool) {
	switch src := sourceOf(s); src {
	case srcBool:
		if v.Kind() == data.KindBool {
			return strings.ToUpper(fmt.Sprint(v.Bool())), true
		}
	case srcInt, srcMicroDuration:
		if v.IsInt() && sql != "interval" {
			return fmt.Sprint(v.Int()), true
		}
	case srcFloat:
		if f, ok := number(v); ok {
			return fmt.Sprintf("'%v'", strings.Replace(fmt.Sprint(f), "Inf", "Infinity", 1)), true
		}
	case srcString, srcZonedTimestamp:
		if v.Kind() == data.KindString {
			return quoteLiteral(v.Str()), true
		}
	case srcBytes:
		if k := v.Kind(); k == data.KindBytes || k == data.KindByteBuffer {
			return `'\x` + hex.EncodeToString(v.Bytes()) + `'`, true
		}
	case srcDecimal:
		if v.Kind() == data.KindDecimal {
			return decimalText(v), true
		}
	case srcVarDecimal:
		if v.Kind() == data.KindStruct {
			if unscaled, scale, err := variableScale(v.Struct()); err == nil {
				return decimalText(data.BigDecimal(unscaled, scale)), true
			}
		}
	default:
		return temporalLiteral(src, v, o)
	}
	return "", false
}

func temporalLiteral(src source, v data.Value, o Options) (string, bool) {
	if of := micros(src); of != nil && src != srcDateDate {
		us, ok := of(v)
		if !ok {
			return "", false
		}
		switch us {
		case infinityMicros:
			return "'infinity'", true
		case negInfinityMicros:
			return "'-infinity'", true
		}
		if src == srcDateTimestamp {
			us += offsetMicros(instantZone(o), us)
		}
		return time.UnixMicro(us).UTC().Format("'2006-01-02 15:04:05.999999'"), true
	}
	switch {
	case src == srcDays && v.IsInt():
		return time.Unix(v.Int()*86400, 0).UTC().Format("'2006-01-02'"), true
	case src == srcDateDate && v.Kind() == data.KindDate:
		return v.Time().Format("'2006-01-02'"), true
	case src == srcDateTime && v.Kind() == data.KindDate:
		return v.Time().Format("'15:04:05.999999'"), true
	case (src == srcTimeMillis || src == srcTimeMicros || src == srcTimeNanos) && v.IsInt():
		unit := map[source]time.Duration{srcTimeMillis: time.Millisecond, srcTimeMicros: time.Microsecond, srcTimeNanos: 1}[src]
		return time.Unix(0, 0).UTC().Add(time.Duration(v.Int()) * unit).Format("'15:04:05.999999'"), true
	}
	return "", false
}

func decimalText(v data.Value) string {
	unscaled, scale := v.BigDecimal()
	return fmt.Sprintf("%se%d", unscaled, -scale)
}

func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
