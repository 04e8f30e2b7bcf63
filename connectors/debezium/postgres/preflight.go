package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leat-project/leat/connect/config"
)

// connectionProblem begins what Debezium says when a connector's database cannot
// be used.
const connectionProblem = "Error while validating connector config: "

// preflight connects to the database as Debezium does when a configuration is
// validated, and reports on database.hostname why it cannot be used. It does
// nothing while the keys that it needs are wrong.
func preflight(ctx context.Context, props map[string]string, r *config.Result) {
	s, err := parse(props)
	if err != nil {
		return // the keys have their errors
	}
	var published *publicationError
	switch err := s.try(ctx); {
	case errors.As(err, &published):
		r.AddError("publication.name", config.FieldError("publication.name", published.Error()).Error())
	case err != nil:
		r.AddError("database.hostname", connectionProblem+err.Error())
	}
}

// publicationError says that the publication does not fit the configuration.
type publicationError struct{ err error }

func (e *publicationError) Error() string { return e.err.Error() }
func (e *publicationError) Unwrap() error { return e.err }

// try opens a session and checks what streaming needs: version, wal_level and the
// attributes of the role.
func (s *settings) try(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.ValidationTimeout)*time.Millisecond)
	defer cancel()
	quiet := *s
	quiet.InitialStatements = "" // they are for the sessions that do the work
	ss, err := quiet.dial(ctx, "leat validation")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ss.Close()) }()
	t := &Task{cfg: s, session: ss}
	if err := t.checkServer(ctx); err != nil {
		return err
	}
	if !t.wantsStream() {
		return nil
	}
	if err := checkRole(ctx, ss, s.User); err != nil {
		return err
	}
	return s.tryPublication(ctx, ss)
}

// tryPublication checks a publication that is there and stays as it is.
func (s *settings) tryPublication(ctx context.Context, ss *session) error {
	p, err := readPublication(ctx, ss, s.Publication)
	if err != nil {
		return err
	}
	switch {
	case p.exists && strings.EqualFold(s.PublicationMode, "filtered"):
		return nil // its tables are set at start
	case p.exists:
		err = checkTables(ctx, ss, s, &catalogue{}, p, func(table, msg string) {})
	case strings.EqualFold(s.PublicationMode, "disabled"):
		err = missingPublication(s)
	}
	if err != nil && !transient(err) {
		return &publicationError{err}
	}
	return err
}

// checkRole wants LOGIN and REPLICATION, or a superuser, or the role by which a
// cloud's PostgreSQL gives replication.
func checkRole(ctx context.Context, ss *session, user string) error {
	r, err := ss.one(ctx, `SELECT (rolcanlogin AND rolreplication) OR rolsuper OR EXISTS (
 SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
 WHERE m.member = u.oid AND g.rolname IN ('rds_superuser', 'rdsadmin', 'rdsrepladmin', 'rds_replication'))
 FROM pg_catalog.pg_roles u WHERE rolname = current_user`)
	if err != nil {
		return err
	}
	if r == nil || !r.bool(0) {
		return fmt.Errorf("Postgres roles LOGIN and REPLICATION are not assigned to user: %s; run ALTER ROLE %s REPLICATION", user, ident(user)) //nolint:staticcheck // Debezium's text
	}
	return nil
}
