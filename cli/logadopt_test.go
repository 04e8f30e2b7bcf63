package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/broker/inspect/inspecttest"
)

// adoptTarget is the server.properties of a broker with an empty folder.
func adoptTarget(t *testing.T) (properties, data string) {
	dir := t.TempDir()
	data = filepath.Join(dir, "data")
	properties = filepath.Join(dir, "server.properties")
	text := "listeners=PLAINTEXT://127.0.0.1:0\nlog.dirs=" + filepath.ToSlash(data) + "\n"
	if err := os.WriteFile(properties, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return properties, data
}

// consumed reads a topic to its ends and returns the values by partition.
func consumed(t *testing.T, addr, topic string, want int, level kgo.IsolationLevel) map[int32][]string {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(level), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, n := map[int32][]string{}, 0
	for n < want {
		f := cl.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			t.Fatalf("%d of %d records of %s: %v", n, want, topic, err)
		}
		f.EachRecord(func(r *kgo.Record) { out[r.Partition] = append(out[r.Partition], string(r.Value)); n++ })
	}
	return out
}

// TestLogAdopt takes over what Apache Kafka 4.3.1 left, and goes on with it as its
// clients would.
func TestLogAdopt(t *testing.T) {
	kafka := inspecttest.Kafka(t)
	properties, data := adoptTarget(t)
	s := session{t, nil}

	r := s.ok("", "log", "adopt", "--properties", properties, kafka)
	for _, want := range []string{"orders    1          7..184   20", "accounts  0          0..49", "orders: retention.ms=-1"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in the plan\n%s", want, r.out)
		}
	}
	if _, err := os.Stat(data); err == nil || !strings.Contains(r.err, "nothing was changed") {
		t.Errorf("the dry run made %s: %v; %s", data, err, r.err)
	}
	s.ok("", "log", "adopt", "--properties", properties, "--internal", "--execute", kafka)
	if r := s.run("", "log", "adopt", "--properties", properties, "--execute", kafka); r.code != 4 {
		t.Errorf("adopting again: exit code %d: %s, want 4", r.code, r.err)
	}

	b := brokertest.Start(t, map[string]string{"log.dirs": data})
	// 40 records of each phase with codecs and 4 committed, 2 aborted transactions; 7 were deleted from partition 1.
	const all, aborted = 2 * 2 * (5*8 + 3), 2 * 2
	for _, c := range []struct {
		level kgo.IsolationLevel
		want  int
	}{{kgo.ReadUncommitted(), 2*all - 7}, {kgo.ReadCommitted(), 2*all - 7 - 2*aborted}} {
		got := consumed(t, b.Addr(), "orders", c.want, c.level)
		if first := got[1][0]; first != "phase 1 round 0 codec 0 record 15, padded with the same words again, with the same words again" {
			t.Errorf("the first record of partition 1 is %q", first)
		}
	}
	if got := consumed(t, b.Addr(), "accounts", 1, kgo.ReadCommitted())[0]; len(got) == 0 {
		t.Error("nothing in the compacted topic")
	}

	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("tx"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	committed, err := adm.FetchOffsets(t.Context(), "readers")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := committed.Lookup("orders", 1); !ok || o.At != 22 {
		t.Errorf("the group's offset is %+v", o)
	}
	ends, err := adm.ListEndOffsets(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := ends.Lookup("orders", 0); o.Offset != 184 || o.LeaderEpoch != 3 {
		t.Errorf("the end is %+v, want 184 in epoch 3", o)
	}
	// The transactional producer of the old cluster goes on, and so does a new one, whose id must not be one that the
	// logs know.
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: 0, Value: []byte("after")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	fresh, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if err := fresh.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: 0, Value: []byte("and more")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	id, _, err := fresh.ProducerID(t.Context())
	if err != nil || id <= 1010 {
		t.Errorf("a new producer got the id %d, %v; the logs have ids up to 1010", id, err)
	}
	b.Restart()
	if got := consumed(t, b.Addr(), "orders", 2*all-7-2*aborted+2, kgo.ReadCommitted())[0]; got[len(got)-1] != "and more" {
		t.Errorf("the last record is %q", got[len(got)-1])
	}
}

func TestLogAdoptRefuses(t *testing.T) {
	kafka := inspecttest.Kafka(t)
	properties, data := adoptTarget(t)
	s := session{t, nil}
	try := func(name string, code int, want string, args ...string) {
		t.Helper()
		r := s.run("", append([]string{"log", "adopt", "--properties", properties, "--execute"}, args...)...)
		if r.code != code || !strings.Contains(r.err, want) {
			t.Errorf("%s: exit code %d: %s, want %d and %q", name, r.code, r.err, code, want)
		}
	}
	try("a partition alone", 6, "partition 0 of topic orders is missing", filepath.Join(kafka, "orders-1"))
	try("too many partitions", 6, "beyond the 1 partitions", "--partitions", "1", filepath.Join(kafka, "orders-1"))
	try("no such topic", 6, "topic nope is not in", "--topic", "nope", kafka)
	try("the same twice", 6, "are the same partition", kafka, filepath.Join(kafka, "orders-0"))
	try("not a log dir", 6, "expected a folder <topic>-<n>", t.TempDir())
	try("a wrong setting", 6, "retention.ms", "--topic", "orders", "--config", "retention.ms=soon", kafka)
	try("bad --config", 2, "expected NAME=VALUE", "--config", "x", kafka)

	if names, err := filepath.Glob(filepath.Join(data, "*-adopt")); err != nil || len(names) > 0 {
		t.Errorf("%v is left, %v", names, err)
	}

	log := filepath.Join(kafka, "orders-0", "00000000000000000008.log")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	text[100] ^= 4
	if err := os.WriteFile(log, text, 0o600); err != nil {
		t.Fatal(err)
	}
	try("a damaged file", 6, log+" at byte 0: the CRC of the batch is", kafka)

	// A damaged index is made anew.
	index := filepath.Join(kafka, "orders-1", "00000000000000000162.index")
	if err := os.WriteFile(index, []byte("12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.ok("", "log", "adopt", "--properties", properties, "--partitions", "3", "--execute", filepath.Join(kafka, "orders-1"))
	if !strings.Contains(r.out, "00000000000000000162.index is damaged and will be made anew") {
		t.Errorf("the plan: %s", r.out)
	}
	s.ok("", "log", "dump", "-q", filepath.Join(data, "orders-1"))
	b := brokertest.Start(t, map[string]string{"log.dirs": data})
	s.env = map[string]string{"LEAT_KAFKA": b.Addr()}
	if r := s.ok("", "topic", "describe", "orders"); strings.Count(r.out, "\n") < 4 || !strings.Contains(r.out, "184") {
		t.Errorf("describe: %s", r.out)
	}
	try("the broker runs", 4, fmt.Sprintf("locked by process %d", os.Getpid()), "--topic", "accounts", kafka)
	other, _ := adoptTarget(t)
	if r := s.run("", "log", "adopt", "--properties", other, data); r.code != 4 || !strings.Contains(r.err, "locked") {
		t.Errorf("from a running broker: exit code %d: %s", r.code, r.err)
	}
}
