package tests

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// event is what the check of a raw topic needs of a change event (JSON without
// schemas, or the payload with them).
type event struct {
	Op     string
	Before *struct{ Seq int64 }
	After  *struct{ Seq int64 }
	Source struct {
		LSN  int64
		TxID int64 `json:"txId"`
	}
}

// readTopic returns all records of a topic in order.
func readTopic(t *testing.T, kafka, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxPartitionBytes(16<<20), kgo.BrokerMaxReadBytes(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	ends.Each(func(o kadm.ListedOffset) { want += o.Offset })
	var out []*kgo.Record
	for int64(len(out)) < want {
		f := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("%s: %d of %d records read: %v", topic, len(out), want, err)
		}
		for _, e := range f.Errors() {
			t.Fatalf("%s: %v", topic, e.Err)
		}
		out = append(out, f.Records()...)
	}
	return out
}

// requireEveryChange checks a raw topic against the committed changes: each is
// there at least once, and the stream events of a key, repeats removed, rise in
// (commit, order in the transaction). Rows of the snapshot are apart.
func requireEveryChange(t *testing.T, records []*kgo.Record, table string, ops []op) {
	t.Helper()
	type change struct {
		key  int64
		op   string
		seq  int64
		txid int64
	}
	seen := map[change]int{}
	last := map[int64]int64{}
	visited := map[int64]map[int64]bool{}
	streamed := 0
	for _, r := range records {
		if r.Value == nil {
			continue // tombstone
		}
		var key struct{ ID int64 }
		var e event
		if err := json.Unmarshal(payload(r.Key), &key); err != nil {
			t.Fatalf("key at offset %d: %v", r.Offset, err)
		}
		if err := json.Unmarshal(payload(r.Value), &e); err != nil {
			t.Fatalf("value at offset %d: %v", r.Offset, err)
		}
		if e.Op == "r" {
			continue
		}
		streamed++
		c := change{key: key.ID, op: e.Op, txid: e.Source.TxID}
		if e.After != nil {
			c.seq = e.After.Seq
		}
		seen[c]++
		// Changes of one row wait for each other's commit, so their WAL positions
		// rise as their commits do.
		at := e.Source.LSN
		if visited[key.ID] == nil {
			visited[key.ID] = map[int64]bool{}
		}
		if visited[key.ID][at] {
			continue // a repeat: at least once
		}
		visited[key.ID][at] = true
		if prev := last[key.ID]; at < prev {
			t.Errorf("%s: event of key %d at offset %d (%v) follows a later one (%v)", table, key.ID, r.Offset, at, prev)
		}
		last[key.ID] = at
	}
	checked, missing := 0, 0
	for _, o := range ops {
		if o.table != table {
			continue
		}
		checked++
		if seen[change{o.key, o.op, o.seq, o.txid}] == 0 {
			if missing++; missing <= 10 {
				t.Errorf("%s: the topic lacks change %+v", table, o)
			}
		}
	}
	if missing > 0 {
		t.Errorf("%s: %d of %d changes are missing", table, missing, checked)
	}
	if checked == 0 {
		t.Errorf("%s: no change was checked", table)
	}
	t.Logf("%s: %d records, %d stream events, %d changes checked", table, len(records), streamed, checked)
}

// payload returns the payload of a JSON envelope with schemas, or all of it.
func payload(b []byte) []byte {
	var e struct {
		Schema  json.RawMessage
		Payload json.RawMessage
	}
	if err := json.Unmarshal(b, &e); err == nil && e.Schema != nil && e.Payload != nil {
		return e.Payload
	}
	return b
}
