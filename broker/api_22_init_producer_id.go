package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
)

// InitProducerId (22), versions 0-5. Without a transactional id any broker
// hands out a fresh id with epoch 0.

func (b *Broker) initProducerID(ctx context.Context, r *request, req *kmsg.InitProducerIDRequest) kmsg.Response {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	if req.TransactionalID != nil {
		resp.ErrorCode = kerr.CoordinatorNotAvailable.Code
		return resp
	}
	id, err := b.ids.get(ctx)
	if err != nil {
		b.report("allocating producer ids", "", err)
		resp.ErrorCode = fault.Code(err)
		return resp
	}
	resp.ProducerID, resp.ProducerEpoch = id, 0
	return resp
}
