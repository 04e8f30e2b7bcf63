package broker_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

func deleteTopic(t *testing.T, w *wire, topic string) {
	t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis, req.TopicNames = 10000, []string{topic}
	wantCode(t, "deleting "+topic, ask[*kmsg.DeleteTopicsResponse](w, req, 5).Topics[0].ErrorCode, nil)
}

// With the topic of the groups goes all that their coordinators knew: who waits
// is sent to look for a coordinator, and finds one that begins anew.
func TestOffsetsTopicIsDeleted(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t")
	commitOne(t, w, "h", "t", 7)
	first := &groupMember{w: w, group: "g"}
	first.enter()
	second := &groupMember{w: newWire(t, b), group: "g"}
	second.id = second.join().answer().(*kmsg.JoinGroupResponse).MemberID
	parked := second.join() // for the first to join again
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.MemberID, beat.Generation = "g", first.id, first.generation
	eventually(t, "a rebalance", func() bool {
		return ask[*kmsg.HeartbeatResponse](w, beat, 4).ErrorCode == kerr.RebalanceInProgress.Code
	})
	for range 2 { // the second time it is one that was made anew
		deleteTopic(t, w, "__consumer_offsets")
		if parked.w != nil {
			wantCode(t, "who waited to join", parked.answer().(*kmsg.JoinGroupResponse).ErrorCode, kerr.NotCoordinator)
			parked.w = nil
		}
		wantCode(t, "a heartbeat without a coordinator", ask[*kmsg.HeartbeatResponse](w, beat, 4).ErrorCode, kerr.NotCoordinator)
		findCoordinator(t, w, 0, "g")
		wantCode(t, "a heartbeat to the new coordinator", askLoaded[*kmsg.HeartbeatResponse](w, beat, 4).ErrorCode, kerr.UnknownMemberID)
		o := askLoaded[*kmsg.OffsetFetchResponse](w, versionedFetch("h"), 7)
		if p := o.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Offset != -1 {
			t.Errorf("the offset of before: %+v, want none", p)
		}
		commitOne(t, w, "h", "t", 3)
		again := &groupMember{w: w, group: "g"}
		again.enter()
		beat.MemberID, beat.Generation = again.id, again.generation
		wantCode(t, "a heartbeat of a new member", ask[*kmsg.HeartbeatResponse](w, beat, 4).ErrorCode, nil)
	}
	b.Restart() // the new topic has what was written last
	w = newWire(t, b)
	if o := askLoaded[*kmsg.OffsetFetchResponse](w, versionedFetch("h"), 7); o.ErrorCode != 0 || o.Topics[0].Partitions[0].Offset != 3 {
		t.Errorf("after a restart: %+v, want offset 3", o)
	}
}

// askLoaded is ask for a coordinator that may be loading.
func askLoaded[R kmsg.Response](w *wire, req kmsg.Request, version int16) R {
	w.t.Helper()
	for {
		resp := ask[R](w, req, version)
		if f := failures(resp); len(f) == 0 || f[0] != kerr.CoordinatorLoadInProgress.Code {
			return resp
		}
	}
}

// A consumer and a transactional producer get over it by themselves.
func TestClientsSurviveNewInternalTopics(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	w := newWire(t, b)
	create(t, w, "t")
	p := client(t, b, kgo.TransactionalID("tx"))
	transact(t, ctx, p, true, "t", 0, 1)
	// Heartbeats find out.
	c := client(t, b, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.HeartbeatInterval(100*time.Millisecond))
	consume(t, ctx, c, 1)
	_, before := c.GroupMetadata()
	if before < 1 {
		t.Fatalf("generation %d", before)
	}
	deleteTopic(t, w, "__consumer_offsets")
	deleteTopic(t, w, "__transaction_state")
	for {
		groups, err := admin(t, b).DescribeGroups(ctx, "g")
		if err != nil {
			t.Fatal(err)
		}
		if g := groups["g"]; g.State == "Stable" && len(g.Members) == 1 {
			break
		}
		c.PollFetches(shortly(ctx))
	}
	transact(t, ctx, client(t, b, kgo.TransactionalID("tx")), true, "t", 1, 1)
	for {
		for _, r := range consume(t, ctx, c, 1) {
			if string(r.Value) == "true-1" {
				return
			}
		}
	}
}

// The same for transactional ids: what was promised to a producer is gone, and
// it is told so.
func TestTransactionTopicIsDeleted(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t")
	id, epoch := initTx(t, w, "tx")
	add := kmsg.NewPtrAddPartitionsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = "tx", id, epoch
	add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	adding := func() int16 {
		return askLoaded[*kmsg.AddPartitionsToTxnResponse](w, add, 3).Topics[0].Partitions[0].ErrorCode
	}
	wantCode(t, "adding a partition", adding(), nil)
	deleteTopic(t, w, "__transaction_state")
	wantCode(t, "adding without a coordinator", adding(), kerr.NotCoordinator)
	findCoordinator(t, w, 1, "tx")
	wantCode(t, "adding with the new coordinator", adding(), kerr.InvalidProducerIDMapping)
	if next, e := initTx(t, w, "tx"); next == id || e != 0 {
		t.Errorf("the next producer is %d epoch %d, want another than %d and epoch 0", next, e, id)
	}
}

// A disk that is stuck while an internal topic is made holds nobody: clients are
// told to come back, and find the coordinator when the disk goes on.
func TestCoordinatorTopicOnAStuckDisk(t *testing.T) {
	b := brokertest.StartInMemory(t, 1, nil)
	w := newWire(t, b)
	findCoordinator(t, w, 1, "tx") // the broker is up
	resume := b.Stall()
	defer resume()
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKeys = []string{"g"}
	for range 2 { // who comes back waits no longer
		c := ask[*kmsg.FindCoordinatorResponse](w, req, 4).Coordinators[0]
		if c.ErrorCode != kerr.CoordinatorNotAvailable.Code || c.NodeID != -1 {
			t.Fatalf("on a stuck disk: %+v, want COORDINATOR_NOT_AVAILABLE", c)
		}
	}
	resume()
	findCoordinator(t, w, 0, "g")
}
