package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/txn"
)

// InitProducerId (22), versions 0-5. Without a transactional id any broker
// hands out a fresh id with epoch 0. With one, its coordinator fences the
// producer that had it. v3 current id and epoch (KIP-360), v4 PRODUCER_FENCED
// in place of INVALID_PRODUCER_EPOCH.

func (b *Broker) initProducerID(ctx context.Context, r *request, req *kmsg.InitProducerIDRequest) kmsg.Response {
	resp := kmsg.NewPtrInitProducerIDResponse()
	p, err := b.initProducer(ctx, req)
	if err != nil {
		b.report("initializing a producer", r.clientID, err)
		resp.ProducerID, resp.ProducerEpoch = -1, -1
		resp.ErrorCode = fencedBelow(req.Version, 4, fault.Code(err))
		return resp
	}
	resp.ProducerID, resp.ProducerEpoch = p.ID, p.Epoch
	return resp
}

func (b *Broker) initProducer(ctx context.Context, req *kmsg.InitProducerIDRequest) (txn.Producer, error) {
	if req.Version < 3 {
		req.ProducerID, req.ProducerEpoch = -1, -1
	}
	if (req.ProducerID < 0) != (req.ProducerEpoch < 0) {
		return txn.Producer{}, kerr.InvalidRequest
	}
	if req.TransactionalID == nil {
		id, err := b.ids.get(ctx)
		return txn.Producer{ID: id}, err
	}
	return b.withFresh(ctx, func(fresh int64) (txn.Producer, error) {
		in := txn.Init{
			ID: *req.TransactionalID, Timeout: time.Duration(req.TransactionTimeoutMillis) * time.Millisecond,
			ProducerID: req.ProducerID, Epoch: req.ProducerEpoch, Fresh: fresh,
		}
		return txnCall(ctx, b, in.ID, func(t *tx, s *txn.Shard) (txn.Producer, error) { return s.InitProducer(t, in) })
	})
}
