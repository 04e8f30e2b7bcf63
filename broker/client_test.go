package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
)

// testTime bounds every wait of a test.
// testTime bounds a test. It is far beyond what a busy machine needs, so that
// what waits for it shows a broker that waits for a timer of its own.
const testTime = 2 * time.Minute

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	return ctx
}

func client(t testing.TB, b *brokertest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	// A topic that is created on first use is in a later answer: no test is
	// to wait the default 5 s for that one, nor to give up after the default of
	// four answers, which a busy broker gives before the topic is there.
	common := []kgo.Opt{kgo.SeedBrokers(b.Addr()), kgo.MetadataMinAge(20 * time.Millisecond), kgo.UnknownTopicRetries(-1)}
	cl, err := kgo.NewClient(append(common, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func admin(t *testing.T, b *brokertest.Broker) *kadm.Client {
	t.Helper()
	return kadm.NewClient(client(t, b))
}

// consume polls until n records are there.
func consume(t *testing.T, ctx context.Context, cl *kgo.Client, n int) []*kgo.Record {
	t.Helper()
	var out []*kgo.Record
	for len(out) < n {
		fs := cl.PollFetches(ctx)
		if err := fs.Err0(); err != nil {
			t.Fatalf("polling after %d of %d records: %v", len(out), n, err)
		}
		for _, e := range fs.Errors() {
			t.Fatalf("fetching %s-%d: %v", e.Topic, e.Partition, e.Err)
		}
		out = append(out, fs.Records()...)
	}
	return out
}

func produce(t *testing.T, ctx context.Context, cl *kgo.Client, topic string, n int) {
	t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i)})
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("producing: %v", err)
	}
}

func TestProduceAndConsume(t *testing.T) {
	b := brokertest.Start(t, nil)
	for _, tc := range []struct {
		name string
		opts []kgo.Opt
	}{
		{"idempotent", nil},
		{"leader acks", []kgo.Opt{kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite()}},
		{"no acks", []kgo.Opt{kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()}},
		{"zstd", []kgo.Opt{kgo.ProducerBatchCompression(kgo.ZstdCompression())}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := testContext(t)
			topic := "t-" + tc.name[:2]
			produce(t, ctx, client(t, b, append(tc.opts, kgo.AllowAutoTopicCreation())...), topic, 1000)
			got := consume(t, ctx, client(t, b, kgo.ConsumeTopics(topic)), 1000)
			for i, r := range got {
				if want := fmt.Sprintf("v%d", i); string(r.Value) != want || r.Offset != int64(i) {
					t.Fatalf("record %d = %s at offset %d, want %s", i, r.Value, r.Offset, want)
				}
			}
		})
	}
}

func TestLongPollWakes(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	p := client(t, b, kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("poll"), kgo.ProducerLinger(0))
	produce(t, ctx, p, "poll", 1)
	c := client(t, b, kgo.ConsumeTopics("poll"), kgo.FetchMaxWait(2*testTime))
	consume(t, ctx, c, 1)
	for range 20 {
		produce(t, ctx, p, "poll", 1)
		consume(t, ctx, c, 1) // long before the poll's own end, which is beyond the test's
	}
}

func TestTopics(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	adm := admin(t, b)
	compact := "compact"
	made, err := adm.CreateTopic(ctx, 3, 1, map[string]*string{"cleanup.policy": &compact}, "made")
	if err != nil {
		t.Fatal(err)
	}
	if made.NumPartitions != 3 || made.ReplicationFactor != 1 {
		t.Fatalf("created with %d partitions and factor %d", made.NumPartitions, made.ReplicationFactor)
	}
	if _, err := adm.CreateTopic(ctx, 3, 1, nil, "made"); err == nil {
		t.Fatal("created a topic twice")
	}
	bad := "x"
	if _, err := adm.CreateTopic(ctx, 1, 1, map[string]*string{"retention.ms": &bad}, "bad"); err == nil {
		t.Fatal("accepted retention.ms=x")
	}
	configs, err := adm.DescribeTopicConfigs(ctx, "made")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range configs[0].Configs {
		found[c.Key] = c.MaybeValue()
	}
	if found["cleanup.policy"] != "compact" || found["retention.ms"] != "604800000" {
		t.Fatalf("configs = %v", found)
	}
	if _, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("1000")}}, "made"); err != nil {
		t.Fatal(err)
	}
	if resp, err := adm.UpdatePartitions(ctx, 5, "made"); err != nil || resp.Error() != nil {
		t.Fatalf("growing: %v %v", err, resp.Error())
	}
	b.Restart()
	topics, err := admin(t, b).ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 1 || len(topics["made"].Partitions) != 5 {
		t.Fatalf("topics after restart = %v", topics)
	}
	if resp, err := adm.DeleteTopics(ctx, "made"); err != nil || resp["made"].Err != nil {
		t.Fatalf("deleting: %v %v", err, resp["made"].Err)
	}
	if topics, err = admin(t, b).ListTopics(ctx); err != nil || len(topics) != 0 {
		t.Fatalf("topics after deletion = %v, %v", topics, err)
	}
}

func TestOffsetsSurviveRestart(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "in", 100)
	c := client(t, b, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"), kgo.DisableAutoCommit())
	consume(t, ctx, c, 100)
	if err := c.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	c.Close()
	b.Restart()
	offsets, err := admin(t, b).FetchOffsets(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup("in", 0); !ok || o.At != 100 {
		t.Fatalf("committed = %+v, want 100", o)
	}
}

func TestStaticMemberReturnsWithoutRebalance(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "in", 10)
	opts := []kgo.Opt{kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"), kgo.InstanceID("i1"), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(2 * testTime)} // nobody waits for its end
	c := client(t, b, opts...)
	consume(t, ctx, c, 10)
	_, generation := c.GroupMetadata()
	if err := c.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	c.Close() // static members do not leave
	b.Restart()
	produce(t, ctx, client(t, b), "in", 1)
	c = client(t, b, opts...)
	consume(t, ctx, c, 1)
	if _, now := c.GroupMetadata(); now != generation {
		t.Fatalf("generation went from %d to %d", generation, now)
	}
}

func TestTwoMembersShare(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"num.partitions": "4"})
	ctx := testContext(t)
	p := client(t, b, kgo.AllowAutoTopicCreation())
	produce(t, ctx, p, "in", 400)
	a := client(t, b, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"))
	consume(t, ctx, a, 400)
	second := client(t, b, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"))
	for len(second.GetConsumeTopics()) == 0 || !assigned(t, ctx, b, "g", 2) {
		a.PollFetches(shortly(ctx))
		second.PollFetches(shortly(ctx))
	}
}

func shortly(ctx context.Context) context.Context {
	c, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	context.AfterFunc(c, cancel)
	return c
}

// assigned says whether a stable group has n members, each with partitions.
func assigned(t *testing.T, ctx context.Context, b *brokertest.Broker, group string, n int) bool {
	t.Helper()
	groups, err := admin(t, b).DescribeGroups(ctx, group)
	if err != nil {
		t.Fatal(err)
	}
	g := groups[group]
	if g.State != "Stable" || len(g.Members) != n {
		return false
	}
	for _, m := range g.Members {
		a, ok := m.Assigned.AsConsumer()
		if !ok || len(a.Topics) == 0 {
			return false
		}
	}
	return true
}
