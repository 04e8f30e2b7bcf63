package jdbc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/internal/postgrestest"
)

// BenchmarkWays is why rows are written by COPY into a staging table, or by unnest,
// and not by INSERT with many VALUES: each way upserts the same rows, one batch a
// transaction, half of them new. Statements are prepared once: to parse and plan
// unnest anew for 10 rows takes longer than to write them, and that is all that
// VALUES is better at.
func BenchmarkWays(b *testing.B) {
	pg := postgrestest.Start(b)
	conn, _ := database(b, pg)
	const columns = "id, name, qty, price, at"
	const merge = " ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, qty = EXCLUDED.qty, price = EXCLUDED.price, at = EXCLUDED.at"
	type way func(b *testing.B, first, n int)
	row := func(id int) [5]string {
		return [5]string{fmt.Sprint(id), fmt.Sprintf("customer number %d", id), fmt.Sprint(id % 97), fmt.Sprintf("%d.%02d", id%1000, id%100), "2026-05-04 10:11:12.345678"}
	}
	pc := conn.PgConn()
	run := func(b *testing.B, sql string) {
		if _, err := pc.Exec(b.Context(), sql).ReadAll(); err != nil {
			b.Fatal(err)
		}
	}
	statements := map[int]*pgconn.StatementDescription{}
	ways := []struct {
		name string
		run  way
	}{
		{"values", func(b *testing.B, first, n int) {
			// One prepared statement a number of rows, at most 65,535 parameters.
			rows := min(n, 65535/5)
			for at := first; at < first+n; at += rows {
				m := min(rows, first+n-at)
				if statements[m] == nil {
					var sql strings.Builder
					sql.WriteString("INSERT INTO t (" + columns + ") VALUES ")
					for i := range m {
						fmt.Fprintf(&sql, "($%d,$%d,$%d,$%d,$%d),", 5*i+1, 5*i+2, 5*i+3, 5*i+4, 5*i+5)
					}
					st, err := pc.Prepare(b.Context(), fmt.Sprint("s", m), strings.TrimSuffix(sql.String(), ",")+merge, nil)
					if err != nil {
						b.Fatal(err)
					}
					statements[m] = st
				}
				values := make([][]byte, 0, 5*m)
				for i := range m {
					for _, v := range row(at + i) {
						values = append(values, []byte(v))
					}
				}
				if res := pc.ExecPrepared(b.Context(), fmt.Sprint("s", m), values, nil, nil).Read(); res.Err != nil {
					b.Fatal(res.Err)
				}
			}
		}},
		{"unnest", func(b *testing.B, first, n int) {
			var arrays [5]strings.Builder
			for i := range n {
				for c, v := range row(first + i) {
					arrays[c].WriteString(",\"" + v + "\"")
				}
			}
			values := make([][]byte, 5)
			for c := range arrays {
				values[c] = []byte("{" + arrays[c].String()[1:] + "}")
			}
			if statements[0] == nil {
				sql := "INSERT INTO t (" + columns + ") SELECT * FROM unnest($1::bigint[], $2::text[], $3::int[], $4::numeric[], $5::timestamptz[])" + merge
				st, err := pc.Prepare(b.Context(), "unnest", sql, nil)
				if err != nil {
					b.Fatal(err)
				}
				statements[0] = st
			}
			if res := pc.ExecPrepared(b.Context(), "unnest", values, nil, nil).Read(); res.Err != nil {
				b.Fatal(res.Err)
			}
		}},
		{"copy", func(b *testing.B, first, n int) {
			run(b, "BEGIN")
			var text strings.Builder
			for i := range n {
				r := row(first + i)
				text.WriteString(strings.Join(r[:], "\t") + "\n")
			}
			if _, err := pc.CopyFrom(b.Context(), strings.NewReader(text.String()), "COPY stage FROM STDIN"); err != nil {
				b.Fatal(err)
			}
			run(b, "INSERT INTO t ("+columns+") SELECT * FROM stage"+merge+"; COMMIT")
		}},
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		for _, w := range ways {
			b.Run(fmt.Sprintf("%s/rows=%d", w.name, n), func(b *testing.B) {
				run(b, "DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint PRIMARY KEY, name text, qty int, price numeric(10,2), at timestamptz);"+
					"CREATE TEMP TABLE IF NOT EXISTS stage (LIKE t) ON COMMIT DELETE ROWS")
				done := 0
				for b.Loop() {
					w.run(b, done/2, n)
					done += n
				}
				b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "rows/s")
				wantCount(b, conn, done/2+n/2)
			})
		}
	}
}

// wantCount guards against a benchmark that writes nothing.
func wantCount(b *testing.B, conn *pgx.Conn, least int) {
	var n int
	if err := conn.QueryRow(b.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil {
		b.Fatal(err)
	}
	if n < least-1 {
		b.Fatalf("%d rows, want %d", n, least)
	}
}
