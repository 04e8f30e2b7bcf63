package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// DescribeGroups (15), versions 0-6. v3 authorized operations, v4 instance
// ids, v6 an error for a group that does not exist (KIP-1043).

func (b *Broker) describeGroups(ctx context.Context, r *request, req *kmsg.DescribeGroupsRequest) kmsg.Response {
	resp := kmsg.NewPtrDescribeGroupsResponse()
	for _, id := range req.Groups {
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group = id
		if loop, code := b.groupLoop(id); code != 0 {
			g.ErrorCode = code
		} else if known, err := read(ctx, loop, func(_ *tx, s *group.Shard) kmsg.DescribeGroupsResponseGroup { return s.Describe(id, req.Version) }); err != nil {
			g.ErrorCode = fault.Code(err)
		} else {
			g = known
		}
		if req.IncludeAuthorizedOperations {
			g.AuthorizedOperations = groupOperations
		}
		resp.Groups = append(resp.Groups, g)
	}
	return resp
}
