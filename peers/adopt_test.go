//go:build peers

package peers_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/proctest"
	"github.com/leat-project/leat/peers"
)

// TestAdoptsKafka fills Apache Kafka by its own tools, stops it, has leat log
// adopt take its topics with the group's offsets, and goes on with Kafka's tools on
// our broker. While Kafka runs, its log dir is refused.
func TestAdoptsKafka(t *testing.T) {
	kafka, err := peers.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source := startKafka(t, kafka, dir)
	b := &bench{kafka: kafka, data: filepath.Join(dir, "adopted")}
	bootstrap := []string{"--bootstrap-server", source.addr}
	tool := func(stdin, class string, args ...string) string {
		t.Helper()
		return b.offline(t, stdin, class, append(bootstrap, args...)...)
	}
	const each = 3000
	tool("", topicsTool, "--create", "--topic", "load", "--partitions", "2", "--config", "segment.bytes=1048576")
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		b.offline(t, "", perfTool, "--topic", "load", "--num-records", fmt.Sprint(each), "--record-size", "700", "--throughput", "-1",
			"--producer-props", "bootstrap.servers="+source.addr, "compression.type="+codec)
	}
	b.offline(t, "", perfTool, "--topic", "load", "--num-records", fmt.Sprint(each), "--record-size", "700", "--throughput", "20000",
		"--transactional-id", "perf", "--transaction-duration-ms", "20", "--producer-props", "bootstrap.servers="+source.addr)
	tool("", consumerTool, "--topic", "load", "--from-beginning", "--max-messages", "500", "--group", "readers", "--timeout-ms", "30000")

	ours := writeLines(t, filepath.Join(dir, "ours.properties"), "log.dirs="+b.data, fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d", freePort(t)),
		"leat.http.listeners=none")
	adopt := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), proctest.Build(t), append([]string{"log", "adopt", "--properties", ours, "--internal"}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := adopt(source.data); err == nil || !strings.Contains(out, "is locked by process") {
		t.Fatalf("the log dir of a running Kafka: %v\n%s", err, out)
	}
	source.stop(t)
	if out, err := adopt("--execute", source.data); err != nil {
		t.Fatalf("adopting: %v\n%s", err, out)
	}

	port := freePort(t)
	ours = writeLines(t, ours, "log.dirs="+b.data, fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d", port), "leat.http.listeners=none",
		"group.initial.rebalance.delay.ms=0")
	b.broker = proctest.Start(t, proctest.Config{Args: []string{"broker", ours}, KafkaPort: port})
	contains(t, "the group", b.tool(t, "", groupsTool, "--describe", "--group", "readers"), "load")
	got := b.tool(t, "", consumerTool, "--topic", "load", "--from-beginning", "--isolation-level", "read_committed", "--timeout-ms", "10000", "--max-messages", fmt.Sprint(6*each))
	if n := strings.Count(got, "\n"); n < 6*each {
		t.Errorf("%d lines of output, want %d records:\n%s", n, 6*each, got[max(0, len(got)-500):])
	}
	b.offline(t, "", perfTool, "--topic", "load", "--num-records", "100", "--record-size", "100", "--throughput", "-1",
		"--transactional-id", "perf", "--transaction-duration-ms", "10", "--producer-props", "bootstrap.servers="+b.broker.Kafka())
	b.broker.Stop(t)
	segments, err := filepath.Glob(filepath.Join(b.data, "load-*", "*.log"))
	if err != nil || len(segments) < 4 {
		t.Fatalf("segments %q, %v; want several", segments, err)
	}
	out := b.offline(t, "", dumpTool, "--files", strings.Join(segments, ","))
	if strings.Contains(out, "isvalid: false") || strings.Contains(out, "Found ") {
		t.Errorf("Kafka's dump tool complains:\n%s", out[max(0, len(out)-1000):])
	}
}

// kafkaNode is a running Apache Kafka.
type kafkaNode struct {
	kafka            *peers.Kafka
	addr, data, file string
	child            *child.Process
	log              *proctest.Log
}

// startKafka formats and starts one node, broker and controller.
func startKafka(t *testing.T, kafka *peers.Kafka, dir string) *kafkaNode {
	t.Helper()
	port, controller := freePort(t), freePort(t)
	k := &kafkaNode{kafka: kafka, addr: fmt.Sprintf("127.0.0.1:%d", port), data: filepath.Join(dir, "kafka"), log: &proctest.Log{}}
	k.file = writeLines(t, filepath.Join(dir, "kafka.properties"),
		"process.roles=broker,controller", "node.id=1", fmt.Sprintf("controller.quorum.voters=1@127.0.0.1:%d", controller),
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", port, controller), "controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "log.dirs="+k.data,
		"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=3", "transaction.state.log.replication.factor=1",
		"transaction.state.log.num.partitions=3", "transaction.state.log.min.isr=1", "group.initial.rebalance.delay.ms=0")
	ctx, cancel := context.WithTimeout(t.Context(), toolTimeout)
	defer cancel()
	if out, err := kafka.Tool(ctx, "kafka.tools.StorageTool", "format", "-t", "NkeJRTOGR2qGCyTCDRFkvw", "-c", k.file).CombinedOutput(); err != nil {
		t.Fatalf("formatting: %v\n%s", err, out)
	}
	t.Cleanup(func() { k.stop(t) })
	k.launch(t)
	return k
}

// launch starts it, also again after stop.
func (k *kafkaNode) launch(t *testing.T) {
	t.Helper()
	cmd := k.kafka.Tool(context.WithoutCancel(t.Context()), "kafka.Kafka", k.file)
	cmd.Stdout, cmd.Stderr = k.log, k.log
	c, err := child.Start(cmd, child.Life{})
	if err != nil {
		t.Fatal(err)
	}
	k.child = c
	b := &bench{kafka: k.kafka}
	deadline := time.Now().Add(toolTimeout)
	for {
		if _, err := b.run(t, "", topicsTool, "--bootstrap-server", k.addr, "--list"); err == nil {
			return
		}
		if time.Now().After(deadline) || !c.Alive() {
			t.Fatalf("Kafka did not start:\n%s", k.log.Tail(30))
		}
	}
}

// stop ends it as an administrator does.
func (k *kafkaNode) stop(t *testing.T) {
	t.Helper()
	if k.child == nil || !k.child.Alive() {
		return
	}
	if err := k.child.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if k.child.Wait(stopTimeout) {
		return
	}
	t.Errorf("Kafka did not end in %v", stopTimeout)
	if err := k.child.Kill(); err != nil {
		t.Error(err)
	}
}
