package group_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/group"
)

// What a member says once holds after a restart, too, also where it changes no
// assignment: here its rebalance timeout, by which it has to give partitions up.
func TestRebalanceTimeoutIsKept(t *testing.T) {
	b := newMixedBench(t, "disabled")
	b.beat848("a", 0, nil)
	b.beat848("a", 1, []int32{0, 1, 2, 3}, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RebalanceTimeoutMillis = 3000 })
	restored := group.NewShard(b.mixedConfig("disabled"))
	for _, e := range b.entries {
		if err := restored.Replay(e); err != nil {
			t.Fatal(err)
		}
	}
	b.shard, b.tx = restored, coordinator.NewTx(b.now)
	restored.Loaded(b.tx)
	unset := func(r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.RebalanceTimeoutMillis, r.SubscribedTopicNames = -1, nil
	}
	b.beat848("b", 0, nil) // takes some from a
	if r := b.beat848("a", 1, []int32{0, 1, 2, 3}, unset); len(owns(r)) != 2 {
		t.Fatalf("told to keep %v, want two partitions", owns(r))
	}
	b.advance(4 * time.Second)
	if r := b.beat848("a", 1, []int32{0, 1, 2, 3}, unset); r.ErrorCode != kerr.UnknownMemberID.Code {
		t.Errorf("a member that gave nothing up within 3 s: %v, want UNKNOWN_MEMBER_ID", kerr.ErrorForCode(r.ErrorCode))
	}
}

// A member may be in a group without topics; what it must not leave out is
// checked as Kafka does.
func TestFirstHeartbeat(t *testing.T) {
	b := newMixedBench(t, "disabled")
	empty := ""
	for _, c := range []struct {
		name   string
		change func(*kmsg.ConsumerGroupHeartbeatRequest)
		want   int16
	}{
		{"no names", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = []string{} }, 0},
		{"an empty pattern", func(r *kmsg.ConsumerGroupHeartbeatRequest) {
			r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, &empty
		}, 0},
		{"neither", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = nil }, kerr.InvalidRequest.Code},
		{"partitions left out", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Topics = nil }, kerr.InvalidRequest.Code},
	} {
		if r := b.beat848("m "+c.name, 0, nil, c.change); r.ErrorCode != c.want || c.want == 0 && len(owns(r)) != 0 {
			t.Errorf("%s: %+v, want code %d", c.name, r, c.want)
		}
	}
}

// Who leaves in the name of a static member must be that one.
func TestStaticMemberLeaves(t *testing.T) {
	b := newMixedBench(t, "disabled")
	instance, other := "i", "j"
	as := func(instance *string) func(*kmsg.ConsumerGroupHeartbeatRequest) {
		return func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID, r.Topics = instance, nil }
	}
	b.beat848("m", 0, nil, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = &instance })
	for _, c := range []struct {
		member   string
		instance *string
		want     *kerr.Error
	}{{"x", &instance, kerr.FencedInstanceID}, {"m", &other, kerr.UnknownMemberID}, {"x", nil, kerr.UnknownMemberID}} {
		if r := b.beat848(c.member, -1, nil, as(c.instance)); r.ErrorCode != c.want.Code {
			t.Errorf("%s leaves: %v, want %v", c.member, kerr.ErrorForCode(r.ErrorCode), c.want)
		}
	}
	if r := b.beat848("m", -1, nil, as(&instance)); r.ErrorCode != 0 {
		t.Errorf("the member leaves: %v", kerr.ErrorForCode(r.ErrorCode))
	}
}
