package worker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/worker"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/herder"
	"github.com/leat-project/leat/worker/model"
)

// logCatcher keeps what is logged at WARN and above, in the form of Java's log.
type logCatcher struct {
	mu    *sync.Mutex
	lines *[]string
	plain *[]string // lines that no Java logger has
	attrs []slog.Attr
	t     io.Writer
}

func newLogCatcher() *logCatcher {
	c := &logCatcher{mu: &sync.Mutex{}, lines: &[]string{}, plain: &[]string{}}
	if os.Getenv("LEAT_TEST_LOG") != "" {
		c.t = os.Stderr
	}
	return c
}

func (c *logCatcher) Enabled(context.Context, slog.Level) bool { return true }
func (c *logCatcher) WithGroup(string) slog.Handler            { return c }
func (c *logCatcher) WithAttrs(a []slog.Attr) slog.Handler {
	n := *c
	n.attrs = append(append([]slog.Attr{}, c.attrs...), a...)
	return &n
}

func (c *logCatcher) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]string{}
	for _, a := range c.attrs {
		attrs[a.Key] = a.Value.String()
	}
	r.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value.String(); return true })
	if c.t != nil {
		fmt.Fprintln(c.t, time.Now().Format("05.000"), r.Level, r.Message, attrs)
	}
	if r.Level < slog.LevelWarn {
		return nil
	}
	if attrs["logger"] == "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		*c.plain = append(*c.plain, r.Message+fmt.Sprint(slices.Sorted(maps.Keys(attrs)))+" lost="+attrs["lost"])
		return nil
	}
	line := fmt.Sprintf("[<TIME>] %s [%s|task-%s] %s (%s:<LINE>)", r.Level, attrs["connector"], attrs["task"], r.Message, attrs["logger"])
	if trace := strings.TrimSuffix(attrs["trace"], "\n"); trace != "" {
		line += "\n" + trace
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.lines = append(*c.lines, line)
	return nil
}

func (c *logCatcher) of(connector string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, l := range *c.lines {
		if strings.Contains(l, " ["+connector+"|task-") {
			out = append(out, l)
		}
	}
	return out
}

// has reports whether a line of ours holds all of the texts.
func (c *logCatcher) has(texts ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(*c.plain, func(l string) bool {
		return !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(l, s) })
	})
}

// node is a worker in the test's process.
type node struct {
	t      *testing.T
	addr   string
	worker *worker.Worker
	herder *herder.Herder
	logs   *logCatcher
	stop   func()
}

func workerProps(addr string) map[string]string {
	return map[string]string{"bootstrap.servers": addr, "group.id": "g", "listeners": "http://127.0.0.1:8083",
		"config.storage.topic": "g-configs", "offset.storage.topic": "g-offsets", "status.storage.topic": "g-status",
		"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
		"offset.storage.partitions": "5", "key.converter": "org.apache.kafka.connect.json.JsonConverter",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "offset.flush.interval.ms": "300"}
}

func startNode(t *testing.T, addr string, overrides map[string]string, register ...func(*plugin.Registry)) *node {
	t.Helper()
	props := workerProps(addr)
	maps.Copy(props, overrides)
	cfg, unknown, err := worker.ParseConfig(conf.Distributed, props)
	if err != nil {
		t.Fatal(err)
	}
	if len(unknown) > 0 {
		t.Fatalf("unknown keys: %v", unknown)
	}
	reg := &plugin.Registry{}
	converters.Register(reg)
	registerProbes(reg)
	for _, f := range register {
		f(reg)
	}
	n := &node{t: t, addr: addr, logs: newLogCatcher()}
	w, err := worker.New(cfg, reg, worker.Deps{Log: slog.New(n.logs), WorkerID: "w:1"})
	if err != nil {
		t.Fatal(err)
	}
	n.worker, n.herder = w, w.Herder()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	var once sync.Once
	n.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("worker ended: %v", err)
			}
		})
	}
	t.Cleanup(n.stop)
	eventually(t, "the worker is ready", func() bool { ok, err := n.herder.Ready(t.Context()); return ok && err == nil })
	return n
}

// patience bounds every wait; a busy machine needs a small part of it.
const patience = 2 * time.Minute

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

func (n *node) create(name string, config map[string]string) {
	n.t.Helper()
	if _, _, err := n.herder.PutConfig(n.t.Context(), name, model.ConfigOf(config)); err != nil {
		n.t.Fatalf("creating %s: %v", name, err)
	}
}

// await waits for the state of a connector and of all its tasks.
func (n *node) await(name string, state, tasks model.State) model.ConnectorStatus {
	n.t.Helper()
	var st model.ConnectorStatus
	eventually(n.t, fmt.Sprintf("%s is %s with %s tasks", name, state, tasks), func() bool {
		var err error
		st, err = n.herder.ConnectorStatus(n.t.Context(), name)
		if err != nil || st.Connector.State != state || len(st.Tasks) == 0 && tasks != "" {
			return false
		}
		for _, task := range st.Tasks {
			if task.State != tasks {
				return false
			}
		}
		return true
	})
	return st
}

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	// A topic that is made by its first record is unknown for a while.
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr), kgo.MetadataMinAge(10*time.Millisecond), kgo.UnknownTopicRetries(-1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// topic reads n records of a topic from its start.
func topic(t *testing.T, addr, name string, n int) []*kgo.Record {
	t.Helper()
	c := client(t, addr, kgo.ConsumeTopics(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out []*kgo.Record
	for len(out) < n {
		fetches := c.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("topic %s has %d records, want %d", name, len(out), n)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}

func startBroker(t *testing.T) *brokertest.Broker {
	t.Helper()
	return brokertest.Start(t, nil)
}

func newAdmin(t *testing.T, addr string) *kadm.Client {
	t.Helper()
	return kadm.NewClient(client(t, addr))
}
