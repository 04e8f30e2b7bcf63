package store_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// tape is a MemLog that remembers what was written.
type tape struct {
	store.MemLog
	recs []store.Record
}

func (l *tape) Append(ctx context.Context, recs ...store.Record) error {
	l.recs = append(l.recs, recs...)
	return l.MemLog.Append(ctx, recs...)
}

func (l *tape) AppendAsync(r store.Record, done func(error)) {
	err := l.Append(context.Background(), r)
	if done != nil {
		done(err)
	}
}

func (l *tape) texts() []string {
	var out []string
	for _, r := range l.recs {
		v := "<tombstone>"
		if r.Value != nil {
			v = string(r.Value)
		}
		out = append(out, string(r.Key)+" = "+v)
	}
	return out
}

func configs(t *testing.T, l store.Log, notify func(store.Event)) *store.ConfigStore {
	t.Helper()
	s := store.NewConfigStore(l, &store.SoleWriter{}, discard())
	if err := s.Start(t.Context(), notify); err != nil {
		t.Fatal(err)
	}
	return s
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestConfigRecords(t *testing.T) {
	l := &tape{}
	var events []store.EventKind
	s := configs(t, l, func(e store.Event) { events = append(events, e.Kind) })
	ctx := t.Context()
	name, odd := "a", "1/\u00e9\"\n\u2028<"
	for _, err := range []error{
		s.PutConnector(ctx, "a", model.Config{"name": &name, "x": &odd, "none": nil}, model.TargetStopped),
		s.PutTarget(ctx, "a", model.TargetStarted),
		s.PutTasks(ctx, "a", []map[string]string{{"n": "0"}, {"n": "1"}}),
		s.PutRestart(ctx, model.RestartRequest{Connector: "a", OnlyFailed: true}),
		s.PutLogger(ctx, "x.y", "DEBUG"),
		s.PutSessionKey(ctx, store.SessionKey{Key: "a2V5", Algorithm: "HmacSHA256", Created: time.UnixMilli(17)}),
		s.PutTasks(ctx, "a", nil),
		s.RemoveConnector(ctx, "a"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	equal(t, l.texts(), []string{
		`target-state-a = {"state":"PAUSED","state.v2":"STOPPED"}`,
		"connector-a = {\"properties\":{\"name\":\"a\",\"x\":\"1/\u00e9\\\"\\n\u2028<\",\"none\":null}}",
		`target-state-a = {"state":"STARTED","state.v2":"STARTED"}`,
		`task-a-0 = {"properties":{"n":"0"}}`,
		`task-a-1 = {"properties":{"n":"1"}}`,
		`commit-a = {"tasks":2}`,
		`restart-connector-a = {"include-tasks":false,"only-failed":true}`,
		`logger-cluster-x.y = {"level":"DEBUG"}`,
		`session-key = {"key":"a2V5","algorithm":"HmacSHA256","creation-timestamp":17}`,
		`commit-a = {"tasks":0}`,
		`connector-a = <tombstone>`,
		`target-state-a = <tombstone>`,
	})
	want := []store.EventKind{store.ConnectorChanged, store.TargetChanged, store.TasksChanged, store.RestartRequested,
		store.LoggerChanged, store.TasksChanged, store.ConnectorChanged}
	if !slices.Equal(events, want) {
		t.Fatalf("events = %v, want %v", events, want)
	}
}

// preload is a log with records in it.
type preload struct {
	store.MemLog
	recs []store.Record
}

func (l *preload) Start(ctx context.Context, apply func(store.Record)) error {
	for i, r := range l.recs {
		r.Offset = int64(i)
		apply(r)
	}
	return l.MemLog.Start(ctx, apply)
}

func rec(key, value string) store.Record {
	if value == "" {
		return store.Record{Key: []byte(key)}
	}
	return store.Record{Key: []byte(key), Value: []byte(value)}
}

func TestConfigReplay(t *testing.T) {
	for _, c := range []struct {
		name  string
		recs  []store.Record
		check func(t *testing.T, c store.Connector, ok bool)
	}{
		{"tasks count with their commit only", []store.Record{
			rec("connector-a", `{"properties":{"k":"v"}}`), rec("task-a-0", `{"properties":{"n":"0"}}`), rec("commit-a", `{"tasks":1}`),
			rec("task-a-0", `{"properties":{"n":"new"}}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			if !ok || len(c.Tasks) != 1 || c.Tasks[0]["n"] != "0" || c.TasksOffset != 2 || c.Inconsistent {
				t.Fatalf("connector = %+v", c)
			}
		}},
		{"an incomplete commit leaves no tasks", []store.Record{
			rec("connector-a", `{"properties":{"k":"v"}}`), rec("task-a-0", `{"properties":{"n":"0"}}`), rec("commit-a", `{"tasks":2}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			if !ok || len(c.Tasks) != 0 || !c.Inconsistent {
				t.Fatalf("connector = %+v", c)
			}
		}},
		{"a count of tasks beyond reason is incomplete", []store.Record{
			rec("connector-a", `{"properties":{"k":123456789012345678901}}`), rec("task-a-0", `{"properties":{"n":"0"}}`),
			rec("commit-a", `{"tasks":2000000000000}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			if !ok || len(c.Tasks) != 0 || !c.Inconsistent || c.Config.Text("k") != "123456789012345678901" {
				t.Fatalf("connector = %+v", c)
			}
		}},
		{"what a deleted connector left behind stays dead", []store.Record{
			rec("connector-a", `{"properties":{"k":"v"}}`), rec("task-a-0", `{"properties":{"n":"0"}}`), rec("connector-a", ""),
			rec("connector-a", `{"properties":{"k":"w"}}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			if !ok || c.Tasks != nil || c.TasksOffset != -1 || c.Config.Text("k") != "w" {
				t.Fatalf("connector = %+v", c)
			}
		}},
		{"a null is kept, in a task's configuration it is no key", []store.Record{
			rec("connector-a", `{"properties":{"k":"v","none":null}}`), rec("task-a-0", `{"properties":{"n":null}}`), rec("commit-a", `{"tasks":1}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			v := "v"
			if !ok || !c.Config.Equal(model.Config{"k": &v, "none": nil}) || len(c.Tasks) != 1 || len(c.Tasks[0]) != 0 {
				t.Fatalf("connector = %+v", c)
			}
		}},
		{"the second form of the target state wins", []store.Record{
			rec("target-state-a", `{"state":"PAUSED","state.v2":"STOPPED"}`), rec("connector-a", `{"properties":{}}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			if c.Target != model.TargetStopped {
				t.Fatalf("target = %s", c.Target)
			}
		}},
		{"old workers write the first form only", []store.Record{
			rec("connector-a", `{"properties":{}}`), rec("target-state-a", `{"state":"PAUSED"}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			if c.Target != model.TargetPaused {
				t.Fatalf("target = %s", c.Target)
			}
		}},
		{"garbage is skipped", []store.Record{
			rec("what", "is this"), rec("connector-a", `{"properties":{"k":"v"}}`), rec("connector-a", `not json`),
			rec("task-a", `{}`), rec("commit-a", `{"tasks":"x"}`), rec("target-state-a", `{"state":"FLYING"}`),
		}, func(t *testing.T, c store.Connector, ok bool) {
			if !ok || c.Config.Text("k") != "v" || c.Target != model.TargetStarted {
				t.Fatalf("connector = %+v", c)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := configs(t, &preload{recs: c.recs}, func(e store.Event) { t.Errorf("event %v from the replay", e) })
			conn, ok := s.Connector("a")
			c.check(t, conn, ok)
		})
	}
}

func TestSecretsStayOutOfMessages(t *testing.T) {
	var logged strings.Builder
	s := store.NewConfigStore(&preload{recs: []store.Record{rec("connector-a", `{"properties":{"password":"s3cret"`), rec("session-key", `{"key":"s3cret`)}},
		&store.SoleWriter{}, slog.New(slog.NewTextHandler(&logged, nil)))
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(logged.String(), "s3cret") || !strings.Contains(logged.String(), "connector-a") {
		t.Fatalf("log = %s", logged.String())
	}
}

func TestOffsetRecords(t *testing.T) {
	l := &tape{}
	s := store.NewOffsetStore(l, discard())
	ctx := t.Context()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	p := connect.NewPartition(map[string]any{"server": "shop/\U0001F600", "db": nil})
	offset := map[string]any{"lsn": int64(1) << 60, "flo": 1.0, "big": 1e21, "ok": true, "txt": "\x01", "none": nil}
	if err := s.Put(ctx, "c", []store.SourceOffset{{Partition: p, Offset: offset}}); err != nil {
		t.Fatal(err)
	}
	equal(t, l.texts(), []string{
		`["c",{"server":"shop/\uD83D\uDE00","db":null}] = {"big":1.0E21,"txt":"\u0001","lsn":1152921504606846976,"flo":1.0,"none":null,"ok":true}`})
	got, err := s.Read(ctx, "c", p, connect.NewPartition(map[string]any{"server": "other"}))
	if err != nil || got[1] != nil || got[0]["lsn"] != int64(1)<<60 || got[0]["flo"] != 1.0 {
		t.Fatalf("read %v, error %v", got, err)
	}
	if err := s.Put(ctx, "c", []store.SourceOffset{{Partition: p, Offset: map[string]any{"x": []int{1}}}}); err == nil {
		t.Fatal("an offset that is no primitive was accepted")
	}
	if err := s.Put(ctx, "c", []store.SourceOffset{{Partition: p}}); err != nil {
		t.Fatal(err)
	}
	if all, err := s.All(ctx, "c"); err != nil || len(all) != 0 {
		t.Fatalf("after the deletion: %v, error %v", all, err)
	}
}

// An equal partition reuses the key bytes that another program wrote: lookups and
// compaction compare bytes.
func TestOffsetKeysAreReused(t *testing.T) {
	l := &tape{}
	odd := `["c", {"b":1,"a":"x"}]`
	s := store.NewOffsetStore(l, discard())
	ctx := t.Context()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ctx, rec(odd, `{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	p := connect.NewPartition(map[string]any{"a": "x", "b": int64(1)})
	if err := s.Put(ctx, "c", []store.SourceOffset{{Partition: p, Offset: map[string]any{"n": int64(2)}}}); err != nil {
		t.Fatal(err)
	}
	equal(t, l.texts()[1:], []string{odd + ` = {"n":2}`})
}

func TestStatusRecords(t *testing.T) {
	l := &tape{}
	s := store.NewStatusStore(l, discard())
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := model.TaskID{Connector: "my-c", Task: 3}
	s.PutConnector("my-c", store.Status{State: model.Running, WorkerID: "h:1", Generation: 2, Version: "1.0"})
	s.PutTask(id, store.Status{State: model.Failed, WorkerID: "h:1", Generation: 2, Trace: "a\n\tb"})
	s.PutTopic(store.TopicUse{Topic: "t:connector-x", Connector: "my-c", Task: 3, Discovered: time.UnixMilli(5)})
	equal(t, l.texts(), []string{
		`status-connector-my-c = {"state":"RUNNING","trace":null,"worker_id":"h:1","generation":2,"version":"1.0"}`,
		`status-task-my-c-3 = {"state":"FAILED","trace":"a\n\tb","worker_id":"h:1","generation":2,"version":null}`,
		`status-topic-t:connector-x:connector-my-c = {"topic":{"name":"t:connector-x","connector":"my-c","task":3,"discoverTimestamp":5}}`,
	})
	if got := s.Topics("my-c"); !slices.Equal(got, []string{"t:connector-x"}) {
		t.Fatalf("topics = %v", got)
	}
	// Another worker of a newer generation has the task by now.
	s.PutTask(id, store.Status{State: model.Running, WorkerID: "h:2", Generation: 3})
	s.PutTaskSafe(id, store.Status{State: model.Failed, WorkerID: "h:1", Generation: 2})
	s.PutTask(id, store.Status{State: model.Unassigned, WorkerID: "h:1", Generation: 2})
	if st, _ := s.Task(id); st.State != model.Running || st.WorkerID != "h:2" {
		t.Fatalf("status = %+v", st)
	}
	s.DeleteConnector("my-c")
	s.DeleteTask(id)
	if names := s.Names(); len(names) != 0 {
		t.Fatalf("left over: %v", names)
	}
}

// testdata/java.offsets was written by ObjectOutputStream of Java 17 from a
// HashMap<byte[], byte[]> with three entries, one of them null.
func TestFileLogReadsJava(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "java.offsets"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "offsets")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	s := store.NewOffsetStore(store.NewFileLog(path), discard())
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for connector, want := range map[string]int64{"c": 1, "d": 7} {
		all, err := s.All(ctx, connector)
		if err != nil || len(all) != 1 || all[0].Offset["n"] != want {
			t.Fatalf("offsets of %s = %v, error %v", connector, all, err)
		}
	}
	// Written back it is as long as before: the order of the entries aside, which
	// in Java is that of identity hashes, the bytes are Java's.
	if err := s.Put(ctx, "d", []store.SourceOffset{{Partition: connect.NewPartition(map[string]any{"file": "z"}), Offset: map[string]any{"n": int64(7)}}}); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != len(b) {
		t.Fatalf("%d bytes written, %d read", len(again), len(b))
	}
}

func TestFileLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offsets")
	ctx := t.Context()
	p := connect.NewPartition(map[string]any{"file": "x"})
	q := connect.NewPartition(map[string]any{"file": "y"})
	write := func(offsets ...store.SourceOffset) {
		t.Helper()
		s := store.NewOffsetStore(store.NewFileLog(path), discard())
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(ctx, "c", offsets); err != nil {
			t.Fatal(err)
		}
	}
	write(store.SourceOffset{Partition: p, Offset: map[string]any{"n": int64(1)}}, store.SourceOffset{Partition: q, Offset: map[string]any{"n": int64(2)}})
	write(store.SourceOffset{Partition: q})
	s := store.NewOffsetStore(store.NewFileLog(path), discard())
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	all, err := s.All(ctx, "c")
	if err != nil || len(all) != 1 || all[0].Offset["n"] != int64(1) {
		t.Fatalf("offsets = %v, error %v", all, err)
	}
	if err := os.WriteFile(path, []byte("not java"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.NewOffsetStore(store.NewFileLog(path), discard()).Start(ctx); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("error of a foreign file = %v", err)
	}
}
