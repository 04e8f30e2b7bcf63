package clients

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// transactions commits one, aborts one, commits another and leaves one open:
// what readers see of each, and what is listed.
func transactions(t *testing.T, w *world) {
	const partitions = 2
	topic, id := w.topic("tx"), w.topic("id")
	w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: partitions})
	p := w.handle("producer")
	w.do(t, p, "tx_open", args{TxID: id})
	var committed, all []record
	next := map[int32]int64{}
	send := func(label string) (sent []record) {
		t.Helper()
		w.do(t, p, "tx_begin", args{})
		for i := range 20 {
			r := record{Partition: int32(i % partitions), Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "%s %d", label, i), Millis: epoch}
			r.Offset = next[r.Partition]
			next[r.Partition]++
			sent = append(sent, r)
		}
		w.do(t, p, "tx_send", args{Topic: topic, Records: sent})
		all = append(all, sent...)
		return sent
	}
	for _, commit := range []bool{true, false, true} {
		sent := send(fmt.Sprint("committed ", commit))
		w.do(t, p, "tx_end", args{Committed: commit})
		if commit {
			committed = append(committed, sent...)
		}
		for i := range next { // the marker
			next[i]++
		}
	}
	stable := fmt.Sprint(map[int32]int64{0: next[0], 1: next[1]})
	send("open")
	if got := w.do(t, "admin", "offsets", args{Topic: topic, At: "latest", Committed: true}).Offsets; fmt.Sprint(got) != stable {
		t.Errorf("last stable offsets = %v, want %v", got, stable)
	}
	if got, want := w.do(t, "admin", "offsets", args{Topic: topic, At: "latest"}).Offsets, fmt.Sprint(next); fmt.Sprint(got) != want {
		t.Errorf("end offsets = %v, want %v", got, want)
	}
	for _, reader := range w.all {
		got := reader.do(t, "reader of "+topic, "read", args{Topic: topic, Offsets: starts(partitions), Count: len(committed), Committed: true}).Records
		checkRecords(t, reader.name+" read_committed", got, committed)
	}
	got := w.do(t, "reader", "read", args{Topic: topic, Offsets: starts(partitions), Count: len(all)}).Records
	checkRecords(t, w.name+" read_uncommitted", got, all)
	if w.name != "confluent-kafka" { // has no such call
		if got := w.do(t, "admin", "transactions", args{}).Groups; got[id] != "Ongoing" {
			t.Errorf("transactions lists %q as %q, want Ongoing", id, got[id])
		}
	}
	w.do(t, p, "tx_end", args{Committed: true})
	committed = append(committed, all[len(all)-20:]...)
	got = w.do(t, "reader", "read", args{Topic: topic, Offsets: starts(partitions), Count: len(committed), Committed: true}).Records
	checkRecords(t, w.name+" at the end", got, committed)
	w.do(t, p, "tx_close", args{})
}

// fencing opens a second producer with the same id: the first one's open
// transaction is aborted and it can do nothing more.
func fencing(t *testing.T, w *world) {
	topic, id := w.topic("fenced"), w.topic("id")
	w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: 1})
	record := func(o int64, value string) []record {
		return []record{{Offset: o, Value: []byte(value), Millis: epoch}}
	}
	first, second := w.handle("first"), w.handle("second")
	w.do(t, first, "tx_open", args{TxID: id})
	w.do(t, first, "tx_begin", args{})
	w.do(t, first, "tx_send", args{Topic: topic, Records: record(0, "lost")})
	w.do(t, second, "tx_open", args{TxID: id})
	if _, err := w.try(first, "tx_end", args{Committed: true}); err == nil {
		t.Error("the fenced producer committed")
	}
	w.do(t, second, "tx_begin", args{})
	w.do(t, second, "tx_send", args{Topic: topic, Records: record(2, "kept")})
	w.do(t, second, "tx_end", args{Committed: true})
	got := w.do(t, "reader", "read", args{Topic: topic, Offsets: starts(1), Count: 1, Committed: true}).Records
	checkRecords(t, w.name, got, record(2, "kept"))
	w.do(t, second, "tx_close", args{})
}

// transform consumes, produces and commits offsets in transactions, a third of
// which are aborted and done again.
func transform(protocol string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		const partitions, n = 3, 120
		in, out, group := w.topic("in"), w.topic("out"), w.topic("group")
		for _, topic := range []string{in, out} {
			w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: partitions})
		}
		var rs []record
		for i := range n {
			rs = append(rs, record{Partition: int32(i % partitions), Offset: int64(i / partitions), Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i), Millis: epoch})
		}
		w.produce(t, args{Topic: in, Records: rs})
		res := w.do(t, w.handle("transform"), "transform", args{
			Topic: in, Out: out, Group: group, TxID: w.topic("id"), Count: n, Committed: true, Protocol: protocol,
		})
		if res.Aborted == 0 {
			t.Error("no transaction was aborted: the scenario shows nothing")
		}
		got := w.do(t, "reader", "read", args{Topic: out, Offsets: starts(partitions), Count: n, Committed: true}).Records
		checkTransformed(t, got, rs)
		every := w.do(t, "reader", "read", args{Topic: out, Offsets: starts(partitions), Count: n + 1}).Records
		if len(every) <= n {
			t.Errorf("read_uncommitted sees %d records, want the aborted ones, too", len(every))
		}
		want := map[int32]int64{}
		for p := range partitions {
			want[int32(p)] = n / partitions
		}
		awaitCommitted(t, w, group, in, want)
		// All is done: the same again finds no record that is not committed.
		more := record{Partition: 0, Offset: n / partitions, Key: []byte("last"), Value: []byte("last"), Millis: epoch}
		w.produce(t, args{Topic: in, Records: []record{more}})
		w.do(t, w.handle("transform"), "transform", args{
			Topic: in, Out: out, Group: group, TxID: w.topic("id"), Count: 1, Committed: true, Protocol: protocol,
		})
		got = w.do(t, "reader", "read", args{Topic: out, Offsets: starts(partitions), Count: n + 1, Committed: true}).Records
		checkTransformed(t, got, append(rs, more))
	}
}

// awaitCommitted waits for offsets committed in a transaction: its end is
// acknowledged when it is decided, and carried out a moment later.
func awaitCommitted(t *testing.T, w *world, group, topic string, want map[int32]int64) {
	t.Helper()
	var got map[int32]int64
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); {
		if got = w.do(t, "admin", "committed", args{Group: group, Topic: topic}).Offsets; maps.Equal(got, want) {
			return
		}
	}
	t.Errorf("committed offsets = %v, want %v", got, want)
}

// checkTransformed compares what came out with what went in: each record once,
// in order in its partition.
func checkTransformed(t *testing.T, got, in []record) {
	t.Helper()
	lines := func(rs []record) (out []string) {
		rs = sorted(rs)
		for _, r := range rs {
			out = append(out, fmt.Sprintf("%d %s %s", r.Partition, r.Key, bytes.TrimPrefix(r.Value, []byte("out "))))
		}
		return out
	}
	if a, b := lines(in), lines(got); !slices.Equal(a, b) {
		t.Fatalf("came out:\n%s\nwent in:\n%s", strings.Join(b, "\n"), strings.Join(a, "\n"))
	}
}
