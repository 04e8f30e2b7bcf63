package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// txBatch is how many records a transaction of transform holds at most.
const txBatch = 20

// abortEvery says which transactions of transform are aborted and done again.
const abortEvery = 3

func (f *franz) txOpen(ctx context.Context, a *args) (*result, error) {
	cl, err := f.client(kgo.TransactionalID(a.TxID), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	f.producers.put(a.On, cl)
	_, _, err = cl.ProducerID(ctx)
	return &result{}, err
}

func (f *franz) txBegin(_ context.Context, a *args) (*result, error) {
	cl, err := f.producers.get(a.On)
	if err != nil {
		return nil, err
	}
	return &result{}, cl.BeginTransaction()
}

func (f *franz) txSend(ctx context.Context, a *args) (*result, error) {
	cl, err := f.producers.get(a.On)
	if err != nil {
		return nil, err
	}
	return franzSend(ctx, cl, a)
}

// txEnd commits or, without Committed, aborts.
func (f *franz) txEnd(ctx context.Context, a *args) (*result, error) {
	cl, err := f.producers.get(a.On)
	if err != nil {
		return nil, err
	}
	return &result{}, cl.EndTransaction(ctx, kgo.TransactionEndTry(a.Committed))
}

func (f *franz) txClose(_ context.Context, a *args) (*result, error) {
	cl, err := f.producers.take(a.On)
	if err != nil {
		return nil, err
	}
	cl.Close()
	return &result{}, nil
}

func (f *franz) transform(ctx context.Context, a *args) (*result, error) {
	opts, err := f.groupOpts(a)
	if err != nil {
		return nil, err
	}
	opts = append(opts, kgo.SeedBrokers(f.addr), kgo.FetchMaxWait(100*time.Millisecond), kgo.TransactionalID(a.TxID),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequireStableFetchOffsets())
	s, err := kgo.NewGroupTransactSession(opts...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	res := &result{}
	for done, n := 0, 0; done < a.Count; {
		fs := s.PollRecords(ctx, txBatch)
		if err := fs.Err(); err != nil {
			return nil, fmt.Errorf("after %d of %d records: %w", done, a.Count, err)
		}
		rs := fs.Records()
		if len(rs) == 0 {
			continue
		}
		if err := s.Begin(); err != nil {
			return nil, err
		}
		promise := kgo.AbortingFirstErrPromise(s.Client())
		for _, r := range rs {
			s.Produce(ctx, &kgo.Record{Topic: a.Out, Partition: r.Partition, Key: r.Key, Value: append([]byte("out "), r.Value...)}, promise.Promise())
		}
		if err := promise.Err(); err != nil {
			return nil, err
		}
		n++
		want := n%abortEvery != 0
		committed, err := s.End(ctx, kgo.TransactionEndTry(want))
		switch {
		case err != nil:
			return nil, err
		case committed:
			done += len(rs)
		case want:
			return nil, errors.New("a transaction was aborted though nothing disturbed it")
		default:
			res.Aborted++
		}
	}
	return res, nil
}
