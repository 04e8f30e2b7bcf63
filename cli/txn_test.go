package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
)

// openTxn begins a transaction of id "tx" and writes a record into partition 1 of
// the topic orders.
func openTxn(t *testing.T, addr string) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID("tx"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: 1, Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return cl
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestTxn(t *testing.T) {
	b := brokertest.Start(t, nil)
	s := session{t, map[string]string{"LEAT_KAFKA": b.Addr()}}
	s.ok("", "topic", "create", "orders", "-p", "2")
	if r := s.ok("", "txn", "list", "-o", "json"); strings.TrimSpace(r.out) != "[]" {
		t.Errorf("list without transactions: %s", r.out)
	}
	cl := openTxn(t, b.Addr())
	pid, epoch, err := cl.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	if r := s.ok("", "txn", "list", "--state", "Ongoing"); !strings.Contains(r.out, fmt.Sprintf("tx                1            %d         Ongoing", pid)) {
		t.Errorf("list: %s", r.out)
	}
	if r := s.ok("", "txn", "list", "--state", "Dead"); r.out != "" {
		t.Errorf("list of another state: %s", r.out)
	}
	if r := s.ok("", "txn", "list", "--running-longer-than", "1h"); r.out != "" {
		t.Errorf("list of long ones: %s", r.out)
	}
	if r := s.ok("", "txn", "list", "--running-longer-than", "1ns"); !strings.Contains(r.out, "tx") {
		t.Errorf("list of those longer than a nanosecond: %s", r.out)
	}
	type described struct {
		ProducerID    int64 `json:"producer_id"`
		ProducerEpoch int16 `json:"producer_epoch"`
		State         string
		TimeoutMs     int32 `json:"timeout_ms"`
		StartTime     int64 `json:"start_time"`
		Partitions    []string
	}
	d := decode[[]described](t, s.ok("", "txn", "describe", "tx", "-o", "json").out)[0]
	if d.ProducerID != pid || d.ProducerEpoch != epoch || d.State != "Ongoing" || d.TimeoutMs != 40000 || d.StartTime <= 0 ||
		len(d.Partitions) != 1 || d.Partitions[0] != "orders-1" {
		t.Errorf("describe: %+v", d)
	}
	if r := s.ok("", "txn", "describe", "tx"); !strings.Contains(r.out, "40s") || !strings.Contains(r.out, "orders-1") {
		t.Errorf("describe: %s", r.out)
	}
	type producer struct {
		Partition      int32
		ProducerID     int64 `json:"producer_id"`
		TxnStartOffset int64 `json:"txn_start_offset"`
	}
	p := decode[[]producer](t, s.ok("", "txn", "describe-producers", "orders", "-o", "json").out)
	if len(p) != 1 || p[0] != (producer{1, pid, 0}) {
		t.Errorf("describe-producers: %+v", p)
	}
	if r := s.ok("", "txn", "describe-producers", "orders", "-p", "0"); r.out != "" {
		t.Errorf("describe-producers of the other partition: %s", r.out)
	}
	// Its coordinator knows it: it does not hang.
	if r := s.ok("", "txn", "find-hanging", "--idle", "1ns"); r.out != "" {
		t.Errorf("find-hanging: %s", r.out)
	}
	for _, c := range []struct {
		code int
		want string
		args string
	}{
		{3, "nope", "describe nope"}, {3, "nope", "describe-producers nope"}, {3, "has no partition 7", "describe-producers orders -p 7"},
		{3, "no open transaction that starts at offset 5", "abort orders -p 1 --start-offset 5"}, {2, "partition", "abort orders --start-offset 0"},
		{2, "start-offset", "abort orders -p 1"}, {2, "producer-epoch", "abort orders -p 1 --producer-id 1"}, {3, "nope", "force-terminate nope"},
	} {
		if r := s.run("", append([]string{"txn"}, strings.Fields(c.args)...)...); r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%s: exit code %d: %s, want %d and %q", c.args, r.code, r.err, c.code, c.want)
		}
	}

	if r := s.ok("", "txn", "force-terminate", "tx", "--dry-run"); !strings.Contains(r.out, "orders-1") || !strings.Contains(r.err, "dry run, nothing is") {
		t.Errorf("force-terminate --dry-run: %s%s", r.out, r.err)
	}
	if r := s.run("", "txn", "force-terminate", "nope", "--dry-run"); r.code != 3 {
		t.Errorf("force-terminate --dry-run of no id: exit code %d: %s", r.code, r.err)
	}
	if r := s.ok("", "txn", "list", "--state", "Ongoing"); !strings.Contains(r.out, "tx") {
		t.Errorf("the dry run ended the transaction: %s", r.out)
	}
	if r := s.ok("", "txn", "force-terminate", "tx"); r.err != "transactional id tx fenced\n" {
		t.Errorf("force-terminate: %s", r.err)
	}
	if r := s.ok("", "txn", "describe-producers", "orders", "-p", "1"); !strings.HasSuffix(strings.TrimSpace(r.out), "-") {
		t.Errorf("the transaction is still open: %s", r.out)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Partition: 1, Value: []byte("v")}).FirstErr(); err == nil {
		t.Error("the fenced producer still writes")
	}
}

// TestTxnHanging aborts a transaction that nobody knows: that of a partition which
// was adopted without the transactions of its cluster.
func TestTxnHanging(t *testing.T) {
	b := brokertest.Start(t, nil)
	s := session{t, map[string]string{"LEAT_KAFKA": b.Addr()}}
	s.ok("", "topic", "create", "orders", "-p", "2")
	openTxn(t, b.Addr())
	b.Stop()

	properties, data := adoptTarget(t)
	r := s.ok("", "log", "adopt", "--properties", properties, "--execute", b.Dir())
	if want := "orders-1: the transaction of producer 0 from offset 0 never ended"; !strings.Contains(r.out, want) {
		t.Errorf("%q is not in the plan\n%s", want, r.out)
	}
	b = brokertest.Start(t, map[string]string{"log.dirs": data})
	s.env["LEAT_KAFKA"] = b.Addr()
	for _, args := range [][]string{{"--idle", "1ns"}, {"--idle", "1ns", "--topic", "orders"}} {
		r := s.ok("", append([]string{"txn", "find-hanging"}, args...)...)
		if lines := strings.Split(strings.TrimSpace(r.out), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], "orders-1") {
			t.Fatalf("find-hanging %q: %s", args, r.out)
		}
	}
	if r := s.ok("", "txn", "find-hanging"); r.out != "" {
		t.Errorf("find-hanging of what is 20 minutes old: %s", r.out)
	}
	for _, which := range [][]string{{"--start-offset", "0"}, {"--producer-id", "0", "--producer-epoch", "0", "--coordinator-epoch", "0"}} {
		r := s.ok("", append([]string{"txn", "abort", "orders", "-p", "1", "--dry-run"}, which...)...)
		if !strings.Contains(r.out, "orders-1") || !strings.Contains(r.err, "dry run, nothing is") {
			t.Errorf("abort --dry-run %q: %s%s", which, r.out, r.err)
		}
	}
	if r := s.run("", "txn", "abort", "orders", "-p", "1", "--producer-id", "7", "--producer-epoch", "0", "--coordinator-epoch", "0"); r.code != 3 {
		t.Errorf("abort of a producer without a transaction: exit code %d: %s", r.code, r.err)
	}
	if r := s.ok("", "txn", "abort", "orders", "-p", "1", "--start-offset", "0"); r.err != "transaction of producer 0 on orders-1 aborted\n" {
		t.Errorf("abort: %s", r.err)
	}
	if r := s.ok("", "txn", "find-hanging", "--idle", "1ns"); r.out != "" {
		t.Errorf("find-hanging after the abort: %s", r.out)
	}
}
