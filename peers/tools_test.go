//go:build peers

package peers_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/proctest"
	"github.com/leat-project/leat/peers"
)

// Kafka's programs by the names of their scripts.
const (
	topicsTool     = "org.apache.kafka.tools.TopicCommand"
	producerTool   = "org.apache.kafka.tools.ConsoleProducer"
	consumerTool   = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	groupsTool     = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	offsetsTool    = "org.apache.kafka.tools.GetOffsetShell"
	configsTool    = "kafka.admin.ConfigCommand"
	deleteTool     = "org.apache.kafka.tools.DeleteRecordsCommand"
	logDirsTool    = "org.apache.kafka.tools.LogDirsCommand"
	versionsTool   = "org.apache.kafka.tools.BrokerApiVersionsCommand"
	perfTool       = "org.apache.kafka.tools.ProducerPerformance"
	dumpTool       = "org.apache.kafka.tools.DumpLogSegments"
	toolTimeout    = 2 * time.Minute
	messages       = 500
	perfRecords    = 100_000
	perfRecordSize = 200
)

// bench is a broker with Kafka's tools beside it.
type bench struct {
	kafka  *peers.Kafka
	broker *proctest.Process
	data   string
}

func start(t *testing.T) *bench {
	t.Helper()
	kafka, err := peers.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, data := filepath.Join(dir, "server.properties"), filepath.Join(dir, "data")
	text := fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d\nlog.dirs=%s\nleat.http.listeners=http://127.0.0.1:0\n", port, data)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &bench{kafka: kafka, data: data, broker: proctest.Start(t, proctest.Config{Args: []string{"broker", file}, KafkaPort: port})}
}

// tool runs one of Kafka's programs against the broker and returns its output.
func (b *bench) tool(t *testing.T, stdin, class string, args ...string) string {
	t.Helper()
	return b.offline(t, stdin, class, append([]string{"--bootstrap-server", b.broker.Kafka()}, args...)...)
}

// offline runs one that is not told of the broker.
func (b *bench) offline(t *testing.T, stdin, class string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
	defer cancel()
	cmd := b.kafka.Tool(ctx, class, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", class, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func contains(t *testing.T, what, got string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q is not in\n%s", what, want, got)
		}
	}
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d:value %d\n", i, i)
	}
	return b.String()
}

// TestJavaTools plays an administrator's day; each step builds on the last.
func TestJavaTools(t *testing.T) {
	b := start(t)
	contains(t, "api versions", b.tool(t, "", versionsTool), "Produce(0)", "Fetch(1)", "ApiVersions(18)")

	b.tool(t, "", topicsTool, "--create", "--topic", "orders", "--partitions", "3", "--config", "retention.ms=3600000")
	contains(t, "list", b.tool(t, "", topicsTool, "--list"), "orders")
	contains(t, "describe", b.tool(t, "", topicsTool, "--describe", "--topic", "orders"), "PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=3600000", "Leader: ")

	b.tool(t, "", configsTool, "--alter", "--entity-type", "topics", "--entity-name", "orders", "--add-config", "max.message.bytes=2000000")
	contains(t, "configs", b.tool(t, "", configsTool, "--describe", "--entity-type", "topics", "--entity-name", "orders"), "max.message.bytes=2000000", "retention.ms=3600000")

	// The producer is idempotent and waits for all replicas by default.
	b.tool(t, lines(messages), producerTool, "--topic", "orders", "--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
	got := b.tool(t, "", consumerTool, "--topic", "orders", "--from-beginning", "--max-messages", fmt.Sprint(messages), "--group", "readers", "--timeout-ms", "30000")
	for i := range messages {
		if !strings.Contains(got, fmt.Sprintf("value %d\n", i)) {
			t.Fatalf("message %d of %d did not arrive:\n%s", i, messages, got)
		}
	}
	contains(t, "groups", b.tool(t, "", groupsTool, "--list"), "readers")
	contains(t, "group", b.tool(t, "", groupsTool, "--describe", "--group", "readers"), "orders", "CURRENT-OFFSET", "LAG")
	b.tool(t, "", groupsTool, "--reset-offsets", "--group", "readers", "--topic", "orders", "--to-earliest", "--execute")
	contains(t, "reset", b.tool(t, "", groupsTool, "--describe", "--group", "readers", "--offsets"), "orders")

	total := 0
	for line := range strings.Lines(b.tool(t, "", offsetsTool, "--topic", "orders")) {
		var partition, offset int
		if n, _ := fmt.Sscanf(line, "orders:%d:%d", &partition, &offset); n == 2 {
			total += offset
		}
	}
	if total != messages {
		t.Errorf("the end offsets add up to %d, want %d", total, messages)
	}

	request := filepath.Join(t.TempDir(), "delete.json")
	if err := os.WriteFile(request, []byte(`{"partitions":[{"topic":"orders","partition":0,"offset":5}],"version":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, "delete records", b.tool(t, "", deleteTool, "--offset-json-file", request), "low_watermark: 5")
	contains(t, "log dirs", b.tool(t, "", logDirsTool, "--describe", "--topic-list", "orders"), "orders-0", "orders-2")

	b.tool(t, "", groupsTool, "--delete", "--group", "readers")
	b.tool(t, "", topicsTool, "--delete", "--topic", "orders")
	if list := b.tool(t, "", topicsTool, "--list"); strings.Contains(list, "orders") {
		t.Errorf("the deleted topic is listed:\n%s", list)
	}
}

// TestJavaReadsOurLogFiles has Kafka's dump tool check what the broker wrote,
// compressed batches and indexes included, also after kill -9.
func TestJavaReadsOurLogFiles(t *testing.T) {
	b := start(t)
	b.tool(t, "", topicsTool, "--create", "--topic", "load", "--partitions", "1", "--config", "segment.bytes=4194304")
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		out := b.offline(t, "", perfTool, "--topic", "load", "--num-records", fmt.Sprint(perfRecords/5), "--record-size", fmt.Sprint(perfRecordSize), "--throughput", "-1",
			"--producer-props", "bootstrap.servers="+b.broker.Kafka(), "compression.type="+codec)
		contains(t, codec, out, fmt.Sprintf("%d records sent", perfRecords/5))
	}
	b.broker.Restart(t)
	contains(t, "end offset", b.tool(t, "", offsetsTool, "--topic", "load"), fmt.Sprintf("load:0:%d", perfRecords))
	b.broker.Stop(t)

	segments, err := filepath.Glob(filepath.Join(b.data, "load-0", "*.log"))
	if err != nil || len(segments) < 2 {
		t.Fatalf("segments %q, %v; want several", segments, err)
	}
	last := ""
	for _, file := range segments {
		out := b.offline(t, "", dumpTool, "--files", file)
		contains(t, filepath.Base(file), out, "isvalid: true")
		if strings.Contains(out, "isvalid: false") || strings.Contains(out, "Found ") {
			t.Errorf("the dump tool complains about %s:\n%s", file, out)
		}
		last = out
	}
	contains(t, "the last segment", last, fmt.Sprintf("lastOffset: %d", perfRecords-1))
	for _, kind := range []string{".index", ".timeindex"} {
		for _, file := range segments {
			index := strings.TrimSuffix(file, ".log") + kind
			out := b.offline(t, "", dumpTool, "--index-sanity-check", "--files", index)
			contains(t, filepath.Base(index), out, "passed sanity check")
		}
	}
}
