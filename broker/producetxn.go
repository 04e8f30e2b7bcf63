package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/broker/txn"
)

// implicitTxn is the first Produce version whose transactional batches join
// the transaction by themselves (KIP-890).
const implicitTxn = 12

// openTransaction makes sure, before anything is appended, that the partitions
// of transactional batches are in the producer's transaction. All batches of a
// request belong to one producer. It returns an error code for them.
func (op *produceOp) openTransaction(ctx context.Context) int16 {
	var first recordbatch.Batch
	var unopened []txn.Partition
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		topic, code := op.topic(t)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			batch := recordbatch.Batch(p.Records)
			if code != 0 || len(batch) < recordbatch.HeaderSize || !batch.Transactional() {
				continue
			}
			op.transactional = true
			if first == nil {
				first = batch
			}
			if batch.ProducerID() != first.ProducerID() || batch.ProducerEpoch() != first.ProducerEpoch() {
				return kerr.InvalidRequest.Code
			}
			part, _, code := op.broker.partition(topic, p.Partition)
			if code == 0 && !part.HasOngoingTransaction(batch.ProducerID(), batch.ProducerEpoch()) {
				unopened = append(unopened, txn.Partition{Topic: topic.Name, Partition: p.Partition})
			}
		}
	}
	return op.admit(ctx, first, unopened)
}

func (op *produceOp) admit(ctx context.Context, first recordbatch.Batch, unopened []txn.Partition) int16 {
	if len(unopened) == 0 {
		return 0
	}
	add := op.req.Version >= implicitTxn
	if !add && !op.broker.enabled("transaction.partition.verification.enable") {
		return 0
	}
	if op.req.TransactionID == nil {
		return kerr.InvalidTxnState.Code
	}
	err := op.broker.txnOpen(ctx, *op.req.TransactionID, first.ProducerID(), first.ProducerEpoch(), add, unopened)
	if err != nil {
		return producedCode(err, op.req.Version)
	}
	return 0
}

// isTransactional says whether a partition's data is part of a transaction.
func isTransactional(p *kmsg.ProduceRequestTopicPartition) bool {
	return len(p.Records) >= recordbatch.HeaderSize && recordbatch.Batch(p.Records).Transactional()
}
