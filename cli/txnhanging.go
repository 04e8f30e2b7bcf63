package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// hangingLong says what makes a transaction hang.
const hangingLong = `Find transactions that are open on a partition although no coordinator knows
of them: nothing will ever end them, and read_committed consumers stop there.
Candidates are producers with an open transaction and no write for longer than
any transaction may last; one hangs if no transactional id has its producer, or
that id's transaction does not contain the partition. leat txn abort ends it.`

func (k *cluster) txnHangingCommand() *cobra.Command {
	var topics []string
	var longest time.Duration
	c := &cobra.Command{Use: "find-hanging", Short: "Find transactions that nobody will end", Long: hangingLong, Args: args(cobra.NoArgs),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
			asked := map[string][]int32{}
			for _, name := range topics {
				asked[name] = nil
			}
			if len(topics) == 0 {
				details, err := adm.ListTopicsWithInternal(ctx)
				if err != nil {
					return fmt.Errorf("listing topics: %w", err)
				}
				for _, name := range details.Names() {
					asked[name] = nil
				}
			}
			views, err := hanging(ctx, adm, asked, longest)
			if err != nil {
				return err
			}
			t := table{header: append(producerHeader, "TRANSACTIONAL ID")}
			for _, v := range views {
				t.add(append(v.cells(), v.TransactionalID)...)
			}
			return show(k.Out, k.output, views, t)
		})}
	c.Flags().StringArrayVar(&topics, "topic", nil, "look at this topic only; may be repeated")
	// Kafka's tool waits five minutes more than what it is told.
	c.Flags().DurationVar(&longest, "idle", 20*time.Minute, "how long a producer must have written nothing: transaction.max.timeout.ms of the brokers and some minutes")
	return c
}

// hanging are the open transactions that no coordinator will end.
func hanging(ctx context.Context, adm *kadm.Client, topics map[string][]int32, idle time.Duration) ([]producerView, error) {
	all, err := producers(ctx, adm, topics)
	if err != nil {
		return nil, err
	}
	var ids []int64
	candidates := []producerView{}
	for _, p := range all {
		if p.TxnStartOffset >= 0 && since(p.LastTimestamp) > idle {
			candidates = append(candidates, p)
			ids = append(ids, p.ProducerID)
		}
	}
	if len(candidates) == 0 {
		return candidates, nil
	}
	listed, err := adm.ListTransactions(ctx, ids, nil)
	if err != nil {
		return nil, fmt.Errorf("listing transactions: %w", err)
	}
	byProducer := map[int64]string{}
	listed.Each(func(l kadm.ListedTransaction) { byProducer[l.ProducerID] = l.TxnID })
	var described kadm.DescribedTransactions
	if len(listed) > 0 {
		if described, err = describeTxns(ctx, adm, listed.TransactionalIDs()...); err != nil {
			return nil, fmt.Errorf("describing transactions: %w", err)
		}
	}
	out := []producerView{}
	for _, p := range candidates {
		p.TransactionalID = byProducer[p.ProducerID]
		d, known := described[p.TransactionalID]
		if known && d.Err == nil && d.ProducerID == p.ProducerID && d.Topics.Lookup(p.Topic, p.Partition) {
			continue // its coordinator will end it
		}
		out = append(out, p)
	}
	return out, nil
}

func (k *cluster) txnAbortCommand() *cobra.Command {
	var partition, coordinatorEpoch int32
	var start, id int64
	var epoch int16
	var dryRun bool
	c := &cobra.Command{Use: "abort TOPIC", Short: "End a hanging transaction on one partition", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		Long: "Write an abort marker for a transaction that hangs (see find-hanging), named by its start offset or by its\n" +
			"producer. A transaction that its coordinator still knows must not be ended so: the producer's other partitions\n" +
			"would stay open.",
		Example: "  leat txn abort orders -p 3 --start-offset 1234",
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, names []string) error {
			m := kadm.TxnMarkers{ProducerID: id, ProducerEpoch: epoch, CoordinatorEpoch: coordinatorEpoch}
			open, err := openTxn(ctx, adm, names[0], partition, start, id)
			if err != nil {
				return err
			}
			if id < 0 {
				m.ProducerID, m.ProducerEpoch, m.CoordinatorEpoch = open.ProducerID, open.ProducerEpoch, max(open.CoordinatorEpoch, 0)
			}
			if !dryRun {
				m.Topics.Add(names[0], partition)
				return k.abortTxn(ctx, adm, m)
			}
			if _, err := fmt.Fprintln(k.Err, "this would be aborted; dry run, nothing is"); err != nil {
				return err
			}
			t := table{header: producerHeader}
			t.add(open.cells()...)
			return show(k.Out, k.output, []producerView{open}, t)
		})}
	f := c.Flags()
	f.Int32VarP(&partition, "partition", "p", 0, "the partition")
	f.Int64Var(&start, "start-offset", -1, "first offset of the transaction")
	f.Int64Var(&id, "producer-id", -1, "instead of --start-offset: the producer's id, with --producer-epoch and --coordinator-epoch")
	f.Int16Var(&epoch, "producer-epoch", -1, "the producer's epoch")
	f.Int32Var(&coordinatorEpoch, "coordinator-epoch", -1, "the coordinator's epoch")
	f.BoolVar(&dryRun, "dry-run", false, "only show what would be aborted")
	if err := c.MarkFlagRequired("partition"); err != nil {
		panic("cli: " + err.Error()) // a flag that is not declared
	}
	c.MarkFlagsOneRequired("start-offset", "producer-id")
	c.MarkFlagsMutuallyExclusive("start-offset", "producer-id")
	c.MarkFlagsRequiredTogether("producer-id", "producer-epoch", "coordinator-epoch")
	return c
}

// openTxn finds the transaction that is open on a partition by its start offset or,
// where that is negative, by its producer.
func openTxn(ctx context.Context, adm *kadm.Client, topic string, partition int32, start, id int64) (producerView, error) {
	views, err := producers(ctx, adm, map[string][]int32{topic: {partition}})
	if err != nil {
		return producerView{}, err
	}
	for _, v := range views {
		if v.TxnStartOffset >= 0 && (v.TxnStartOffset == start || start < 0 && v.ProducerID == id) {
			return v, nil
		}
	}
	which := fmt.Sprintf("that starts at offset %d", start)
	if start < 0 {
		which = fmt.Sprintf("of producer %d", id)
	}
	return producerView{}, &notFoundError{fmt.Sprintf("%s-%d has no open transaction %s; leat txn describe-producers shows those that are", topic, partition, which)}
}

func (k *cluster) abortTxn(ctx context.Context, adm *kadm.Client, m kadm.TxnMarkers) error {
	written, err := adm.WriteTxnMarkers(ctx, m)
	if err != nil {
		return fmt.Errorf("writing the abort marker: %w", err)
	}
	for _, p := range written.SortedPartitions() {
		if p.Err != nil {
			return fmt.Errorf("writing the abort marker of producer %d into %s-%d: %w", m.ProducerID, p.Topic, p.Partition, p.Err)
		}
		if _, err := fmt.Fprintf(k.Err, "transaction of producer %d on %s-%d aborted\n", m.ProducerID, p.Topic, p.Partition); err != nil {
			return err
		}
	}
	return nil
}

func (k *cluster) txnTerminateCommand() *cobra.Command {
	var dryRun bool
	c := &cobra.Command{Use: "force-terminate ID...", Short: "Fence a transactional id and abort its open transaction", Args: args(cobra.MinimumNArgs(1)),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, ids []string) error {
			if !dryRun {
				return k.results("transactional id", ids, "fenced", func(id string) error { return fence(ctx, cl, id) })
			}
			if _, err := fmt.Fprintln(k.Err, "these would be fenced, and what is open aborted; dry run, nothing is"); err != nil {
				return err
			}
			return k.showTxns(ctx, kadm.NewClient(cl), ids)
		})}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be fenced and aborted")
	return c
}

// fence takes a transactional id over and leaves it: its producer is fenced, and
// its coordinator ends what was open.
func fence(ctx context.Context, cl *kgo.Client, id string) error {
	adm := kadm.NewClient(cl)
	described, err := describeTxns(ctx, adm, id)
	if err != nil {
		return err
	}
	if d := described[id]; d.Err != nil {
		return noTxn(d)
	}
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID = &id
	req.TransactionTimeoutMillis = 1
	for {
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return err
		}
		// The answer while what was open is being aborted.
		if resp.ErrorCode != kerr.ConcurrentTransactions.Code {
			return kerr.ErrorForCode(resp.ErrorCode)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
