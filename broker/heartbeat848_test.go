package broker_test

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// member848 sends heartbeats of KIP-848 as no client would.
type member848 struct {
	w        *wire
	id       string
	instance *string
}

// beat sends a heartbeat that names everything when epoch is 0.
func (m member848) beat(epoch int32, change func(*kmsg.ConsumerGroupHeartbeatRequest)) *kmsg.ConsumerGroupHeartbeatResponse {
	m.w.t.Helper()
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Group, req.MemberID, req.MemberEpoch, req.InstanceID = "g", m.id, epoch, m.instance
	if epoch == 0 {
		req.RebalanceTimeoutMillis, req.Topics = 10000, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		req.SubscribedTopicNames = []string{"ev-1"}
	}
	if change != nil {
		change(req)
	}
	return ask[*kmsg.ConsumerGroupHeartbeatResponse](m.w, req, 1)
}

// partitionsIn counts what a heartbeat's answer assigns; -1 for nothing new.
func partitionsIn(r *kmsg.ConsumerGroupHeartbeatResponse) int {
	if r.Assignment == nil {
		return -1
	}
	n := 0
	for _, t := range r.Assignment.Topics {
		n += len(t.Partitions)
	}
	return n
}

func TestHeartbeatRefusals(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	for i := range 2 {
		create(t, w, fmt.Sprint("ev-", i+1))
	}
	create(t, w, "other")
	findCoordinator(t, w, 0, "g")
	text := func(s string) *string { return &s }
	m := member848{w: w, id: "m"}
	for _, c := range []struct {
		name   string
		member member848
		epoch  int32
		change func(*kmsg.ConsumerGroupHeartbeatRequest)
		want   *kerr.Error
	}{
		{"no group of that name", m, 3, nil, kerr.GroupIDNotFound},
		{"no member id", member848{w: w}, 0, nil, kerr.InvalidRequest},
		{"no subscription", m, 0, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = nil }, kerr.InvalidRequest},
		{"no rebalance timeout", m, 0, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RebalanceTimeoutMillis = -1 }, kerr.InvalidRequest},
		{"another assignor", m, 0, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = text("mine") }, kerr.UnsupportedAssignor},
		{"a pattern that RE2 does not know", m, 0, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicRegex = text("(?=ev)") }, kerr.InvalidRegularExpression},
		{"joining", m, 0, nil, nil},
		{"an epoch to come", m, 9, nil, kerr.FencedMemberEpoch},
		{"a stranger", member848{w: w, id: "x"}, 1, nil, kerr.UnknownMemberID},
		{"the member", m, 1, nil, nil},
		{"a static member", member848{w, "s", text("i")}, 0, nil, nil},
		{"its instance under another id", member848{w, "s2", text("i")}, 0, nil, kerr.UnreleasedInstanceID},
		{"for a moment away without instance", m, -2, nil, kerr.InvalidRequest},
		{"for a moment away", member848{w, "s", text("i")}, -2, nil, nil},
		{"back under another id", member848{w, "s2", text("i")}, 0, nil, nil},
		{"the id from before", member848{w, "s", text("i")}, 2, nil, kerr.FencedInstanceID},
		{"leaving", m, -1, nil, nil},
		{"after it left", m, 1, nil, kerr.UnknownMemberID},
	} {
		wantCode(t, c.name, c.member.beat(c.epoch, c.change).ErrorCode, c.want)
	}
}

// A pattern stands for all topics whose whole name it matches, beside those
// that are named.
func TestSubscribedPattern(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	for _, topic := range []string{"ev-1", "ev-2", "ev-10", "my-ev-1", "other"} {
		create(t, w, topic)
	}
	findCoordinator(t, w, 0, "g")
	for i, c := range []struct {
		pattern string
		names   []string
		want    int
	}{
		{"ev-[0-9]", nil, 2}, {"ev-.*", nil, 3}, {".*", nil, 5}, {"nothing", nil, 0}, {"ev-1|other", nil, 2}, {"ev-[0-9]", []string{"other", "ev-1"}, 3},
	} {
		m := member848{w: w, id: fmt.Sprint("m", i)}
		got := m.beat(0, func(r *kmsg.ConsumerGroupHeartbeatRequest) {
			r.Group = fmt.Sprint("g", i)
			r.SubscribedTopicNames, r.SubscribedTopicRegex = c.names, &c.pattern
		})
		wantCode(t, c.pattern, got.ErrorCode, nil)
		if n := partitionsIn(got); n != c.want {
			t.Errorf("%s and %v: %d partitions, want %d", c.pattern, c.names, n, c.want)
		}
	}
}
