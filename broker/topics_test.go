package broker_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// Results come in the order of the request, each name once, and what was
// created is there with a leader when the answer is.
func TestTrapCreateTopics(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"num.partitions": "3"})
	w := newWire(t, b)
	req := createOf("zebra", "retention.ms", "1000")
	req.Topics[0].NumPartitions, req.Topics[0].ReplicationFactor = -1, -1
	for _, more := range []*kmsg.CreateTopicsRequest{
		createOf("apple"), createOf("twice"), createOf("wrong", "nosuch.key", "1"), createOf("twice"), createOf("value", "retention.ms", "soon"),
		createOf("bad/name"), createOf("many"), createOf("zero"), createOf("last"),
	} {
		req.Topics = append(req.Topics, more.Topics...)
	}
	req.Topics[7].ReplicationFactor, req.Topics[8].NumPartitions = 2, 0
	want := []struct {
		name string
		code *kerr.Error
	}{
		{"zebra", nil}, {"apple", nil}, {"twice", kerr.InvalidRequest}, {"wrong", kerr.InvalidConfig}, {"value", kerr.InvalidConfig},
		{"bad/name", kerr.InvalidTopicException}, {"many", kerr.InvalidReplicationFactor}, {"zero", kerr.InvalidPartitions}, {"last", nil},
	}
	resp := ask[*kmsg.CreateTopicsResponse](w, req, 7)
	if len(resp.Topics) != len(want) {
		t.Fatalf("%d results, want %d", len(resp.Topics), len(want))
	}
	for i, c := range want {
		rt := resp.Topics[i]
		if rt.Topic != c.name {
			t.Fatalf("result %d is %s, want %s", i, rt.Topic, c.name)
		}
		wantCode(t, c.name, rt.ErrorCode, c.code)
		if c.code != nil && (rt.ErrorMessage == nil || *rt.ErrorMessage == "") {
			t.Errorf("%s was refused without a word", c.name)
		}
	}
	zebra := resp.Topics[0]
	found := ""
	for _, c := range zebra.Configs {
		if c.Name == "retention.ms" && c.Value != nil {
			found = *c.Value
		}
	}
	if zebra.NumPartitions != 3 || zebra.ReplicationFactor != 1 || found != "1000" {
		t.Errorf("zebra has %d partitions, factor %d, retention.ms %q; want 3, 1, 1000", zebra.NumPartitions, zebra.ReplicationFactor, found)
	}
	meta := kmsg.NewPtrMetadataRequest()
	meta.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("zebra")}}
	m := ask[*kmsg.MetadataResponse](w, meta, 12)
	if m.ControllerID != m.Brokers[0].NodeID || m.Topics[0].ErrorCode != 0 || len(m.Topics[0].Partitions) != 3 {
		t.Fatalf("metadata right after the creation: %+v", m)
	}
	for _, p := range m.Topics[0].Partitions {
		if p.ErrorCode != 0 || p.Leader != m.ControllerID || len(p.ISR) != 1 {
			t.Errorf("partition %d right after the creation: %+v", p.Partition, p)
		}
	}
	append1(t, w, "zebra", batchOf(t, nil, "v"))
	req.Topics = req.Topics[:1]
	wantCode(t, "created once more", ask[*kmsg.CreateTopicsResponse](w, req, 7).Topics[0].ErrorCode, kerr.TopicAlreadyExists)
}

// A topic that is deleted and made again has another id, under which nothing of
// the old one is found: neither records nor epochs nor committed offsets.
func TestTrapTopicMadeAgain(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	old := create(t, w, "t")
	for range 3 {
		append1(t, w, "t", batchOf(t, nil, "v"))
	}
	commitOne(t, w, "g", "t", 2)
	gone := kmsg.NewPtrDeleteTopicsRequest()
	gone.TimeoutMillis, gone.TopicNames = 10000, []string{"t"}
	wantCode(t, "deleting", ask[*kmsg.DeleteTopicsResponse](w, gone, 5).Topics[0].ErrorCode, nil)
	again := create(t, w, "t")
	if again == old {
		t.Fatal("the new topic has the id of the old one")
	}
	fetch := fetchOf("t", 0)
	fetch.Topics[0].TopicID = old
	resp := ask[*kmsg.FetchResponse](w, fetch, 13)
	wantCode(t, "fetching by the old id", resp.Topics[0].Partitions[0].ErrorCode, kerr.UnknownTopicID)
	produce := produceOf("t", -1, batchOf(t, nil, "v"))
	produce.Topics[0].TopicID = old
	wantCode(t, "producing to the old id", produced(ask[*kmsg.ProduceResponse](w, produce, 13)).ErrorCode, kerr.UnknownTopicID)
	byID := kmsg.NewPtrMetadataRequest()
	byID.Topics = []kmsg.MetadataRequestTopic{{TopicID: old}}
	wantCode(t, "metadata of the old id", ask[*kmsg.MetadataResponse](w, byID, 12).Topics[0].ErrorCode, kerr.UnknownTopicID)
	byID.Topics = []kmsg.MetadataRequestTopic{{TopicID: again}}
	m := ask[*kmsg.MetadataResponse](w, byID, 12)
	if m.Topics[0].ErrorCode != 0 || m.Topics[0].Topic == nil || *m.Topics[0].Topic != "t" || m.Topics[0].Partitions[0].LeaderEpoch != 0 {
		t.Errorf("metadata of the new id: %+v, want t at epoch 0", m.Topics[0])
	}
	fetch.Topics[0].TopicID = again
	if p := fetched(ask[*kmsg.FetchResponse](w, fetch, 13)); p.ErrorCode != 0 || p.HighWatermark != 0 || len(p.RecordBatches) != 0 {
		t.Errorf("the new topic begins with %+v", p)
	}
	offsets := kmsg.NewPtrOffsetFetchRequest()
	offsets.Group, offsets.Topics = "g", []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	deadline := time.Now().Add(testTime)
	for { // the coordinator hears of the deletion a moment after it
		p := ask[*kmsg.OffsetFetchResponse](w, offsets, 7).Topics[0].Partitions[0]
		if p.ErrorCode == 0 && p.Offset == -1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the committed offset of the old topic is there still: %+v", p)
		}
	}
}

// The first look for a coordinator creates its topic, and what comes next is
// served; before it, clients are sent to look.
func TestTrapFirstCoordinator(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t")
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.MemberID, beat.Generation = "g", "m", 1
	wantCode(t, "a heartbeat before there are groups", ask[*kmsg.HeartbeatResponse](w, beat, 4).ErrorCode, kerr.NotCoordinator)
	end := kmsg.NewPtrEndTxnRequest()
	end.TransactionalID = "tx"
	wantCode(t, "an end of a transaction before there are any", ask[*kmsg.EndTxnResponse](w, end, 4).ErrorCode, kerr.NotCoordinator)
	began := time.Now()
	commitOne(t, w, "g", "t", 1)
	initTx(t, w, "tx")
	wantCode(t, "a heartbeat of nobody", ask[*kmsg.HeartbeatResponse](w, beat, 4).ErrorCode, kerr.UnknownMemberID)
	if took := time.Since(began); took > testTime/4 {
		t.Errorf("the first commit and transaction took %v", took)
	}
	// Growing the topic moves no group to another coordinator.
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.TimeoutMillis, grow.Topics = 10000, []kmsg.CreatePartitionsRequestTopic{{Topic: "__consumer_offsets", Count: 53}}
	wantCode(t, "growing", ask[*kmsg.CreatePartitionsResponse](w, grow, 3).Topics[0].ErrorCode, nil)
	offsets := kmsg.NewPtrOffsetFetchRequest()
	offsets.Group, offsets.Topics = "g", []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	if p := ask[*kmsg.OffsetFetchResponse](w, offsets, 7).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Offset != 1 {
		t.Errorf("the offset after its topic grew: %+v, want 1", p)
	}
	for kind, key := range map[int8]string{0: "", 2: "g:AAAAAAAAAAAAAAAAAAAAAA:0"} {
		find := kmsg.NewPtrFindCoordinatorRequest()
		find.CoordinatorType, find.CoordinatorKeys = kind, []string{key}
		if c := ask[*kmsg.FindCoordinatorResponse](w, find, 6).Coordinators[0]; c.ErrorCode == 0 || c.NodeID != -1 {
			t.Errorf("looking for type %d of %q: %+v, want an error", kind, key, c)
		}
	}
}
