package broker

import (
	"context"

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
		if code == 0 {
			var err error
			if code, err = read(ctx, loop, func(t *tx, s *group.Shard) int16 { return s.Delete(t, id) }); err != nil {
				code = fault.Code(err)
			}
		}
		g.ErrorCode = code
		resp.Groups = append(resp.Groups, g)
	}
	return resp
}
