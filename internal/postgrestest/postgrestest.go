// Package postgrestest gives any test a real PostgreSQL of its own:
//
//	pg := postgrestest.Start(t)
//	db := pg.CreateDatabase(t, "inventory")
//	pg.Exec(t, "inventory", "CREATE TABLE orders (id int PRIMARY KEY)")
//	... pgx.Connect(ctx, pg.DSN("inventory")) ...
//	pg.Kill(t)
//	pg.Start(t)
//
// A start takes well under a second once the cache is filled. The server is
// gone when the test ends, however it ends. See internal/pgserver for what
// kind of server it is.
package postgrestest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/leat-project/leat/internal/pgserver"
)

// timeout bounds every single step, the download of a first run included.
const timeout = 5 * time.Minute

// Option changes the server that Start makes.
type Option func(*pgserver.Config)

// Setting sets a line of postgresql.conf, such as wal_level to replica. The
// value is written as it stands: strings need their quotes.
func Setting(name, value string) Option {
	return func(c *pgserver.Config) { c.Settings[name] = value }
}

// File puts a file into the server's data folder, where settings name it without a
// path: a certificate, or another pg_hba.conf.
func File(name string, data []byte) Option {
	return func(c *pgserver.Config) { c.Files[name] = data }
}

// Fsync makes the server write to disk as in production. Tests that pull the
// plug from under it, and benchmarks, want this; without it a killed server
// still loses nothing that reached the kernel.
func Fsync() Option { return func(c *pgserver.Config) { c.Fsync = true } }

// Server is a PostgreSQL server that belongs to one test.
type Server struct {
	*pgserver.Server
	Host     string // 127.0.0.1
	User     string // a superuser
	Password string
}

// Start starts a server and arranges that it ends with the test. When the test
// failed, the end of the server's log is added to the test's.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	cfg := pgserver.Config{Settings: map[string]string{}, Files: map[string][]byte{}}
	for _, opt := range opts {
		opt(&cfg)
	}
	ctx, cancel := bounded(t)
	defer cancel()
	s, err := pgserver.Start(ctx, cfg)
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			logTail(t, s.LogFile())
		}
		if err := s.Close(); err != nil {
			t.Errorf("removing PostgreSQL: %v", err)
		}
	})
	return &Server{Server: s, Host: pgserver.Host, User: pgserver.User, Password: pgserver.Password}
}

// CreateDatabase creates an empty database and returns its DSN.
func (s *Server) CreateDatabase(t testing.TB, name string) string {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	if err := s.Server.CreateDatabase(ctx, name); err != nil {
		t.Fatalf("creating the database %s: %v", name, err)
	}
	return s.DSN(name)
}

// Exec runs statements in a connection of its own.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	if err := s.Server.Exec(ctx, database, statements...); err != nil {
		t.Fatalf("in the database %s: %v", database, err)
	}
}

// Connect opens a connection that is closed when the test ends.
func (s *Server) Connect(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		t.Fatalf("connecting to the database %s: %v", database, err)
	}
	t.Cleanup(func() {
		ctx, cancel := bounded(t)
		defer cancel()
		_ = conn.Close(ctx) // the server may be gone by now, on purpose
	})
	return conn
}

// Start starts the server again after Stop or Kill, on the same port.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	if err := s.Server.Start(ctx); err != nil {
		t.Fatalf("starting PostgreSQL again: %v", err)
	}
}

// Stop ends the server: by a fast shutdown, or without a checkpoint when
// immediate is true.
func (s *Server) Stop(t testing.TB, immediate bool) {
	t.Helper()
	stop := s.Server.Stop
	if immediate {
		stop = s.StopImmediate
	}
	if err := stop(); err != nil {
		t.Fatalf("stopping PostgreSQL: %v", err)
	}
}

// Restart is Stop and Start.
func (s *Server) Restart(t testing.TB, immediate bool) {
	t.Helper()
	s.Stop(t, immediate)
	s.Start(t)
}

// Kill ends all of the server's processes with SIGKILL.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if err := s.Server.Kill(); err != nil {
		t.Fatalf("killing PostgreSQL: %v", err)
	}
}

// bounded outlives the test's own context, which ends before cleanups run.
func bounded(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(t.Context()), timeout)
}

func logTail(t testing.TB, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Logf("reading PostgreSQL's log: %v", err)
		return
	}
	t.Logf("end of PostgreSQL's log:\n%s", text[max(0, len(text)-4000):])
}
