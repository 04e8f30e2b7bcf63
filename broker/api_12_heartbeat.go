package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// Heartbeat (12), versions 0-4. v3 group instance id (KIP-345).

func (b *Broker) heartbeat(ctx context.Context, r *request, req *kmsg.HeartbeatRequest) kmsg.Response {
	resp := kmsg.NewPtrHeartbeatResponse()
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		resp.ErrorCode = code
		return resp
	}
	var out *kmsg.HeartbeatResponse
	err := call(ctx, loop, func(t *tx, s *group.Shard, done func()) {
		s.Heartbeat(t, req, func(hr *kmsg.HeartbeatResponse) { out = hr; done() })
	})
	if err != nil {
		resp.ErrorCode = fault.Code(err)
		return resp
	}
	return out
}
