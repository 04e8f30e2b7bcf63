package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/txn"
)

// DescribeTransactions (65), version 0 (KIP-664).

func (b *Broker) describeTransactions(ctx context.Context, r *request, req *kmsg.DescribeTransactionsRequest) kmsg.Response {
	resp := kmsg.NewPtrDescribeTransactionsResponse()
	for _, id := range req.TransactionalIDs {
		out := kmsg.NewDescribeTransactionsResponseTransactionState()
		out.TransactionalID = id
		d, err := txnCall(ctx, b, id, func(_ *tx, s *txn.Shard) (txn.Description, error) {
			d, ok := s.Describe(id)
			if !ok {
				return d, kerr.TransactionalIDNotFound
			}
			return d, nil
		})
		if err != nil {
			out.ErrorCode = fault.Code(err)
		} else {
			describeTxn(&out, d)
		}
		resp.TransactionStates = append(resp.TransactionStates, out)
	}
	return resp
}

func describeTxn(out *kmsg.DescribeTransactionsResponseTransactionState, d txn.Description) {
	out.State, out.ProducerID, out.ProducerEpoch = d.State.String(), d.ProducerID, d.Epoch
	out.TimeoutMillis, out.StartTimestamp = int32(d.Timeout.Milliseconds()), d.Start
	for _, p := range d.Partitions {
		if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != p.Topic {
			t := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
			t.Topic = p.Topic
			out.Topics = append(out.Topics, t)
		}
		last := &out.Topics[len(out.Topics)-1]
		last.Partitions = append(last.Partitions, p.Partition)
	}
}
