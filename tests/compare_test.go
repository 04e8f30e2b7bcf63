package tests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tableText returns a table's rows as text, one a line in order of id: what
// PostgreSQL itself prints for every column, so that the comparison sees each
// value as its owner does.
func tableText(ctx context.Context, c *pgconn.PgConn, table, columns string) (map[string]string, error) {
	var out strings.Builder
	if _, err := c.CopyTo(ctx, &out, fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT", columns, table)); err != nil {
		return nil, err
	}
	rows := map[string]string{}
	for line := range strings.Lines(out.String()) {
		key, rest, _ := strings.Cut(line, "\t")
		if _, twice := rows[key]; twice {
			return nil, fmt.Errorf("%s has two rows with id %s", table, key)
		}
		rows[key] = rest
	}
	return rows, nil
}

// columns lists the columns of a table in order of name behind id, so that the
// order in which a sink made them does not matter.
func columnsOf(ctx context.Context, c *pgx.Conn, table string) (string, error) {
	var list string
	err := c.QueryRow(ctx, `SELECT 'id, ' || string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'id'`, table).Scan(&list)
	return list, err
}

// differences returns at most limit texts that say how target differs from source.
func differences(source, target map[string]string, limit int) []string {
	var out []string
	add := func(format string, args ...any) {
		if len(out) < limit {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	for key, want := range source {
		got, ok := target[key]
		switch {
		case !ok:
			add("id %s is missing in the target", key)
		case got != want:
			add("id %s differs: %s", key, firstDifference(got, want))
		}
	}
	for key := range target {
		if _, ok := source[key]; !ok {
			add("id %s is in the target only", key)
		}
	}
	return out
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\t"), strings.Split(want, "\t")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("column %d behind id is %.80q, want %.80q", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d columns, want %d", len(g), len(w))
}

// requireEqual waits until the target table equals the source table, value by
// value, and fails with the differences when that does not come. operate, where
// not nil, is done now and then meanwhile, as an operator does.
func requireEqual(t *testing.T, source, target string, table string, operate func(), status func() string) {
	t.Helper()
	ctx := context.Background()
	src, err := pgx.Connect(ctx, source)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close(ctx)
	dst, err := pgx.Connect(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close(ctx)
	cols, err := columnsOf(ctx, src, table)
	if err != nil {
		t.Fatal(err)
	}
	want, err := tableText(ctx, src.PgConn(), table, cols)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	pause := 200 * time.Millisecond
	for {
		got, err := tableText(ctx, dst.PgConn(), table, cols)
		var diff []string
		if err == nil {
			if diff = differences(want, got, 10); len(diff) == 0 {
				t.Logf("%s: %d rows are equal", table, len(want))
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: target differs from source after %v (%d rows, want %d; error %v):\n%s\n%s",
				table, patience, len(got), len(want), err, strings.Join(diff, "\n"), status())
		}
		time.Sleep(pause)
		pause = min(2*pause, 2*time.Second) // a comparison takes from leat what it needs to get on
		if operate != nil {
			operate()
		}
	}
}
