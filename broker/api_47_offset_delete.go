package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// OffsetDelete (47), version 0: forgets offsets of topics that no member
// subscribes to (KIP-496).

func (b *Broker) offsetDelete(ctx context.Context, r *request, req *kmsg.OffsetDeleteRequest) kmsg.Response {
	resp := kmsg.NewPtrOffsetDeleteResponse()
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		resp.ErrorCode = code
		return resp
	}
	type deleted struct {
		code   int16
		topics []kmsg.OffsetDeleteResponseTopic
	}
	d, err := read(ctx, loop, func(t *tx, s *group.Shard) (d deleted) {
		d.code, d.topics = s.DeleteOffsets(t, req.Group, req.Topics)
		return d
	})
	if err != nil {
		resp.ErrorCode = fault.Code(err)
		return resp
	}
	resp.ErrorCode, resp.Topics = d.code, d.topics
	img := b.ctl.Image()
	for i := range resp.Topics {
		t := img.Topic(resp.Topics[i].Topic)
		for j := range resp.Topics[i].Partitions {
			p := &resp.Topics[i].Partitions[j]
			if p.ErrorCode == 0 && (t == nil || p.Partition < 0 || int(p.Partition) >= len(t.Partitions)) {
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
		}
	}
	return resp
}
