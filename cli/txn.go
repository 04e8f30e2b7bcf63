package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func txnCommand(d *Deps) *cobra.Command {
	k := &cluster{Deps: d}
	c := group("txn", "Look at transactions and end those that hang, on any Kafka",
		k.txnListCommand(), k.txnDescribeCommand(), k.txnProducersCommand(), k.txnHangingCommand(), k.txnAbortCommand(), k.txnTerminateCommand())
	c.Aliases = []string{"transaction", "transactions"}
	return k.bind(c)
}

// txnView is one transactional id.
type txnView struct {
	ID            string   `json:"transactional_id"`
	Coordinator   int32    `json:"coordinator"`
	ProducerID    int64    `json:"producer_id"`
	State         string   `json:"state"`
	ProducerEpoch *int16   `json:"producer_epoch,omitempty"`
	TimeoutMs     *int32   `json:"timeout_ms,omitempty"`
	StartTime     *int64   `json:"start_time,omitempty"` // ms, -1 no open transaction
	Partitions    []string `json:"partitions,omitempty"`
}

func (k *cluster) txnListCommand() *cobra.Command {
	var states []string
	var producers []int64
	var pattern string
	var longer time.Duration
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List transactional ids and their states", Args: args(cobra.NoArgs),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
			listed, err := adm.ListTransactionsByTxPattern(ctx, producers, states, pattern)
			if err != nil {
				return fmt.Errorf("listing transactions: %w", err)
			}
			var described kadm.DescribedTransactions
			if longer > 0 && len(listed) > 0 { // not every broker can filter by time
				if described, err = describeTxns(ctx, adm, listed.TransactionalIDs()...); err != nil {
					return fmt.Errorf("describing transactions: %w", err)
				}
			}
			views := []txnView{}
			t := table{header: []string{"TRANSACTIONAL ID", "COORDINATOR", "PRODUCER", "STATE"}}
			for _, l := range listed.Sorted() {
				if d := described[l.TxnID]; longer > 0 && (!isOpen(d) || since(d.StartTimestamp) < longer) {
					continue
				}
				views = append(views, txnView{ID: l.TxnID, Coordinator: l.Coordinator, ProducerID: l.ProducerID, State: l.State})
				t.add(l.TxnID, num(l.Coordinator), num(l.ProducerID), l.State)
			}
			return show(k.Out, k.output, views, t)
		})}
	c.Flags().StringSliceVar(&states, "state", nil, "only in these states, such as Ongoing")
	c.Flags().Int64SliceVar(&producers, "producer-id", nil, "only of these producer ids")
	c.Flags().StringVar(&pattern, "id-pattern", "", "only ids that match this regular expression (Kafka 4.1 and later)")
	c.Flags().DurationVar(&longer, "running-longer-than", 0, "only transactions that have been open for so long, such as 5m")
	complete(c, "state", "Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence")
	return c
}

// coordinatorPatience bounds the wait for a coordinator that is not there yet:
// the first to ask for one makes the broker create its topic.
const coordinatorPatience = 10 * time.Second

// describeTxns describes transactional ids.
func describeTxns(ctx context.Context, adm *kadm.Client, ids ...string) (kadm.DescribedTransactions, error) {
	for patience := time.Now().Add(coordinatorPatience); ; {
		described, err := adm.DescribeTransactions(ctx, ids...)
		var shards *kadm.ShardErrors
		if errors.As(err, &shards) { // its own text is about how the client splits requests
			err = shards.Errs[0].Err
		}
		if !(errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.CoordinatorLoadInProgress)) || time.Now().After(patience) {
			return described, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// isOpen says whether a transaction has begun and not ended; the start time stays
// after the end.
func isOpen(d kadm.DescribedTransaction) bool {
	return d.StartTimestamp >= 0 && (d.State == "Ongoing" || strings.HasPrefix(d.State, "Prepare"))
}

func since(ms int64) time.Duration { return time.Since(time.UnixMilli(ms)) }

func (k *cluster) txnDescribeCommand() *cobra.Command {
	return &cobra.Command{Use: "describe ID...", Short: "Show the state of transactional ids", Args: args(cobra.MinimumNArgs(1)),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, ids []string) error {
			return k.showTxns(ctx, adm, ids)
		})}
}

// showTxns describes transactional ids; all must be there.
func (k *cluster) showTxns(ctx context.Context, adm *kadm.Client, ids []string) error {
	described, err := describeTxns(ctx, adm, ids...)
	if err != nil {
		return fmt.Errorf("describing transactions: %w", err)
	}
	views := []txnView{}
	t := table{header: []string{"TRANSACTIONAL ID", "COORDINATOR", "PRODUCER", "EPOCH", "STATE", "TIMEOUT", "STARTED", "OPEN FOR", "PARTITIONS"}}
	for _, d := range described.Sorted() {
		if d.Err != nil && !errors.Is(d.Err, kerr.TransactionalIDNotFound) {
			return fmt.Errorf("describing transactional id %s: %w", d.TxnID, d.Err)
		}
		if d.Err != nil {
			return noTxn(d)
		}
		v := txnView{ID: d.TxnID, Coordinator: d.Coordinator, ProducerID: d.ProducerID, State: d.State,
			ProducerEpoch: &d.ProducerEpoch, TimeoutMs: &d.TimeoutMillis, StartTime: &d.StartTimestamp}
		for _, tp := range d.Topics.Sorted() {
			for _, p := range tp.Partitions {
				v.Partitions = append(v.Partitions, fmt.Sprintf("%s-%d", tp.Topic, p))
			}
		}
		open := "-"
		if isOpen(d) {
			open = since(d.StartTimestamp).Round(time.Second).String()
		}
		views = append(views, v)
		t.add(v.ID, num(v.Coordinator), num(v.ProducerID), num(d.ProducerEpoch), v.State,
			(time.Duration(d.TimeoutMillis) * time.Millisecond).String(), moment(d.StartTimestamp), open, strings.Join(v.Partitions, ","))
	}
	return show(k.Out, k.output, views, t)
}

// noTxn is the error of a transactional id that is not described.
func noTxn(d kadm.DescribedTransaction) error {
	if errors.Is(d.Err, kerr.TransactionalIDNotFound) {
		return &notFoundError{"there is no transactional id " + d.TxnID + "; leat txn list shows those that are"}
	}
	return fmt.Errorf("describing transactional id %s: %w", d.TxnID, d.Err)
}

// producerView is the state that a partition keeps of a producer.
type producerView struct {
	Topic            string `json:"topic"`
	Partition        int32  `json:"partition"`
	ProducerID       int64  `json:"producer_id"`
	ProducerEpoch    int16  `json:"producer_epoch"`
	CoordinatorEpoch int32  `json:"coordinator_epoch"` // -1 none
	LastSequence     int32  `json:"last_sequence"`
	LastTimestamp    int64  `json:"last_timestamp"`   // ms
	TxnStartOffset   int64  `json:"txn_start_offset"` // -1 none
	// TransactionalID is filled by find-hanging, where it is known.
	TransactionalID string `json:"transactional_id,omitempty"`
}

var producerHeader = []string{"PARTITION", "PRODUCER", "EPOCH", "COORDINATOR EPOCH", "LAST SEQUENCE", "LAST TIME", "TXN START"}

func (v producerView) cells() []string {
	return []string{fmt.Sprintf("%s-%d", v.Topic, v.Partition), num(v.ProducerID), num(v.ProducerEpoch), none(v.CoordinatorEpoch),
		none(v.LastSequence), moment(v.LastTimestamp), none(v.TxnStartOffset)}
}

// producers describes the producers of partitions; of all partitions of a topic
// if the list is empty.
func producers(ctx context.Context, adm *kadm.Client, topics map[string][]int32) ([]producerView, error) {
	var set kadm.TopicsSet
	for name, list := range topics {
		t, err := find(ctx, adm, name)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			if _, ok := t.Partitions[p]; !ok {
				return nil, noPartition(name, p, len(t.Partitions))
			}
		}
		if len(list) == 0 {
			list = t.Partitions.Numbers()
		}
		set.Add(name, list...)
	}
	described, err := adm.DescribeProducers(ctx, set)
	if err != nil {
		return nil, fmt.Errorf("describing producers: %w", err)
	}
	views := []producerView{}
	for _, p := range described.SortedPartitions() {
		if p.Err != nil {
			return nil, fmt.Errorf("describing the producers of %s-%d: %w", p.Topic, p.Partition, withDetail(p.Err, p.ErrMessage))
		}
		for _, d := range p.ActiveProducers.Sorted() {
			views = append(views, producerView{d.Topic, d.Partition, d.ProducerID, d.ProducerEpoch, d.CoordinatorEpoch, d.LastSequence, d.LastTimestamp, d.CurrentTxnStartOffset, ""})
		}
	}
	return views, nil
}

func (k *cluster) txnProducersCommand() *cobra.Command {
	var partitions []int32
	c := &cobra.Command{Use: "describe-producers TOPIC", Short: "Show the producers that partitions know", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, names []string) error {
			views, err := producers(ctx, adm, map[string][]int32{names[0]: partitions})
			if err != nil {
				return err
			}
			t := table{header: producerHeader}
			for _, v := range views {
				t.add(v.cells()...)
			}
			return show(k.Out, k.output, views, t)
		})}
	c.Flags().Int32SliceVarP(&partitions, "partition", "p", nil, "these partitions only")
	return c
}
