package postgres

import (
	"fmt"
	"testing"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/jdbc/pgurl"
	"github.com/leat-project/leat/internal/postgrestest"
)

// Statements are kept by the server, not too many, and go on working when the table
// changes under them.
func TestPreparedStatements(t *testing.T) {
	pg := postgrestest.Start(t)
	target, err := pgurl.Parse(fmt.Sprintf("jdbc:postgresql://%s:%d/postgres?sslmode=disable", pg.Host, pg.Port))
	if err != nil {
		t.Fatal(err)
	}
	target.User, target.Password = pg.User, pg.Password
	ctx := t.Context()
	s, err := Connect(ctx, target, "UTC")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run := func(sql string) {
		t.Helper()
		if err := s.exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	value := func(sql string) string {
		t.Helper()
		rows, err := s.query(ctx, sql)
		if err != nil {
			t.Fatal(err)
		}
		return rows[0][0]
	}
	run("CREATE TABLE t (id bigint PRIMARY KEY, n text)")
	table, err := s.ReadTable(ctx, Name{Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	columns := []*Column{table.Column("id"), table.Column("n")}
	binders := []*Binder{Bind(data.Int64Schema, columns[0], Options{}), Bind(data.StringSchema, columns[1], Options{})}
	tuples := func(ids ...int64) (b []byte) {
		for _, id := range ids {
			b = append(b, 0, 2)
			for i, v := range []data.Value{data.Int64(id), data.String(fmt.Sprint("row ", id))} {
				if b, err = binders[i].Field(b, v); err != nil {
					t.Fatal(err)
				}
			}
		}
		return b
	}
	write := func(shape *Shape, ids ...int64) {
		t.Helper()
		if err := s.Write(ctx, []Rows{{Shape: shape, Tuples: tuples(ids...), Count: len(ids)}}); err != nil {
			t.Fatal(err)
		}
	}
	const shapes = mostReady/2 + 10 // of each, a row's and an array's statement
	var first *Shape
	for i := range int64(shapes) {
		shape := NewShape(table, Upsert, columns, binders, 1, int(i))
		write(shape, 3*i)
		write(shape, 3*i+1, 3*i+2)
		if first == nil {
			first = shape
		}
	}
	if got := value("SELECT count(*) FROM t"); got != fmt.Sprint(3*shapes) {
		t.Errorf("%s rows, want %d", got, 3*shapes)
	}
	if got := value("SELECT count(*) FROM pg_prepared_statements"); got != fmt.Sprint(2*shapes-mostReady) {
		t.Errorf("%s statements are kept, want %d", got, 2*shapes-mostReady)
	}
	write(first, 0, 1)
	run("ALTER TABLE t ALTER n TYPE varchar(100), ADD more int DEFAULT 7")
	write(first, 1, 2)
	run("DROP TABLE t; CREATE TABLE t (id bigint PRIMARY KEY, n text)")
	write(first, 1, 2)
	if got := value("SELECT string_agg(n, ',' ORDER BY id) FROM t"); got != "row 1,row 2" {
		t.Errorf("after the table was made anew it holds %s", got)
	}
}
