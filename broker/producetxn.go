package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/broker/txn"
)

// implicitTxn is the first Produce version whose transactional batches join
// the transaction by themselves (KIP-890).
const implicitTxn = 12

// admission is what the coordinator said of a partition that was not in the
// producer's open transaction when the request came.
type admission struct {
	guard logstore.Guard
	code  int16
}

// unopened is a partition that is not in the producer's transaction yet, as far
// as its log can tell.
type unopened struct {
	txn.Partition
	part     *logstore.Partition
	sequence int32
}

// openTransaction makes sure, before anything is appended, that the partitions
// of transactional batches are in the producer's transaction. All batches of a
// request belong to one producer. It returns an error code for them.
func (op *produceOp) openTransaction(ctx context.Context) int16 {
	var first recordbatch.Batch
	var ask []unopened
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		topic, code := op.topic(t)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if code != 0 || !isTransactional(p) {
				continue
			}
			batch := recordbatch.Batch(p.Records)
			if first == nil {
				first, op.guarded = batch, op.verifies()
			}
			if batch.ProducerID() != first.ProducerID() || batch.ProducerEpoch() != first.ProducerEpoch() {
				return kerr.InvalidRequest.Code
			}
			part, _, code := op.broker.partition(topic, p.Partition)
			if code == 0 && op.guarded && !part.HasOngoingTransaction(batch.ProducerID(), batch.ProducerEpoch()) {
				ask = append(ask, unopened{txn.Partition{Topic: topic.Name, Partition: p.Partition}, part, batch.BaseSequence()})
			}
		}
	}
	return op.ask(ctx, first, ask)
}

// verifies says whether the coordinator is asked at all: clients of version 2
// rely on it, for others it can be switched off.
func (op *produceOp) verifies() bool {
	return op.req.Version >= implicitTxn || op.broker.enabled("transaction.partition.verification.enable")
}

// ask puts the question to the transaction coordinator.
func (op *produceOp) ask(ctx context.Context, first recordbatch.Batch, of []unopened) int16 {
	if len(of) == 0 {
		return 0
	}
	if op.req.TransactionID == nil {
		return kerr.InvalidTxnState.Code
	}
	partitions := make([]txn.Partition, len(of))
	for i, u := range of {
		partitions[i] = u.Partition
	}
	op.admissions = make(map[*logstore.Partition]admission, len(of))
	begin := func() {
		for _, u := range of {
			op.admissions[u.part] = admission{guard: u.part.StartVerification(first.ProducerID(), first.ProducerEpoch(), u.sequence)}
		}
	}
	missing, err := op.broker.txnOpen(ctx, *op.req.TransactionID, first.ProducerID(), first.ProducerEpoch(), op.req.Version >= implicitTxn, partitions, begin)
	if err != nil {
		return producedCode(err, op.req.Version)
	}
	for _, m := range missing {
		op.admissions[of[slices.Index(partitions, m)].part] = admission{code: producedCode(kerr.TransactionAbortable, op.req.Version)}
	}
	return 0
}

// isTransactional says whether a partition's data is part of a transaction.
func isTransactional(p *kmsg.ProduceRequestTopicPartition) bool {
	return len(p.Records) >= recordbatch.HeaderSize && recordbatch.Batch(p.Records).Transactional()
}
