// Package pgserver runs private, real PostgreSQL servers on 127.0.0.1 for the
// demo, the bench and (through internal/postgrestest) every test.
//
// The programs are the machine's own PostgreSQL 15 where it is installed, else
// Debian's package unpacked into the cache; nothing is installed and no other
// cluster on the machine is touched. A new server copies a data folder that
// initdb made once for this user and version, so that it starts in well under a
// second. Run by root, the server runs as "nobody", because PostgreSQL refuses
// root; its folder must then lie where that user can reach it (below /tmp).
//
// Non-obvious:
//   - All servers made from one template have the same system identifier.
//   - Kill ends every process of the server as a power cut would, except that
//     the kernel keeps what was written: only with Config.Fsync does the server
//     behave on disk as one in production.
//   - A server that is not detached dies with the process that started it, also
//     when that process is killed. Folders such a process leaves behind are
//     removed by the next one that starts a server.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/leat-project/leat/internal/child"
)

// The superuser of every server. It logs in with SCRAM over TCP.
const (
	User     = "leat"
	Password = "leat-secret"
	Host     = "127.0.0.1"
)

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute
	portTries    = 5
)

// Config says what server to start. The zero value is useful.
type Config struct {
	// Dir holds the server's data, log and socket and is kept by Close. Empty
	// means a new folder below the temporary folder, which Close removes.
	Dir string
	// Port to listen on; 0 takes a free one, which the server then keeps.
	Port int
	// Fsync makes commits survive a power cut, as in production. Without it
	// the server is quicker and a killed server still loses nothing, because
	// the kernel keeps its writes; benchmarks want true.
	Fsync bool
	// Settings are lines for postgresql.conf, over the defaults of this
	// package (wal_level=logical and room for 20 slots among them).
	Settings map[string]string
	// Files are put into the data folder, readable to the server only: by name,
	// certificates for TLS or another pg_hba.conf.
	Files map[string][]byte
	// Detach lets the server outlive this process. Its owner ends it with
	// StopDir.
	Detach bool
}

// Server is a PostgreSQL server of our own. Its methods may not be called
// concurrently, apart from DSN and the fields.
type Server struct {
	// Dir holds the data folder ("data"), the log and the socket.
	Dir string
	// Port on 127.0.0.1; the same over Stop and Start.
	Port int

	cfg     Config
	bin     *binaries
	temp    bool
	process *child.Process // of the last start; nil before the first
}

// Start makes a new server and waits until it takes logins. With a Config.Dir
// that already holds a server it goes on with that one.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	bin, err := findBinaries(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting PostgreSQL's programs: %w", err)
	}
	s := &Server{cfg: cfg, bin: bin, Port: cfg.Port}
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// create fills the data folder if it is new and starts the server, on another
// port when somebody took the first one meanwhile.
func (s *Server) create(ctx context.Context) error {
	if err := s.placeBinaries(); err != nil {
		return err
	}
	if err := s.initData(ctx); err != nil {
		return err
	}
	var err error
	for range portTries {
		if err = s.Start(ctx); err == nil || !errors.Is(err, errPortTaken) || s.cfg.Port != 0 {
			return err
		}
		s.Port = 0
	}
	return err
}

// DSN returns a connection URL for that database, for pgx and psql.
func (s *Server) DSN(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(User, Password),
		Host: s.Addr(), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Addr returns host:port.
func (s *Server) Addr() string { return net.JoinHostPort(Host, strconv.Itoa(s.Port)) }

// LogFile is the path of the server's log; it grows over restarts.
func (s *Server) LogFile() string { return filepath.Join(s.Dir, "postgres.log") }

// Running says whether the server process lives.
func (s *Server) Running() bool { return s.process != nil && s.process.Alive() }

// CreateDatabase creates an empty database.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return s.Exec(ctx, "postgres", "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
}

// Exec runs statements one by one in a connection of its own.
func (s *Server) Exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("running %q: %w", sql, err)
		}
	}
	return nil
}

// Start starts a stopped server and waits until it takes logins; recovery
// after Kill or StopImmediate is part of the wait.
func (s *Server) Start(ctx context.Context) error {
	if s.Running() {
		return errors.New("this PostgreSQL runs already")
	}
	if err := s.takePort(); err != nil {
		return err
	}
	if err := s.writeSettings(); err != nil {
		return err
	}
	process, err := s.launch()
	if err != nil {
		return err
	}
	s.process = process
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.waitReady(ctx); err != nil {
		return errors.Join(fmt.Errorf("waiting for PostgreSQL on port %d: %w", s.Port, err), s.Kill())
	}
	return nil
}

// Stop ends the server by a fast shutdown: sessions are cut off, everything is
// checkpointed. A stopped server may be started again.
func (s *Server) Stop() error { return s.stop(interrupt) }

// StopImmediate ends the server without a checkpoint (PostgreSQL's immediate
// mode): the next start recovers from the log.
func (s *Server) StopImmediate() error { return s.stop(quit) }

// Restart is Stop (StopImmediate when immediate is true) and Start.
func (s *Server) Restart(ctx context.Context, immediate bool) error {
	stop := s.Stop
	if immediate {
		stop = s.StopImmediate
	}
	if err := stop(); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Set changes settings for the next start. An empty value takes one back.
func (s *Server) Set(settings map[string]string) {
	merged := map[string]string{}
	for k, v := range s.cfg.Settings {
		merged[k] = v
	}
	for k, v := range settings {
		if v == "" {
			delete(merged, k)
			continue
		}
		merged[k] = v
	}
	s.cfg.Settings = merged
}

// Close kills the server and removes its folder, unless Config.Dir named it.
// A detached server goes on. It may be called more than once.
func (s *Server) Close() error {
	if s.cfg.Detach && s.Running() {
		return nil
	}
	err := s.Kill()
	if !s.temp {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.Dir))
}

// waitReady polls until a login succeeds or the process ends.
func (s *Server) waitReady(ctx context.Context) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		conn, err := pgx.Connect(attempt, s.DSN("postgres"))
		cancel()
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.Done():
			return s.startError()
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Shell returns how to call one of PostgreSQL's programs by hand: its name where
// it is on PATH, else what to type instead.
func (s *Server) Shell(program string) string {
	if _, err := exec.LookPath(program); err == nil {
		return program
	}
	if s.bin.libs == "" {
		return s.bin.path(program)
	}
	return "LD_LIBRARY_PATH=" + s.bin.libs + " " + s.bin.path(program)
}

// Command returns one of PostgreSQL's programs (psql, pg_waldump ...) ready to
// run against this server, which it finds in its environment. Debian's own psql
// wrapper is not involved.
func (s *Server) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := s.bin.command(ctx, program, args...)
	cmd.Env = append(cmd.Env, "PGHOST="+Host, "PGPORT="+strconv.Itoa(s.Port), "PGUSER="+User, "PGPASSWORD="+Password)
	return cmd
}
