package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// SyncGroup (14), versions 0-5. Parks until the leader's assignment is there
// and durable. v5 echoes protocol type and name (KIP-559).

func (b *Broker) syncGroup(ctx context.Context, r *request, req *kmsg.SyncGroupRequest) kmsg.Response {
	resp := kmsg.NewPtrSyncGroupResponse()
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		resp.ErrorCode = code
		return resp
	}
	var out *kmsg.SyncGroupResponse
	err := call(ctx, loop, func(t *tx, s *group.Shard, done func()) {
		s.Sync(t, req, func(sr *kmsg.SyncGroupResponse) { out = sr; done() })
	})
	if err != nil {
		resp.ErrorCode = fault.Code(err)
		return resp
	}
	return out
}
