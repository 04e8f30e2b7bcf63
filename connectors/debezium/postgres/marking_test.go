package postgres

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/postgrestest"
)

// TestMarksOfAFirstStart takes every state that a crash during a first start can
// leave behind and starts again from it.
func TestMarksOfAFirstStart(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "marks")
	conn := pg.Connect(t, "marks")
	pg.Exec(t, "marks", `CREATE TABLE a(id int PRIMARY KEY, v text)`, `INSERT INTO a SELECT g, 'v'||g FROM generate_series(1,50) g`)
	h := newHarness(t, pg, "marks", nil)
	h.start()
	h.awaitLen(50)
	awaitStreaming(t, h, pg, "marks")
	h.stop()
	history := slices.Clone(h.history)
	if len(history) < 3 || readOffset(history[0]).last() != 0 || readOffset(history[0]).snapshot != snapshotRunning ||
		readOffset(history[1]).last() == 0 || readOffset(history[1]).snapshot != snapshotRunning {
		t.Fatalf("offsets stored by a first start: %v; want a mark without a position, one with, then the rows'", history)
	}
	slot := func() { pg.Exec(t, "marks", `SELECT pg_create_logical_replication_slot('marks', 'pgoutput')`) }
	cases := []struct {
		name   string
		stored map[string]any
		slot   bool
		want   string // of the error; "": the table is captured whole
	}{
		{"before the first mark", nil, false, ""},
		{"before the slot", history[0], false, ""},
		{"after the slot", history[0], true, ""},
		{"after the second mark", history[1], true, ""},
		{"after the second mark, the slot is gone", history[1], false, "ghosts"},
		{"the offsets are lost", nil, true, "no offset is stored for this connector"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			eventually(t, "the slot is dropped", func() bool { // the server needs a moment to let it go
				_, err := conn.Exec(t.Context(), `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots`)
				return err == nil
			})
			if c.slot {
				slot()
			}
			// Changed while nobody looks.
			pg.Exec(t, "marks", `DELETE FROM a WHERE id = (SELECT min(id) FROM a)`, `INSERT INTO a SELECT max(id)+1, 'new' FROM a`)
			h.stored, h.history, h.records = c.stored, nil, nil
			h.start()
			if c.want != "" {
				if err := h.awaitError(); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v: want one with %q", err, c.want)
				}
				h.stop()
				if len(h.records) != 0 || len(h.history) != 0 {
					t.Errorf("%d records, offsets %v: want that nothing was done", len(h.records), h.history)
				}
				return
			}
			want := tableRows(t, conn, "SELECT id, v FROM a")
			rs := h.await("all rows", func(rs []*connect.Record) bool { return len(target(rs, "marks.public.a")) == len(want) })
			awaitStreaming(t, h, pg, "marks")
			h.stop()
			sameRows(t, target(rs, "marks.public.a"), want)
		})
	}
}

// TestRowsWaitForTheMark: no row leaves before the mark that a slot exists is
// durable, since a slot that is lost later could not be told from none.
func TestRowsWaitForTheMark(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "waits")
	pg.Exec(t, "waits", `CREATE TABLE a(id int PRIMARY KEY)`, `INSERT INTO a VALUES (1)`)
	h := newHarness(t, pg, "waits", nil)
	h.task = &Task{}
	sc := &sourceContext{h: h, ctx: t.Context(), log: slog.New(slog.DiscardHandler)}
	if err := h.task.Start(sc, h.props); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.task.Stop(); err != nil {
			t.Error(err)
		}
	}()
	b := connect.NewBatch(100, 1<<20, nil)
	poll := func() {
		b.Reset()
		if err := h.task.Poll(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	for mark := range 2 {
		for b.Len() == 0 {
			poll()
		}
		if b.Len() != 1 || !b.Records[0].OffsetOnly() {
			t.Fatalf("mark %d: got %d records, the first %+v: want an offset alone", mark, b.Len(), b.Records[0])
		}
		done := []connect.CommittedOffset{{Partition: b.Records[0].SourcePartition, Offset: b.Records[0].SourceOffset}}
		slots := func() (n int) {
			if err := pg.Connect(t, "waits").QueryRow(t.Context(), "SELECT count(*) FROM pg_replication_slots").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for range 5 {
			poll()
			if b.Len() != 0 || slots() != mark {
				t.Fatalf("mark %d is not durable, but there are %d records and %d slots", mark, b.Len(), slots())
			}
		}
		if h.requests() == 0 {
			t.Error("no commit was asked for")
		}
		h.mu.Lock()
		h.storeLocked(done[0].Offset)
		h.mu.Unlock()
		h.task.OffsetsCommitted(done)
	}
	for b.Len() == 0 {
		poll()
	}
	if b.Records[0].OffsetOnly() || plain(b.Records[0].Key) != "{id=1}" {
		t.Errorf("got %+v, want the row", b.Records[0])
	}
}

// TestEmptyTablesAreCompleted: a snapshot without rows is not taken again.
func TestEmptyTablesAreCompleted(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "empty")
	pg.Exec(t, "empty", `CREATE TABLE a(id int PRIMARY KEY)`)
	h := newHarness(t, pg, "empty", nil)
	h.start()
	awaitStreaming(t, h, pg, "empty")
	h.stop()
	if s := readOffset(h.stored); s == nil || s.snapshot != snapshotCompleted || s.last() == 0 {
		t.Fatalf("stored %v, want a completed snapshot", h.stored)
	}
	pg.Exec(t, "empty", `INSERT INTO a VALUES (1)`)
	h.start()
	rs := h.awaitLen(1)
	if op, _ := rs[0].Value.Struct().Lookup("op"); op.Str() != "c" {
		t.Errorf("op %s, want c: the row came after the snapshot", op.Str())
	}
}
