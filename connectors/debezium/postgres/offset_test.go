package postgres

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/postgrestest"
)

func TestOffsetForms(t *testing.T) {
	for _, c := range []struct {
		name string
		pos  position
		want string
	}{
		{"snapshot row", position{lsn: 100, txID: 7, micros: 5, snapshot: snapshotRunning},
			`{"last_snapshot_record":false,"lsn":100,"snapshot":"INITIAL","snapshot_completed":false,"ts_usec":5,"txId":7}`},
		{"last snapshot row", position{lsn: 100, txID: 7, micros: 5, snapshot: snapshotCompleted},
			`{"last_snapshot_record":true,"lsn":100,"snapshot":"INITIAL","snapshot_completed":true,"ts_usec":5,"txId":7}`},
		{"stream", position{lsn: 120, lsnCommit: 110, txID: 8, micros: 6, message: "UPDATE"},
			`{"lsn":120,"lsn_commit":110,"lsn_proc":120,"messageType":"UPDATE","ts_usec":6,"txId":8}`},
		{"catch-up", position{lsn: 120, lsnCommit: 110, txID: 8, micros: 6, message: "INSERT", snapshot: snapshotRunning},
			`{"last_snapshot_record":false,"lsn":120,"lsn_commit":110,"lsn_proc":120,"messageType":"INSERT","snapshot":"INITIAL","snapshot_completed":false,"ts_usec":6,"txId":8}`},
	} {
		if got := offsetJSON(c.pos.OffsetMap()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestReadOffset(t *testing.T) {
	for _, c := range []struct {
		name     string
		m        map[string]any
		start    int64
		snapshot snapshotState
	}{
		{"Debezium's stream", map[string]any{"lsn_proc": int64(26987512), "messageType": "UPDATE", "lsn_commit": int64(26987408), "lsn": int64(26987512)}, 26987408, notSnapshot},
		{"floats", map[string]any{"lsn_proc": 30.0, "lsn_commit": 20.0, "lsn": 30.0}, 20, notSnapshot},
		{"first transaction", map[string]any{"lsn_proc": int64(30), "lsn": int64(30)}, 0, notSnapshot},
		{"snapshot under way", map[string]any{"snapshot": "INITIAL", "last_snapshot_record": false, "snapshot_completed": false, "lsn": int64(9)}, 9, snapshotRunning},
		{"snapshot done", map[string]any{"snapshot": "INITIAL", "last_snapshot_record": true, "snapshot_completed": true, "lsn": int64(9)}, 9, snapshotCompleted},
		{"older release", map[string]any{"snapshot": true, "last_snapshot_record": true, "lsn": int64(9)}, 9, snapshotCompleted},
		{"heartbeat behind a snapshot", map[string]any{"lsn": int64(9), "txId": int64(1)}, 9, notSnapshot},
	} {
		s := readOffset(c.m)
		if int64(s.start()) != c.start || s.snapshot != c.snapshot {
			t.Errorf("%s: start %d, snapshot %d; want %d, %d", c.name, s.start(), s.snapshot, c.start, c.snapshot)
		}
	}
	if readOffset(nil) != nil {
		t.Error("no offset is an offset")
	}
}

// TestTakeover goes on where Debezium stopped, from its offset, and says so where
// that cannot be.
func TestTakeover(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "takeover")
	conn := pg.Connect(t, "takeover")
	pg.Exec(t, "takeover", `CREATE TABLE a(id int PRIMARY KEY, v text)`, `CREATE PUBLICATION takeover_pub FOR ALL TABLES`,
		`SELECT pg_create_logical_replication_slot('takeover', 'pgoutput')`, `INSERT INTO a VALUES (1,'sent by Debezium')`)
	var lsn int64
	if err := conn.QueryRow(t.Context(), "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").Scan(&lsn); err != nil {
		t.Fatal(err)
	}
	pg.Exec(t, "takeover", `INSERT INTO a VALUES (2,'not sent')`)
	debezium := map[string]any{"lsn_proc": lsn, "messageType": "INSERT", "lsn_commit": lsn, "lsn": lsn, "txId": int64(700), "ts_usec": int64(1)}
	h := newHarness(t, pg, "takeover", nil)
	h.stored = maps.Clone(debezium)
	h.start()
	h.awaitLen(1)
	if got := h.show(); got != "takeover.public.a c {id=2} null -> {id=2 v=not sent}\n" {
		t.Fatalf("records %q: want only the row that Debezium did not send", got)
	}
	h.stop()

	h.stored["lsn"] = lsn + 1<<40
	if err := h.start().awaitError(); err == nil || !strings.Contains(err.Error(), "lies ahead of the server's log") {
		t.Errorf("error %v: want that the position lies ahead of the log", err)
	}
	h.stop()

	// A slot that is further than the offset: nothing is left out.
	delete(h.stored, "lsn")
	h.stored = map[string]any{"lsn_proc": int64(5), "messageType": "INSERT", "lsn_commit": int64(5), "lsn": int64(5)}
	h.records = nil
	pg.Exec(t, "takeover", `INSERT INTO a VALUES (3,'later')`)
	h.start()
	h.await("the later row", func(rs []*connect.Record) bool {
		return slices.ContainsFunc(rs, func(r *connect.Record) bool { return plain(r.Key) == "{id=3}" })
	})
}
