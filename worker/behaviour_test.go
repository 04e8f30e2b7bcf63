package worker_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
)

func produce(t *testing.T, addr, topic string, values ...string) {
	t.Helper()
	c := client(t, addr, kgo.AllowAutoTopicCreation())
	for _, v := range values {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// values returns what a probe sink wrote, without positions.
func values(t *testing.T, file string) []string {
	var out []string
	for _, l := range lines(t, file) {
		out = append(out, l[strings.LastIndexByte(l, ' ')+1:])
	}
	return out
}

func TestTopicThatBeginsToMatchIsConsumedSoon(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	config := sinkConfig("", file)
	delete(config, "topics")
	config["topics.regex"] = "shop\\.(?!private).*"
	n.create("snk", config)
	n.await("snk", model.Running, model.Running)
	produce(t, b.Addr(), "shop.private", "no")
	// Within five seconds; the machine may be busy for longer once or twice.
	var took []time.Duration
	for len(took) < 2 || len(took) < 6 && slices.Min(took) > 5*time.Second {
		name := fmt.Sprintf("shop.orders%d", len(took))
		start := time.Now()
		produce(t, b.Addr(), name, name)
		eventually(t, name+" is consumed", func() bool { return slices.Contains(values(t, file), name) })
		took = append(took, time.Since(start))
	}
	if slices.Min(took) > 5*time.Second {
		t.Errorf("new topics were consumed after %v", took)
	}
	if got := values(t, file); len(got) != len(took) {
		t.Fatalf("sink got %v", got)
	}
}

func TestPauseResumeStop(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	n.create("snk", sinkConfig("in", file))
	produce(t, b.Addr(), "in", "a")
	eventually(t, "a is written", func() bool { return len(lines(t, file)) == 1 })
	ctx := t.Context()
	if err := n.herder.Pause(ctx, "snk"); err != nil {
		t.Fatal(err)
	}
	n.await("snk", model.Paused, model.Paused)
	produce(t, b.Addr(), "in", "b")
	if err := n.herder.Stop(ctx, "snk"); err != nil {
		t.Fatal(err)
	}
	st := n.await("snk", model.Stopped, "")
	eventually(t, "the task's status is gone", func() bool {
		st, _ = n.herder.ConnectorStatus(ctx, "snk")
		return len(st.Tasks) == 0
	})
	if got := values(t, file); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("a paused sink wrote %v", got)
	}
	// Gone for good: no static member holds the partitions.
	eventually(t, "the group has no members", func() bool {
		groups, err := newAdmin(t, b.Addr()).DescribeGroups(ctx, "connect-snk")
		return err == nil && len(groups["connect-snk"].Members) == 0
	})
	offsets := []model.ConnectorOffset{{Partition: map[string]any{"kafka_topic": "in", "kafka_partition": "0"}, Offset: map[string]any{"kafka_offset": int64(0)}}}
	if _, err := n.herder.AlterOffsets(ctx, "snk", offsets); err != nil {
		t.Fatal(err)
	}
	if err := n.herder.Resume(ctx, "snk"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is written again", func() bool { return slices.Equal(values(t, file), []string{"a", "a", "b"}) })
}

func TestPanicFailsItsTaskOnly(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	dir := t.TempDir()
	bad := sinkConfig("in", filepath.Join(dir, "bad"))
	bad["transforms"], bad["transforms.p.type"] = "p", "probe.ProbeTransform"
	n.create("bad", bad)
	n.create("good", sinkConfig("in", filepath.Join(dir, "good")))
	produce(t, b.Addr(), "in", "smtpanic:1")
	st := n.await("bad", model.Running, model.Failed)
	if trace := st.Tasks[0].Trace; !strings.Contains(trace, "panic: probe panics on smtpanic:1") || !strings.Contains(trace, "\tat ") {
		t.Errorf("trace = %s", trace)
	}
	eventually(t, "the other sink writes", func() bool { return len(lines(t, filepath.Join(dir, "good"))) == 1 })
	// Tolerated, it is that record's error.
	bad["errors.tolerance"] = "all"
	n.create("bad", bad)
	produce(t, b.Addr(), "in", "after")
	eventually(t, "the next record is written", func() bool { return slices.Contains(values(t, filepath.Join(dir, "bad")), "after") })
	n.await("bad", model.Running, model.Running)
}

func TestFailedTaskRestarts(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	produce(t, b.Addr(), "in", "putfail:x")
	n.create("snk", sinkConfig("in", file))
	n.await("snk", model.Running, model.Failed)
	ctx := t.Context()
	planned, err := n.herder.Restart(ctx, model.RestartRequest{Connector: "snk", IncludeTasks: true, OnlyFailed: true})
	if err != nil {
		t.Fatal(err)
	}
	if planned.Connector.State != model.Running || planned.Tasks[0].State != model.Restarting {
		t.Fatalf("planned = %+v", planned)
	}
	eventually(t, "the task was restarted and failed again", func() bool { return n.count("g-status", "status-task-snk-0", "FAILED") == 2 })
	if err := n.herder.RestartTask(ctx, model.TaskID{Connector: "snk", Task: 0}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the task failed a third time", func() bool { return n.count("g-status", "status-task-snk-0", "FAILED") == 3 })
	if err := n.herder.RestartTask(ctx, model.TaskID{Connector: "snk", Task: 7}); err == nil || err.Error() != "Unknown task: snk-7" {
		t.Fatalf("error = %v", err)
	}
}

func TestTooLargeRecordNamesEverything(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	config := sourceConfig("big", "repeat:2097152")
	n.create("src", config)
	st := n.await("src", model.Running, model.Failed)
	for _, want := range []string{"RecordTooLargeException", "topic big", `key "k1"`, "2097154 bytes", "producer.override.max.request.size"} {
		if !strings.Contains(st.Tasks[0].Trace, want) {
			t.Errorf("trace lacks %q: %s", want, st.Tasks[0].Trace)
		}
	}
}

func TestBrokerRestart(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	n.create("snk", sinkConfig("in", file))
	produce(t, b.Addr(), "in", "a")
	eventually(t, "a is written", func() bool { return len(lines(t, file)) == 1 })
	b.Restart()
	produce(t, b.Addr(), "in", "b")
	eventually(t, "b is written", func() bool { return slices.Contains(values(t, file), "b") })
	n.create("src", sourceConfig("in", "c"))
	eventually(t, "c is written", func() bool { return slices.Contains(values(t, file), "c") })
	n.await("snk", model.Running, model.Running)
}

func TestWorkerRestartGoesOn(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	n.create("src", sourceConfig("in", "a|b"))
	n.create("snk", sinkConfig("in", file))
	eventually(t, "both are written", func() bool { return len(lines(t, file)) == 2 })
	n.stop()
	produce(t, b.Addr(), "in", "c")
	n = startNode(t, b.Addr(), nil)
	n.await("snk", model.Running, model.Running)
	n.await("src", model.Running, model.Running)
	eventually(t, "the rest is written", func() bool { return len(lines(t, file)) == 3 })
	if got := values(t, file); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Fatalf("sink wrote %v", got)
	}
	last := ""
	for _, r := range all(t, b.Addr(), "g-status") {
		if string(r.Key) == "status-task-snk-0" {
			last = string(r.Value)
		}
	}
	if !strings.Contains(last, `"generation":2`) {
		t.Fatalf("the second run's status is %s", last)
	}
}

func TestLostRecordsAreCounted(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	ctx := t.Context()
	produce(t, b.Addr(), "in", "a", "b", "c", "d")
	n.create("snk", sinkConfig("in", file))
	eventually(t, "all is written", func() bool { return len(lines(t, file)) == 4 })
	if err := n.herder.Stop(ctx, "snk"); err != nil {
		t.Fatal(err)
	}
	n.await("snk", model.Stopped, "")
	offsets := []model.ConnectorOffset{{Partition: map[string]any{"kafka_topic": "in", "kafka_partition": int64(0)}, Offset: map[string]any{"kafka_offset": int64(1)}}}
	eventually(t, "the offsets are altered", func() bool { _, err := n.herder.AlterOffsets(ctx, "snk", offsets); return err == nil })
	adm := newAdmin(t, b.Addr())
	upTo := kadm.Offsets{}
	upTo.AddOffset("in", 0, 3, -1)
	if _, err := adm.DeleteRecords(ctx, upTo); err != nil {
		t.Fatal(err)
	}
	if err := n.herder.Resume(ctx, "snk"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the rest is written again", func() bool { return len(lines(t, file)) == 5 })
	if got := values(t, file)[4]; got != "d" {
		t.Fatalf("the sink resumed with %s", got)
	}
	eventually(t, "the status tells of the loss", func() bool {
		st, err := n.herder.ConnectorStatus(ctx, "snk")
		return err == nil && len(st.Tasks) == 1 && st.Tasks[0].State == model.Running && strings.Contains(st.Tasks[0].Trace, "2 records lost")
	})
	eventually(t, "the loss is logged", func() bool { return n.logs.has("lies below the start of the log", "lost=2") })
}

// With auto.offset.reset=none a task that finds its next record gone fails instead of
// standing still.
func TestResetNoneFails(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	file := filepath.Join(t.TempDir(), "out")
	config := sinkConfig("in", file)
	config["consumer.override.auto.offset.reset"] = "none"
	produce(t, b.Addr(), "in", "a")
	adm := newAdmin(t, b.Addr())
	first := kadm.Offsets{}
	first.AddOffset("in", 0, 0, -1)
	if _, err := adm.CommitOffsets(t.Context(), "connect-snk", first); err != nil {
		t.Fatal(err)
	}
	n.create("snk", config)
	eventually(t, "a is written", func() bool { return len(lines(t, file)) == 1 })
	eventually(t, "the task fails", func() bool {
		if err := n.herder.Pause(t.Context(), "snk"); err != nil {
			t.Fatal(err)
		}
		// The client has fetched the first of these ahead, with luck of its own the others, too.
		produce(t, b.Addr(), "in", "b", "c", "d")
		ends, err := adm.ListEndOffsets(t.Context(), "in")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := adm.DeleteRecords(t.Context(), ends.Offsets()); err != nil {
			t.Fatal(err)
		}
		if err := n.herder.Resume(t.Context(), "snk"); err != nil {
			t.Fatal(err)
		}
		st, err := n.herder.ConnectorStatus(t.Context(), "snk")
		return err == nil && len(st.Tasks) == 1 && st.Tasks[0].State == model.Failed &&
			strings.Contains(st.Tasks[0].Trace, "partition in-0") && strings.Contains(st.Tasks[0].Trace, "auto.offset.reset is none")
	})
}

// flakySink fails some Puts in ways that its records choose.
type flakySink struct{ probeSink }

func (*flakySink) NewTask() connect.SinkTask { return &flakyTask{} }
func (*flakySink) Define(d *config.Def)      { d.String(nil, "file").Default(nil) }

type flakyTask struct {
	probeSinkTask
	last []string // records of the batch that was refused
	bad  string
}

func (t *flakyTask) Put(_ context.Context, b *connect.Batch) error {
	var got []string
	for i := range b.Records {
		got = append(got, b.Records[i].Value.Str())
	}
	if t.last != nil && !slices.Equal(got, t.last) {
		t.bad = fmt.Sprintf("offered %v after %v was refused", got, t.last)
	}
	if slices.Contains(got, "later") && t.last == nil {
		t.last = got
		t.ctx.Timeout(10 * time.Millisecond)
		return connect.Retriable(fmt.Errorf("not now"))
	}
	t.last = nil
	var failed []connect.RecordError
	for i, v := range got {
		if strings.HasPrefix(v, "bad") {
			failed = append(failed, connect.RecordError{Index: i, Err: connect.DataErrorf("refused %s", v)})
			continue
		}
		if err := t.write("%s", v); err != nil {
			return err
		}
	}
	if t.bad != "" {
		return connect.ConnectErrorf("%s", t.bad)
	}
	if failed != nil {
		return &connect.BatchError{Failed: failed}
	}
	return nil
}

func TestBatchErrorIsolatesRecords(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil, func(r *plugin.Registry) {
		r.AddSink("test.FlakySink", "1", func() connect.SinkConnector { return &flakySink{} })
	})
	file := filepath.Join(t.TempDir(), "out")
	config := sinkConfig("in", file)
	config["connector.class"] = "test.FlakySink"
	config["errors.tolerance"] = "all"
	config["errors.deadletterqueue.topic.name"] = "dead"
	config["errors.deadletterqueue.topic.replication.factor"] = "1"
	config["errors.deadletterqueue.context.headers.enable"] = "true"
	produce(t, b.Addr(), "in", "a", "bad1", "later", "bad2", "b")
	n.create("snk", config)
	eventually(t, "the good ones are written", func() bool { return slices.Equal(values(t, file), []string{"a", "later", "b"}) })
	dead := topic(t, b.Addr(), "dead", 2)
	if string(dead[0].Value) != "bad1" || string(dead[1].Value) != "bad2" {
		t.Fatalf("dead letters = %s, %s", dead[0].Value, dead[1].Value)
	}
	n.await("snk", model.Running, model.Running)
	eventually(t, "the offset is committed", func() bool {
		o, err := n.herder.Offsets(t.Context(), "snk")
		return err == nil && len(o) == 1 && o[0].Offset["kafka_offset"] == int64(5)
	})
}

// TestRefusedDeadLetter has a dead letter queue that does not take a record: no
// offset goes past it, the task says so, and goes on when the queue takes it.
func TestRefusedDeadLetter(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil, func(r *plugin.Registry) {
		r.AddSink("test.FlakySink", "1", func() connect.SinkConnector { return &flakySink{} })
	})
	adm := newAdmin(t, b.Addr())
	small := "300"
	if _, err := adm.CreateTopic(t.Context(), 1, 1, map[string]*string{"max.message.bytes": &small}, "dead"); err != nil {
		t.Fatal(err)
	}
	config := sinkConfig("in", filepath.Join(t.TempDir(), "out"))
	config["connector.class"] = "test.FlakySink"
	config["errors.tolerance"] = "all"
	config["errors.deadletterqueue.topic.name"] = "dead"
	bad := "bad" + strings.Repeat("x", 1000)
	produce(t, b.Addr(), "in", "a", bad, "b")
	n.create("snk", config)
	st := n.await("snk", model.Running, model.Failed)
	for _, want := range []string{"in-0 at offset 1", "dead letter queue dead", "MESSAGE_TOO_LARGE"} {
		if !strings.Contains(st.Tasks[0].Trace, want) {
			t.Errorf("the trace does not name %s: %s", want, st.Tasks[0].Trace)
		}
	}
	if o, err := n.herder.Offsets(t.Context(), "snk"); err != nil || len(o) > 0 && o[0].Offset["kafka_offset"] != int64(1) && o[0].Offset["kafka_offset"] != int64(0) {
		t.Fatalf("offsets %v (%v) go past the record", o, err)
	}
	large := "100000"
	if _, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &large}}, "dead"); err != nil {
		t.Fatal(err)
	}
	if err := n.herder.RestartTask(t.Context(), model.TaskID{Connector: "snk"}); err != nil {
		t.Fatal(err)
	}
	if dead := topic(t, b.Addr(), "dead", 1); string(dead[0].Value) != bad {
		t.Fatalf("dead letter = %.20s", dead[0].Value)
	}
	n.await("snk", model.Running, model.Running)
}

// planner is a source whose connector asks for more tasks when told to.
type planner struct {
	probeConnector
	ctx connect.ConnectorContext
	n   *int
}

func (*planner) Define(*config.Def)          {}
func (*planner) NewTask() connect.SourceTask { return &idleTask{} }
func (p *planner) Start(ctx connect.ConnectorContext, props map[string]string) error {
	p.ctx = ctx
	ctx.Go(func(c context.Context) error {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-c.Done():
				return c.Err()
			case <-tick.C:
				ctx.RequestTaskReconfiguration()
			}
		}
	})
	return p.probeConnector.Start(ctx, props)
}

func (p *planner) TaskConfigs(most int) ([]map[string]string, error) {
	*p.n++
	if *p.n == 2 {
		return nil, fmt.Errorf("not this time")
	}
	var out []map[string]string
	for i := range min(*p.n, most) {
		out = append(out, map[string]string{"part": fmt.Sprint(i)})
	}
	return out, nil
}

type idleTask struct{}

func (*idleTask) Start(connect.SourceContext, map[string]string) error { return nil }
func (*idleTask) Stop() error                                          { return nil }
func (*idleTask) Poll(ctx context.Context, b *connect.Batch) error {
	r := b.Add()
	r.Topic, r.SourcePartition, r.SourceOffset = "idle", connect.NewPartition(map[string]any{"p": 1}), connect.OffsetMap{"n": int64(1)}
	r.ValueSchema, r.Value = data.StringSchema, data.String("x")
	select {
	case <-ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
	return nil
}

func TestTaskReconfiguration(t *testing.T) {
	b := startBroker(t)
	count := 0
	n := startNode(t, b.Addr(), nil, func(r *plugin.Registry) {
		r.AddSource("test.Planner", "1", func() connect.SourceConnector { return &planner{n: &count} })
	})
	n.create("p", map[string]string{"connector.class": "test.Planner", "tasks.max": "3"})
	eventually(t, "three tasks run", func() bool {
		st, err := n.herder.ConnectorStatus(t.Context(), "p")
		return err == nil && len(st.Tasks) == 3 && st.Tasks[2].State == model.Running
	})
	n.create("p", map[string]string{"connector.class": "test.Planner", "tasks.max": "1"})
	eventually(t, "one task is left", func() bool {
		st, err := n.herder.ConnectorStatus(t.Context(), "p")
		return err == nil && len(st.Tasks) == 1 && st.Tasks[0].State == model.Running
	})
}

func TestConnectorsOwnOffsetsTopic(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	config := sourceConfig("out", "a|b")
	config["offsets.storage.topic"] = "own-offsets"
	n.create("src", config)
	for _, name := range []string{"own-offsets", "g-offsets"} {
		recs := topic(t, b.Addr(), name, 1)
		if string(recs[0].Key) != `["src",{"p":"out"}]` || string(recs[0].Value) != `{"n":2}` {
			t.Fatalf("%s holds %s %s", name, recs[0].Key, recs[0].Value)
		}
	}
}

func TestTopicCreationGroups(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	config := sourceConfig("wide.topic", "a")
	for k, v := range map[string]string{"topic.creation.groups": "wide", "topic.creation.wide.include": "wide\\..*",
		"topic.creation.wide.partitions": "3", "topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1",
		"topic.creation.wide.cleanup.policy": "compact"} {
		config[k] = v
	}
	n.create("src", config)
	topic(t, b.Addr(), "wide.topic", 1)
	adm := newAdmin(t, b.Addr())
	list, err := adm.ListTopics(t.Context(), "wide.topic")
	if err != nil || len(list["wide.topic"].Partitions) != 3 {
		t.Fatalf("partitions = %d, error %v", len(list["wide.topic"].Partitions), err)
	}
}

// brittle is a source whose connector does not start as often as it is told.
type brittle struct {
	probeConnector
	failures *atomic.Int32
}

func (*brittle) Define(*config.Def)          {}
func (*brittle) NewTask() connect.SourceTask { return &idleTask{} }
func (b *brittle) Start(ctx connect.ConnectorContext, props map[string]string) error {
	if b.failures.Add(-1) >= 0 {
		return connect.ConnectErrorf("not today")
	}
	return b.probeConnector.Start(ctx, props)
}

func TestFailedConnector(t *testing.T) {
	b := startBroker(t)
	var failures atomic.Int32
	failures.Store(2)
	n := startNode(t, b.Addr(), nil, func(r *plugin.Registry) {
		r.AddSource("test.Brittle", "1", func() connect.SourceConnector { return &brittle{failures: &failures} })
	})
	ctx := t.Context()
	n.create("b", map[string]string{"connector.class": "test.Brittle"})
	st := n.await("b", model.Failed, "")
	if st.Connector.Trace != connect.ClassConnect+": not today\n" {
		t.Errorf("trace = %q", st.Connector.Trace)
	}
	// Pause and resume do not help a failed connector; a restart tries again.
	if err := n.herder.Pause(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if err := n.herder.Resume(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if err := n.herder.RestartConnector(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second start failed, too", func() bool { return n.count("g-status", "status-connector-b", "FAILED") == 2 })
	// So does stopping it and resuming.
	if err := n.herder.Stop(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	n.await("b", model.Stopped, "")
	if err := n.herder.Resume(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	n.await("b", model.Running, model.Running)
	// One that was stopped before and failed to start again can be stopped, too.
	if err := n.herder.Stop(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	n.await("b", model.Stopped, "")
	failures.Store(1)
	if err := n.herder.Resume(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	n.await("b", model.Failed, "")
	if err := n.herder.Stop(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	n.await("b", model.Stopped, "")
}

// A topic of the worker may get partitions while it runs: offsets that land there are
// read back like the others.
func TestInternalTopicGrows(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	n.create("src", sourceConfig("out", "a"))
	n.await("src", model.Running, model.Running)
	topic(t, b.Addr(), "g-offsets", 1)
	if _, err := newAdmin(t, b.Addr()).UpdatePartitions(t.Context(), 7, "g-offsets"); err != nil {
		t.Fatal(err)
	}
	offsets, err := n.herder.Offsets(t.Context(), "src")
	if err != nil || len(offsets) != 1 {
		t.Fatalf("offsets = %v, error %v", offsets, err)
	}
	c := client(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	grown := &kgo.Record{Topic: "g-offsets", Partition: 6, Key: []byte(`["src",{"p":"elsewhere"}]`), Value: []byte(`{"n":9}`)}
	eventually(t, "the new partition takes a record", func() bool { return c.ProduceSync(t.Context(), grown).FirstErr() == nil })
	eventually(t, "the offset in the new partition is read", func() bool {
		offsets, err = n.herder.Offsets(t.Context(), "src")
		return err == nil && len(offsets) == 2
	})
}

// Every record arrives while tasks come, go and share partitions.
func TestTasksShareAndRebalance(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	ctx := t.Context()
	if _, err := newAdmin(t, b.Addr()).CreateTopic(ctx, 4, 1, nil, "in"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "out")
	config := sinkConfig("in", file)
	config["tasks.max"] = "1"
	cl := client(t, b.Addr())
	sent := 0
	send := func(count int) {
		for range count {
			r := &kgo.Record{Topic: "in", Key: fmt.Append(nil, sent), Value: fmt.Appendf(nil, "v%d", sent)}
			if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatal(err)
			}
			sent++
		}
	}
	arrived := func() bool {
		seen := map[string]bool{}
		for _, v := range values(t, file) {
			seen[v] = true
		}
		return len(seen) == sent
	}
	n.create("snk", config)
	send(40)
	eventually(t, "the first records are written", arrived)
	for _, tasks := range []string{"3", "2", "4"} {
		config["tasks.max"] = tasks
		n.create("snk", config)
		send(40)
		eventually(t, "all records are written with "+tasks+" tasks", arrived)
	}
	eventually(t, "all offsets are committed", func() bool {
		offsets, err := n.herder.Offsets(ctx, "snk")
		sum := int64(0)
		for _, o := range offsets {
			sum += o.Offset["kafka_offset"].(int64)
		}
		return err == nil && sum == int64(sent)
	})
	if dup := len(lines(t, file)) - sent; dup > 0 {
		t.Logf("%d records were written twice", dup)
	}
	n.await("snk", model.Running, model.Running)
}
