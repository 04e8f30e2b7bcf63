package jdbc_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/postgrestest"
)

var (
	idKey   = structSchema("k", "id", data.Int32Schema)
	flatRow = structSchema("v", "id", data.Int32Schema, "name", data.OptionalStringSchema)
)

// flat is a row as ExtractNewRecordState makes it.
func flat(topic string, id int32, name string) rec {
	return rec{topic: topic, key: row(idKey, data.Int32(id)), value: row(flatRow, data.Int32(id), data.String(name))}
}

func gone(topic string, id int32) rec { return rec{topic: topic, key: row(idKey, data.Int32(id))} }

var flatProps = []string{"insert.mode", "upsert", "delete.enabled", "true", "primary.key.mode", "record_key", "schema.evolution", "basic"}

// putFails puts until an error other than a retriable one comes back.
func (s *sink) putFails(b *connect.Batch) error {
	for {
		err := s.task.Put(s.ctx, b)
		if err == nil || !connect.IsRetriable(err) {
			return err
		}
	}
}

func empty() *connect.Batch { return connect.NewBatch(0, 0, nil) }

func TestConstraints(t *testing.T) {
	pg := postgrestest.Start(t)

	t.Run("unique values that change places", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE t (id int PRIMARY KEY, name text UNIQUE)")
		s := startSink(t, debezium, with(url, flatProps...))
		s.mustPut(flat("t", 1, "a"), flat("t", 2, "b"))
		// Right one after the other; in one statement 23505.
		s.mustPut(flat("t", 1, "tmp"), flat("t", 2, "a"), flat("t", 1, "b"))
		wantRows(t, conn, "SELECT * FROM t ORDER BY id", "1|b\n2|a")
	})

	t.Run("children before parents", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE p (id int PRIMARY KEY, name text)",
			"CREATE TABLE c (id int PRIMARY KEY, name text, CONSTRAINT f FOREIGN KEY (id) REFERENCES p)")
		s := startSink(t, debezium, with(url, flatProps...))
		s.mustPut(flat("p", 1, "x"), flat("p", 9, "x"), flat("c", 1, "x"))
		s.mustPut(gone("p", 9), gone("c", 1), gone("p", 1))
		wantRows(t, conn, "SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM c)", "0|0")
	})

	t.Run("deferred constraints fail at the commit", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE p (id int PRIMARY KEY, name text)",
			"CREATE TABLE c (id int PRIMARY KEY REFERENCES p DEFERRABLE INITIALLY DEFERRED, name text)")
		s := startSink(t, debezium, with(url, flatProps...))
		s.reporter = true
		s.mustPut(flat("p", 1, "x"), flat("c", 1, "x"), flat("c", 2, "orphan"), flat("p", 3, "x"))
		wantRows(t, conn, "SELECT (SELECT string_agg(id::text, ',' ORDER BY id) FROM p), (SELECT string_agg(id::text, ',') FROM c)", "1,3|1")
		if len(s.reports) != 1 || !strings.HasPrefix(s.reports[0], "c@1: record c-0@1: writing to table \"public\".\"c\"") || !strings.Contains(s.reports[0], "SQLSTATE 23503") {
			t.Errorf("reports: %q", s.reports)
		}
	})

	t.Run("bad rows are reported, the others written", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE t (id int PRIMARY KEY, name text CHECK (name <> 'bad'))")
		s := startSink(t, debezium, with(url, flatProps...))
		s.reporter = true
		var recs []rec
		for i := range int32(200) {
			name := "good"
			if i%50 == 7 {
				name = "bad"
			}
			recs = append(recs, flat("t", i, name))
		}
		s.mustPut(recs...)
		wantRows(t, conn, "SELECT count(*) FROM t", "196")
		if len(s.reports) != 4 || !strings.Contains(s.reports[0], `t@7: record t-0@7: writing to table "public"."t"`) || !strings.Contains(s.reports[0], "23514") {
			t.Errorf("reports: %q", s.reports)
		}
	})

	t.Run("without a reporter the task fails and names the record", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE t (id int PRIMARY KEY, name text CHECK (name <> 'bad'))")
		s := startSink(t, debezium, with(url, flatProps...))
		if err := s.put(flat("t", 1, "good"), flat("t", 2, "bad"), flat("t", 3, "good")); err != nil {
			t.Fatalf("Put: %v", err)
		}
		tp := connect.TopicPartition{Topic: "t"}
		if got := s.commit(); got[tp] > 1 {
			t.Errorf("PreCommit = %d, past the bad record", got[tp])
		}
		err := s.putFails(empty())
		if err == nil || connect.IsRetriable(err) || !strings.Contains(err.Error(), "record t-0@1: writing to table") {
			t.Errorf("error = %v", err)
		}
	})

	t.Run("no unique index for the upsert", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE t (id int, name text)")
		s := startSink(t, debezium, with(url, flatProps...))
		if err := s.put(flat("t", 1, "a")); err != nil {
			t.Fatal(err)
		}
		s.commit()
		err := s.putFails(empty())
		if err == nil || !strings.Contains(err.Error(), "upserts need a primary key or a unique index") || !strings.Contains(err.Error(), "42P10") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestInsertMode(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	s := startSink(t, debezium, with(with(url, flatProps...), "insert.mode", "insert"))
	s.reporter = true
	s.mustPut(flat("t", 1, "a"), flat("t", 2, "b"), flat("t", 1, "again"))
	wantRows(t, conn, "SELECT * FROM t ORDER BY id", "1|a\n2|b")
	if len(s.reports) != 1 || !strings.Contains(s.reports[0], "23505") {
		t.Errorf("reports: %q", s.reports)
	}
	s.mustPut(gone("t", 1), flat("t", 1, "new"))
	wantRows(t, conn, "SELECT * FROM t ORDER BY id", "1|new\n2|b")
}

func TestUpdateMode(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	pg.Exec(t, conn.Config().Database, "CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t VALUES (1, 'old')")
	s := startSink(t, debezium, with(with(url, flatProps...), "insert.mode", "update"))
	s.mustPut(flat("t", 1, "new"), flat("t", 2, "nobody"))
	wantRows(t, conn, "SELECT * FROM t ORDER BY id", "1|new")
}

func TestRestart(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	s := startSink(t, debezium, with(with(url, flatProps...), "flush.max.retries", "1000", "flush.retry.delay.ms", "20"))
	s.mustPut(flat("t", 1, "a"))

	// Killed while idle: the next write connects again by itself.
	pg.Kill(t)
	pg.Start(t)
	s.mustPutRetrying(flat("t", 2, "b"))

	// Down for a while: nothing is committed, nothing is lost.
	pg.Kill(t)
	down := s.batch(flat("t", 3, "c"), flat("t", 4, "d"))
	if err := s.task.Put(s.ctx, down); err != nil && !connect.IsRetriable(err) {
		t.Fatalf("Put while the server is down: %v", err)
	} else if err == nil {
		got := s.commit()
		if tp := (connect.TopicPartition{Topic: "t"}); got[tp] != 2 {
			t.Errorf("PreCommit while the server is down = %d, want 2", got[tp])
		}
		err := s.task.Put(s.ctx, empty())
		if !connect.IsRetriable(err) || s.timeout <= 0 {
			t.Errorf("Put while the server is down: %v, timeout %v", err, s.timeout)
		}
	}
	pg.Start(t)
	s.mustPutRetrying(flat("t", 5, "e"))
	wantRows(t, pg.Connect(t, conn.Config().Database), "SELECT string_agg(name, '' ORDER BY id) FROM t", "abcde")
}

// mustPutRetrying puts as the runtime does: a retriable error offers the batch
// again, within a minute.
func (s *sink) mustPutRetrying(recs ...rec) {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	b := s.batch(recs...)
	for {
		err := s.task.Put(s.ctx, b)
		if err == nil {
			got := s.commit()
			all := true
			for tp, want := range s.offset {
				all = all && got[tp] == want
			}
			if all {
				return
			}
			b = empty()
		}
		if err != nil && !connect.IsRetriable(err) || time.Now().After(deadline) {
			s.t.Fatalf("Put: %v", err)
		}
	}
}

func TestRetriesEnd(t *testing.T) {
	pg := postgrestest.Start(t)
	_, url := database(t, pg)
	s := startSink(t, debezium, with(with(url, flatProps...), "flush.max.retries", "2", "flush.retry.delay.ms", "1"))
	s.mustPut(flat("t", 1, "a"))
	pg.Kill(t)
	b := s.batch(flat("t", 2, "b"))
	err := s.task.Put(s.ctx, b)
	deadline := time.Now().Add(time.Minute)
	for err == nil || connect.IsRetriable(err) {
		if time.Now().After(deadline) {
			t.Fatal("the task goes on for ever")
		}
		err = s.task.Put(s.ctx, empty())
	}
	if !strings.Contains(err.Error(), "Exceeded max retries 2 times, failed to process sink records") {
		t.Errorf("error = %v", err)
	}
	pg.Start(t)
}

// TestConnectionAttempts: each attempt to write is so many tries to connect.
func TestConnectionAttempts(t *testing.T) {
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	s := startSink(t, confluent, map[string]string{"name": "test", "connection.url": fmt.Sprintf("jdbc:postgresql://127.0.0.1:%d/none", port),
		"connection.user": "u", "connection.password": "p", "max.retries": "2", "retry.backoff.ms": "1",
		"connection.attempts": "3", "connection.backoff.ms": "1"})
	b := s.batch(flat("t", 1, "a"))
	err = s.task.Put(s.ctx, b)
	for deadline := time.Now().Add(time.Minute); err == nil || connect.IsRetriable(err); {
		if time.Now().After(deadline) {
			t.Fatal("the task goes on for ever")
		}
		err = s.task.Put(s.ctx, b) // as the framework does
	}
	if !strings.Contains(err.Error(), "Exceeded max retries 2 times") {
		t.Errorf("error = %v", err)
	}
	log := s.log.String()
	if tries, writes := strings.Count(log, "connecting failed"), strings.Count(log, "in trouble"); tries != 6 || writes != 2 {
		t.Errorf("%d tries to connect and %d attempts to write in the log, want 6 and 2:\n%s", tries, writes, log)
	}
}

// TestCalendar: only where it is asked for are old dates Julian.
func TestCalendar(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	schema := structSchema("", "id", data.Int32Schema, "d", data.NewDate().Build(), "ts", data.NewTimestamp().Build())
	old := time.Date(1500, 3, 20, 0, 0, 0, 0, time.UTC)
	value := func(at time.Time) *data.Struct {
		return row(schema, data.Int32(1), data.Date(at.UnixMilli()), data.Date(at.Add(time.Hour).UnixMilli()))
	}
	for name, c := range map[string]struct{ calendar, want string }{
		"unset":  {"", "1500-03-20 1500-03-20 01:00:00"},
		"greg":   {"PROLEPTIC_GREGORIAN", "1500-03-20 1500-03-20 01:00:00"},
		"legacy": {"LEGACY", "1500-03-10 1500-03-10 01:00:00"},
	} {
		props := with(url, "auto.create", "true")
		if c.calendar != "" {
			props["date.calendar.system"] = c.calendar
		}
		s := startSink(t, confluent, props)
		s.mustPut(rec{topic: name, value: value(old)})
		s.mustCommit()
		wantRows(t, conn, fmt.Sprintf(`SELECT d::text || ' ' || ts::text FROM %s`, name), c.want)
	}
}

func TestDDLFails(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	pg.Exec(t, conn.Config().Database, "CREATE TABLE t (id int PRIMARY KEY, name text)", "CREATE ROLE clerk LOGIN PASSWORD 'pw'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON t TO clerk")
	s := startSink(t, debezium, with(with(url, flatProps...), "connection.username", "clerk", "connection.password", "pw"))
	wide := data.Derive(flatRow).Field("extra", data.OptionalStringSchema).Build()
	b := s.batch(flat("t", 1, "a"), rec{topic: "t", key: row(idKey, data.Int32(2)), value: row(wide, data.Int32(2), data.Null, data.Null)})
	err := s.putFails(b)
	if err == nil || !strings.Contains(err.Error(), `statement: ALTER TABLE "public"."t" ADD COLUMN "extra" text NULL`) || !strings.Contains(err.Error(), "SQLSTATE 42501") {
		t.Errorf("error = %v", err)
	}
	wantRows(t, conn, "SELECT * FROM t", "1|a")
	err = s.putFails(s.batch(flat("u", 1, "a")))
	if err == nil || !strings.Contains(err.Error(), `CREATE TABLE "u" ("id" integer NOT NULL, "name" text NULL, PRIMARY KEY ("id"))`) {
		t.Errorf("error = %v", err)
	}
}

func TestTableChangesUnderneath(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	db := conn.Config().Database
	s := startSink(t, debezium, with(url, flatProps...))
	s.mustPut(flat("t", 1, "a"))
	pg.Exec(t, db, "ALTER TABLE t ALTER id TYPE bigint")
	s.mustPut(flat("t", 2, "b"), flat("t", 3, "c"))
	pg.Exec(t, db, "ALTER TABLE t DROP COLUMN name")
	s.mustPut(flat("t", 4, "d"))
	wantRows(t, conn, "SELECT id, name FROM t ORDER BY id", "1|NULL\n2|NULL\n3|NULL\n4|d")
	pg.Exec(t, db, "DROP TABLE t")
	s.mustPut(flat("t", 5, "e"), gone("t", 4))
	wantRows(t, conn, "SELECT id, name FROM t ORDER BY id", "5|e")
}

func TestTasksCreateAtOnce(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		s := startSink(t, debezium, with(url, flatProps...))
		schema := data.Derive(flatRow).Field(fmt.Sprintf("c%d", i%3), data.OptionalStringSchema).Build()
		b := s.batch(rec{topic: "t", key: row(idKey, data.Int32(int32(i))), value: row(schema, data.Int32(int32(i)), data.String("x"), data.Null)})
		wg.Go(func() {
			errs[i] = s.putFails(b)
			s.commit()
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("task %d: %v", i, err)
		}
	}
	wantRows(t, conn, "SELECT count(*) FROM t", "6")
	wantRows(t, conn, "SELECT string_agg(attname, ',' ORDER BY attname) FROM pg_attribute WHERE attrelid='t'::regclass AND attnum>0", "c0,c1,c2,id,name")
}

// TestWithoutTemporaryTables covers the ways of writing that are left where no
// staging table can be made.
func TestWithoutTemporaryTables(t *testing.T) {
	pg := postgrestest.Start(t)
	for _, tt := range []struct{ name, param string }{{"no TEMP privilege", ""}, {"behind a pooler", "&prepareThreshold=0"}} {
		t.Run(tt.name, func(t *testing.T) {
			conn, url := database(t, pg)
			db := conn.Config().Database
			pg.Exec(t, db, "REVOKE TEMP ON DATABASE "+db+" FROM PUBLIC", "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'pw'", "GRANT CREATE, USAGE ON SCHEMA public TO guest")
			t.Cleanup(func() { pg.Exec(t, db, "DROP OWNED BY guest") })
			props := with(with(url, flatProps...), "connection.url", url["connection.url"]+tt.param)
			if tt.param == "" {
				props = with(props, "connection.username", "guest", "connection.password", "pw")
			}
			s := startSink(t, debezium, props)
			schema := data.Derive(flatRow).Field("tags", arrayOf(data.OptionalStringSchema)).Build()
			for _, n := range []int32{3, 300} {
				var recs []rec
				for i := range n {
					tags := data.Array([]data.Value{data.String("a"), data.Null})
					recs = append(recs, flat("plain", i, "x"), rec{topic: "arrays", key: row(idKey, data.Int32(i)),
						value: row(schema, data.Int32(i), data.String("x"), tags)})
				}
				s.mustPut(recs...)
			}
			s.mustPut(gone("plain", 1), gone("arrays", 2))
			wantRows(t, conn, "SELECT (SELECT count(*) FROM plain), (SELECT count(*) FROM arrays WHERE tags = '{a,NULL}')", "299|299")
			wantRows(t, conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'leat_stage%'", "0")
		})
	}
}

// TestBehindPgBouncer writes through a real pooler in transaction mode, told of it
// by the URL or not.
func TestBehindPgBouncer(t *testing.T) {
	pg := postgrestest.Start(t)
	port := pg.Pooler(t)
	for _, param := range []string{"", "&prepareThreshold=0"} {
		conn, url := database(t, pg)
		direct := fmt.Sprintf(":%d/", pg.Port)
		props := with(with(url, flatProps...), "connection.url", strings.Replace(url["connection.url"], direct, fmt.Sprintf(":%d/", port), 1)+param)
		// Two tasks at once, so that transactions change their connections.
		sinks := []*sink{startSink(t, debezium, props), startSink(t, debezium, props)}
		for round := range int32(5) {
			for i, s := range sinks {
				var recs []rec
				for id := range int32(300) {
					recs = append(recs, flat(fmt.Sprintf("t%d", i), id, fmt.Sprint("v", round)))
				}
				s.mustPut(append(recs, gone(fmt.Sprintf("t%d", i), round))...)
			}
		}
		for i, s := range sinks {
			s.mustCommit()
			wantRows(t, conn, fmt.Sprintf("SELECT count(*), min(name), max(name) FROM t%d", i), "299|v4|v4")
			if log := s.log.String(); strings.Contains(log, "level=WARN") {
				t.Errorf("%q: the log warns:\n%s", param, log)
			}
		}
		wantRows(t, conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'leat_stage%'", "0")
	}
}

func TestClosedPartitionsAreForgotten(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	s := startSink(t, debezium, with(with(url, flatProps...), "flush.max.retries", "1000", "flush.retry.delay.ms", "1"))
	s.mustPut(flat("t", 1, "a"))
	pg.Kill(t)
	other := flat("t", 3, "kept")
	other.partition = 1
	if err := s.put(flat("t", 2, "another task's now"), other); err != nil && !connect.IsRetriable(err) {
		t.Fatal(err)
	}
	tp := connect.TopicPartition{Topic: "t"}
	if got := s.commit(); got[tp] != 1 {
		t.Errorf("PreCommit = %v", got)
	}
	if err := s.task.(connect.PartitionHandler).Close(s.ctx, []connect.TopicPartition{tp}); err != nil {
		t.Fatal(err)
	}
	delete(s.offset, tp)
	pg.Start(t)
	s.mustPutRetrying()
	wantRows(t, pg.Connect(t, conn.Config().Database), "SELECT string_agg(name, ',' ORDER BY id) FROM t", "a,kept")
}

// The task's context ends before the last PreCommit, which must still write all.
func TestLastPreCommit(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	for round := range int32(10) {
		s := startSink(t, debezium, with(url, flatProps...))
		for i := range int32(20) {
			if err := s.put(flat("t", 1000*round+i, "x")); err != nil {
				t.Fatal(err)
			}
			if i == 2*round {
				s.cancel()
			}
		}
		s.mustCommit()
	}
	wantRows(t, conn, "SELECT count(*) FROM t", "200")
}

// A batch that is offered again after a retriable error goes on where it stopped,
// but another one in its place is taken from the start.
func TestBatchInPlaceOfAnother(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	s := startSink(t, debezium, with(with(url, flatProps...), "flush.max.retries", "1000", "flush.retry.delay.ms", "1"))
	s.mustPut(flat("t", 1, "a"))
	pg.Kill(t)
	b := connect.NewBatch(0, 0, nil)
	src := s.batch(flat("t", 2, "b"), flat("unknown table", 1, "x"))
	for i := range src.Records {
		*b.Add() = src.Records[i]
	}
	if err := s.task.Put(s.ctx, b); !connect.IsRetriable(err) {
		t.Fatalf("Put = %v, want a retriable error", err)
	}
	b.Records = nil
	src = s.batch(flat("t", 3, "c"), flat("t", 4, "d"))
	for i := range src.Records {
		*b.Add() = src.Records[i]
	}
	pg.Start(t)
	if err := s.putFails(b); err != nil {
		t.Fatal(err)
	}
	delete(s.offset, connect.TopicPartition{Topic: "unknown table"})
	s.mustPutRetrying()
	wantRows(t, pg.Connect(t, conn.Config().Database), "SELECT string_agg(id::text, ',' ORDER BY id) FROM t WHERE id > 2", "3,4")
}

func TestBatchesAreReleased(t *testing.T) {
	pg := postgrestest.Start(t)
	_, url := database(t, pg)
	s := startSink(t, debezium, with(url, flatProps...))
	released := 0
	for i := range int32(50) {
		b := connect.NewBatch(0, 0, func(*connect.Batch) { released++ })
		src := s.batch(flat("t", i, "x"), tombstone(1))
		for j := range src.Records {
			*b.Add() = src.Records[j]
		}
		if err := s.task.Put(s.ctx, b); err != nil {
			t.Fatal(err)
		}
		b.Release() // the framework's own reference
	}
	s.mustCommit()
	if released != 50 {
		t.Errorf("%d of 50 batches were released", released)
	}
}

func TestValidate(t *testing.T) {
	pg := postgrestest.Start(t)
	_, url := database(t, pg)
	free := fmt.Sprintf("jdbc:postgresql://127.0.0.1:%d/x", 1)
	tests := []struct {
		name  string
		props []string
		key   string
		want  string
	}{
		{"fine", nil, "", ""},
		{"unreachable", []string{"connection.url", free}, "connection.url", "check host and port in connection.url"},
		{"wrong password", []string{"connection.password", "nope"}, "connection.url", "check the user name, the password"},
		{"missing database", []string{"connection.url", strings.Replace(url["connection.url"], "/dtest", "/nosuch", 1)}, "connection.url", "create the database or correct its name"},
		{"bad url", []string{"connection.url", "jdbc:h2:mem:x"}, "connection.url", "must begin with jdbc:postgresql:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, class := range []string{debezium, confluent} {
				c, _ := newTask(t, class)
				props := with(url, tt.props...)
				r := defOf(c).Validate(props)
				c.(connect.Validator).Validate(t.Context(), props, r)
				if tt.key == "" {
					if r.ErrorCount() > 0 {
						t.Errorf("%s: unexpected errors", class)
					}
					continue
				}
				errs := strings.Join(r.Value(tt.key).Errors, "\n")
				if !strings.Contains(errs, tt.want) {
					t.Errorf("%s: %s has errors %q, want %q", class, tt.key, errs, tt.want)
				}
				if strings.Contains(errs, "nope") {
					t.Errorf("the error shows the password: %s", errs)
				}
			}
		})
	}
}
