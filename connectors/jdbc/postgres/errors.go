package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/internal/pgtls"
)

// Class says what to do about an error of the database.
type Class uint8

// The classes.
const (
	// Fatal errors stay until somebody changes something.
	Fatal Class = iota
	// Transient errors may be gone with the next attempt.
	Transient
	// Data errors are those of single rows: written one by one, the good ones pass.
	Data
	// Stale errors say that the table is not what it was when the plan was made.
	Stale
)

// Classify returns the class of an error that a Session returned.
func Classify(err error) Class {
	if errors.Is(err, context.Canceled) {
		return Fatal
	}
	if errors.Is(err, errMissingRows) {
		return Data
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return classifyLocal(err)
	}
	switch code := pg.Code; {
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "58"):
		return Transient
	case code == "40001", code == "40P01", code == "55P03", code == "57014", code == "25006":
		return Transient
	case code == "0A000" && strings.Contains(pg.Message, "cached plan"):
		return Transient
	case code == "42703", code == "42P01", code == "42804", code == "22P03", code == "42704", code == "26000":
		return Stale
	case strings.HasPrefix(code, "XX"): // what extensions say of a bad value
		return Data
	case strings.HasPrefix(code, "22"), strings.HasPrefix(code, "23"), code == "21000", code == "P0001", code == "54000", code == "42846":
		return Data
	}
	return Fatal
}

// classifyLocal judges errors that are not the server's answer.
func classifyLocal(err error) Class {
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.Timeout(err) || errors.Is(err, errClosed) || pgconn.SafeToRetry(err) {
		return Transient
	}
	text := err.Error()
	if strings.Contains(text, "unexpected EOF") || strings.Contains(text, "conn closed") || strings.Contains(text, "closed network connection") ||
		strings.Contains(text, "connection reset") || strings.Contains(text, "broken pipe") {
		return Transient
	}
	return Fatal
}

// NotConnected reports whether no connection could be opened.
func NotConnected(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect)
}

var (
	errMissingRows = errors.New("the table lacks rows that were to be updated")
	errClosed      = errors.New("the connection is closed")
)

// SQLState returns the SQLSTATE of an error, "" if the server did not answer.
func SQLState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// ConnectError explains why a connection could not be made.
type ConnectError struct {
	Address string
	User    string
	Err     error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("connecting to PostgreSQL at %s as user %q: %v; %s", e.Address, e.User, rootCause(e.Err), e.hint())
}

// Unwrap returns the driver's error.
func (e *ConnectError) Unwrap() error { return e.Err }

func rootCause(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func (e *ConnectError) hint() string {
	if hint := pgtls.Hint(e.Err); hint != "" {
		return hint
	}
	switch SQLState(e.Err) {
	case "28P01", "28000":
		return "check the user name, the password and the server's pg_hba.conf"
	case "3D000":
		return "create the database or correct its name in connection.url"
	case "53300":
		return "raise max_connections on the server or lower tasks.max"
	case "57P03":
		return "the server is starting or stopping; try again"
	}
	return "check host and port in connection.url, and that the server runs and accepts TCP connections"
}

func asPg(err error, pg **pgconn.PgError) bool { return errors.As(err, pg) }

// Missing reports whether an error says that a row to patch is not there.
func Missing(err error) bool { return errors.Is(err, errMissingRows) }
