package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// DeleteGroups (42), versions 0-2: empty groups only (KIP-229).

func (b *Broker) deleteGroups(ctx context.Context, r *request, req *kmsg.DeleteGroupsRequest) kmsg.Response {
	resp := kmsg.NewPtrDeleteGroupsResponse()
	for _, id := range req.Groups {
		g := kmsg.NewDeleteGroupsResponseGroup()
		g.Group = id
		loop, code := b.groupLoop(id)
		if code != 0 {
			g.ErrorCode = kerr.GroupIDNotFound.Code // no offsets topic, no groups
		} else if err := read(ctx, loop, func(t *tx, s *group.Shard) { g.ErrorCode = s.Delete(t, id) }); err != nil {
			g.ErrorCode = fault.Code(err)
		}
		resp.Groups = append(resp.Groups, g)
	}
	return resp
}
