package group_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/group"
)

// bench drives one shard without a loop: every step is a round of its own.
type bench struct {
	t       *testing.T
	shard   *group.Shard
	now     time.Time
	tx      *coordinator.Tx
	records []coordinator.Record
	entries []coordinator.Entry // the same, with markers, as they are read again
}

var testConfig = group.Config{
	MinSessionTimeout: time.Second, MaxSessionTimeout: time.Minute, InitialRebalanceDelay: 3 * time.Second, MaxSize: 3,
	OffsetRetention: time.Hour, RetentionCheck: time.Minute, MetadataMaxBytes: 10,
	Topics: func() group.Topics { return oneTopic{} },
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, shard: group.NewShard(testConfig), now: time.Unix(1000, 0)}
	b.tx = coordinator.NewTx(b.now)
	b.shard.Loaded(b.tx)
	return b
}

// commit ends a round: answers go out, records are kept.
func (b *bench) commit() {
	for _, batch := range b.tx.Commit() {
		b.records = append(b.records, batch.Records...)
		if m := batch.Marker; m != nil {
			b.entries = append(b.entries, coordinator.Entry{ProducerID: batch.ProducerID, Marker: true, Commit: m.Commit})
		}
		for _, r := range batch.Records {
			b.entries = append(b.entries, coordinator.Entry{Key: r.Key, Value: r.Value, ProducerID: batch.ProducerID, Transactional: batch.ProducerID >= 0})
		}
	}
}

// advance lets time pass second by second, as timers set others.
func (b *bench) advance(d time.Duration) {
	for ; d > 0; d -= time.Second {
		b.now = b.now.Add(min(d, time.Second))
		b.tx.Advance(b.now)
		b.commit()
	}
}

// joining is a JoinGroup on its way.
type joining struct{ resp *kmsg.JoinGroupResponse }

func (b *bench) join(member string, instance *string, protocols ...string) *joining {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.ProtocolType = 9, "g", member, instance, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10000, 20000
	for _, p := range protocols {
		jp := kmsg.NewJoinGroupRequestProtocol()
		jp.Name, jp.Metadata = p, []byte(member)
		req.Protocols = append(req.Protocols, jp)
	}
	j := &joining{}
	b.shard.Join(b.tx, req, group.Client{ID: "c", Host: "/h"}, func(r *kmsg.JoinGroupResponse) { j.resp = r })
	b.commit()
	return j
}

// enter joins a dynamic member as a client does: once to get an id.
func (b *bench) enter(protocols ...string) (string, *joining) {
	b.t.Helper()
	first := b.join("", nil, protocols...)
	if first.resp == nil || first.resp.ErrorCode != kerr.MemberIDRequired.Code {
		b.t.Fatalf("first join answered %+v, want MEMBER_ID_REQUIRED", first.resp)
	}
	id := first.resp.MemberID
	return id, b.join(id, nil, protocols...)
}

func (b *bench) sync(member string, generation int32, assign map[string]string) *kmsg.SyncGroupResponse {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = "g", member, generation
	for m, a := range assign {
		ga := kmsg.NewSyncGroupRequestGroupAssignment()
		ga.MemberID, ga.MemberAssignment = m, []byte(a)
		req.GroupAssignment = append(req.GroupAssignment, ga)
	}
	var out *kmsg.SyncGroupResponse
	b.shard.Sync(b.tx, req, func(r *kmsg.SyncGroupResponse) { out = r })
	b.commit()
	return out
}

func (b *bench) heartbeat(member string, generation int32) int16 {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = "g", member, generation
	var code int16 = -99
	b.shard.Heartbeat(b.tx, req, func(r *kmsg.HeartbeatResponse) { code = r.ErrorCode })
	b.commit()
	return code
}

func (b *bench) state() string { return b.shard.Describe("g", 5).State }

func (b *bench) wantState(want string) {
	b.t.Helper()
	if got := b.state(); got != want {
		b.t.Fatalf("state = %s, want %s", got, want)
	}
}

// stable makes a group of one dynamic member and returns it.
func (b *bench) stable() string {
	b.t.Helper()
	id, j := b.enter("range")
	b.advance(3 * time.Second)
	if j.resp == nil || j.resp.ErrorCode != 0 || j.resp.LeaderID != id || len(j.resp.Members) != 1 {
		b.t.Fatalf("join answered %+v", j.resp)
	}
	if r := b.sync(id, j.resp.Generation, map[string]string{id: "all"}); string(r.MemberAssignment) != "all" {
		b.t.Fatalf("sync answered %+v", r)
	}
	b.wantState("Stable")
	return id
}

func TestInitialDelayIsExtendedByNewMembers(t *testing.T) {
	b := newBench(t)
	_, first := b.enter("range")
	b.advance(2 * time.Second)
	_, second := b.enter("range")
	b.advance(time.Second) // 3 s: would end, but a member came
	if first.resp != nil {
		t.Fatal("the rebalance ended although a member had just joined")
	}
	b.advance(3 * time.Second)
	if first.resp == nil || second.resp == nil {
		t.Fatal("the rebalance did not end")
	}
	if len(first.resp.Members) != 2 || len(second.resp.Members) != 0 {
		t.Fatalf("leader saw %d members, follower %d", len(first.resp.Members), len(second.resp.Members))
	}
	if first.resp.Generation != 1 || *first.resp.Protocol != "range" {
		t.Fatalf("generation %d protocol %s", first.resp.Generation, *first.resp.Protocol)
	}
}

func TestFollowerWaitsForLeadersAssignment(t *testing.T) {
	b := newBench(t)
	leader, j := b.enter("range")
	follower, _ := b.enter("range")
	b.advance(6 * time.Second)
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = "g", follower, j.resp.Generation
	var got *kmsg.SyncGroupResponse
	b.shard.Sync(b.tx, req, func(r *kmsg.SyncGroupResponse) { got = r })
	b.commit()
	if got != nil {
		t.Fatal("the follower was answered before the leader's assignment")
	}
	before := len(b.records)
	b.sync(leader, 1, map[string]string{follower: "mine"})
	if got == nil || string(got.MemberAssignment) != "mine" {
		t.Fatalf("follower got %+v", got)
	}
	if len(b.records) != before+1 {
		t.Fatalf("%d records written for the assignment, want 1", len(b.records)-before)
	}
}

func TestSilentMemberIsRemoved(t *testing.T) {
	b := newBench(t)
	id := b.stable()
	b.advance(9 * time.Second)
	if code := b.heartbeat(id, 1); code != 0 {
		t.Fatalf("heartbeat: %d", code)
	}
	b.advance(9 * time.Second)
	b.wantState("Stable")
	b.advance(2 * time.Second)
	b.wantState("Empty")
	if code := b.heartbeat(id, 1); code != kerr.UnknownMemberID.Code {
		t.Fatalf("heartbeat of a removed member: %d", code)
	}
}

func TestRebalanceDropsWhoDoesNotJoin(t *testing.T) {
	b := newBench(t)
	id := b.stable()
	second, j := b.enter("range")
	b.wantState("PreparingRebalance")
	if code := b.heartbeat(id, 1); code != kerr.RebalanceInProgress.Code {
		t.Fatalf("heartbeat during a rebalance: %d", code)
	}
	for range 3 { // the old member lives but never joins
		b.advance(7 * time.Second)
		b.heartbeat(id, 1)
	}
	if j.resp == nil || j.resp.Generation != 2 || j.resp.LeaderID != second {
		t.Fatalf("the joined member got %+v", j.resp)
	}
}

func TestGroupIsFull(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.enter("range")
	}
	b.advance(10 * time.Second)
	if j := b.join("", nil, "range"); j.resp == nil || j.resp.ErrorCode != kerr.GroupMaxSizeReached.Code {
		t.Fatalf("a fourth member got %+v", j.resp)
	}
}

func TestProtocolVote(t *testing.T) {
	b := newBench(t)
	_, first := b.enter("sticky", "range")
	b.enter("range", "sticky")
	b.enter("range", "sticky")
	b.advance(10 * time.Second)
	if first.resp == nil || *first.resp.Protocol != "range" {
		t.Fatalf("join answered %+v", first.resp)
	}
	if j := b.join("", nil, "roundrobin"); j.resp.ErrorCode != kerr.GroupMaxSizeReached.Code && j.resp.ErrorCode != kerr.InconsistentGroupProtocol.Code {
		t.Fatalf("a member without common protocol got %d", j.resp.ErrorCode)
	}
}

func TestStaticMember(t *testing.T) {
	b := newBench(t)
	instance := "i1"
	j := b.join("", &instance, "range")
	b.advance(3 * time.Second)
	old := j.resp.MemberID
	b.sync(old, 1, map[string]string{old: "all"})
	again := b.join("", &instance, "range")
	if again.resp == nil || again.resp.ErrorCode != 0 || again.resp.Generation != 1 || !again.resp.SkipAssignment {
		t.Fatalf("the returning member got %+v", again.resp)
	}
	if r := b.sync(again.resp.MemberID, 1, nil); string(r.MemberAssignment) != "all" {
		t.Fatalf("its assignment is %q", r.MemberAssignment)
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation, req.InstanceID = "g", old, 1, &instance
	var code int16
	b.shard.Heartbeat(b.tx, req, func(r *kmsg.HeartbeatResponse) { code = r.ErrorCode })
	b.commit()
	if code != kerr.FencedInstanceID.Code {
		t.Fatalf("the old member's heartbeat: %d, want FENCED_INSTANCE_ID", code)
	}
}

func TestRecordsRebuildTheGroup(t *testing.T) {
	b := newBench(t)
	id := b.stable()
	b.commitOffset(id, 1, 42)
	restored := group.NewShard(testConfig)
	for _, r := range b.records {
		if err := restored.Replay(coordinator.Entry{Key: r.Key, Value: r.Value, ProducerID: -1}); err != nil {
			t.Fatal(err)
		}
	}
	b.shard = restored
	b.tx = coordinator.NewTx(b.now)
	restored.Loaded(b.tx)
	b.wantState("Stable")
	if code := b.heartbeat(id, 1); code != 0 {
		t.Fatalf("heartbeat after the reload: %d", code)
	}
	if f := restored.FetchOffsets("g", "t", []int32{0, 1}, false); f[0].Offset != 42 || f[1].Offset != -1 {
		t.Fatalf("offsets after the reload = %+v", f)
	}
}

func (b *bench) commitOffset(member string, generation int32, offset int64) int16 {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 8, "g", member, generation
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic = "t"
	rp := kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Offset = offset
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.Topics = []kmsg.OffsetCommitResponseTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitResponseTopicPartition{{}}}}
	b.shard.Commit(b.tx, req, resp, func() {})
	b.commit()
	return resp.Topics[0].Partitions[0].ErrorCode
}

func TestWhoMayCommit(t *testing.T) {
	b := newBench(t)
	if code := b.commitOffset("", -1, 1); code != 0 {
		t.Fatalf("a simple consumer's commit: %d", code)
	}
	id := b.stable()
	for _, tc := range []struct {
		name       string
		member     string
		generation int32
		want       int16
	}{
		{"member", id, 1, 0},
		{"from outside", "", -1, kerr.UnknownMemberID.Code},
		{"stranger", "x", 1, kerr.UnknownMemberID.Code},
		{"old generation", id, 0, kerr.IllegalGeneration.Code},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if code := b.commitOffset(tc.member, tc.generation, 2); code != tc.want {
				t.Fatalf("code = %d, want %d", code, tc.want)
			}
		})
	}
}

func TestOffsetsExpire(t *testing.T) {
	b := newBench(t)
	b.commitOffset("", -1, 7)
	b.advance(59 * time.Minute)
	if f := b.shard.FetchOffsets("g", "t", []int32{0}, false); f[0].Offset != 7 {
		t.Fatalf("gone after 59 of 60 minutes: %+v", f)
	}
	b.advance(2 * time.Minute)
	if f := b.shard.FetchOffsets("g", "t", []int32{0}, false); f[0].Offset != -1 {
		t.Fatalf("still there after the retention: %+v", f)
	}
	b.wantState("Dead")
}
