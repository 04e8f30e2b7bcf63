package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// next848 makes franz-go use the consumer protocol of KIP-848.
func next848(t *testing.T, b *brokertest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	ctx := context.WithValue(t.Context(), "opt_in_kafka_next_gen_balancer_beta", true) //nolint:staticcheck // the client's own key
	return client(t, b, append(opts, kgo.WithContext(ctx), kgo.ConsumerGroup("g848"), kgo.Balancers(kgo.CooperativeStickyBalancer()))...)
}

// quick848 lets members talk often. No session ends by itself, however late they are.
func quick848() map[string]string {
	return map[string]string{
		"num.partitions": "6", "group.consumer.heartbeat.interval.ms": "50", "group.consumer.min.heartbeat.interval.ms": "50",
	}
}

func describe848(t *testing.T, ctx context.Context, b *brokertest.Broker) kmsg.ConsumerGroupDescribeResponseGroup {
	t.Helper()
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{"g848"}
	resp, err := req.RequestWith(ctx, client(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return resp.Groups[0]
}

// held counts each member's partitions.
func held(g kmsg.ConsumerGroupDescribeResponseGroup) []int {
	var out []int
	for _, m := range g.Members {
		n := 0
		for _, tp := range m.Assignment.TopicPartitions {
			n += len(tp.Partitions)
		}
		out = append(out, n)
	}
	return out
}

func TestConsumerProtocol(t *testing.T) {
	b := brokertest.Start(t, quick848())
	ctx := testContext(t)
	p := client(t, b, kgo.AllowAutoTopicCreation())
	produce(t, ctx, p, "in", 600)
	first := next848(t, b, kgo.ConsumeTopics("in"))
	consume(t, ctx, first, 600)
	if g := describe848(t, ctx, b); g.ErrorCode != 0 || len(g.Members) != 1 || held(g)[0] != 6 {
		t.Fatalf("group = %+v", g)
	}
	if err := first.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatalf("committing: %v", err)
	}
	second := next848(t, b, kgo.ConsumeTopics("in"))
	balanced := func() bool {
		g := describe848(t, ctx, b)
		n := held(g)
		return g.State == "Stable" && len(n) == 2 && n[0] == 3 && n[1] == 3
	}
	for !balanced() {
		first.PollFetches(shortly(ctx))
		second.PollFetches(shortly(ctx))
		if ctx.Err() != nil {
			t.Fatalf("the group never balanced: %+v", describe848(t, ctx, b))
		}
	}
	b.Restart()
	for !balanced() {
		first.PollFetches(shortly(ctx))
		second.PollFetches(shortly(ctx))
		if ctx.Err() != nil {
			t.Fatalf("the group is not as before the restart: %+v", describe848(t, ctx, b))
		}
	}
	second.Close() // leaves
	for held(describe848(t, ctx, b))[0] != 6 {
		first.PollFetches(shortly(ctx))
		if ctx.Err() != nil {
			t.Fatalf("the rest never got the partitions: %+v", describe848(t, ctx, b))
		}
	}
	first.Close()
	if g := describe848(t, ctx, b); g.State != "Empty" {
		t.Fatalf("state = %s after all left", g.State)
	}
	if resp, err := admin(t, b).DeleteGroups(ctx, "g848"); err != nil || resp["g848"].Err != nil {
		t.Fatalf("deleting: %v %v", err, resp["g848"].Err)
	}
}

func TestConsumerProtocolFollowsTopics(t *testing.T) {
	b := brokertest.Start(t, quick848())
	ctx := testContext(t)
	p := client(t, b, kgo.AllowAutoTopicCreation())
	produce(t, ctx, p, "ev-1", 10)
	c := next848(t, b, kgo.ConsumeRegex(), kgo.ConsumeTopics("ev-.*"), kgo.MetadataMinAge(20*time.Millisecond), kgo.MetadataMaxAge(200*time.Millisecond))
	consume(t, ctx, c, 10)
	produce(t, ctx, p, "ev-2", 10)
	consume(t, ctx, c, 10)
}
