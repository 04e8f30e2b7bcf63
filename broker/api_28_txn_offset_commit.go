package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/txn"
)

// TxnOffsetCommit (28), versions 0-5: offsets that become visible when the
// transaction commits. v3 fences by group membership (KIP-447), v5 joins the
// transaction by itself (KIP-890).

func (b *Broker) txnOffsetCommit(ctx context.Context, r *request, req *kmsg.TxnOffsetCommitRequest) kmsg.Response {
	if req.Version < 3 {
		req.Generation = -1
	}
	resp := b.txnCommitShape(req)
	if err := b.openOffsets(ctx, req); err != nil {
		return failTxnCommit(req, producedOffsetCode(err, req.Version))
	}
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		return failTxnCommit(req, code)
	}
	err := call(ctx, loop, func(t *tx, s *group.Shard, done func()) { s.CommitTxn(t, req, resp, done) })
	if err != nil {
		return failTxnCommit(req, notCoordinator)
	}
	return resp
}

func (b *Broker) openOffsets(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) error {
	p, err := b.offsetsPartition(ctx, req.Group)
	if err != nil {
		return err
	}
	return b.txnOpen(ctx, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Version >= 5, []txn.Partition{p})
}

func producedOffsetCode(err error, version int16) int16 {
	switch code := fault.Code(err); code {
	case kerr.ProducerFenced.Code:
		return kerr.InvalidProducerEpoch.Code
	case kerr.TransactionAbortable.Code:
		if version < 4 {
			return kerr.InvalidTxnState.Code
		}
		return code
	case kerr.NotCoordinator.Code, kerr.CoordinatorNotAvailable.Code:
		return kerr.CoordinatorNotAvailable.Code
	default:
		return code
	}
}

// txnCommitShape is the answer before the group had its say.
func (b *Broker) txnCommitShape(req *kmsg.TxnOffsetCommitRequest) *kmsg.TxnOffsetCommitResponse {
	img := b.ctl.Image()
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			rp.Partition = p.Partition
			if !exists(img, txn.Partition{Topic: t.Topic, Partition: p.Partition}) {
				rp.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func failTxnCommit(req *kmsg.TxnOffsetCommitRequest, code int16) kmsg.Response {
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
