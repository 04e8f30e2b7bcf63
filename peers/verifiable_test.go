//go:build peers

package peers_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	verifiableProducer = "org.apache.kafka.tools.VerifiableProducer"
	verifiableConsumer = "org.apache.kafka.tools.VerifiableConsumer"
	verifiableTopic    = "verified"
	verifiableParts    = 6
	verifiableRate     = 400
	// verifiableTimeout is for all to be read after the last disturbance.
	verifiableTimeout = 3 * time.Minute
)

// TestVerifiableClients has Kafka's verifiable producer and consumers work
// while members are killed, leave and join and the broker is killed, by both
// group protocols. Every acknowledged record must be read, none again that was
// committed, and no commit may go backwards.
func TestVerifiableClients(t *testing.T) {
	for _, protocol := range []struct {
		name string
		args []string
	}{
		{"classic range", []string{"--session-timeout", "6000"}},
		{"classic cooperative", []string{"--session-timeout", "6000", "--assignment-strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}},
		{"classic static", []string{"--session-timeout", "6000", "--group-instance-id", "instance"}},
		{"consumer", []string{"--group-protocol", "consumer"}},
		{"consumer range", []string{"--group-protocol", "consumer", "--group-remote-assignor", "range"}},
	} {
		t.Run(protocol.name, func(t *testing.T) { verify(t, protocol.args) })
	}
}

// verified is one run.
type verified struct {
	*bench
	admin    *kadm.Client
	args     []string
	timeline *timeline
}

func verify(t *testing.T, args []string) {
	b := start(t, "group.consumer.session.timeout.ms=6000", "group.consumer.min.session.timeout.ms=6000",
		"group.consumer.heartbeat.interval.ms=1000", "group.consumer.min.heartbeat.interval.ms=1000")
	v := &verified{bench: b, admin: b.admin(t), args: args, timeline: &timeline{}}
	v.createTopic(t, verifiableTopic, verifiableParts)
	// A static member that is killed comes back under its name.
	name := func(next string) string { return next }
	if args[len(args)-2] == "--group-instance-id" {
		name = func(string) string { return "b" }
	}

	// By default it does not retry, so that a killed broker would cost records.
	retries := writeLines(t, filepath.Join(t.TempDir(), "producer.properties"), "retries=2147483647")
	producer := v.spawnEvents(t, "producer", verifiableProducer, "--topic", verifiableTopic, "--throughput", fmt.Sprint(verifiableRate), "--command-config", retries)
	a, killed := v.consumer(t, "a", "a"), v.consumer(t, "b", "b")
	v.readsMore(t, a, killed)
	killed.kill(t)
	c := v.consumer(t, "c", name("c"))
	v.readsMore(t, a, c)
	a.stop(t)
	d := v.consumer(t, "d", "a")
	v.readsMore(t, c, d)
	v.broker.Restart(t)
	v.readsMore(t, c, d)
	d.kill(t)
	e := v.consumer(t, "e", "a")
	v.readsMore(t, e)

	producer.stop(t)
	acked := v.acked(t)
	eventually(t, verifiableTimeout, "reading all", func() error {
		if n := len(v.read()); n < acked {
			return fmt.Errorf("%d of %d records read", n, acked)
		}
		return nil
	})
	c.stop(t)
	e.stop(t)
	// What was read while a rebalance went on may not have been committed.
	f := v.consumer(t, "f", "a")
	eventually(t, verifiableTimeout, "committing all", func() error {
		total := int64(0)
		for _, offset := range v.stored(t) {
			total += offset
		}
		if total != int64(acked) {
			return fmt.Errorf("the committed offsets add up to %d, want %d", total, acked)
		}
		return nil
	})
	f.stop(t)
	v.timeline.check(t)
	v.checkReads(t)
	v.checkCommits(t, acked)
}

// spawnEvents starts a program whose output goes to the timeline.
func (v *verified) spawnEvents(t *testing.T, name, class string, args ...string) *program {
	t.Helper()
	return v.spawnTo(t, v.timeline.writer(name), name, class, v.bootstrap(args)...)
}

// consumer starts a member of the group; instance is the end of its static name.
func (v *verified) consumer(t *testing.T, name, instance string) *program {
	t.Helper()
	args := append([]string{"--topic", verifiableTopic, "--group-id", "verifiers", "--reset-policy", "earliest", "--verbose"}, v.args...)
	if args[len(args)-2] == "--group-instance-id" {
		args[len(args)-1] += "-" + instance
	}
	return v.spawnEvents(t, name, verifiableConsumer, args...)
}

// readsMore waits until each of the consumers has read and committed more than
// it has now.
func (v *verified) readsMore(t *testing.T, consumers ...*program) {
	t.Helper()
	began := time.Now()
	for _, c := range consumers {
		reads, commits := v.timeline.progress(c.name)
		eventually(t, time.Minute, "progress of consumer "+c.name, func() error {
			if !c.Alive() {
				return fmt.Errorf("it ended: %w", c.Err())
			}
			if r, m := v.timeline.progress(c.name); r < reads+200 || m < commits+3 {
				return fmt.Errorf("%d records and %d commits since", r-reads, m-commits)
			}
			return nil
		})
	}
	t.Logf("all consumers went on after %.1f s", time.Since(began).Seconds())
}

// place is where a record lies.
type place struct {
	partition int32
	offset    int64
}

// acked returns the number of acknowledged records. All must be.
func (v *verified) acked(t *testing.T) int {
	t.Helper()
	acked, sent := 0, 0
	for _, e := range v.timeline.snapshot() {
		switch e.Name {
		case "tool_data":
			sent = e.Sent
		case "producer_send_success":
			acked++
		case "producer_send_error":
			t.Errorf("the producer could not send %s: %s", e.Value, e.Exception)
		}
	}
	if acked == 0 || acked != sent {
		t.Errorf("%d records were acknowledged of %d sent", acked, sent)
	}
	return acked
}

// read returns the places that were read.
func (v *verified) read() map[place]string {
	read := map[place]string{}
	for _, e := range v.timeline.snapshot() {
		if e.Name == "record_data" {
			read[place{e.Partition, e.Offset}] = e.Value
		}
	}
	return read
}

// checkReads: what was acknowledged was read, where it was said to be, and
// nothing else was.
func (v *verified) checkReads(t *testing.T) {
	t.Helper()
	var want, got []string
	text := func(p place, value string) string { return fmt.Sprintf("%d:%d %s", p.partition, p.offset, value) }
	for _, e := range v.timeline.snapshot() {
		if e.Name == "producer_send_success" {
			want = append(want, text(place{e.Partition, e.Offset}, e.Value))
		}
	}
	for p, value := range v.read() {
		got = append(got, text(p, value))
	}
	once(t, "the records read", got, want)
}

// checkCommits: commits go forward and are what the broker has, and nothing is
// read again that was committed before.
func (v *verified) checkCommits(t *testing.T, acked int) {
	t.Helper()
	committed := map[int32]int64{}
	again := map[place]int{}
	failed := map[string]int{}
	for _, e := range v.timeline.snapshot() {
		switch {
		case e.Name == "record_data":
			again[place{e.Partition, e.Offset}]++
			if e.Offset < committed[e.Partition] {
				t.Errorf("consumer %s read offset %d of partition %d, which was committed up to %d", e.by, e.Offset, e.Partition, committed[e.Partition])
			}
		case e.Name == "offsets_committed" && e.Success:
			for _, o := range e.Offsets {
				if o.Offset < committed[o.Partition] {
					t.Errorf("consumer %s committed offset %d of partition %d after %d", e.by, o.Offset, o.Partition, committed[o.Partition])
				}
				committed[o.Partition] = o.Offset
			}
		case e.Name == "offsets_committed":
			failed[e.Error]++
		}
	}
	doubled := 0
	for _, n := range again {
		doubled += n - 1
	}
	t.Logf("%d records acknowledged, %d read again after a kill; failed commits: %v", acked, doubled, failed)
	for partition, offset := range v.stored(t) {
		if offset != committed[partition] {
			t.Errorf("the broker has offset %d of partition %d, the last commit was %d", offset, partition, committed[partition])
		}
	}
}

// stored returns the group's offsets by partition.
func (v *verified) stored(t *testing.T) map[int32]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	resp, err := v.admin.FetchOffsets(ctx, "verifiers")
	if err == nil {
		err = resp.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	offsets := map[int32]int64{}
	resp.Each(func(o kadm.OffsetResponse) { offsets[o.Partition] = o.At })
	return offsets
}
