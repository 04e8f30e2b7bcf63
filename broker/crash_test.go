package broker_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
)

// TestPowerCuts cuts the power under a loaded idempotent producer and a
// committing consumer: what was acknowledged is there, once and in order, and
// committed offsets never go back.
func TestPowerCuts(t *testing.T) {
	const cuts = 12
	b := brokertest.StartInMemory(t, 1, map[string]string{"log.segment.bytes": "1048576"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := client(t, b, kgo.AllowAutoTopicCreation(), kgo.MaxBufferedRecords(200), kgo.ProducerLinger(0), kgo.RetryBackoffFn(quickly), kgo.AlwaysRetryEOF(), kgo.RecordRetries(1<<30), kgo.MetadataMinAge(20*time.Millisecond))
	load := newLoad(p, "crash")
	var wg sync.WaitGroup
	wg.Go(func() { load.run(t, ctx) })
	c := client(t, b, kgo.ConsumeTopics("crash"), kgo.ConsumerGroup("g"), kgo.InstanceID("one"), kgo.DisableAutoCommit(), kgo.RetryBackoffFn(quickly), kgo.AlwaysRetryEOF(), kgo.MetadataMinAge(20*time.Millisecond))
	watch := watcher{}
	for i := range cuts {
		target := load.acked.Load() + 300
		for load.acked.Load() < target && !t.Failed() {
			watch.poll(t, ctx, c, b)
		}
		b.Kill()
		watch.check(t, ctx, b, i)
	}
	load.stop.Store(true)
	wg.Wait()
	n := int(load.acked.Load())
	for i, r := range consume(t, ctx, client(t, b, kgo.ConsumeTopics("crash")), n) {
		if string(r.Value) != strconv.Itoa(i) {
			t.Fatalf("record %d of %d is %s", i, n, r.Value)
		}
	}
	t.Logf("%d records survived %d power cuts", n, cuts)
}

func quickly(int) time.Duration { return 10 * time.Millisecond }

// load produces rising numbers and counts the acknowledged ones.
type load struct {
	cl    *kgo.Client
	topic string
	acked atomic.Int64
	stop  atomic.Bool
}

func newLoad(cl *kgo.Client, topic string) *load { return &load{cl: cl, topic: topic} }

func (l *load) run(t *testing.T, ctx context.Context) {
	for i := int64(0); !l.stop.Load() && ctx.Err() == nil; i++ {
		l.cl.Produce(ctx, &kgo.Record{Topic: l.topic, Value: []byte(strconv.FormatInt(i, 10))}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("record %d: %v", i, err)
				l.stop.Store(true)
				return
			}
			l.acked.Add(1)
		})
	}
	if err := l.cl.Flush(ctx); err != nil {
		t.Errorf("flushing: %v", err)
	}
}

// watcher consumes, commits, and remembers what was acknowledged to it.
type watcher struct{ committed int64 }

func (w *watcher) poll(t *testing.T, ctx context.Context, c *kgo.Client, _ *brokertest.Broker) {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	fs := c.PollFetches(short)
	if fs.NumRecords() == 0 {
		if ctx.Err() != nil {
			t.Fatal("timed out")
		}
		return
	}
	records := fs.Records()
	if err := c.CommitRecords(ctx, records...); err == nil {
		w.committed = records[len(records)-1].Offset + 1
	}
}

func (w *watcher) check(t *testing.T, ctx context.Context, b *brokertest.Broker, cut int) {
	t.Helper()
	if at := committed(t, ctx, b, "g", "crash"); at < w.committed && w.committed > 0 {
		t.Fatalf("after cut %d the committed offset is %d, but %d was acknowledged", cut, at, w.committed)
	}
}
