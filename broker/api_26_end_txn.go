package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/txn"
)

// EndTxn (26), versions 0-5. Answered once the decision is durable; markers
// follow. v5 moves the epoch on and returns what to use next (KIP-890).

func (b *Broker) endTxn(ctx context.Context, r *request, req *kmsg.EndTxnRequest) kmsg.Response {
	resp := kmsg.NewPtrEndTxnResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	p, err := b.withFresh(ctx, func(fresh int64) (txn.Producer, error) {
		e := txn.End{ID: req.TransactionalID, ProducerID: req.ProducerID, Epoch: req.ProducerEpoch, Commit: req.Commit, V2: req.Version >= 5, Fresh: fresh}
		return txnCall(ctx, b, e.ID, func(t *tx, s *txn.Shard) (txn.Producer, error) { return s.EndTxn(t, e) })
	})
	if err != nil {
		b.report("ending a transaction", req.TransactionalID, err)
		resp.ErrorCode = fencedBelow(req.Version, 2, fault.Code(err))
		return resp
	}
	resp.ProducerID, resp.ProducerEpoch = p.ID, p.Epoch
	return resp
}
