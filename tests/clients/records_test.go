package clients

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/leat-project/leat/internal/debtool"
)

// epoch is the timestamp of the first record of a scenario in ms, an hour ago.
// A reader must give back exactly what was written.
var epoch = time.Now().Add(-time.Hour).UnixMilli()

// makeRecords returns n records, dealt out over partitions, of all the shapes
// that records have. Offsets are those that they get in empty partitions.
func makeRecords(n, partitions int) []record {
	rs := make([]record, n)
	for i := range rs {
		r := record{
			Partition: int32(i % partitions), Offset: int64(i / partitions), Millis: epoch + int64(i)*1000,
			Key: fmt.Appendf(nil, "key %d", i), Value: fmt.Appendf(nil, "value %d %s", i, strings.Repeat("x", i%100)),
		}
		switch i % 8 {
		case 1:
			r.Key = nil
		case 2:
			r.Value = nil
		case 3:
			r.Key, r.Value = []byte{}, []byte{}
		case 4:
			r.Headers = []header{{"a", []byte("1")}, {"a", []byte("2")}, {"empty", []byte{}}}
		case 5:
			r.Value = []byte{0, 0xff, 0xfe, '\n', 0x80}
		}
		rs[i] = r
	}
	return rs
}

// produce writes the records and checks the offsets that the client was told.
func (w *world) produce(t *testing.T, a args) {
	t.Helper()
	got := w.do(t, "producer "+a.Topic, "produce", a)
	if len(got.Records) != len(a.Records) {
		t.Fatalf("%s acknowledged %d of %d records", w.name, len(got.Records), len(a.Records))
	}
	for i, r := range got.Records {
		if want := a.Records[i]; r.Partition != want.Partition || r.Offset != want.Offset {
			t.Fatalf("record %d was acknowledged at %d-%d, want %d-%d", i, r.Partition, r.Offset, want.Partition, want.Offset)
		}
	}
}

// sorted returns the records in order of partition and offset, without codecs.
func sorted(rs []record) []record {
	out := slices.Clone(rs)
	for i := range out {
		out[i].Codec = ""
		if len(out[i].Headers) == 0 {
			out[i].Headers = nil
		}
	}
	slices.SortStableFunc(out, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return out
}

// checkRecords says where got differs from want: each record once, and those
// of a partition in order.
func checkRecords(t *testing.T, who string, got, want []record) {
	t.Helper()
	last := map[int32]int64{}
	for _, r := range got {
		if before, ok := last[r.Partition]; ok && r.Offset <= before {
			t.Fatalf("%s read offset %d of partition %d after %d", who, r.Offset, r.Partition, before)
		}
		last[r.Partition] = r.Offset
	}
	if diff := gocmp.Diff(sorted(want), sorted(got), gocmp.Comparer(sameBytes)); diff != "" {
		t.Fatalf("%s read other records (-want +got):\n%s", who, diff)
	}
}

// sameBytes tells null from empty; and it is quick with megabytes.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// starts are offsets 0 of partitions.
func starts(partitions int) map[int32]int64 {
	out := map[int32]int64{}
	for p := range partitions {
		out[int32(p)] = 0
	}
	return out
}

// codec writes records of all shapes with one codec and reads them with every
// client and kcat.
func codec(name string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		const partitions = 3
		topic := w.topic("codec")
		w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: partitions})
		rs := makeRecords(240, partitions)
		if w.name == "franz-go" || w.name == "confluent-kafka" { // the others write no null headers
			rs[0].Headers = []header{{"null", nil}}
		}
		w.produce(t, args{Topic: topic, Codec: name, Records: rs})
		for _, reader := range w.all {
			got := reader.do(t, "reader of "+topic, "read", args{Topic: topic, Offsets: starts(partitions), Count: len(rs)}).Records
			if reader.name == "franz-go" {
				checkCodec(t, got, name)
			}
			checkRecords(t, reader.name, got, rs)
		}
		checkKcat(t, w.broker.Kafka(), topic, rs)
	}
}

// checkCodec says whether the batches came compressed. kafka-python leaves one
// as it is that compression does not make smaller.
func checkCodec(t *testing.T, rs []record, want string) {
	t.Helper()
	seen := map[string]int{}
	for _, r := range rs {
		seen[r.Codec]++
	}
	if delete(seen, "none"); want == "none" && len(seen) != 0 || want != "none" && (len(seen) != 1 || seen[want] == 0) {
		t.Fatalf("records came in batches of the codecs %v, want %s", seen, want)
	}
}

// checkKcat reads a topic with kcat.
func checkKcat(t *testing.T, addr, topic string, want []record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	path, env, err := debtool.Kcat(ctx)
	if err != nil {
		t.Fatalf("getting kcat: %v", err)
	}
	// Partition, offset, timestamp and the lengths: -1 for null.
	cmd := exec.CommandContext(ctx, path, "-b", addr, "-C", "-t", topic, "-e", "-q", "-f", "%p %o %T %K %S\n")
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("reading %s with kcat: %v\n%s", topic, err, stderr.String())
	}
	size := func(b []byte) int {
		if b == nil {
			return -1
		}
		return len(b)
	}
	var lines []string
	for _, r := range want {
		lines = append(lines, fmt.Sprintf("%d %d %d %d %d", r.Partition, r.Offset, r.Millis, size(r.Key), size(r.Value)))
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	slices.Sort(got)
	if diff := gocmp.Diff(lines, got); diff != "" {
		t.Fatalf("kcat read other records (-want +got):\n%s", diff)
	}
}

// largeRecords writes records of megabytes, and one that is too large.
func largeRecords(t *testing.T, w *world) {
	const limit = 4 << 20
	topic := w.topic("large")
	w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: 1, Configs: map[string]string{"max.message.bytes": fmt.Sprint(limit)}})
	rs := []record{
		{Offset: 0, Value: bytes.Repeat([]byte("0123456789abcdef"), (limit-4096)/16), Millis: epoch},
		{Offset: 1, Value: []byte("small"), Millis: epoch},
	}
	for i := range rs {
		w.produce(t, args{Topic: topic, MaxBytes: 2 * limit, Records: rs[i : i+1]})
	}
	tooLarge := record{Value: make([]byte, limit+1), Millis: epoch}
	if _, err := w.try("producer", "produce", args{Topic: topic, MaxBytes: 2 * limit, Records: []record{tooLarge}}); err == nil {
		t.Fatalf("a record of %d bytes was accepted, with max.message.bytes %d", len(tooLarge.Value), limit)
	} else if text := strings.ToLower(err.Error()); !strings.Contains(text, "large") && !strings.Contains(text, "size") {
		t.Fatalf("a record over max.message.bytes: %v", err)
	}
	got := w.do(t, "reader", "read", args{Topic: topic, Offsets: starts(1), Count: len(rs)}).Records
	checkRecords(t, w.name, got, rs)
}

// timestamps looks offsets up by time and reads from there.
func timestamps(t *testing.T, w *world) {
	const partitions, n = 2, 100
	topic := w.topic("times")
	w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: partitions})
	rs := makeRecords(n, partitions)
	// In three requests: a look-up crosses batches.
	for i := 0; i < n; i += 40 {
		w.produce(t, args{Topic: topic, Records: rs[i:min(i+40, n)]})
	}
	offsets := func(at string) map[int32]int64 {
		return w.do(t, "admin", "offsets", args{Topic: topic, At: at}).Offsets
	}
	for _, tc := range []struct {
		at   string
		want map[int32]int64
	}{
		{"earliest", map[int32]int64{0: 0, 1: 0}},
		{"latest", map[int32]int64{0: 50, 1: 50}},
		{"max_timestamp", map[int32]int64{0: 49, 1: 49}},
		{fmt.Sprint(epoch - 1), map[int32]int64{0: 0, 1: 0}},
		{fmt.Sprint(epoch + 60_000), map[int32]int64{0: 30, 1: 30}}, // record 60 is the 31st of partition 0
		{fmt.Sprint(epoch + 60_001), map[int32]int64{0: 31, 1: 30}},
		{fmt.Sprint(epoch + 98_500), map[int32]int64{0: afterLast(w.name), 1: 49}},
	} {
		if tc.at == "max_timestamp" && w.name == "sarama" {
			continue // it speaks no version that knows this one
		}
		if got := offsets(tc.at); fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("offsets at %s = %v, want %v", tc.at, got, tc.want)
		}
	}
	got := w.do(t, "reader", "read", args{Topic: topic, Offsets: offsets(fmt.Sprint(epoch + 60_001)), Count: 39}).Records
	checkRecords(t, w.name, got, rs[61:])
}

// afterLast is what a client shows for a time after the last record: most pass
// on the -1 of the protocol, franz-go takes the end instead.
func afterLast(client string) int64 {
	if client == "franz-go" {
		return 50
	}
	return -1
}

// deleteRecords moves the start of a partition.
func deleteRecords(t *testing.T, w *world) {
	topic := w.topic("deleted")
	w.do(t, "admin", "create_topic", args{Topic: topic, Partitions: 2})
	rs := makeRecords(40, 2)
	w.produce(t, args{Topic: topic, Records: rs})
	low := w.do(t, "admin", "delete_records", args{Topic: topic, Offsets: map[int32]int64{0: 15}}).Offsets
	if low != nil && low[0] != 15 { // sarama does not return it
		t.Errorf("low watermark after delete_records = %d, want 15", low[0])
	}
	if got := w.do(t, "admin", "offsets", args{Topic: topic, At: "earliest"}).Offsets; got[0] != 15 || got[1] != 0 {
		t.Errorf("earliest offsets = %v, want 15 and 0", got)
	}
	want := slices.DeleteFunc(slices.Clone(rs), func(r record) bool { return r.Partition == 0 && r.Offset < 15 })
	got := w.do(t, "reader", "read", args{Topic: topic, Offsets: map[int32]int64{0: 15, 1: 0}, Count: len(want)}).Records
	checkRecords(t, w.name, got, want)
	if _, err := w.try("admin", "delete_records", args{Topic: topic, Offsets: map[int32]int64{0: 1000}}); err == nil {
		t.Error("delete_records beyond the end succeeded")
	}
}
