package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// What clients see of a compacted topic: gaps between offsets, tombstones, the
// end where it was; and the producer, whose batches are all gone but the last,
// goes on.
func TestTrapCompactedTopic(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"log.cleaner.backoff.ms": "20", "log.initial.task.delay.ms": "0"})
	ctx := testContext(t)
	w := newWire(t, b)
	create(t, w, "c", "cleanup.policy", "compact", "segment.ms", "1000", "min.cleanable.dirty.ratio", "0.01")
	p := client(t, b)
	began := time.Now().Add(-time.Hour)
	write := func(round int, value []byte) {
		t.Helper()
		for i := range 10 {
			r := &kgo.Record{Topic: "c", Key: fmt.Appendf(nil, "k%d", i), Value: value, Timestamp: began.Add(time.Duration(round) * 10 * time.Second)}
			if i > 0 && value == nil {
				r.Value = []byte("last")
			}
			if err := p.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 5 {
		write(round, fmt.Appendf(nil, "round %d", round))
	}
	write(5, nil) // a tombstone for k0
	write(6, []byte("active"))
	// The segments before the active one end with one record of each key.
	for {
		c := client(t, b, kgo.ConsumeTopics("c"), kgo.FetchMaxWait(50*time.Millisecond))
		records := consume(t, ctx, c, 20)
		for len(records) < 70 && records[len(records)-1].Offset < 69 {
			records = append(records, consume(t, ctx, c, 1)...)
		}
		c.Close()
		if len(records) > 20 {
			continue
		}
		for i, r := range records[:10] {
			want := "last"
			if i == 0 {
				want = ""
			}
			if r.Offset != int64(50+i) || string(r.Value) != want || (r.Value == nil) != (i == 0) {
				t.Fatalf("record %d is %q at %d, want %q at %d", i, r.Value, r.Offset, want, 50+i)
			}
		}
		break
	}
	write(7, []byte("more")) // the sequence goes on
	b.Restart()
	write(8, []byte("and more"))
	if p := fetched(ask[*kmsg.FetchResponse](newWire(t, b), fetchOf("c", 0), 12)); p.HighWatermark != 90 || p.LogStartOffset != 0 {
		t.Errorf("the log is [%d, %d), want [0, 90)", p.LogStartOffset, p.HighWatermark)
	}
}
