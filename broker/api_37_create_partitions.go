package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
)

// CreatePartitions (37), versions 0-3: grows topics (KIP-195).

func (b *Broker) createPartitions(ctx context.Context, r *request, req *kmsg.CreatePartitionsRequest) kmsg.Response {
	resp := kmsg.NewPtrCreatePartitionsResponse()
	count := map[string]int{}
	for _, t := range req.Topics {
		count[t.Topic]++
	}
	for _, t := range req.Topics {
		rt := kmsg.NewCreatePartitionsResponseTopic()
		rt.Topic = t.Topic
		var assignment [][]int32
		for _, a := range t.Assignment {
			assignment = append(assignment, a.Replicas)
		}
		err := fault.New(kerr.InvalidRequest, "Duplicate topic name.")
		if count[t.Topic] == 1 {
			began := time.Now()
			err = b.ctl.CreatePartitions(ctx, t.Topic, t.Count, assignment, req.ValidateOnly)
			waitedSince(ctx, began)
		}
		if err != nil {
			b.report("creating partitions", t.Topic, err)
			rt.ErrorCode, rt.ErrorMessage = fault.Code(err), fault.Message(err)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
