package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// ConsumerGroupDescribe (69), versions 0-1: groups of KIP-848. Others are
// GROUP_ID_NOT_FOUND, and the client asks DescribeGroups. v1 member type.

func (b *Broker) consumerGroupDescribe(ctx context.Context, r *request, req *kmsg.ConsumerGroupDescribeRequest) kmsg.Response {
	resp := kmsg.NewPtrConsumerGroupDescribeResponse()
	for _, id := range req.Groups {
		g := kmsg.NewConsumerGroupDescribeResponseGroup()
		g.Group = id
		if loop, code := b.groupLoop(id); code != 0 {
			g.ErrorCode = code
		} else if known, err := read(ctx, loop, func(_ *tx, s *group.Shard) kmsg.ConsumerGroupDescribeResponseGroup { return s.DescribeConsumer(id) }); err != nil {
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
