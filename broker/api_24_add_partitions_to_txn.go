package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/txn"
)

// AddPartitionsToTxn (24), versions 0-5. Clients send 0-3 for one transaction;
// 4 and 5 are batched and can verify only (KIP-890). A partition that does not
// exist fails the others with OPERATION_NOT_ATTEMPTED.

func (b *Broker) addPartitionsToTxn(ctx context.Context, r *request, req *kmsg.AddPartitionsToTxnRequest) kmsg.Response {
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	if req.Version < 4 {
		one := kmsg.NewAddPartitionsToTxnRequestTransaction()
		one.TransactionalID, one.ProducerID, one.ProducerEpoch = req.TransactionalID, req.ProducerID, req.ProducerEpoch
		for _, t := range req.Topics {
			rt := kmsg.NewAddPartitionsToTxnRequestTransactionTopic()
			rt.Topic, rt.Partitions = t.Topic, t.Partitions
			one.Topics = append(one.Topics, rt)
		}
		for _, t := range b.addToTxn(ctx, req.Version, one).Topics {
			rt := kmsg.NewAddPartitionsToTxnResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, p.ErrorCode
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp
	}
	for _, t := range req.Transactions {
		resp.Transactions = append(resp.Transactions, b.addToTxn(ctx, req.Version, t))
	}
	return resp
}

func (b *Broker) addToTxn(ctx context.Context, version int16, t kmsg.AddPartitionsToTxnRequestTransaction) kmsg.AddPartitionsToTxnResponseTransaction {
	img := b.ctl.Image()
	var partitions []txn.Partition
	missing := map[txn.Partition]bool{}
	for _, topic := range t.Topics {
		for _, n := range topic.Partitions {
			p := txn.Partition{Topic: topic.Topic, Partition: n}
			partitions = append(partitions, p)
			if !exists(img, p) {
				missing[p] = true
			}
		}
	}
	var code int16
	var unverified []txn.Partition
	if len(missing) == 0 {
		var err error
		unverified, err = b.changeTxn(ctx, version, t, partitions)
		code = fencedBelow(version, 2, fault.Code(err))
	}
	out := kmsg.NewAddPartitionsToTxnResponseTransaction()
	out.TransactionalID = t.TransactionalID
	for _, topic := range t.Topics {
		rt := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
		rt.Topic = topic.Topic
		for _, n := range topic.Partitions {
			rp := kmsg.NewAddPartitionsToTxnResponseTransactionTopicPartition()
			rp.Partition, rp.ErrorCode = n, code
			p := txn.Partition{Topic: topic.Topic, Partition: n}
			switch {
			case missing[p]:
				rp.ErrorCode = kerr.UnknownTopicOrPartition.Code
			case len(missing) > 0:
				rp.ErrorCode = kerr.OperationNotAttempted.Code
			case slices.Contains(unverified, p):
				rp.ErrorCode = kerr.TransactionAbortable.Code
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		out.Topics = append(out.Topics, rt)
	}
	return out
}

// changeTxn adds partitions, or returns those that are not in the transaction
// where the request only asks.
func (b *Broker) changeTxn(ctx context.Context, version int16, t kmsg.AddPartitionsToTxnRequestTransaction, partitions []txn.Partition) (unverified []txn.Partition, err error) {
	return txnCall(ctx, b, t.TransactionalID, func(x *tx, s *txn.Shard) ([]txn.Partition, error) {
		if version >= 4 && t.VerifyOnly {
			return s.Verify(t.TransactionalID, t.ProducerID, t.ProducerEpoch, partitions)
		}
		clientVersion := int16(0)
		if version >= 5 {
			clientVersion = 2
		}
		return nil, s.Add(x, t.TransactionalID, t.ProducerID, t.ProducerEpoch, clientVersion, partitions)
	})
}

func exists(img *controller.Image, p txn.Partition) bool {
	t := img.Topic(p.Topic)
	return t != nil && p.Partition >= 0 && int(p.Partition) < len(t.Partitions)
}
