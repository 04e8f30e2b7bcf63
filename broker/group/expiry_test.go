package group_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/group"
)

// subscriber joins a member whose metadata names topics.
func (b *bench) subscriber(instance *string, topics ...string) *kmsg.JoinGroupResponse {
	b.t.Helper()
	meta := kmsg.ConsumerMemberMetadata{Topics: topics}
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.InstanceID, req.ProtocolType = 9, "g", instance, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 50000, 50000
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: meta.AppendTo(nil)}}
	j := &joining{}
	b.shard.Join(b.tx, req, group.Client{}, func(r *kmsg.JoinGroupResponse) { j.resp = r })
	b.commit()
	b.advance(6 * time.Second)
	if j.resp == nil || j.resp.ErrorCode != 0 {
		b.t.Fatalf("joining answered %+v", j.resp)
	}
	b.sync(j.resp.MemberID, j.resp.Generation, map[string]string{j.resp.MemberID: "all"})
	b.wantState("Stable")
	return j.resp
}

// alive lets time pass for a member that sends heartbeats.
func (b *bench) alive(d time.Duration, m *kmsg.JoinGroupResponse) {
	b.t.Helper()
	for ; d > 0; d -= 30 * time.Second {
		b.advance(30 * time.Second)
		if code := b.heartbeat(m.MemberID, m.Generation); code != 0 {
			b.t.Fatalf("heartbeat: %v", kerr.ErrorForCode(code))
		}
	}
}

func (b *bench) leave(member string, instance *string) int16 {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group = 5, "g"
	req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: member, InstanceID: instance}}
	var code int16 = -99
	b.shard.Leave(b.tx, req, func(r *kmsg.LeaveGroupResponse) { code = r.Members[0].ErrorCode })
	b.commit()
	return code
}

// Offsets of topics that a stable group reads do not expire; those of others
// do, and all once the group was empty for long enough (KIP-211).
func TestOffsetsOfMembersStay(t *testing.T) {
	at := func(b *bench) int64 { return b.shard.FetchOffsets("g", "t", []int32{0}, false)[0].Offset }
	for _, c := range []struct {
		reads string
		want  int64
	}{{"t", 7}, {"other", -1}} {
		b := newBench(t)
		instance := "i"
		m := b.subscriber(&instance, c.reads)
		if code := b.commitOffset(m.MemberID, m.Generation, 7); code != 0 {
			t.Fatal(kerr.ErrorForCode(code))
		}
		b.alive(62*time.Minute, m)
		if got := at(b); got != c.want {
			t.Fatalf("a group that reads %s has offset %d after the retention, want %d", c.reads, got, c.want)
		}
		if code := b.leave("", &instance); code != 0 {
			t.Fatalf("leaving: %v", kerr.ErrorForCode(code))
		}
		b.wantState("Empty")
		b.advance(58 * time.Minute)
		if got := at(b); got != c.want {
			t.Fatalf("the offset is %d before the group was empty for the retention", got)
		}
		b.advance(3 * time.Minute)
		if got := at(b); got != -1 {
			t.Fatalf("the offset is %d after the group was empty for the retention", got)
		}
		if c.want > 0 {
			b.wantState("Dead")
		}
	}
}

// Tools remove static members by instance id alone; a member id beside it must
// be the member's own.
func TestStaticMemberIsRemoved(t *testing.T) {
	b := newBench(t)
	instance, unknown := "i", "u"
	b.subscriber(&instance, "t")
	for _, c := range []struct {
		name, member string
		instance     *string
		want         int16
	}{
		{"another instance", "", &unknown, kerr.UnknownMemberID.Code},
		{"another member id", "stranger", &instance, kerr.FencedInstanceID.Code},
		{"no name at all", "", nil, kerr.UnknownMemberID.Code},
		{"the instance", "", &instance, 0},
		{"once more", "", &instance, kerr.UnknownMemberID.Code},
	} {
		if code := b.leave(c.member, c.instance); code != c.want {
			t.Errorf("%s: %v, want %v", c.name, kerr.ErrorForCode(code), kerr.ErrorForCode(c.want))
		}
	}
	b.wantState("Empty")
}
