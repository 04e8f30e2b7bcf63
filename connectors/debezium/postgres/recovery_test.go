package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/postgrestest"
)

// target is what an upsert sink makes of the records of a topic: row by key.
func target(rs []*connect.Record, topic string) map[string]string {
	rows := map[string]string{}
	for _, r := range rs {
		if r.Topic != topic {
			continue
		}
		key := plain(r.Key)
		if r.Value.IsNull() {
			delete(rows, key)
			continue
		}
		after, _ := r.Value.Struct().Lookup("after")
		if after.IsNull() {
			delete(rows, key)
			continue
		}
		rows[key] = plain(after)
	}
	return rows
}

// table reads the rows of a table with an id and a text v.
func tableRows(t *testing.T, conn *pgx.Conn, sql string) map[string]string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	m := map[string]string{}
	for rows.Next() {
		var id int
		var v string
		if err := rows.Scan(&id, &v); err != nil {
			t.Fatal(err)
		}
		m[fmt.Sprintf("{id=%d}", id)] = fmt.Sprintf("{id=%d v=%s}", id, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

func sameRows(t *testing.T, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("row %s: %q, want %q", k, got[k], v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("row %s is a ghost: %s", k, got[k])
		}
	}
}

func confirmed(t *testing.T, conn *pgx.Conn, slot string) string {
	t.Helper()
	var lsn string
	if err := conn.QueryRow(t.Context(), "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name=$1", slot).Scan(&lsn); err != nil {
		t.Fatal(err)
	}
	return lsn
}

// ahead reports whether the slot was confirmed to or beyond a position.
func ahead(t *testing.T, conn *pgx.Conn, slot, lsn string) bool {
	t.Helper()
	var ok bool
	if err := conn.QueryRow(t.Context(), "SELECT confirmed_flush_lsn >= $2::pg_lsn FROM pg_replication_slots WHERE slot_name=$1", slot, lsn).Scan(&ok); err != nil {
		t.Fatal(err)
	}
	return ok
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("timeout: %s", what)
}

func TestInterruptedSnapshotLeavesNoGhosts(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "ghosts")
	conn := pg.Connect(t, "ghosts")
	pg.Exec(t, "ghosts", `CREATE TABLE a(id int PRIMARY KEY, v text)`, `INSERT INTO a SELECT g, 'v'||g FROM generate_series(1,1000) g`)
	h := newHarness(t, pg, "ghosts", map[string]string{"max.batch.size": "7", "max.queue.size": "8", "poll.interval.ms": "50"})
	for attempt := range 5 {
		before := len(h.records)
		h.limit = before + 100 + 37*attempt
		h.start()
		h.await("part of the snapshot", func(rs []*connect.Record) bool { return len(rs) >= h.limit })
		h.stop()
		// What was read is changed while nobody looks.
		pg.Exec(t, "ghosts", fmt.Sprintf(`DELETE FROM a WHERE id %% 10 = %d AND id < 500`, attempt),
			fmt.Sprintf(`UPDATE a SET id = id + 100000 WHERE id %% 10 = %d AND id < 1000`, attempt+5),
			fmt.Sprintf(`UPDATE a SET v = v || '+%d' WHERE id %% 3 = 0`, attempt),
			fmt.Sprintf(`INSERT INTO a VALUES (%d, 'new')`, 5000+attempt),
			`CREATE TABLE other`+fmt.Sprint(attempt)+`(id int)`, `SELECT pg_switch_wal()`, `CHECKPOINT`)
	}
	h.limit = 0
	h.start()
	awaitStreaming(t, h, pg, "ghosts")
	h.await("the completed snapshot", func(rs []*connect.Record) bool { return strings.Contains(h.logs.String(), "snapshot completed") })
	pg.Exec(t, "ghosts", `INSERT INTO a VALUES (9999, 'end')`)
	rs := h.await("the end", func(rs []*connect.Record) bool {
		return slices.ContainsFunc(rs, func(r *connect.Record) bool { return plain(r.Key) == "{id=9999}" })
	})
	sameRows(t, target(rs, "ghosts.public.a"), tableRows(t, conn, "SELECT id, v FROM a"))
}

func TestConfirmsOnlyWhatIsDurable(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "confirm")
	conn := pg.Connect(t, "confirm")
	pg.Exec(t, "confirm", `CREATE TABLE a(id int PRIMARY KEY, v text)`, `CREATE TABLE other(id int)`, `INSERT INTO a VALUES (1,'x')`)
	h := newHarness(t, pg, "confirm", map[string]string{"table.include.list": "public.a", "status.update.interval.ms": "100"})
	h.hold(true)
	h.start()
	h.awaitLen(1)
	awaitStreaming(t, h, pg, "confirm")
	at := confirmed(t, conn, "confirm")
	pg.Exec(t, "confirm", `INSERT INTO other SELECT generate_series(1,100)`)
	time.Sleep(500 * time.Millisecond) //nolint:forbidigo // nothing may happen in this time
	if now := confirmed(t, conn, "confirm"); now != at {
		t.Fatalf("the slot moved from %s to %s while a snapshot row was in flight", at, now)
	}
	h.hold(false)
	var flushed string
	if err := conn.QueryRow(t.Context(), "SELECT pg_current_wal_flush_lsn()::text").Scan(&flushed); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slot advances over transactions that are not captured", func() bool { return ahead(t, conn, "confirm", flushed) })

	h.hold(true)
	pg.Exec(t, "confirm", `INSERT INTO a VALUES (2,'y')`)
	h.awaitLen(2)
	if err := conn.QueryRow(t.Context(), "SELECT pg_current_wal_flush_lsn()::text").Scan(&flushed); err != nil {
		t.Fatal(err)
	}
	pg.Exec(t, "confirm", `INSERT INTO other SELECT generate_series(1,100)`)
	time.Sleep(500 * time.Millisecond) //nolint:forbidigo // nothing may happen in this time
	if ahead(t, conn, "confirm", flushed) {
		t.Fatalf("the slot was confirmed beyond a record that is not durable")
	}
	if h.requests() == 0 {
		t.Error("no offset commit was asked for")
	}
	h.hold(false)
	eventually(t, "the slot follows what is durable", func() bool { return ahead(t, conn, "confirm", flushed) })
}

func TestServerRestarts(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "restarts")
	pg.Exec(t, "restarts", `CREATE TABLE a(id int PRIMARY KEY, v text)`)
	h := newHarness(t, pg, "restarts", nil).start()
	awaitStreaming(t, h, pg, "restarts")
	n := 0
	insert := func() {
		n++
		pg.Exec(t, "restarts", fmt.Sprintf(`INSERT INTO a SELECT g, 'v' FROM generate_series(%d,%d) g`, n*100, n*100+99))
	}
	for i := range 4 {
		insert()
		switch i {
		case 0:
			start := time.Now()
			pg.Restart(t, false)
			if d := time.Since(start); d > 40*time.Second {
				t.Errorf("a fast shutdown with the stream attached took %s", d)
			}
		case 1:
			pg.Restart(t, true)
		case 2:
			pg.Kill(t)
			pg.Start(t)
		}
	}
	insert()
	rs := h.await("all rows", func(rs []*connect.Record) bool { return len(target(rs, "restarts.public.a")) == n*100 })
	sameRows(t, target(rs, "restarts.public.a"), tableRows(t, pg.Connect(t, "restarts"), "SELECT id, v FROM a"))
}

func TestEvictsConnectionOfEarlierRun(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "busy")
	pg.Exec(t, "busy", `CREATE TABLE a(id int PRIMARY KEY, v text)`)
	h := newHarness(t, pg, "busy", nil).start()
	awaitStreaming(t, h, pg, "busy")
	h.stop()
	cfg, err := pgconn.ParseConfig(pg.DSN("busy") + "&replication=database&application_name=leat%20busy")
	if err != nil {
		t.Fatal(err)
	}
	zombie, err := pgconn.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer zombie.Close(context.Background())
	zombie.Frontend().SendQuery(&pgproto3.Query{String: `START_REPLICATION SLOT "busy" LOGICAL 0/0 (proto_version '1', publication_names 'busy_pub')`})
	if err := zombie.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	conn := pg.Connect(t, "busy")
	eventually(t, "the zombie holds the slot", func() bool {
		var active bool
		if err := conn.QueryRow(t.Context(), "SELECT active FROM pg_replication_slots").Scan(&active); err != nil {
			t.Fatal(err)
		}
		return active
	})
	pg.Exec(t, "busy", `INSERT INTO a VALUES (1,'x')`)
	h.start()
	h.awaitLen(1)
}

func TestSlotOfAnotherConnection(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "taken")
	pg.Exec(t, "taken", `CREATE TABLE a(id int PRIMARY KEY, v text)`)
	first := newHarness(t, pg, "taken", map[string]string{"name": "first"}).start()
	awaitStreaming(t, first, pg, "taken")
	second := newHarness(t, pg, "taken", map[string]string{"name": "second", "slot.max.retries": "2", "slot.retry.delay.ms": "50", "snapshot.mode": "no_data"}).start()
	if err := second.awaitError(); err == nil || !strings.Contains(err.Error(), "is in use by another connection") {
		t.Fatalf("error %v: want that the slot is in use", err)
	}
}

// TestBlockedConsumer: while nothing is taken, the connection stays alive far
// beyond wal_sender_timeout, memory stays bounded and nothing is lost.
func TestBlockedConsumer(t *testing.T) {
	pg := postgrestest.Start(t, postgrestest.Setting("wal_sender_timeout", "'1s'"))
	pg.CreateDatabase(t, "blocked")
	pg.Exec(t, "blocked", `CREATE TABLE a(id int PRIMARY KEY, v text)`)
	h := newHarness(t, pg, "blocked", nil)
	h.limit = 1
	h.start()
	awaitStreaming(t, h, pg, "blocked")
	conn := pg.Connect(t, "blocked")
	sender := func() (pid int) {
		if err := conn.QueryRow(t.Context(), "SELECT coalesce(max(active_pid), 0) FROM pg_replication_slots").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	pids := []int{sender()}
	pg.Exec(t, "blocked", `INSERT INTO a SELECT g, repeat('x', 1000) FROM generate_series(1,30000) g`)
	h.awaitLen(1)
	// A machine that stands still for a second may break it, but not every time.
	for tries := 0; tries < 4; tries++ {
		time.Sleep(4 * time.Second) //nolint:forbidigo // four times wal_sender_timeout
		if pids = append(pids, sender()); pids[tries] == pids[tries+1] && pids[tries] != 0 {
			break
		}
	}
	if n := len(pids); pids[n-1] != pids[n-2] || pids[n-1] == 0 {
		t.Errorf("the replication connections were %v: none survived", pids)
	}
	if n := h.task.phase.(*streaming).stream.Buffered(); n > maxQueueBytes+1<<20 {
		t.Errorf("%d bytes are read ahead, want at most %d", n, maxQueueBytes)
	}
	h.stop()
	h.limit = 0
	h.start()
	rs := h.await("all rows", func(rs []*connect.Record) bool { return len(target(rs, "blocked.public.a")) == 30000 })
	if len(rs) < 30000 {
		t.Errorf("%d records", len(rs))
	}
}

// BenchmarkLatency measures the way from a commit to Poll, in steps of 2 ms.
func BenchmarkLatency(b *testing.B) {
	pg := postgrestest.Start(b)
	pg.CreateDatabase(b, "latency")
	pg.Exec(b, "latency", `CREATE TABLE a(id int PRIMARY KEY, v text)`)
	h := newHarness(b, pg, "latency", nil).start()
	awaitStreaming(b, h, pg, "latency")
	conn := pg.Connect(b, "latency")
	n := 0
	var all []time.Duration
	for b.Loop() {
		n++
		if _, err := conn.Exec(b.Context(), "INSERT INTO a VALUES ($1, 'x')", n); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		h.awaitLen(n)
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "us-p50")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "us-p99")
}
