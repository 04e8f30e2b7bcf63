//go:build peers

package peers_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	streamsSmokeTest = "org.apache.kafka.streams.tests.StreamsSmokeTest"
	streamsParts     = 5
	// streamsStart is for a client to take over from one that was killed.
	streamsStart   = 2 * time.Minute
	streamsTimeout = 10 * time.Minute
)

// streamsTopics are those that Kafka's own system test creates.
var streamsTopics = strings.Fields("echo data min min-suppressed min-raw max sum sws-raw sws-suppressed dif cnt avg wcnt tagg")

// TestStreamsSmokeTest runs the smoke test of Kafka Streams with exactly-once
// processing. The first client is killed in the middle, and so is the second,
// and the broker in between. The driver checks the results.
func TestStreamsSmokeTest(t *testing.T) {
	b := start(t)
	for _, topic := range streamsTopics {
		ctx := t.Context()
		if resp, err := b.admin(t).CreateTopic(ctx, streamsParts, 1, nil, topic); err != nil || resp.Err != nil {
			t.Fatalf("creating %s: %v, %v", topic, err, resp.Err)
		}
	}

	first := b.streamsClient(t, 1)
	driver := b.spawn(t, "driver", streamsSmokeTest, b.streamsConfig(t, 0), "run")
	first.processes(t)
	unfinished := func() {
		t.Helper()
		if strings.Contains(driver.out.String(), "Result Verification") {
			t.Fatal("the driver was done before the disturbance")
		}
	}
	unfinished()
	first.kill(t)

	second := b.streamsClient(t, 2)
	second.processes(t)
	unfinished()
	b.broker.Restart(t)
	second.processes(t)
	unfinished()
	second.kill(t)

	third := b.streamsClient(t, 3)
	driver.finish(t, streamsTimeout)
	verdict := driver.out.String()
	verdict = verdict[max(0, strings.Index(verdict, "Result Verification")):]
	contains(t, "the driver's verdict", verdict, "ALL-RECORDS-DELIVERED", "SUCCESS")
	for _, bad := range []string{"PROCESSED-MORE-THAN-GENERATED", "PROCESSED-LESS-THAN-GENERATED", "FAIL"} {
		if strings.Contains(verdict, bad) {
			t.Errorf("the driver says %s:\n%s", bad, verdict)
		}
	}
	third.stop(t)
	contains(t, "the last client", third.out.String(), "SMOKE-TEST-CLIENT-CLOSED")
}

// streamsClient starts a client and waits until it runs.
func (b *bench) streamsClient(t *testing.T, n int) *program {
	t.Helper()
	p := b.spawn(t, fmt.Sprintf("client %d", n), streamsSmokeTest, b.streamsConfig(t, n), "process")
	p.out.WaitFor(t, 0, "REBALANCING -> RUNNING", streamsStart)
	return p
}

// processes waits until the client reports records that it has not yet.
func (p *program) processes(t *testing.T) {
	t.Helper()
	p.out.WaitFor(t, p.out.Len(), "processed", streamsStart)
}

func (b *bench) streamsConfig(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	return writeLines(t, filepath.Join(dir, "streams.properties"),
		"bootstrap.servers="+b.broker.Kafka(),
		"processing.guarantee=exactly_once_v2",
		"state.dir="+filepath.Join(dir, "state"),
		fmt.Sprintf("client.id=client-%d", n),
		"session.timeout.ms=10000")
}
