package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/txn"
)

// AddOffsetsToTxn (25), versions 0-4: puts the partition that keeps a group's
// offsets into the transaction. Version 2 clients do not send it.

func (b *Broker) addOffsetsToTxn(ctx context.Context, r *request, req *kmsg.AddOffsetsToTxnRequest) kmsg.Response {
	resp := kmsg.NewPtrAddOffsetsToTxnResponse()
	p, err := b.offsetsPartition(ctx, req.Group)
	if err == nil {
		_, err = txnCall(ctx, b, req.TransactionalID, func(t *tx, s *txn.Shard) (struct{}, error) {
			return struct{}{}, s.Add(t, req.TransactionalID, req.ProducerID, req.ProducerEpoch, 0, []txn.Partition{p})
		})
	}
	resp.ErrorCode = fencedBelow(req.Version, 2, fault.Code(err))
	return resp
}

// offsetsPartition is where a group's offsets are kept.
func (b *Broker) offsetsPartition(ctx context.Context, group string) (txn.Partition, error) {
	if err := b.ensureInternal(ctx, controller.OffsetsTopic); err != nil {
		return txn.Partition{}, err
	}
	n, ok := b.groups.partition(group)
	if !ok {
		return txn.Partition{}, kerr.NotCoordinator
	}
	return txn.Partition{Topic: controller.OffsetsTopic, Partition: n}, nil
}
