package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/postgrestest"
)

func has(key string) func([]*connect.Record) bool {
	return func(rs []*connect.Record) bool {
		return slices.ContainsFunc(rs, func(r *connect.Record) bool { return plain(r.Key) == key })
	}
}

func TestSnapshotModes(t *testing.T) {
	pg := postgrestest.Start(t)
	for _, c := range []struct {
		mode        string
		first, next string // records of a first run, and of a second with a row in between
	}{
		{"initial", "r1 c2", "c3 c4"},
		{"always", "r1 c2", "c3 r1 r2 r3 c4"},
		{"no_data", "c2", "c3 c4"},
		{"when_needed", "r1 c2", "c3 c4"},
		{"initial_only", "r1", ""},
	} {
		t.Run(c.mode, func(t *testing.T) {
			db := c.mode
			pg.CreateDatabase(t, db)
			pg.Exec(t, db, `CREATE TABLE a(id int PRIMARY KEY)`, `INSERT INTO a VALUES (1)`)
			h := newHarness(t, pg, db, map[string]string{"snapshot.mode": c.mode})
			run := func(id int, want string) {
				h.records = nil
				snapshots := func() int { return strings.Count(h.logs.String(), "snapshot completed") }
				before := snapshots()
				h.start()
				h.await("the snapshot", func([]*connect.Record) bool { return snapshots() > before || !strings.Contains(want, "r") })
				if c.mode != "initial_only" {
					awaitStreaming(t, h, pg, db)
					pg.Exec(t, db, fmt.Sprintf(`INSERT INTO a VALUES (%d)`, id))
				}
				n := len(strings.Fields(want))
				h.awaitLen(n)
				h.stop()
				if got := ops(h.records); got != want {
					t.Errorf("records %q, want %q", got, want)
				}
			}
			run(2, c.first)
			pg.Exec(t, db, `INSERT INTO a VALUES (3)`)
			run(4, c.next)
		})
	}
}

// ops shows operation and id of every record.
func ops(rs []*connect.Record) string {
	var out []string
	for _, r := range rs {
		op, _ := r.Value.Struct().Lookup("op")
		out = append(out, op.Str()+strings.Trim(plain(r.Key), "{id=}"))
	}
	return strings.Join(out, " ")
}

func TestLostSlot(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "lost")
	pg.Exec(t, "lost", `CREATE TABLE a(id int PRIMARY KEY, v text)`, `INSERT INTO a SELECT g, 'v' FROM generate_series(1,100) g`)
	h := newHarness(t, pg, "lost", map[string]string{"max.batch.size": "5", "max.queue.size": "6"})
	h.limit = 10
	h.start()
	h.awaitLen(10)
	h.stop()
	h.limit = 0
	pg.Exec(t, "lost", `SELECT pg_drop_replication_slot('lost')`)
	if err := h.start().awaitError(); err == nil || !strings.Contains(err.Error(), "ghosts") {
		t.Errorf("error %v: want that ghosts cannot be excluded", err)
	}
	h.stop()
	h.props["snapshot.mode"] = "when_needed"
	h.records = nil
	h.start()
	h.awaitLen(100)
	awaitStreaming(t, h, pg, "lost")
	pg.Exec(t, "lost", `INSERT INTO a VALUES (101, 'x')`)
	h.await("the stream", has("{id=101}"))
}

func TestSlotOlderThanPublication(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "older")
	pg.Exec(t, "older", `CREATE TABLE a(id int PRIMARY KEY)`, `SELECT pg_create_logical_replication_slot('older', 'pgoutput')`, `INSERT INTO a VALUES (1)`)
	h := newHarness(t, pg, "older", nil)
	for range 2 { // also when the publication is there by now
		if err := h.start().awaitError(); err == nil || !strings.Contains(err.Error(), "Drop the slot") {
			t.Errorf("error %v: want that the slot is to be dropped", err)
		}
		h.stop()
	}
	pg.Exec(t, "older", `SELECT pg_drop_replication_slot('older')`, `SELECT pg_create_logical_replication_slot('older', 'test_decoding')`)
	if err := h.start().awaitError(); err == nil || !strings.Contains(err.Error(), "test_decoding") {
		t.Errorf("error %v: want that the slot has another plugin", err)
	}
}

func TestServerDiesDuringSnapshot(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "dies")
	pg.Exec(t, "dies", `CREATE TABLE a(id int PRIMARY KEY, v text)`, `INSERT INTO a SELECT g, repeat('v', 2000) FROM generate_series(1,20000) g`)
	h := newHarness(t, pg, "dies", map[string]string{"max.batch.size": "50", "max.queue.size": "60"})
	h.start()
	h.awaitLen(100)
	pg.Kill(t)
	pg.Start(t)
	pg.Exec(t, "dies", `DELETE FROM a WHERE id < 50`, `UPDATE a SET v = 'w' WHERE id = 60`)
	awaitStreaming(t, h, pg, "dies")
	h.await("the second snapshot", func([]*connect.Record) bool { return strings.Contains(h.logs.String(), "snapshot completed") })
	pg.Exec(t, "dies", `INSERT INTO a VALUES (99999, 'end')`)
	rs := h.await("the end", has("{id=99999}"))
	sameRows(t, target(rs, "dies.public.a"), tableRows(t, pg.Connect(t, "dies"), "SELECT id, v FROM a"))
}

func TestHeartbeats(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "beats")
	pg.Exec(t, "beats", `CREATE TABLE a(id int PRIMARY KEY)`, `CREATE TABLE pulse(n int)`)
	h := newHarness(t, pg, "beats", map[string]string{"heartbeat.interval.ms": "50", "poll.interval.ms": "20",
		"heartbeat.action.query": "INSERT INTO pulse VALUES (1)", "table.include.list": "public.a"}).start()
	h.await("heartbeats", func(rs []*connect.Record) bool { return len(rs) >= 3 })
	for _, r := range h.records {
		if got := describe(r); !strings.HasPrefix(got, "__debezium-heartbeat.beats {serverName=beats} {ts_ms=") || r.Partition != 0 {
			t.Fatalf("record %s, want a heartbeat", got)
		}
	}
	var n int
	if err := pg.Connect(t, "beats").QueryRow(t.Context(), "SELECT count(*) FROM pulse").Scan(&n); err != nil || n == 0 {
		t.Errorf("the action query ran %d times: %v", n, err)
	}
}

func TestAlteredTypes(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "altered")
	pg.Exec(t, "altered", `CREATE TYPE mood AS ENUM ('sad')`, `CREATE TABLE a(id int PRIMARY KEY, m mood)`)
	h := newHarness(t, pg, "altered", nil).start()
	awaitStreaming(t, h, pg, "altered")
	pg.Exec(t, "altered", `INSERT INTO a VALUES (1,'sad')`)
	h.awaitLen(1)
	pg.Exec(t, "altered", `ALTER TYPE mood ADD VALUE 'glad'`, `INSERT INTO a VALUES (2,'glad')`, `CREATE TYPE size AS ENUM ('S')`,
		`ALTER TABLE a ADD s size`, `INSERT INTO a VALUES (3,'sad','S')`)
	rs := h.awaitLen(3)
	for i, want := range []string{"{id=1 m=sad}", "{id=2 m=glad}", "{id=3 m=sad s=S}"} {
		if after, _ := rs[i].Value.Struct().Lookup("after"); plain(after) != want {
			t.Errorf("row %s, want %s", plain(after), want)
		}
	}
	row, _ := rs[1].Value.Struct().Lookup("after")
	if allowed, _ := row.Struct().Schema().FieldSchema("m").Param("allowed"); allowed != "sad,glad" {
		t.Errorf("allowed %q, want sad,glad", allowed)
	}
}

// TestColumnsWithoutForm names the columns that the events lack, those of the
// snapshot and those that are added later.
func TestColumnsWithoutForm(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "forms")
	pg.Exec(t, "forms", `CREATE TABLE a(id int PRIMARY KEY, early box, hidden box)`, `INSERT INTO a VALUES (1,'(1,1),(0,0)')`)
	h := newHarness(t, pg, "forms", map[string]string{"column.exclude.list": "public.a.hidden"}).start()
	awaitStreaming(t, h, pg, "forms")
	pg.Exec(t, "forms", `ALTER TABLE a ADD late interval[]`, `INSERT INTO a VALUES (2)`)
	rs := h.awaitLen(2)
	if after, _ := rs[1].Value.Struct().Lookup("after"); plain(after) != "{id=2}" {
		t.Errorf("row %s, want {id=2}", plain(after))
	}
	for _, want := range []string{`columns="[early box]"`, `columns="[early box late _interval]"`} {
		if !strings.Contains(h.logs.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(h.logs.String(), "hidden") {
		t.Error("the log names a column that is excluded")
	}
}

func TestTruncateAndPartitions(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "parts")
	pg.Exec(t, "parts", `CREATE TABLE a(id int PRIMARY KEY) PARTITION BY RANGE (id)`, `CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (0) TO (10)`,
		`CREATE TABLE a2 PARTITION OF a FOR VALUES FROM (10) TO (20)`, `INSERT INTO a VALUES (1), (11)`)
	for _, root := range []string{"true", "false"} {
		h := newHarness(t, pg, "parts", map[string]string{"publish.via.partition.root": root, "skipped.operations": "none",
			"slot.name": "root_" + root, "publication.name": "root_" + root, "topic.prefix": "p"}).start()
		h.awaitLen(2)
		awaitStreaming(t, h, pg, "root_"+root)
		pg.Exec(t, "parts", `INSERT INTO a VALUES (2)`, `TRUNCATE a`, `INSERT INTO a VALUES (1), (11)`)
		n := map[string]int{"true": 6, "false": 7}[root]
		rs := h.awaitLen(n)
		var got []string
		for _, r := range rs[2:] {
			got = append(got, strings.TrimPrefix(r.Topic, "p.public.")+" "+ops([]*connect.Record{r}))
		}
		slices.Sort(got[1 : len(got)-2]) // the truncates
		want := map[string]string{"true": "a c2,a tnull,a c1,a c11", "false": "a1 c2,a1 tnull,a2 tnull,a1 c1,a2 c11"}[root]
		if strings.Join(got, ",") != want {
			t.Errorf("root %s: %q, want %q", root, got, want)
		}
		h.stop()
	}
}
