package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// JoinGroup (11), versions 0-9.
//
// Parks until the rebalance is through. v1 rebalance timeout, v4
// MEMBER_ID_REQUIRED (KIP-394), v5 static members (KIP-345), v9 skipAssignment
// (KIP-814). The rules are in package group.

func (b *Broker) joinGroup(ctx context.Context, r *request, req *kmsg.JoinGroupRequest) kmsg.Response {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Generation, resp.MemberID = -1, req.MemberID
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		resp.ErrorCode = code
		return joinFor(req.Version, resp)
	}
	var out *kmsg.JoinGroupResponse
	err := call(ctx, loop, func(t *tx, s *group.Shard, done func()) {
		s.Join(t, req, r.client(), func(jr *kmsg.JoinGroupResponse) { out = jr; done() })
	})
	if err != nil {
		resp.ErrorCode = fault.Code(err)
		return joinFor(req.Version, resp)
	}
	return joinFor(req.Version, out)
}

// joinFor fits an answer to a version: the protocol is nullable from v7 on.
func joinFor(version int16, resp *kmsg.JoinGroupResponse) *kmsg.JoinGroupResponse {
	if version < 7 && resp.Protocol == nil {
		resp.Protocol = kmsg.StringPtr("")
	}
	return resp
}
