package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/connectors/debezium/postgres/column"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
	"github.com/leat-project/leat/internal/pgtls"
)

const connectTimeout = 30 * time.Second

// connConfig returns how to log in; name appears in pg_stat_activity.
func (s *settings) connConfig(name string) (*pgconn.Config, error) {
	files := pgtls.Files{Root: s.SSLRootCert, Cert: s.SSLCert, Key: s.SSLKey, Password: s.SSLPassword.Reveal()}
	if err := files.Check(); err != nil {
		return nil, fmt.Errorf("TLS settings (database.ssl...): %w", err)
	}
	q := url.Values{"sslmode": {strings.ToLower(s.SSLMode)}}
	if s.SSLRootCert != "" {
		q.Set("sslrootcert", s.SSLRootCert)
	}
	u := url.URL{Scheme: "postgres", Host: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), Path: "/" + s.Database, RawQuery: q.Encode()}
	cfg, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("TLS settings (database.ssl...): %w", errors.Unwrap(err))
	}
	if err := files.Apply(cfg); err != nil {
		return nil, fmt.Errorf("TLS settings (database.ssl...): %w", err)
	}
	cfg.User, cfg.Password = s.User, s.Password.Reveal()
	cfg.ConnectTimeout = connectTimeout
	cfg.RuntimeParams = column.SessionSettings()
	cfg.RuntimeParams["application_name"] = name
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: s.KeepAlive}}
	if !s.KeepAlive {
		dialer.KeepAlive = -1
	}
	cfg.DialFunc = dialer.DialContext
	return cfg, nil
}

// dial opens an ordinary session.
func (s *settings) dial(ctx context.Context, name string) (*session, error) {
	cfg, err := s.connConfig(name)
	if err != nil {
		return nil, err
	}
	conn, err := wire.Dial(ctx, cfg)
	if err != nil {
		return nil, dialError(s, err)
	}
	ss := &session{conn}
	for _, sql := range initialStatements(s.InitialStatements) {
		if err := ss.exec(ctx, sql); err != nil {
			return nil, errors.Join(fmt.Errorf("running database.initial.statements: %w", err), conn.Close())
		}
	}
	if s.QueryTimeout > 0 {
		if err := ss.exec(ctx, "SET statement_timeout = "+strconv.Itoa(s.QueryTimeout)); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return ss, nil
}

// dialReplication opens a replication connection.
func (s *settings) dialReplication(ctx context.Context, name string) (*session, error) {
	cfg, err := s.connConfig(name)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["replication"] = "database"
	conn, err := wire.Dial(ctx, cfg)
	if err != nil {
		return nil, dialError(s, err)
	}
	return &session{conn}, nil
}

// dialError says what to do about the usual reasons.
func dialError(s *settings, err error) error {
	where := fmt.Sprintf("connecting to the database %s on %s as user %s: ", s.Database, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), s.User)
	hint := ""
	var pg *pgconn.PgError
	switch tlsHint := pgtls.Hint(err); {
	case tlsHint != "":
		hint = "; " + tlsHint + " (keys database.sslmode and so on)"
	case errors.As(err, &pg):
		switch pg.Code {
		case "28P01":
			hint = "; check database.user and database.password"
		case "28000":
			hint = "; check database.user, its LOGIN and REPLICATION attributes (ALTER ROLE ... REPLICATION) and pg_hba.conf"
		case "3D000":
			hint = "; check database.dbname or create the database"
		case "42501":
			hint = "; grant what is missing, for replication: ALTER ROLE " + s.User + " REPLICATION"
		case "53300":
			hint = "; raise max_connections or max_wal_senders"
		}
		return fmt.Errorf("%s%s (SQLSTATE %s)%s: %w", where, pg.Message, pg.Code, hint, err)
	}
	return fmt.Errorf("%s%w%s", where, err, hint)
}

// initialStatements cuts database.initial.statements at single semicolons.
func initialStatements(text string) []string {
	var out []string
	for _, part := range strings.Split(strings.ReplaceAll(text, ";;", "\x00"), ";") {
		if part = strings.TrimSpace(strings.ReplaceAll(part, "\x00", ";")); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// session is a connection with text queries.
type session struct{ *wire.Conn }

// exec runs one or more statements by the simple protocol.
func (s *session) exec(ctx context.Context, sql string) error {
	if _, err := s.PG.Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("running %s: %w", sql, err)
	}
	return nil
}

// row is one row of texts; nil is null.
type row [][]byte

func (r row) str(i int) string { return string(r[i]) }
func (r row) bool(i int) bool  { return string(r[i]) == "t" }
func (r row) int(i int) int64 {
	n, _ := strconv.ParseInt(string(r[i]), 10, 64) // the column is an integer
	return n
}

// lsn reads a pg_lsn; 0 for null.
func (r row) lsn(i int) wire.LSN {
	if r[i] == nil {
		return 0
	}
	var lsn wire.LSN
	_ = lsn.Scan(string(r[i])) // the column is a pg_lsn
	return lsn
}

// query returns the rows of one statement.
func (s *session) query(ctx context.Context, sql string, args ...string) ([]row, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	res := s.PG.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if res.Err != nil {
		return nil, fmt.Errorf("running %s: %w", sql, res.Err)
	}
	rows := make([]row, len(res.Rows))
	for i, r := range res.Rows {
		rows[i] = r
	}
	return rows, nil
}

// one returns the only row of a statement, nil if there is none.
func (s *session) one(ctx context.Context, sql string, args ...string) (row, error) {
	rows, err := s.query(ctx, sql, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
