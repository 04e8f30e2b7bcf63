package broker_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
)

// Consumers of both protocols in one group: records come while the group is
// upgraded, mixed, and downgraded; each is read once by the group, and offsets
// go on.
func TestGroupMigratesUnderLoad(t *testing.T) {
	for name, balancer := range map[string]kgo.GroupBalancer{"cooperative": kgo.CooperativeStickyBalancer(), "eager": kgo.RangeBalancer()} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t, quick848())
			ctx := testContext(t)
			p := client(t, b, kgo.AllowAutoTopicCreation())
			produce(t, ctx, p, "in", 60)
			seen := map[string]int{}
			next := 60
			more := func() {
				var rs []*kgo.Record
				for range 60 {
					rs = append(rs, &kgo.Record{Topic: "in", Key: fmt.Appendf(nil, "k%d", next), Value: fmt.Appendf(nil, "v%d", next)})
					next++
				}
				if err := p.ProduceSync(ctx, rs...).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			members := map[string]*kgo.Client{}
			poll := func() {
				for who, cl := range members {
					fs := cl.PollFetches(shortly(ctx))
					fs.EachRecord(func(r *kgo.Record) { seen[string(r.Value)]++ })
					if err := cl.CommitUncommittedOffsets(ctx); err != nil {
						t.Logf("%s commits: %v", who, err) // in the middle of a rebalance; what it had is read again
					}
				}
			}
			until := func(what string, ok func() bool) {
				t.Helper()
				for !ok() {
					poll()
					if ctx.Err() != nil {
						t.Fatalf("%s never came: %+v", what, describe848(t, ctx, b))
					}
				}
			}
			all := func() bool { return len(seen) == next }
			classic := func() *kgo.Client {
				return client(t, b, kgo.ConsumerGroup("g848"), kgo.ConsumeTopics("in"), kgo.Balancers(balancer), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(50*time.Millisecond))
			}
			members["classic 1"], members["classic 2"] = classic(), classic()
			until("the records of the classic group", all)
			kinds := func() map[int8]int {
				out := map[int8]int{}
				g := describe848(t, ctx, b)
				if g.State != "Stable" {
					return nil
				}
				for i, m := range g.Members {
					out[m.MemberType] += held(g)[i]
				}
				return out
			}
			members["new"] = next848(t, b, kgo.ConsumeTopics("in"), kgo.DisableAutoCommit())
			until("the mixed group", func() bool { return maps.Equal(kinds(), map[int8]int{0: 4, 1: 2}) })
			more()
			until("the records of the mixed group", all)
			for _, who := range []string{"classic 1", "classic 2"} {
				members[who].Close()
				delete(members, who)
			}
			until("the upgraded group", func() bool { return maps.Equal(kinds(), map[int8]int{1: 6}) })
			more()
			until("the records of the upgraded group", all)
			members["classic 3"] = classic()
			until("the mixed group again", func() bool { return maps.Equal(kinds(), map[int8]int{0: 3, 1: 3}) })
			members["new"].Close()
			delete(members, "new")
			until("the classic group", func() bool {
				d, err := admin(t, b).DescribeGroups(ctx, "g848")
				return err == nil && d["g848"].State == "Stable" && len(d["g848"].Members) == 1
			})
			more()
			until("the records of the downgraded group", all)
		})
	}
}
