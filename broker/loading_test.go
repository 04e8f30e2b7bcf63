package broker_test

import (
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/internal/vfs"
)

// slowDisk is a file system whose partitions of one topic cannot be written, and
// are read only when they are released.
type slowDisk struct {
	topic  string
	broken atomic.Bool
	held   atomic.Pointer[chan struct{}] // nil: reads go through
	reads  atomic.Int64                  // that were held
}

func (d *slowDisk) fs() vfs.FS {
	return vfs.Faults{FS: vfs.OS{}, Fail: func(op vfs.Op, path string) error {
		if !strings.Contains(path, d.topic+"-") {
			return nil
		}
		if held := d.held.Load(); held != nil && op == vfs.OpRead {
			d.reads.Add(1)
			<-*held
		}
		if op == vfs.OpWrite && d.broken.Load() {
			return errors.New("no space left on device")
		}
		return nil
	}}
}

// reload makes the coordinator that change asks load its log again, by a change
// that cannot be written, and returns when it is at it. It goes on with release.
func (d *slowDisk) reload(t *testing.T, change func() int16) (release func()) {
	t.Helper()
	hold := make(chan struct{})
	d.held.Store(&hold)
	d.broken.Store(true)
	wantCode(t, "a change that cannot be written", change(), kerr.CoordinatorNotAvailable)
	d.broken.Store(false)
	eventually(t, "a load of the coordinator", func() bool { return d.reads.Load() > 0 })
	return func() { d.held.Store(nil); close(hold) }
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(testTime); !cond(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s did not happen within %v", what, testTime)
		}
	}
}

// loadingRequest is a request to a coordinator that is loading.
type loadingRequest struct {
	req     kmsg.Request
	version int16
	want    *kerr.Error // nil: COORDINATOR_LOAD_IN_PROGRESS
}

// askAll sends all requests at once, each on a connection of its own, and
// compares the only error code of each answer.
func askAll(t *testing.T, b *brokertest.Broker, requests []loadingRequest) {
	t.Helper()
	waiting := make([]sent, len(requests))
	for i, r := range requests {
		r.req.SetVersion(r.version)
		waiting[i] = newWire(t, b).send(r.req)
	}
	for i, r := range requests {
		want := kerr.CoordinatorLoadInProgress
		if r.want != nil {
			want = r.want
		}
		if got := failures(waiting[i].answer()); len(got) != 1 || got[0] != want.Code {
			t.Errorf("%s version %d: error codes %v, want %d (%s)", kmsg.NameForKey(r.req.Key()), r.version, got, want.Code, want.Message)
		}
	}
}

// A group coordinator that loads says so, whatever it is asked; when it is
// loaded all is there that was.
func TestGroupCoordinatorLoads(t *testing.T) {
	d := &slowDisk{topic: "__consumer_offsets"}
	b := brokertest.StartOn(t, d.fs(), nil, map[string]string{"offsets.topic.num.partitions": "1"})
	w := newWire(t, b)
	id := create(t, w, "t")
	commitOne(t, w, "g", "t", 7)
	commit := func() kmsg.Request {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.Generation = "g", -1
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 8, LeaderEpoch: -1}}}}
		return req
	}
	release := d.reload(t, func() int16 {
		return failures(ask[*kmsg.OffsetCommitResponse](w, commit(), 8))[0]
	})
	join, sync, beat := kmsg.NewPtrJoinGroupRequest(), kmsg.NewPtrSyncGroupRequest(), kmsg.NewPtrHeartbeatRequest()
	join.Group, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis, join.ProtocolType = "g", 10000, 10000, "consumer"
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	sync.Group, sync.ProtocolType, sync.Protocol = "g", kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	beat.Group = "g"
	leave, fetch, fetches := kmsg.NewPtrLeaveGroupRequest(), kmsg.NewPtrOffsetFetchRequest(), kmsg.NewPtrOffsetFetchRequest()
	leave.Group, leave.Members = "g", []kmsg.LeaveGroupRequestMember{{MemberID: "m"}}
	fetch.Group, fetch.Topics = "g", []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	fetches.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g"}}
	oldest := kmsg.NewPtrOffsetFetchRequest()
	oldest.Group, oldest.Topics = fetch.Group, fetch.Topics
	describe, list, remove := kmsg.NewPtrDescribeGroupsRequest(), kmsg.NewPtrListGroupsRequest(), kmsg.NewPtrDeleteGroupsRequest()
	describe.Groups, remove.Groups = []string{"g"}, []string{"g"}
	forget, modern, modernDescribe := kmsg.NewPtrOffsetDeleteRequest(), kmsg.NewPtrConsumerGroupHeartbeatRequest(), kmsg.NewPtrConsumerGroupDescribeRequest()
	forget.Group, modern.Group, modernDescribe.Groups = "g", "g", []string{"g"}
	modern.MemberID, modern.RebalanceTimeoutMillis, modern.SubscribedTopicNames = "m", 10000, []string{"t"}
	askAll(t, b, []loadingRequest{
		{join, 9, nil}, {sync, 5, nil}, {beat, 4, nil}, {leave, 5, nil}, {commit(), 10, nil}, {fetch, 7, nil}, {fetches, 9, nil}, {oldest, 1, nil},
		{describe, 6, nil}, {list, 5, nil}, {remove, 2, nil}, {forget, 0, nil}, {modern, 1, nil}, {modernDescribe, 1, nil},
	})
	findCoordinator(t, w, 0, "g") // it is known who coordinates
	waiting := w.send(versionedFetch("g"))
	release()
	// Who asked just now may have been told to come back.
	o := waiting.answer().(*kmsg.OffsetFetchResponse)
	for o.ErrorCode == kerr.CoordinatorLoadInProgress.Code {
		o = w.send(versionedFetch("g")).answer().(*kmsg.OffsetFetchResponse)
	}
	if o.ErrorCode != 0 || o.Topics[0].Partitions[0].Offset != 7 {
		t.Errorf("after the load: %+v, want offset 7", o)
	}
	commitOne(t, w, "g", "t", 9)
}

// versionedFetch asks for a group's offset of partition 0 of t.
func versionedFetch(group string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.Group, req.Topics = 7, group, []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	return req
}

// The same for the coordinator of transactions; producers see errors upon which
// they try again.
func TestTransactionCoordinatorLoads(t *testing.T) {
	d := &slowDisk{topic: "__transaction_state"}
	b := brokertest.StartOn(t, d.fs(), nil, map[string]string{"transaction.state.log.num.partitions": "1"})
	w := newWire(t, b)
	create(t, w, "t")
	commitOne(t, w, "g", "t", 1)
	p := newRawProducer(t, testContext(t), b, time.Minute)
	begin := func() kmsg.Request {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = kmsg.StringPtr("other"), 60000
		return req
	}
	release := d.reload(t, func() int16 { return failures(ask[*kmsg.InitProducerIDResponse](w, begin(), 4))[0] })
	add, offsets, end := kmsg.NewPtrAddPartitionsToTxnRequest(), kmsg.NewPtrAddOffsetsToTxnRequest(), kmsg.NewPtrEndTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = "raw", p.id, p.epoch
	add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	offsets.TransactionalID, offsets.ProducerID, offsets.ProducerEpoch, offsets.Group = "raw", p.id, p.epoch, "g"
	end.TransactionalID, end.ProducerID, end.ProducerEpoch = "raw", p.id, p.epoch
	describe, list := kmsg.NewPtrDescribeTransactionsRequest(), kmsg.NewPtrListTransactionsRequest()
	describe.TransactionalIDs, list.DurationFilterMillis = []string{"raw"}, -1
	produce := produceOf("t", -1, p.batch(0))
	produce.TransactionID = kmsg.StringPtr("raw")
	commit := txnCommitOf(p, "g")
	askAll(t, b, []loadingRequest{
		{begin(), 4, nil}, {add, 3, nil}, {offsets, 3, nil}, {end, 4, nil}, {describe, 0, nil}, {list, 2, nil},
		{produce, 9, kerr.NotEnoughReplicas}, {commit, 3, kerr.CoordinatorNotAvailable},
	})
	findCoordinator(t, w, 1, "raw")
	release()
	if id, epoch := initTx(t, w, "raw"); id != p.id || epoch != p.epoch+1 {
		t.Errorf("after the load the producer is %d epoch %d, want %d epoch %d", id, epoch, p.id, p.epoch+1)
	}
}

// failures are the error codes in an answer that say that something failed.
func failures(resp kmsg.Response) (codes []int16) {
	for _, c := range codesIn(reflect.ValueOf(resp)) {
		if c != 0 {
			codes = append(codes, c)
		}
	}
	return codes
}
