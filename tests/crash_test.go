package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/postgrestest"
	"github.com/leat-project/leat/internal/proctest"
)

// seed of everything random in a crash test; LEAT_SEED repeats a run.
func seed(t *testing.T) uint64 {
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("LEAT_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("LEAT_SEED: %v", err)
		}
	}
	t.Logf("LEAT_SEED=%d", n)
	return n
}

// TestKilledAtRandomMoments is the crash truth: two rounds of a new pipeline under
// continuous load, killed during its snapshot and its streaming, with PostgreSQL
// itself restarted in between.
func TestKilledAtRandomMoments(t *testing.T) {
	s := seed(t)
	rng := rand.New(rand.NewPCG(s, 2))
	pg := postgrestest.Start(t, postgrestest.Setting("wal_sender_timeout", "'5s'"))
	p := proctest.Start(t, proctest.Config{})
	kills, restarts := 0, 0
	for round := range 3 {
		prefix := fmt.Sprintf("shop%d", round)
		l := newLoad(t, pg, prefix+"src", 3000, s+uint64(round))
		pg.CreateDatabase(t, prefix+"dst")
		l.run()
		create(t, p, prefix+"-source", sourceConfig(pg, prefix+"src", prefix))
		create(t, p, prefix+"-sink", sinkConfig(pg, prefix+"dst", prefix))
		slotAt := "" // where the slot began: every change after it must be in the topic
		for i := range 12 {
			pause := time.Duration(rng.IntN(400)) * time.Millisecond // snapshot
			if i >= 6 {
				pause = time.Duration(200+rng.IntN(2000)) * time.Millisecond // streaming, mostly
			}
			time.Sleep(pause)
			if slotAt == "" {
				slotAt = slotPosition(t, pg, prefix+"src", prefix)
			}
			p.Kill(t)
			kills++
			if i%4 == 3 {
				pg.Restart(t, rng.IntN(2) == 0)
				restarts++
			}
			p.Start(t)
		}
		// PostgreSQL goes away under a running pipeline as well.
		time.Sleep(time.Second)
		pg.Restart(t, true)
		restarts++
		time.Sleep(2 * time.Second)
		l.end()
		statuses := func() string {
			_, a := statusOf(p, prefix+"-source")
			_, b := statusOf(p, prefix+"-sink")
			return a + "\n" + b + "\nlog:\n" + p.Log.Tail(6000)
		}
		for _, table := range []string{"orders", "customers"} {
			requireEqual(t, pg.DSN(prefix+"src"), pg.DSN(prefix+"dst"), table, nil, statuses)
		}
		if slotAt == "" {
			if slotAt = slotPosition(t, pg, prefix+"src", prefix); slotAt == "" {
				t.Fatal("the slot was never seen")
			}
		}
		ops := l.committed(slotAt)
		for _, table := range []string{"orders", "customers"} {
			requireEveryChange(t, readTopic(t, p.Kafka(), prefix+".public."+table), table, ops)
		}
		t.Logf("round %d: %d changes were made", round, l.changes.Load())
		mustAPI(t, p, "DELETE", "/connectors/"+prefix+"-source", nil)
		mustAPI(t, p, "DELETE", "/connectors/"+prefix+"-sink", nil)
		if t.Failed() {
			return
		}
	}
	if kills < 30 || restarts < 3 {
		t.Fatalf("%d kills and %d restarts of PostgreSQL, want 30 and 3", kills, restarts)
	}
	t.Logf("%d kills, %d restarts of PostgreSQL", kills, restarts)
	p.Stop(t)
}

// slotPosition returns the confirmed position of a slot, "" while there is none.
func slotPosition(t *testing.T, pg *postgrestest.Server, db, slot string) string {
	t.Helper()
	c := pg.Connect(t, db)
	defer c.Close(context.Background())
	var lsn *string
	err := c.QueryRow(context.Background(),
		"SELECT (SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = $1)", slot).Scan(&lsn)
	if err != nil {
		t.Fatal(err)
	}
	if lsn == nil {
		return ""
	}
	return *lsn
}

// TestGhosts deletes and re-keys rows between an interrupted snapshot and the next
// attempt: none of them may stay in the target.
func TestGhosts(t *testing.T) {
	pg := postgrestest.Start(t)
	p := proctest.Start(t, proctest.Config{})
	l := newLoad(t, pg, "src", 20000, 7)
	pg.CreateDatabase(t, "dst")
	create(t, p, "ghost-sink", sinkConfig(pg, "dst", "ghost"))
	create(t, p, "ghost-source", sourceConfig(pg, "src", "ghost"))
	// Kill as soon as the sink shows that the snapshot is under way.
	dst := pg.Connect(t, "dst")
	eventually(t, "rows in the target", func() string {
		var n int
		if err := dst.QueryRow(context.Background(), "SELECT count(*) FROM orders").Scan(&n); err != nil {
			return err.Error()
		}
		if n == 0 {
			return "no row yet"
		}
		return ""
	})
	p.Kill(t)
	pg.Exec(t, "src", "DELETE FROM orders WHERE id % 3 = 0", "UPDATE orders SET id = id + 1000000 WHERE id % 3 = 1")
	p.Start(t)
	statuses := func() string {
		_, a := statusOf(p, "ghost-source")
		_, b := statusOf(p, "ghost-sink")
		return a + "\n" + b + "\nlog:\n" + p.Log.Tail(6000)
	}
	requireEqual(t, pg.DSN("src"), pg.DSN("dst"), "orders", nil, statuses)
	_ = l
	p.Stop(t)
}

// TestSinkWritesSoonAfterKill checks that a restarted process's sink does not wait
// for the session of its predecessor: static members take over at once.
func TestSinkWritesSoonAfterKill(t *testing.T) {
	pg := postgrestest.Start(t)
	p := proctest.Start(t, proctest.Config{})
	newLoad(t, pg, "src", 100, 8)
	pg.CreateDatabase(t, "dst")
	create(t, p, "soon-source", sourceConfig(pg, "src", "soon"))
	create(t, p, "soon-sink", sinkConfig(pg, "dst", "soon"))
	dst := pg.Connect(t, "dst")
	has := func(id int) func() string {
		return func() string {
			var there bool
			err := dst.QueryRow(context.Background(), "SELECT EXISTS (SELECT FROM customers WHERE id = $1)", id).Scan(&there)
			if err != nil {
				return err.Error()
			}
			if !there {
				_, s := statusOf(p, "soon-sink")
				return "the row is missing; " + s
			}
			return ""
		}
	}
	eventually(t, "the first rows", has(1))
	once(t, "a row after the restart", 3*time.Second, func(i int) time.Duration {
		p.Kill(t)
		id := 10000 + i
		pg.Exec(t, "src", fmt.Sprintf("INSERT INTO customers VALUES (%d, 0, 'late', NULL)", id))
		p.Start(t)
		return eventually(t, "a row written after the restart", has(id))
	})
	p.Stop(t)
}

// TestNewTopicIsConsumedSoon checks that a topic that begins to match topics.regex
// is consumed within five seconds.
func TestNewTopicIsConsumedSoon(t *testing.T) {
	pg := postgrestest.Start(t)
	p := proctest.Start(t, proctest.Config{})
	newLoad(t, pg, "src", 10, 9)
	pg.CreateDatabase(t, "dst")
	create(t, p, "new-sink", sinkConfig(pg, "dst", `fresh\d`).with("collection.name.format", "${topic}"))
	waitTasks(t, p, "new-sink", 2, "RUNNING")
	dst := pg.Connect(t, "dst")
	once(t, "a new topic's way to the target", 5*time.Second, func(i int) time.Duration {
		prefix := fmt.Sprint("fresh", i)
		create(t, p, prefix, sourceConfig(pg, "src", prefix))
		eventually(t, "the topic", func() string {
			if len(readTopic(t, p.Kafka(), prefix+".public.customers")) == 0 {
				return "no record"
			}
			return ""
		})
		return eventually(t, "its rows in the target", func() string {
			var n int
			table := prefix + "_public_customers"
			if err := dst.QueryRow(context.Background(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
				return err.Error()
			}
			return ""
		})
	})
	p.Stop(t)
}

// TestTargetDownForAWhile stops the target database under a running sink: the task
// retries or fails with a clear status, nothing is lost, and it goes on.
func TestTargetDownForAWhile(t *testing.T) {
	src := postgrestest.Start(t)
	dst := postgrestest.Start(t)
	p := proctest.Start(t, proctest.Config{})
	l := newLoad(t, src, "src", 500, seed(t))
	dst.CreateDatabase(t, "dst")
	l.run()
	create(t, p, "down-source", sourceConfig(src, "src", "down"))
	create(t, p, "down-sink", sinkConfig(dst, "dst", "down"))
	time.Sleep(3 * time.Second)
	dst.Stop(t, true)
	time.Sleep(8 * time.Second)
	if s, text := statusOf(p, "down-sink"); len(s.Tasks) == 0 {
		t.Errorf("status while the target is down: %s", text)
	} else {
		for _, task := range s.Tasks {
			if task.State == "FAILED" && task.Trace == "" {
				t.Errorf("a failed task says nothing: %s", text)
			}
		}
	}
	dst.Start(t)
	time.Sleep(2 * time.Second)
	l.end()
	statuses := func() string {
		_, b := statusOf(p, "down-sink")
		return b + "\nlog:\n" + p.Log.Tail(6000)
	}
	operate := func() { restartFailed(p, "down-sink") }
	for _, table := range []string{"orders", "customers"} {
		requireEqual(t, src.DSN("src"), dst.DSN("dst"), table, operate, statuses)
	}
	p.Stop(t)
}
