package broker_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// txnCommitOf commits offset 5 of partition 0 of t in a producer's transaction,
// for no member in particular.
func txnCommitOf(p *rawProducer, group string) *kmsg.TxnOffsetCommitRequest {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group, req.Generation = "raw", p.id, p.epoch, group, -1
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Offset: 5, LeaderEpoch: -1}}}}
	return req
}

// fenceCase is a commit that names a member, and how it is refused.
type fenceCase struct {
	name       string
	version    int16
	member     string
	instance   string // "" for none
	generation int32
	want       *kerr.Error
}

func (c fenceCase) run(t *testing.T, w *wire, p *rawProducer, group string) {
	t.Helper()
	req := txnCommitOf(p, group)
	req.MemberID, req.Generation = c.member, c.generation
	if c.instance != "" {
		req.InstanceID = &c.instance
	}
	resp := ask[*kmsg.TxnOffsetCommitResponse](w, req, c.version)
	wantCode(t, c.name, resp.Topics[0].Partitions[0].ErrorCode, c.want)
}

// addOffsets puts a group's offsets into the transaction.
func (p *rawProducer) addOffsets(w *wire, group string) {
	p.t.Helper()
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = "raw", p.id, p.epoch, group
	wantCode(p.t, "adding the offsets of "+group, ask[*kmsg.AddOffsetsToTxnResponse](w, req, 3).ErrorCode, nil)
}

// Offsets of a transaction are refused by group membership (KIP-447): what a
// consumer has processed that is no longer in the group is not committed.
func TestTxnOffsetCommitFencesMembers(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t")
	findCoordinator(t, w, 0, "g")
	p := newRawProducer(t, testContext(t), b, time.Minute)
	p.addOffsets(w, "g")
	p.addOffsets(w, "none")
	var member string
	for generation := int32(1); generation <= 2; generation++ { // the second is current
		m := groupMember{w: w, group: "g", instance: "i", id: member}
		m.enter()
		member = m.id
		if m.generation != generation {
			t.Fatalf("generation %d, want %d", m.generation, generation)
		}
	}
	for _, c := range []fenceCase{
		{"the member", 3, member, "i", 2, nil},
		{"the member without its instance", 4, member, "", 2, nil},
		{"an old generation", 3, member, "i", 1, kerr.IllegalGeneration},
		{"a generation to come", 4, member, "", 3, kerr.IllegalGeneration},
		{"a stranger", 3, "x", "", 2, kerr.UnknownMemberID},
		{"an unknown instance", 3, member, "j", 2, kerr.UnknownMemberID},
		{"the instance under another id", 3, "x", "i", 2, kerr.FencedInstanceID},
		{"no member", 3, "", "", -1, nil},
		{"before members were named", 2, "x", "", 7, nil},
	} {
		c.run(t, w, p, "g")
	}
	fenceCase{"a group that there is not", 3, "x", "", 2, kerr.IllegalGeneration}.run(t, w, p, "none")
	fenceCase{"a group that there is not, and no member", 3, "", "", -1, nil}.run(t, w, p, "none")
	fenceCase{"no group", 3, "", "", -1, kerr.InvalidGroupID}.run(t, w, p, "")

	// Pending offsets: who asks for stable ones is told to wait (v7, KIP-447).
	fetch := func(stable bool) kmsg.OffsetFetchResponseTopicPartition {
		req := versionedFetch("g")
		req.RequireStable = stable
		return ask[*kmsg.OffsetFetchResponse](w, req, 7).Topics[0].Partitions[0]
	}
	if o := fetch(true); o.ErrorCode != kerr.UnstableOffsetCommit.Code || o.Offset != -1 {
		t.Errorf("a stable offset during the transaction: %+v, want UNSTABLE_OFFSET_COMMIT", o)
	}
	if o := fetch(false); o.ErrorCode != 0 || o.Offset != -1 {
		t.Errorf("the offset during the transaction: %+v, want none yet", o)
	}
	if code := p.end(true); code != 0 {
		t.Fatalf("committing: %v", kerr.ErrorForCode(code))
	}
	eventually(t, "the end of the transaction at the group", func() bool { return fetch(true).ErrorCode == 0 })
	if o := fetch(true); o.Offset != 5 {
		t.Errorf("the offset after the transaction: %+v, want 5", o)
	}
}

// Members of KIP-848 groups are told apart by their epoch. A producer is told
// ILLEGAL_GENERATION where a consumer would be told STALE_MEMBER_EPOCH.
func TestTxnOffsetCommitFencesEpochs(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t")
	create(t, w, "ev-1")
	findCoordinator(t, w, 0, "g")
	p := newRawProducer(t, testContext(t), b, time.Minute)
	p.addOffsets(w, "g")
	m := member848{w: w, id: "m"}
	wantCode(t, "joining", m.beat(0, nil).ErrorCode, nil)
	next := m.beat(1, func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = []string{"ev-1", "t"} })
	if next.ErrorCode != 0 || next.MemberEpoch != 2 {
		t.Fatalf("after a new subscription: %+v, want epoch 2", next)
	}
	for _, c := range []fenceCase{
		{"the member", 3, "m", "", 2, nil},
		{"an old epoch", 3, "m", "", 1, kerr.IllegalGeneration},
		{"an epoch to come", 3, "m", "", 3, kerr.IllegalGeneration},
		{"a stranger", 3, "x", "", 2, kerr.UnknownMemberID},
		{"no member", 3, "", "", -1, nil},
		{"the member without an epoch", 3, "m", "", -1, kerr.IllegalGeneration},
	} {
		c.run(t, w, p, "g")
	}
	// The same of commits and fetches outside of transactions.
	for _, c := range []struct {
		name    string
		version int16
		member  string
		epoch   int32
		want    *kerr.Error
	}{
		{"the member", 9, "m", 2, nil},
		{"an old epoch", 9, "m", 1, kerr.StaleMemberEpoch},
		{"a stranger", 9, "x", 2, kerr.UnknownMemberID},
		{"a version without epochs", 8, "m", 2, kerr.UnsupportedVersion},
		{"nobody", 9, "", -1, kerr.UnknownMemberID},
	} {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.MemberID, req.Generation = "g", c.member, c.epoch
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 6, LeaderEpoch: -1}}}}
		wantCode(t, "commit of "+c.name, ask[*kmsg.OffsetCommitResponse](w, req, c.version).Topics[0].Partitions[0].ErrorCode, c.want)
	}
	for epoch, want := range map[int32]*kerr.Error{1: kerr.StaleMemberEpoch, 2: nil} {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g", MemberID: kmsg.StringPtr("m"), MemberEpoch: epoch}}
		wantCode(t, "fetching the offsets", ask[*kmsg.OffsetFetchResponse](w, req, 9).Groups[0].ErrorCode, want)
	}
}

// An empty transactional id is nobody's.
func TestEmptyTransactionalID(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t")
	findCoordinator(t, w, 1, "tx")
	add, end, begin := kmsg.NewPtrAddPartitionsToTxnRequest(), kmsg.NewPtrEndTxnRequest(), kmsg.NewPtrInitProducerIDRequest()
	add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	begin.TransactionalID, begin.TransactionTimeoutMillis = kmsg.StringPtr(""), 1000
	for _, resp := range []kmsg.Response{ask[kmsg.Response](w, add, 3), ask[kmsg.Response](w, end, 4), ask[kmsg.Response](w, begin, 4)} {
		if got := failures(resp); len(got) != 1 || got[0] != kerr.InvalidRequest.Code {
			t.Errorf("%s: error codes %v, want INVALID_REQUEST", kmsg.NameForKey(resp.Key()), got)
		}
	}
}

// groupMember is a member of a classic group that has it for itself.
type groupMember struct {
	w          *wire
	group      string
	instance   string // "" for none
	id         string
	generation int32
}

// join sends a JoinGroup and returns at once.
func (m *groupMember) join() sent {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.ProtocolType = 9, m.group, m.id, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 60000, 300000
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
	if m.instance != "" {
		req.InstanceID = &m.instance
	}
	return m.w.send(req)
}

// sync sends a SyncGroup without assignments and returns at once.
func (m *groupMember) sync() sent {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 5, m.group, m.id, m.generation
	req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	if m.instance != "" {
		req.InstanceID = &m.instance
	}
	return m.w.send(req)
}

// enter joins and syncs.
func (m *groupMember) enter() {
	m.w.t.Helper()
	m.joined()
	if r := m.sync().answer().(*kmsg.SyncGroupResponse); r.ErrorCode != 0 {
		m.w.t.Fatalf("syncing: %v", kerr.ErrorForCode(r.ErrorCode))
	}
}

// joined joins.
func (m *groupMember) joined() {
	m.w.t.Helper()
	for {
		r := m.join().answer().(*kmsg.JoinGroupResponse)
		m.id = r.MemberID
		switch err := kerr.ErrorForCode(r.ErrorCode); err {
		case nil:
			m.generation = r.Generation
			return
		case kerr.MemberIDRequired:
		default:
			m.w.t.Fatalf("joining: %v", err)
		}
	}
}
