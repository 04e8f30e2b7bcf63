package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// Leave handles LeaveGroup of all versions.
func (s *Shard) Leave(tx *coordinator.Tx, req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) {
	r := kmsg.NewPtrLeaveGroupResponse()
	members := req.Members
	if req.Version < 3 {
		one := kmsg.NewLeaveGroupRequestMember()
		one.MemberID = req.MemberID
		members = []kmsg.LeaveGroupRequestMember{one}
	}
	if req.Group == "" {
		r.ErrorCode = kerr.InvalidGroupID.Code
	} else {
		s.leave(tx, req.Group, members, r)
	}
	if req.Version < 3 && len(r.Members) == 1 {
		r.ErrorCode, r.Members = r.Members[0].ErrorCode, nil
	}
	tx.After(func(err error) {
		if err != nil {
			r.ErrorCode = errorCode(err)
		}
		reply(r)
	})
}

func (s *Shard) leave(tx *coordinator.Tx, group string, members []kmsg.LeaveGroupRequestMember, r *kmsg.LeaveGroupResponse) {
	g := s.groups[group]
	left := false
	for _, lm := range members {
		rm := kmsg.NewLeaveGroupResponseMember()
		rm.MemberID, rm.InstanceID = lm.MemberID, lm.InstanceID
		rm.ErrorCode = kerr.UnknownMemberID.Code
		if g != nil && g.consumer != nil {
			rm.ErrorCode = s.leaveMixed(tx, g, lm)
			left = left || rm.ErrorCode == 0
		} else if g != nil && !s.unreserve(tx, g, lm) {
			rm.ErrorCode = s.leaveOne(tx, g, lm)
			left = left || rm.ErrorCode == 0
		} else if g != nil {
			rm.ErrorCode = 0
		}
		r.Members = append(r.Members, rm)
	}
	if left && g.consumer != nil {
		g.since = tx.Now
		s.refresh(tx, g, true)
	} else if left {
		s.removed(tx, g)
	}
}

// unreserve drops an id that was handed out but has not joined yet.
func (s *Shard) unreserve(tx *coordinator.Tx, g *Group, lm kmsg.LeaveGroupRequestMember) bool {
	t, ok := g.reserved[lm.MemberID]
	if !ok || lm.InstanceID != nil {
		return false
	}
	tx.Disarm(t)
	delete(g.reserved, lm.MemberID)
	s.maybeCompleteJoin(tx, g)
	return true
}

func (s *Shard) leaveOne(tx *coordinator.Tx, g *Group, lm kmsg.LeaveGroupRequestMember) int16 {
	id := lm.MemberID
	if id == "" && lm.InstanceID != nil {
		id = g.static[*lm.InstanceID]
	}
	m, code := g.check(id, lm.InstanceID)
	if code != 0 {
		return code
	}
	g.remove(tx, m, kerr.UnknownMemberID.Code)
	return 0
}
