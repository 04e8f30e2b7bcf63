package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// LeaveGroup (13), versions 0-5. v3 a list of members, also by instance id
// with an empty member id, which is how tools remove static members.

func (b *Broker) leaveGroup(ctx context.Context, r *request, req *kmsg.LeaveGroupRequest) kmsg.Response {
	resp := kmsg.NewPtrLeaveGroupResponse()
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		resp.ErrorCode = code
		return resp
	}
	var out *kmsg.LeaveGroupResponse
	err := call(ctx, loop, func(t *tx, s *group.Shard, done func()) {
		s.Leave(t, req, func(lr *kmsg.LeaveGroupResponse) { out = lr; done() })
	})
	if err != nil {
		resp.ErrorCode = fault.Code(err)
		return resp
	}
	return out
}
