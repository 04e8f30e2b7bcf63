package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
	"github.com/leat-project/leat/internal/postgrestest"
)

// TestTransient lists which ends of a connection are tried again: a server that
// shuts down says so, or just ends the stream, as its walsender does.
func TestTransient(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("PostgreSQL ended the replication stream: %w", io.EOF), true},
		{&pgconn.PgError{Code: "57P01"}, true},
		{&pgconn.PgError{Code: "08006"}, true},
		{&pgconn.PgError{Code: "42501"}, false},
		{&finalError{io.EOF}, false},
		{errors.New("decoding pgoutput"), false},
	} {
		if got := transient(c.err); got != c.want {
			t.Errorf("transient(%v) = %v, want %v", c.err, got, c.want)
		}
	}
}

// TestServerDiesInTheMidstOfAQuery ends the server in both of its quick ways
// while a query of either protocol runs: it is to be asked again.
func TestServerDiesInTheMidstOfAQuery(t *testing.T) {
	pg := postgrestest.Start(t)
	queries := map[string]func(context.Context, *session) error{
		"simple": func(ctx context.Context, s *session) error { return s.exec(ctx, "SELECT pg_sleep(600)") },
		"extended": func(ctx context.Context, s *session) error {
			_, err := s.one(ctx, "SELECT pg_sleep($1)", "600")
			return err
		},
	}
	ends := map[string]func(testing.TB){
		"killed": pg.Kill, "stopped at once": func(t testing.TB) { pg.Stop(t, true) }, "stopped": func(t testing.TB) { pg.Stop(t, false) },
	}
	for protocol, query := range queries {
		for end, stop := range ends {
			t.Run(protocol+" "+end, func(t *testing.T) {
				cfg, err := pgconn.ParseConfig(pg.DSN("postgres"))
				if err != nil {
					t.Fatal(err)
				}
				conn, err := wire.Dial(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				failed := make(chan error, 1)
				go func() { failed <- query(t.Context(), &session{conn}) }()
				watch := pg.Connect(t, "postgres")
				eventually(t, "the query runs", func() bool {
					var n int
					err := watch.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND wait_event = 'PgSleep'").Scan(&n)
					if err != nil {
						t.Fatal(err)
					}
					return n == 1
				})
				stop(t)
				if err := <-failed; !transient(err) {
					t.Errorf("%v is taken for final", err)
				}
				_ = conn.Close() // the server is gone
				pg.Start(t)
			})
		}
	}
}
