//go:build peers

package peers_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/proctest"
	"github.com/leat-project/leat/peers"
)

const (
	toolTimeout = 2 * time.Minute
	// stopTimeout is for a Java program that was asked to end.
	stopTimeout = time.Minute
	// pause is how often a condition is looked at.
	pause = 50 * time.Millisecond
)

// bench is a broker with Kafka's tools beside it.
type bench struct {
	kafka  *peers.Kafka
	broker *proctest.Process
	data   string
}

// start starts a broker with these lines in its server.properties.
func start(t *testing.T, settings ...string) *bench {
	t.Helper()
	kafka, err := peers.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	file := writeLines(t, filepath.Join(dir, "server.properties"), append([]string{
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d", port),
		"log.dirs=" + data,
		"leat.http.listeners=http://127.0.0.1:0",
		"group.initial.rebalance.delay.ms=0",
	}, settings...)...)
	return &bench{kafka: kafka, data: data, broker: proctest.Start(t, proctest.Config{Args: []string{"broker", file}, KafkaPort: port})}
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// writeLines writes a file and returns its name.
func writeLines(t *testing.T, file string, lines ...string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// tool runs one of Kafka's programs against the broker and returns its output.
func (b *bench) tool(t *testing.T, stdin, class string, args ...string) string {
	t.Helper()
	return b.offline(t, stdin, class, b.bootstrap(args)...)
}

func (b *bench) bootstrap(args []string) []string {
	return append([]string{"--bootstrap-server", b.broker.Kafka()}, args...)
}

// offline runs one that is not told of the broker.
func (b *bench) offline(t *testing.T, stdin, class string, args ...string) string {
	t.Helper()
	out, err := b.run(t, stdin, class, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", class, strings.Join(args, " "), err, out)
	}
	return out
}

// run returns what the program wrote and how it ended. Not to end in time
// fails the test.
func (b *bench) run(t *testing.T, stdin, class string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
	defer cancel()
	cmd := b.kafka.Tool(ctx, class, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s %s did not end in %v\n%s", class, strings.Join(args, " "), toolTimeout, out)
	}
	return string(out), err
}

// createTopic makes one with Kafka's tool.
func (b *bench) createTopic(t *testing.T, topic string, partitions int, configs ...string) {
	t.Helper()
	args := []string{"--create", "--topic", topic, "--partitions", fmt.Sprint(partitions)}
	for _, config := range configs {
		args = append(args, "--config", config)
	}
	b.tool(t, "", topicsTool, args...)
}

// admin is a client that is not Java's, to look at the broker's side.
func (b *bench) admin(t *testing.T) *kadm.Client {
	t.Helper()
	return kadm.NewClient(b.client(t))
}

func (b *bench) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.broker.Kafka()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// readCommitted returns all records of a topic up to its last stable offsets
// at the time of the call, as a reader of committed transactions sees them.
func (b *bench) readCommitted(t *testing.T, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ends, err := b.admin(t).ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatalf("the end offsets of %s: %v", topic, err)
	}
	missing := 0
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			missing++
		}
	})
	// Markers and aborted records are kept, so that the end can be seen.
	cl := b.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	var records []*kgo.Record
	done := map[int32]bool{}
	for len(done) < missing {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading %s, %d records so far: %v", topic, len(records), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, _ := ends.Lookup(topic, r.Partition)
			if r.Offset >= end.Offset {
				done[r.Partition] = true
				return
			}
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset == end.Offset-1 {
				done[r.Partition] = true
			}
		})
	}
	return records
}

// program is a Java program that runs beside the test.
type program struct {
	*child.Process
	name string
	// out has standard output, log standard error.
	out, log *proctest.Log
}

// spawn starts one of Kafka's programs. What still runs at the end of the test
// is killed, and the logs are shown if the test failed.
func (b *bench) spawn(t *testing.T, name, class string, args ...string) *program {
	t.Helper()
	out := &proctest.Log{}
	p := b.spawnTo(t, out, name, class, args...)
	p.out = out
	return p
}

// spawnTo is spawn with another place for standard output.
func (b *bench) spawnTo(t *testing.T, out io.Writer, name, class string, args ...string) *program {
	t.Helper()
	p := &program{name: name, out: &proctest.Log{}, log: &proctest.Log{}}
	cmd := b.kafka.Program(class, args...)
	cmd.Stdout, cmd.Stderr = out, p.log
	started, err := child.Start(cmd, child.Life{})
	if err != nil {
		t.Fatal(err)
	}
	p.Process = started
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("end of the output of %s:\n%s\nend of its log:\n%s", name, p.out.Tail(1500), p.log.Tail(6000))
		}
	})
	return p
}

// kill sends SIGKILL to a program that must still run.
func (p *program) kill(t *testing.T) {
	t.Helper()
	if !p.Alive() {
		t.Fatalf("%s ended (%v) before it was killed", p.name, p.Err())
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// stop sends SIGTERM and waits. Java then ends with status 143.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !p.Wait(stopTimeout) {
		t.Fatalf("%s did not end in %v after SIGTERM", p.name, stopTimeout)
	}
}

// finish waits until the program has ended by itself with status 0.
func (p *program) finish(t *testing.T, timeout time.Duration) {
	t.Helper()
	if !p.Wait(timeout) {
		t.Fatalf("%s did not end in %v", p.name, timeout)
	}
	if p.Err() != nil {
		t.Fatalf("%s ended with %v", p.name, p.Err())
	}
}

// eventually waits until ok returns nil.
func eventually(t *testing.T, timeout time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.After(timeout)
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not within %v: %v", what, timeout, err)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(pause):
		}
	}
}

func contains(t *testing.T, what, got string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q is not in the output, whose end is\n%s", what, want, got[max(0, len(got)-2000):])
		}
	}
}

// once fails the test for values that are missing, more than once there, or
// not expected, and names some of them.
func once(t *testing.T, what string, got, want []string) {
	t.Helper()
	count := make(map[string]int, len(got))
	for _, v := range got {
		count[v]++
	}
	var missing, doubled, strange []string
	for _, v := range want {
		if count[v] == 0 {
			missing = append(missing, v)
		}
		if count[v] > 1 {
			doubled = append(doubled, v)
		}
		delete(count, v)
	}
	for v := range count {
		strange = append(strange, v)
	}
	for _, bad := range []struct {
		how    string
		values []string
	}{{"missing", missing}, {"more than once", doubled}, {"not expected", strange}} {
		if n := len(bad.values); n > 0 {
			slices.Sort(bad.values)
			t.Errorf("%s: of %d values %d %s, the first: %.10q", what, len(want), n, bad.how, bad.values)
		}
	}
}
