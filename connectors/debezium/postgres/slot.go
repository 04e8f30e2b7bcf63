package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// slotState is what the server says of the slot.
type slotState struct {
	exists    bool
	plugin    string
	database  string
	pid       int64 // of the connection that uses it, 0 if none
	confirmed wire.LSN
	restart   wire.LSN
	lost      bool
}

func readSlot(ctx context.Context, s *session, name string) (slotState, error) {
	r, err := s.one(ctx, `SELECT coalesce(plugin, ''), coalesce(database, ''), coalesce(active_pid, 0), confirmed_flush_lsn, restart_lsn,
 coalesce(wal_status = 'lost', false) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`, name)
	if err != nil || r == nil {
		return slotState{}, err
	}
	st := slotState{exists: true, plugin: r.str(0), database: r.str(1), pid: r.int(2), confirmed: r.lsn(3), restart: r.lsn(4), lost: r.bool(5)}
	if st.confirmed == 0 {
		st.confirmed = st.restart
	}
	return st, nil
}

// usable says why a slot that exists cannot be streamed from, nil if it can.
func (st slotState) usable(cfg *settings) error {
	switch {
	case st.plugin != "pgoutput":
		return fmt.Errorf("replication slot %s was made for the output plugin %q, not pgoutput; use another slot.name or drop it (SELECT pg_drop_replication_slot('%s'))", cfg.Slot, st.plugin, cfg.Slot)
	case st.database != cfg.Database:
		return fmt.Errorf("replication slot %s belongs to the database %s, not %s; use another slot.name", cfg.Slot, st.database, cfg.Database)
	}
	return nil
}

// createSlot creates the slot and returns its consistent point and the snapshot
// that it exported, which lives until the session's next command.
func createSlot(ctx context.Context, repl *session, cfg *settings, version int, log *slog.Logger) (wire.LSN, string, error) {
	sql := "CREATE_REPLICATION_SLOT " + ident(cfg.Slot) + " LOGICAL pgoutput"
	switch {
	case cfg.Failover && version >= 170000:
		sql += " (FAILOVER true, SNAPSHOT 'export')"
	case version >= 150000:
		sql += " (SNAPSHOT 'export')"
	default:
		sql += " EXPORT_SNAPSHOT"
	}
	if cfg.Failover && version < 170000 {
		log.Warn("slot.failover needs PostgreSQL 17 or later; the slot is created without")
	}
	results, err := repl.PG.Exec(ctx, sql).ReadAll()
	if err != nil {
		return 0, "", fmt.Errorf("creating replication slot %s: %w%s", cfg.Slot, err, slotHint(err))
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) < 3 {
		return 0, "", fmt.Errorf("creating replication slot %s: the server answered in an unknown form", cfg.Slot)
	}
	r := row(results[0].Rows[0])
	log.Info("replication slot created", "slot", cfg.Slot, "position", r.lsn(1).String())
	return r.lsn(1), r.str(2), nil
}

func slotHint(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	switch pg.Code {
	case "53400":
		return "; raise max_replication_slots or drop slots that are not used any more"
	case "42501":
		return "; give the user the REPLICATION attribute (ALTER ROLE ... REPLICATION)"
	case "55000":
		return "; set wal_level=logical in postgresql.conf and restart the server"
	}
	return ""
}

// dropSlot drops the slot if it exists.
func dropSlot(ctx context.Context, s *session, name string) error {
	_, err := s.query(ctx, "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1", name)
	return err
}

// evict ends a connection that still uses our slot though its process is gone:
// it bears our own application name, and the framework runs this task only once.
func evict(ctx context.Context, s *session, slot, application string, log *slog.Logger) error {
	r, err := s.one(ctx, `SELECT a.pid, pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_replication_slots r
 JOIN pg_catalog.pg_stat_activity a ON a.pid = r.active_pid WHERE r.slot_name = $1 AND a.application_name = $2`, slot, application)
	if err == nil && r != nil {
		log.Warn("ended a connection of an earlier run that still held the slot", "slot", slot, "pid", r.int(0))
	}
	return err
}

// transient reports whether an error goes away by connecting again: the server
// restarts, the network broke.
func transient(err error) bool {
	var final *finalError
	if errors.As(err, &final) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "57P01", "57P02", "57P03", "57P05", "53300", "55006", "58000", "XX000":
			return true
		}
		return pg.Code[:2] == "08"
	}
	// The driver says of a stream that ends while a query runs only that the
	// connection is closed.
	var network net.Error
	var errno syscall.Errno
	return errors.Is(err, pgconn.ErrConnClosed) || errors.As(err, &network) || errors.As(err, &errno) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// finalError wraps a transient error that has lasted too long.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

func slotBusy(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55006"
}
