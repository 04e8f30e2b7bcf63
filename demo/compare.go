package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tables are what is compared. Their primary key is the column id.
var tables = []string{"customers", "orders"}

// comparison is the result for one table.
type comparison struct {
	table                       string
	columns                     int
	rows, equal                 int64 // rows of the source; those equal in the target
	missing, surplus, different int64 // in the target
	examples                    []string

	source, target side
}

// side is a sorted stream of rows.
type side struct {
	cursor pgx.Rows
	more   bool // id and text hold a row
	id     int64
	text   string
}

func (s *side) next() error {
	if s.more = s.cursor.Next(); !s.more {
		return s.cursor.Err()
	}
	return s.cursor.Scan(&s.id, &s.text)
}

const maxExamples = 5

// same says that both tables hold the same rows.
func (c *comparison) same() bool { return c.missing+c.surplus+c.different == 0 }

// differences counts rows that are not as they should be.
func (c *comparison) differences() int64 { return c.missing + c.surplus + c.different }

// rowText is the SQL of a row as text. The target's columns are cast to the
// source's types: where the sink chose another type, the value counts.
func rowText(ctx context.Context, source *pgx.Conn, table string) (sql string, columns int, err error) {
	rows, err := source.Query(ctx, `SELECT quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table)
	if err != nil {
		return "", 0, err
	}
	var parts []string
	var name, typ string
	if _, err := pgx.ForEachRow(rows, []any{&name, &typ}, func() error {
		parts = append(parts, fmt.Sprintf("%s::%s::text", name, typ))
		return nil
	}); err != nil {
		return "", 0, fmt.Errorf("reading the columns of %s: %w", table, err)
	}
	return "ROW(" + strings.Join(parts, ", ") + ")::text", len(parts), nil
}

// compare reads a table from both sides in the order of its key and compares
// every value of every row.
func compare(ctx context.Context, st *stage, table string) (*comparison, error) {
	source, err := pgx.Connect(ctx, st.dsn(sourceDB))
	if err != nil {
		return nil, err
	}
	defer source.Close(context.WithoutCancel(ctx))
	target, err := pgx.Connect(ctx, st.dsn(targetDB))
	if err != nil {
		return nil, err
	}
	defer target.Close(context.WithoutCancel(ctx))
	text, columns, err := rowText(ctx, source, table)
	if err != nil {
		return nil, err
	}
	sql := fmt.Sprintf("SELECT id::bigint, %s FROM %s ORDER BY 1", text, table)
	c := &comparison{table: table, columns: columns}
	if c.source.cursor, err = source.Query(ctx, sql); err != nil {
		return nil, fmt.Errorf("reading %s from %s: %w", table, sourceDB, err)
	}
	defer c.source.cursor.Close()
	if c.target.cursor, err = target.Query(ctx, sql); err != nil {
		return nil, fmt.Errorf("reading %s from %s: %w", table, targetDB, err)
	}
	defer c.target.cursor.Close()
	if err := c.merge(); err != nil {
		return nil, fmt.Errorf("comparing %s: %w", table, err)
	}
	return c, nil
}

// merge walks both sorted sides at once.
func (c *comparison) merge() error {
	source, target := &c.source, &c.target
	if err := errors.Join(source.next(), target.next()); err != nil {
		return err
	}
	for source.more || target.more {
		takeSource := source.more && (!target.more || source.id <= target.id)
		takeTarget := target.more && (!source.more || target.id <= source.id)
		c.count(takeSource, takeTarget)
		if takeSource {
			c.rows++
			if err := source.next(); err != nil {
				return err
			}
		}
		if takeTarget {
			if err := target.next(); err != nil {
				return err
			}
		}
	}
	return nil
}

// count judges the next row of the source, of the target, or of both.
func (c *comparison) count(inSource, inTarget bool) {
	switch {
	case !inTarget:
		c.missing++
		c.example("missing in the target: %s", c.source.text)
	case !inSource:
		c.surplus++
		c.example("only in the target: %s", c.target.text)
	case c.source.text != c.target.text:
		c.different++
		c.example("in the source %s, in the target %s", c.source.text, c.target.text)
	default:
		c.equal++
	}
}

func (c *comparison) example(format string, args ...any) {
	if len(c.examples) < maxExamples {
		c.examples = append(c.examples, fmt.Sprintf(format, args...))
	}
}

// absent says that an error only means that the sink has not created the table
// or the column yet.
func absent(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "42P01" || pgErr.Code == "42703")
}

// compareAll compares all tables. A target that lacks a table or a column has
// no equal row in it: then the result for that table is nil.
func compareAll(ctx context.Context, st *stage) (results []*comparison, equal bool, err error) {
	equal = true
	for _, table := range tables {
		c, err := compare(ctx, st, table)
		if err != nil && !absent(err) {
			return nil, false, err
		}
		results = append(results, c)
		equal = equal && c != nil && c.same()
	}
	return results, equal, nil
}
