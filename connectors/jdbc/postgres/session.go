package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/connectors/jdbc/pgurl"
)

// Session is one connection and what is known of it.
type Session struct {
	conn    *pgconn.PgConn
	timeout time.Duration
	staging bool            // temporary tables can be used
	staged  map[*Shape]bool // those whose staging table exists
	pooled  bool            // each transaction may be on another connection of the server
	ready   map[statement]string
}

// statement is one that the server has parsed and planned, which for a few rows
// takes longer than writing them.
type statement struct {
	shape *Shape
	sql   string
}

// mostReady bounds the statements that a session keeps at the server.
const mostReady = 256

// SessionParams are the run-time parameters of a session in time zone zone.
func SessionParams(zone string) map[string]string {
	return map[string]string{"application_name": "leat", "client_encoding": "UTF8", "datestyle": "ISO", "timezone": zone}
}

// Connect opens a session. Its error is a *ConnectError or one of the
// configuration.
func Connect(ctx context.Context, target *pgurl.Target, zone string) (*Session, error) {
	cfg, err := target.Config(SessionParams(zone))
	if err != nil {
		return nil, fmt.Errorf("reading the parameters of connection.url: %w", err)
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, &ConnectError{Address: target.Address(), User: target.User, Err: err}
	}
	s := &Session{conn: conn, timeout: target.SocketTimeout, staged: map[*Shape]bool{}, ready: map[statement]string{}}
	rows, err := s.query(ctx, "SELECT pg_backend_pid(), has_database_privilege(current_database(), 'TEMP')")
	if err != nil {
		s.Close()
		return nil, &ConnectError{Address: target.Address(), User: target.User, Err: err}
	}
	// A pooler hands out process ids of its own; behind it nothing may be kept
	// between transactions.
	s.pooled = target.Pooled || rows[0][0] != fmt.Sprint(conn.PID())
	s.staging = rows[0][1] == "t" && !s.pooled
	return s, nil
}

// Staging reports whether rows are staged in temporary tables; without, unnest
// takes their place.
func (s *Session) Staging() bool { return s.staging }

// Closed reports whether the connection is gone, so that a new Session is needed.
func (s *Session) Closed() bool { return s.conn.IsClosed() }

// Close ends the session. It is safe to call it again.
func (s *Session) Close() {
	// The task may have been told to stop: say goodbye to the server all the same.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // nothing to do about a connection that is gone already
}

func (s *Session) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.timeout)
}

// exec runs statements that need no parameters.
func (s *Session) exec(ctx context.Context, sql string) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.conn.Exec(ctx, sql).ReadAll()
	return err
}

// prepare returns the name of a statement that the server keeps. It takes no part
// in transactions.
func (s *Session) prepare(ctx context.Context, shape *Shape, sql string, oids []uint32) (string, error) {
	k := statement{shape, sql}
	if name, ok := s.ready[k]; ok {
		return name, nil
	}
	if len(s.ready) >= mostReady {
		if _, err := s.conn.Exec(ctx, "DEALLOCATE ALL").ReadAll(); err != nil {
			return "", err
		}
		clear(s.ready)
	}
	name := fmt.Sprintf("leat_%d", len(s.ready))
	if _, err := s.conn.Prepare(ctx, name, sql, oids); err != nil {
		return "", err
	}
	s.ready[k] = name
	return name, nil
}

// query runs a statement with text parameters and returns its rows as text; null
// is "".
func (s *Session) query(ctx context.Context, sql string, params ...string) ([][]string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	res := s.conn.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if res.Err != nil {
		return nil, res.Err
	}
	rows := make([][]string, len(res.Rows))
	for i, r := range res.Rows {
		for _, v := range r {
			rows[i] = append(rows[i], string(v))
		}
	}
	return rows, nil
}

// rollback ends a failed transaction; a connection on which that fails is closed.
func (s *Session) rollback(ctx context.Context) {
	if s.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.exec(ctx, "ROLLBACK"); err != nil {
		s.Close()
	}
}
