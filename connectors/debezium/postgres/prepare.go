package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// plan is what prepare decided.
type plan struct {
	snapshot bool
	stream   bool
	resume   wire.LSN // where the stream goes on; 0: where the slot stands
	exported string   // snapshot exported with a slot that was just created
	catchUp  wire.LSN // stream up to here before the snapshot; 0: no need
}

// prepare connects, checks the server, creates what is missing and decides which
// phase comes next.
func (t *Task) prepare(ctx context.Context) (phase, error) {
	if err := t.openCatalogue(ctx); err != nil {
		return nil, err
	}
	if err := t.checkServer(ctx); err != nil {
		return nil, err
	}
	old, err := t.storedOffset(ctx)
	if err != nil {
		return nil, err
	}
	if err := setIdentities(ctx, t.session, t.cfg, &t.catalogue, t.log); err != nil {
		return nil, err
	}
	p := plan{snapshot: t.wantsSnapshot(old), stream: t.wantsStream(), resume: old.start()}
	t.log.Info("starting", "snapshot", p.snapshot, "stream", p.stream, "position", p.resume.String())
	if !p.stream {
		if !p.snapshot {
			return &idle{}, nil
		}
		return t.startSnapshot(ctx, p)
	}
	if t.publication, err = ensurePublication(ctx, t.session, t.cfg, &t.catalogue, t.log); err != nil {
		return nil, err
	}
	if err := checkTables(ctx, t.session, t.cfg, &t.catalogue, t.publication, t.warnOnce); err != nil {
		return nil, err
	}
	slot, err := t.findSlot(ctx)
	if err != nil {
		return nil, err
	}
	if p.snapshot && old == nil {
		if err := t.mayBegin(slot); err != nil {
			return nil, err
		}
		first := t.emitter.positions.next()
		first.snapshot = snapshotRunning
		return &marking{t: t, pos: first, then: preparing{t}}, nil
	}
	if err := t.ensureSlot(ctx, old, slot, &p); err != nil {
		return nil, err
	}
	switch {
	case p.catchUp != 0:
		t.log.Info("the slot is there but no completed snapshot: streaming up to now first", "until", p.catchUp.String())
		return &streaming{t: t, resume: p.resume, until: p.catchUp, state: snapshotRunning, then: p}, nil
	case p.snapshot:
		return t.startSnapshot(ctx, p)
	}
	return &streaming{t: t, resume: p.resume}, nil
}

// openCatalogue opens the ordinary session and reads the types.
func (t *Task) openCatalogue(ctx context.Context) error {
	t.closeSession()
	s, err := t.cfg.dial(ctx, t.application)
	if err != nil {
		return err
	}
	t.session = s
	return t.catalogue.loadTypes(ctx, s)
}

const minVersion = 130000 // pg_replication_slots.wal_status, pg_snapshot

func (t *Task) checkServer(ctx context.Context) error {
	r, err := t.session.one(ctx, `SELECT current_setting('server_version_num'), current_setting('wal_level'),
 coalesce((SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'), 60000)`)
	if err != nil {
		return err
	}
	t.version = int(r.int(0))
	t.senderTimeout = r.int(2)
	if t.version < minVersion {
		return fmt.Errorf("the server's version %s is too old: PostgreSQL 13 or later is needed", r.str(0))
	}
	if level := r.str(1); level != "logical" && t.wantsStream() {
		return fmt.Errorf("Postgres server wal_level property must be 'logical' but is: '%s'; set wal_level = logical in postgresql.conf and restart the server", level)
	}
	return nil
}

// storedOffset reads what was stored for this connector.
func (t *Task) storedOffset(ctx context.Context) (*stored, error) {
	maps, err := t.ctx.Offsets().Offsets(ctx, t.partition)
	if err != nil {
		return nil, fmt.Errorf("reading the stored offset: %w", err)
	}
	if len(maps) == 0 {
		return nil, nil
	}
	return readOffset(maps[0]), nil
}

func (t *Task) mode() string { return strings.ToLower(t.cfg.SnapshotMode) }

// wantsSnapshot says whether rows are to be read, see io.debezium.snapshot.mode.
func (t *Task) wantsSnapshot(old *stored) bool {
	incomplete := old == nil || old.snapshot == snapshotRunning
	switch t.mode() {
	case "always":
		return true
	case "initial", "initial_only", "when_needed":
		return incomplete
	case "configuration_based":
		return t.cfg.BasedData && incomplete
	}
	return false
}

func (t *Task) wantsStream() bool {
	switch t.mode() {
	case "initial_only":
		return false
	case "configuration_based":
		return t.cfg.BasedStream
	}
	return true
}

// resnapshots says whether a lost position is answered by a new snapshot.
func (t *Task) resnapshots() bool {
	return t.mode() == "when_needed" || t.mode() == "configuration_based" && t.cfg.BasedOnDataError
}

// findSlot reads the slot's state and refuses one that is not of our kind.
func (t *Task) findSlot(ctx context.Context) (slotState, error) {
	slot, err := readSlot(ctx, t.session, t.cfg.Slot)
	if err != nil || !slot.exists {
		return slot, err
	}
	if err := slot.usable(t.cfg); err != nil {
		return slot, err
	}
	if t.publication.created && !slot.lost {
		err = fmt.Errorf("replication slot %s is older than the publication %s, which was missing and has been created now; the server cannot decode what lies between. Drop the slot: SELECT pg_drop_replication_slot('%s'), and delete the connector's offsets if it has any",
			t.cfg.Slot, t.cfg.Publication, t.cfg.Slot)
	}
	return slot, err
}

// mayBegin says why a first snapshot may not be taken with the slot as it is: the
// connector leaves a mark before it creates its slot, so that a slot without a
// stored offset is somebody else's, or the offsets are lost and with them the
// knowledge of what targets hold.
func (t *Task) mayBegin(slot slotState) error {
	if !slot.exists || slot.lost || t.resnapshots() || t.mode() == "always" {
		return nil
	}
	return fmt.Errorf("replication slot %s exists, at %s, but no offset is stored for this connector: its offsets were lost or deleted, or the slot is another's. "+
		"Drop the slot for a new snapshot: SELECT pg_drop_replication_slot('%s'); rows deleted since then stay in targets. "+
		"Or keep the slot: snapshot.mode=when_needed streams from it and then reads all rows, snapshot.mode=no_data only streams from it. Or use another slot.name",
		t.cfg.Slot, slot.confirmed, t.cfg.Slot)
}

// ensureSlot creates the slot where there is none and completes the plan.
func (t *Task) ensureSlot(ctx context.Context, old *stored, slot slotState, p *plan) error {
	if slot.lost {
		if !t.resnapshots() {
			return fmt.Errorf("replication slot %s has lost the log that it kept (max_slot_wal_keep_size): changes are missing. Drop the slot (SELECT pg_drop_replication_slot('%s')) and delete the connector's offsets for a new snapshot, or set snapshot.mode=when_needed; rows deleted meanwhile stay in targets",
				t.cfg.Slot, t.cfg.Slot)
		}
		if err := dropSlot(ctx, t.session, t.cfg.Slot); err != nil {
			return err
		}
		slot.exists = false
	}
	if !slot.exists {
		return t.newSlot(ctx, old, p)
	}
	return t.oldSlot(ctx, old, slot, p)
}

// newSlot creates the slot, unless something was captured before with one that
// is gone.
func (t *Task) newSlot(ctx context.Context, old *stored, p *plan) error {
	if old.last() != 0 && t.cfg.PositionCheck && t.mode() != "always" {
		switch {
		case t.resnapshots():
			t.log.Warn("the replication slot of the stored position is gone: a new snapshot is taken. Rows deleted meanwhile stay in targets", "slot", t.cfg.Slot)
			p.snapshot = true
		case old.snapshot == snapshotRunning:
			return fmt.Errorf("the replication slot %s was lost while a snapshot was not completed: rows deleted since its first attempt cannot be told any more and would stay in targets as ghosts. Empty the targets, delete the connector's offsets and start it again",
				t.cfg.Slot)
		default:
			return connect.ConnectErrorf("The connector is trying to read change stream starting at %s, but this is no longer available on the server. Reconfigure the connector to use a snapshot mode when needed.",
				old.describe(t.cfg))
		}
	}
	repl, err := t.cfg.dialReplication(ctx, t.application)
	if err != nil {
		return err
	}
	consistent, exported, err := createSlot(ctx, repl, t.cfg, t.version, t.log)
	if err != nil {
		return errors.Join(err, repl.Close())
	}
	t.closeExporter()
	t.exporter = repl // keeps the exported snapshot until it is used
	p.resume, p.exported = consistent, exported
	return nil
}

// oldSlot decides where to go on with a slot that exists.
func (t *Task) oldSlot(ctx context.Context, old *stored, slot slotState, p *plan) error {
	r, err := t.session.one(ctx, "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END")
	if err != nil {
		return err
	}
	flushed := r.lsn(0)
	if old != nil && old.last() > flushed && t.cfg.PositionCheck {
		return fmt.Errorf("the stored position %s lies ahead of the server's log, which ends at %s: this is another server or one restored from a backup. Delete the connector's offsets and drop the slot %s for a new snapshot",
			old.last(), flushed, t.cfg.Slot)
	}
	p.resume = max(p.resume, slot.confirmed)
	if p.snapshot {
		p.catchUp = flushed
	}
	return nil
}

func (s *stored) describe(cfg *settings) string {
	return fmt.Sprintf("PostgresOffsetContext [server='%s' db='%s', lsn=LSN{%s}, lastCompletelyProcessedLsn=%s, lastCommitLsn=%s]",
		cfg.Prefix, cfg.Database, s.lsn, orNull(s.lsnProc), orNull(s.lsnCommit))
}

func orNull(lsn wire.LSN) string {
	if lsn == 0 {
		return "null"
	}
	return "LSN{" + lsn.String() + "}"
}

// pluginOptions are the options of START_REPLICATION.
func (t *Task) pluginOptions() ([]string, error) {
	options := []string{"proto_version '1'", "publication_names " + literal(ident(t.cfg.Publication))}
	if t.version >= 140000 {
		options = append(options, "messages 'true'")
	}
	more, err := streamParams(t.cfg.StreamParams)
	return append(options, more...), err
}
