package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/txn"
)

// TxnOffsetCommit (28), versions 0-5: offsets that become visible when the
// transaction commits. v3 fences by group membership (KIP-447), v5 joins the
// transaction by itself (KIP-890).

func (b *Broker) txnOffsetCommit(ctx context.Context, r *request, req *kmsg.TxnOffsetCommitRequest) kmsg.Response {
	if req.Version < 3 {
		req.Generation = -1
	}
	if req.Group == "" {
		return failTxnCommit(req, kerr.InvalidGroupID.Code)
	}
	resp := b.txnCommitShape(req)
	verified, err := b.openOffsets(ctx, req)
	if err != nil {
		return failTxnCommit(req, producedOffsetCode(err, req.Version))
	}
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		return failTxnCommit(req, code)
	}
	err = b.coordinatorWrite(ctx, loop, func(t *tx, s *group.Shard, done func()) { s.CommitTxn(t, req, resp, verified, done) })
	if err != nil {
		return failTxnCommit(req, fault.Code(err)) // the loop may still hold resp
	}
	return resp
}

// openOffsets makes sure that the partition of a group's offsets is in the
// producer's transaction. The function it returns says whether that still
// holds; it is asked on the group's loop.
func (b *Broker) openOffsets(ctx context.Context, req *kmsg.TxnOffsetCommitRequest) (func() bool, error) {
	p, err := b.offsetsPartition(ctx, req.Group)
	if err != nil {
		return nil, err
	}
	add := req.Version >= 5
	if !add && !b.enabled("transaction.partition.verification.enable") {
		return func() bool { return true }, nil
	}
	part, _, code := b.partition(b.ctl.Image().Topic(p.Topic), p.Partition)
	if code != 0 {
		return nil, kerr.NotCoordinator
	}
	var guard logstore.Guard
	if !part.HasOngoingTransaction(req.ProducerID, req.ProducerEpoch) {
		missing, err := b.txnOpen(ctx, req.TransactionalID, req.ProducerID, req.ProducerEpoch, add, []txn.Partition{p}, func() {
			guard = part.StartVerification(req.ProducerID, req.ProducerEpoch, -1)
		})
		if err != nil {
			return nil, err
		}
		if len(missing) > 0 {
			return nil, kerr.TransactionAbortable
		}
	}
	return func() bool { return part.Verified(req.ProducerID, req.ProducerEpoch, guard) }, nil
}

// producedOffsetCode maps what the transaction coordinator says.
func producedOffsetCode(err error, version int16) int16 {
	code := fault.Code(err)
	switch {
	case code == kerr.ProducerFenced.Code:
		return kerr.InvalidProducerEpoch.Code
	case code == kerr.TransactionAbortable.Code && version < 4:
		return kerr.InvalidTxnState.Code
	case code == kerr.NotCoordinator.Code, code == kerr.CoordinatorLoadInProgress.Code,
		code == kerr.ConcurrentTransactions.Code && version < 5:
		return kerr.CoordinatorNotAvailable.Code
	}
	return code
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
