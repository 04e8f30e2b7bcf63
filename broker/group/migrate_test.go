package group_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/group"
)

// oneTopic is a cluster with the topic t of four partitions.
type oneTopic struct{}

var topicID = [16]byte{9}

func (oneTopic) Topic(name string) ([16]byte, int32, bool) { return topicID, 4, name == "t" }
func (oneTopic) Name(id [16]byte) (string, bool)           { return "t", id == topicID }
func (oneTopic) Match(*regexp.Regexp) []string             { return nil }
func every(d time.Duration) func(string) time.Duration {
	return func(string) time.Duration { return d }
}
func (b *bench) mixedConfig(policy string) group.Config {
	cfg := testConfig
	cfg.ConsumerMaxSize, cfg.Migration, cfg.Assignors = 10, group.ParseMigration(policy), []string{"uniform", "range"}
	cfg.ConsumerSession, cfg.ConsumerHeartbeat, cfg.RegexRefresh = every(45*time.Second), every(5*time.Second), time.Hour
	cfg.InitialRebalanceDelay = 0
	return cfg
}

func newMixedBench(t *testing.T, policy string) *bench {
	b := &bench{t: t, now: time.Unix(1000, 0)}
	b.shard = group.NewShard(b.mixedConfig(policy))
	b.tx = coordinator.NewTx(b.now)
	b.shard.Loaded(b.tx)
	return b
}

// subscription is what a consumer puts into JoinGroup.
func subscription(owned ...int32) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics = 1, []string{"t"}
	if len(owned) > 0 {
		op := kmsg.NewConsumerMemberMetadataOwnedPartition()
		op.Topic, op.Partitions = "t", owned
		m.OwnedPartitions = append(m.OwnedPartitions, op)
	}
	return m.AppendTo(nil)
}

func assignment(partitions ...int32) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	at := kmsg.NewConsumerMemberAssignmentTopic()
	at.Topic, at.Partitions = "t", partitions
	a.Topics = append(a.Topics, at)
	return a.AppendTo(nil)
}

func partitionsIn(t *testing.T, assignment []byte) []int32 {
	t.Helper()
	var a kmsg.ConsumerMemberAssignment
	if err := a.ReadFrom(assignment); err != nil {
		t.Fatalf("the assignment is not that of a consumer: %v", err)
	}
	var out []int32
	for _, at := range a.Topics {
		out = append(out, at.Partitions...)
	}
	slices.Sort(out)
	return out
}

// consumerJoin is a JoinGroup of a consumer.
func (b *bench) consumerJoin(member string, instance *string, owned ...int32) *joining {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID, req.ProtocolType = 9, "g", member, instance, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10000, 20000
	jp := kmsg.NewJoinGroupRequestProtocol()
	jp.Name, jp.Metadata = "cooperative-sticky", subscription(owned...)
	req.Protocols = append(req.Protocols, jp)
	j := &joining{}
	b.shard.Join(b.tx, req, group.Client{ID: "c", Host: "/h"}, func(r *kmsg.JoinGroupResponse) { j.resp = r })
	b.commit()
	return j
}

// classicMember makes a stable group of one classic consumer that has all.
func (b *bench) classicMember() string {
	b.t.Helper()
	first := b.consumerJoin("", nil)
	id := first.resp.MemberID
	j := b.consumerJoin(id, nil)
	b.advance(time.Second)
	if j.resp == nil || j.resp.ErrorCode != 0 {
		b.t.Fatalf("join answered %+v", j.resp)
	}
	if r := b.sync(id, j.resp.Generation, map[string]string{id: string(assignment(0, 1, 2, 3))}); r.ErrorCode != 0 {
		b.t.Fatalf("sync answered %+v", r)
	}
	return id
}

func (b *bench) beat848(member string, epoch int32, owned []int32, change ...func(*kmsg.ConsumerGroupHeartbeatRequest)) *kmsg.ConsumerGroupHeartbeatResponse {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.MemberEpoch, req.RebalanceTimeoutMillis = 1, "g", member, epoch, 20000
	req.SubscribedTopicNames = []string{"t"}
	if epoch == 0 {
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	if epoch > 0 {
		req.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{{TopicID: topicID, Partitions: owned}}
	}
	for _, f := range change {
		f(req)
	}
	var out *kmsg.ConsumerGroupHeartbeatResponse
	b.shard.ConsumerHeartbeat(b.tx, req, group.Client{ID: "n", Host: "/h"}, func(r *kmsg.ConsumerGroupHeartbeatResponse) { out = r })
	b.commit()
	return out
}

func owns(r *kmsg.ConsumerGroupHeartbeatResponse) []int32 {
	var out []int32
	if r.Assignment != nil {
		for _, t := range r.Assignment.Topics {
			out = append(out, t.Partitions...)
		}
	}
	return out
}

// reload replays what was written into a fresh shard.
func (b *bench) reload(cfg group.Config) {
	b.t.Helper()
	b.shard = group.NewShard(cfg)
	for _, r := range b.records {
		if err := b.shard.Replay(coordinator.Entry{Key: r.Key, Value: r.Value, ProducerID: -1, Timestamp: b.now.UnixMilli()}); err != nil {
			b.t.Fatal(err)
		}
	}
	b.tx = coordinator.NewTx(b.now)
	b.shard.Loaded(b.tx)
}

func (b *bench) wantKind(kind, state string) {
	b.t.Helper()
	for _, g := range b.shard.List() {
		if g.Group == "g" && (g.GroupType != kind || g.GroupState != state) {
			b.t.Fatalf("the group is %s and %s, want %s and %s", g.GroupType, g.GroupState, kind, state)
		}
	}
}

// A consumer of each protocol: the classic one gives up half, the new one gets
// it, and when the new one leaves the group is classic again.
func TestMigrationThereAndBack(t *testing.T) {
	for _, reload := range []bool{false, true} {
		t.Run(fmt.Sprintf("reload %v", reload), func(t *testing.T) {
			b := newMixedBench(t, "bidirectional")
			again := func() {
				if reload {
					b.reload(b.mixedConfig("bidirectional"))
				}
			}
			old := b.classicMember()
			r := b.beat848("new", 0, nil)
			if r.ErrorCode != 0 || r.MemberEpoch != 2 || len(owns(r)) != 0 {
				t.Fatalf("the first heartbeat answered %+v", r)
			}
			again()
			b.wantKind("consumer", "Reconciling")
			if code := b.heartbeat(old, 1); code != kerr.RebalanceInProgress.Code {
				t.Fatalf("the classic member's heartbeat: %d, want REBALANCE_IN_PROGRESS", code)
			}
			// It says that it has all, and is left with half at its old generation.
			j := b.consumerJoin(old, nil, 0, 1, 2, 3)
			if j.resp == nil || j.resp.ErrorCode != 0 || j.resp.Generation != 1 || j.resp.LeaderID != "" {
				t.Fatalf("join answered %+v", j.resp)
			}
			again()
			kept := partitionsIn(t, b.sync(old, 1, nil).MemberAssignment)
			if len(kept) != 2 {
				t.Fatalf("the classic member keeps %v, want two", kept)
			}
			if r = b.beat848("new", 2, nil); len(owns(r)) != 0 {
				t.Fatalf("the new member got %v before they were given up", owns(r))
			}
			if j = b.consumerJoin(old, nil, kept...); j.resp.Generation != 2 {
				t.Fatalf("generation = %d, want 2 once the rest is given up", j.resp.Generation)
			}
			if got := partitionsIn(t, b.sync(old, 2, nil).MemberAssignment); !slices.Equal(got, kept) {
				t.Fatalf("the classic member has %v, want %v", got, kept)
			}
			again()
			if r = b.beat848("new", 2, []int32{}); len(owns(r)) != 2 {
				t.Fatalf("the new member got %v, want two partitions", owns(r))
			}
			b.wantKind("consumer", "Stable")
			if code := b.heartbeat(old, 2); code != 0 {
				t.Fatalf("the classic member's heartbeat: %d", code)
			}
			if code := b.commitOffset(old, 2, 5); code != 0 {
				t.Fatalf("the classic member's commit: %d", code)
			}
			if code := b.commitOffset(old, 1, 5); code != kerr.IllegalGeneration.Code {
				t.Fatalf("the classic member's late commit: %d", code)
			}
			if code := b.commitOffset("new", 2, 5); code != kerr.UnsupportedVersion.Code {
				t.Fatalf("a commit of the new member in version 8: %d, want UNSUPPORTED_VERSION", code)
			}
			again()
			if r = b.beat848("new", -1, nil); r.ErrorCode != 0 {
				t.Fatalf("leaving: %+v", r)
			}
			again()
			if reload { // the rebalance itself is not stored
				b.wantKind("classic", "Stable")
			} else {
				b.wantKind("classic", "PreparingRebalance")
			}
			j = b.consumerJoin(old, nil, kept...)
			b.advance(time.Second)
			if j.resp == nil || j.resp.ErrorCode != 0 || j.resp.LeaderID != old || len(j.resp.Members) != 1 {
				t.Fatalf("join after the downgrade answered %+v", j.resp)
			}
			if r := b.sync(old, j.resp.Generation, map[string]string{old: string(assignment(0, 1, 2, 3))}); r.ErrorCode != 0 {
				t.Fatalf("sync after the downgrade: %d", r.ErrorCode)
			}
			again()
			b.wantKind("classic", "Stable")
			if f := b.shard.FetchOffsets("g", "t", []int32{0}, false); f[0].Offset != 5 {
				t.Fatalf("the offset did not survive: %+v", f)
			}
		})
	}
}

func TestMigrationPolicy(t *testing.T) {
	for _, tc := range []struct {
		policy   string
		up, down bool
	}{{"disabled", false, false}, {"upgrade", true, false}, {"downgrade", false, true}, {"bidirectional", true, true}} {
		t.Run(tc.policy, func(t *testing.T) {
			b := newMixedBench(t, tc.policy)
			old := b.classicMember()
			r := b.beat848("new", 0, nil)
			if !tc.up {
				if r.ErrorCode != kerr.GroupIDNotFound.Code {
					t.Fatalf("code = %d, want GROUP_ID_NOT_FOUND", r.ErrorCode)
				}
				b.wantKind("classic", "Stable")
				return
			}
			if r.ErrorCode != 0 {
				t.Fatalf("upgrading: %+v", r)
			}
			b.beat848("new", -1, nil)
			if tc.down {
				b.wantKind("classic", "PreparingRebalance")
				return
			}
			if code := b.heartbeat(old, 1); code != kerr.RebalanceInProgress.Code {
				t.Fatalf("heartbeat of the classic member that is left: %d", code)
			}
			if j := b.consumerJoin(old, nil, 0, 1, 2, 3); j.resp.ErrorCode != 0 {
				t.Fatalf("join answered %+v", j.resp)
			}
			b.wantKind("consumer", "Stable")
		})
	}
}

// The session of a classic member ends, its rejoin and its sync are waited for
// no longer than its rebalance timeout.
func TestMixedTimeouts(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  func(b *bench, old string)
		gone time.Duration
	}{
		{"session", func(*bench, string) {}, 10 * time.Second},
		{"rejoin", func(b *bench, old string) {
			for range 19 {
				b.heartbeat(old, 1)
				b.advance(time.Second)
			}
		}, 2 * time.Second},
		{"sync", func(b *bench, old string) {
			b.consumerJoin(old, nil)
			for range 19 {
				b.heartbeat(old, 2)
				b.advance(time.Second)
			}
		}, 2 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newMixedBench(t, "upgrade")
			old := b.classicMember()
			b.beat848("new", 0, nil)
			tc.run(b, old)
			if code := b.heartbeat(old, 99); code != kerr.IllegalGeneration.Code {
				t.Fatalf("the member is gone early: %d", code)
			}
			b.advance(tc.gone)
			if code := b.heartbeat(old, 99); code != kerr.UnknownMemberID.Code {
				t.Fatalf("the member stayed: %d", code)
			}
		})
	}
}

// A static member restarted with the other protocol takes its own place, both
// ways.
func TestStaticMemberChangesProtocol(t *testing.T) {
	b := newMixedBench(t, "bidirectional")
	instance := "i"
	j := b.consumerJoin("", &instance)
	b.advance(time.Second)
	old := j.resp.MemberID
	b.sync(old, 1, map[string]string{old: string(assignment(0, 1, 2, 3))})
	with := func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = &instance }
	r := b.beat848("new", 0, nil, with)
	if r.ErrorCode != 0 || len(owns(r)) != 4 {
		t.Fatalf("the restarted member got %+v", r)
	}
	b.wantKind("consumer", "Stable")
	back := b.consumerJoin("", &instance)
	if back.resp == nil || back.resp.ErrorCode != 0 {
		t.Fatalf("join answered %+v", back.resp)
	}
	b.wantKind("classic", "Stable")
	if got := partitionsIn(t, b.sync(back.resp.MemberID, back.resp.Generation, nil).MemberAssignment); len(got) != 4 {
		t.Fatalf("after the way back it has %v", got)
	}
}

func TestOtherProtocolsAreNotUpgraded(t *testing.T) {
	b := newMixedBench(t, "bidirectional")
	_, j := b.enter("range") // metadata is not that of a consumer
	b.advance(time.Second)
	if j.resp == nil {
		t.Fatal("the join was not answered")
	}
	if r := b.beat848("new", 0, nil); r.ErrorCode != kerr.GroupIDNotFound.Code {
		t.Fatalf("code = %d, want GROUP_ID_NOT_FOUND", r.ErrorCode)
	}
}
