package broker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/leat-project/leat/broker/brokertest"
)

// protocols are both ways in which clients run transactions.
func protocols() map[string][]kgo.Opt {
	old := kversion.V3_9_0()
	return map[string][]kgo.Opt{"version 2": nil, "version 1": {kgo.MaxVersions(old)}}
}

func transact(t *testing.T, ctx context.Context, cl *kgo.Client, commit bool, topic string, from, n int) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatalf("beginning: %v", err)
	}
	for i := range n {
		cl.Produce(ctx, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%v-%d", commit, from+i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("producing: %v", err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatalf("flushing: %v", err)
	}
	if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		t.Fatalf("ending: %v", err)
	}
}

func TestTransactions(t *testing.T) {
	for name, opts := range protocols() {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t, map[string]string{"num.partitions": "2"})
			ctx := testContext(t)
			p := client(t, b, append(opts, kgo.TransactionalID("tx"), kgo.AllowAutoTopicCreation())...)
			for i := range 5 {
				transact(t, ctx, p, true, "tt", i*10, 10)
				transact(t, ctx, p, false, "tt", i*10, 10)
			}
			c := client(t, b, kgo.ConsumeTopics("tt"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
			for _, r := range consume(t, ctx, c, 50) {
				if string(r.Value[:4]) != "true" {
					t.Fatalf("read aborted record %s", r.Value)
				}
			}
			dirty := client(t, b, kgo.ConsumeTopics("tt"))
			if n := len(consume(t, ctx, dirty, 100)); n != 100 {
				t.Fatalf("read_uncommitted saw %d records, want 100", n)
			}
		})
	}
}

func TestZombieIsFenced(t *testing.T) {
	for name, opts := range protocols() {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t, nil)
			ctx := testContext(t)
			opts := append(opts, kgo.TransactionalID("tx"), kgo.AllowAutoTopicCreation())
			old := client(t, b, opts...)
			transact(t, ctx, old, true, "tt", 0, 1)
			if err := old.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := old.ProduceSync(ctx, &kgo.Record{Topic: "tt", Value: []byte("open")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			transact(t, ctx, client(t, b, opts...), true, "tt", 1, 1)
			err := old.ProduceSync(ctx, &kgo.Record{Topic: "tt", Value: []byte("late")}).FirstErr()
			if err == nil {
				err = old.EndTransaction(ctx, kgo.TryCommit)
			}
			if err == nil {
				t.Fatal("the fenced producer committed")
			}
			for _, r := range consume(t, ctx, client(t, b, kgo.ConsumeTopics("tt"), kgo.FetchIsolationLevel(kgo.ReadCommitted())), 2) {
				if string(r.Value) == "open" || string(r.Value) == "late" {
					t.Fatalf("read %s of the fenced producer", r.Value)
				}
			}
		})
	}
}

func TestOffsetsInTransaction(t *testing.T) {
	for name, opts := range protocols() {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t, nil)
			ctx := testContext(t)
			produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "in", 100)
			produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "out", 1)
			s, err := kgo.NewGroupTransactSession(append(opts, kgo.SeedBrokers(b.Addr()), kgo.TransactionalID("eos"), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("in"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			copyAll(t, ctx, s, 100, kgo.TryAbort)
			if at := committed(t, ctx, b, "g", "in"); at > 0 {
				t.Fatalf("offset %d is visible after an abort", at)
			}
			copyAll(t, ctx, s, 100, kgo.TryCommit)
			for committed(t, ctx, b, "g", "in") != 100 { // markers follow the answer
				if ctx.Err() != nil {
					t.Fatal("the committed offset never became visible")
				}
			}
			b.Restart()
			if at := committed(t, ctx, b, "g", "in"); at != 100 {
				t.Fatalf("offset after restart = %d, want 100", at)
			}
		})
	}
}

func copyAll(t *testing.T, ctx context.Context, s *kgo.GroupTransactSession, n int, how kgo.TransactionEndTry) {
	t.Helper()
	for got := 0; got < n; {
		fs := s.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Begin(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fs.Records() {
			s.Produce(ctx, &kgo.Record{Topic: "out", Value: r.Value}, nil)
			got++
		}
		if ok, err := s.End(ctx, how); err != nil || ok != bool(how) {
			t.Fatalf("ending: committed %v, %v", ok, err)
		}
	}
}

func committed(t *testing.T, ctx context.Context, b *brokertest.Broker, group, topic string) int64 {
	t.Helper()
	offsets, err := admin(t, b).FetchOffsets(ctx, group)
	if err != nil {
		t.Fatal(err)
	}
	o, ok := offsets.Lookup(topic, 0)
	if !ok {
		return -1
	}
	return o.At
}

func TestTransactionTimesOut(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"transaction.abort.timed.out.transaction.cleanup.interval.ms": "50"})
	ctx := testContext(t)
	// Long enough for the record to be in before the end.
	p := client(t, b, kgo.TransactionalID("tx"), kgo.TransactionTimeout(2*time.Second))
	if _, err := admin(t, b).CreateTopic(ctx, 1, 1, nil, "tt"); err != nil {
		t.Fatal(err)
	}
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := p.ProduceSync(ctx, &kgo.Record{Topic: "tt", Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	produce(t, ctx, client(t, b), "tt", 1)
	c := client(t, b, kgo.ConsumeTopics("tt"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if r := consume(t, ctx, c, 1)[0]; string(r.Value) != "v0" {
		t.Fatalf("read %s", r.Value)
	}
	txns, err := admin(t, b).DescribeTransactions(ctx, "tx")
	if err != nil {
		t.Fatal(err)
	}
	if st := txns["tx"].State; st != "CompleteAbort" && st != "PrepareAbort" {
		t.Fatalf("state = %s", st)
	}
	if err := p.EndTransaction(ctx, kgo.TryCommit); err == nil {
		t.Fatal("committed a transaction that had timed out")
	}
}

func TestTransactionsSurviveRestart(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	p := client(t, b, kgo.TransactionalID("tx"), kgo.AllowAutoTopicCreation())
	transact(t, ctx, p, true, "tt", 0, 3)
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := p.ProduceSync(ctx, &kgo.Record{Topic: "tt", Value: []byte("across")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	if err := p.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatalf("committing after the restart: %v", err)
	}
	consume(t, ctx, client(t, b, kgo.ConsumeTopics("tt"), kgo.FetchIsolationLevel(kgo.ReadCommitted())), 4)
}

func TestListTransactions(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	transact(t, ctx, client(t, b, kgo.TransactionalID("tx-1"), kgo.AllowAutoTopicCreation()), true, "tt", 0, 1)
	listed, err := admin(t, b).ListTransactions(ctx, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := listed["tx-1"]; !ok {
		t.Fatalf("listed %v", listed)
	}
	var ke *kerr.Error
	if _, err := admin(t, b).DescribeTransactions(ctx, "none"); errors.As(err, &ke) {
		t.Fatalf("describing an unknown id failed as a whole: %v", err)
	}
	req := kmsg.NewPtrListTransactionsRequest()
	req.StateFilters = []string{"Ongoing", "Nonsense"}
	req.DurationFilterMillis = -1
	resp, err := req.RequestWith(ctx, client(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.TransactionStates) != 0 || len(resp.UnknownStateFilters) != 1 {
		t.Fatalf("filtered list = %+v", resp)
	}
}
