package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

func (s *saram) txProducer(id string) (sarama.AsyncProducer, error) {
	c := saramaConfig()
	c.Producer.Transaction.ID = id
	return sarama.NewAsyncProducer(s.addrs, c)
}

func (s *saram) txOpen(_ context.Context, a *args) (*result, error) {
	p, err := s.txProducer(a.TxID)
	if err != nil {
		return nil, err
	}
	s.producers.put(a.On, p)
	return &result{}, nil
}

func (s *saram) txBegin(_ context.Context, a *args) (*result, error) {
	p, err := s.producers.get(a.On)
	if err != nil {
		return nil, err
	}
	return &result{}, p.BeginTxn()
}

func (s *saram) txSend(_ context.Context, a *args) (*result, error) {
	p, err := s.producers.get(a.On)
	if err != nil {
		return nil, err
	}
	return saramaSend(p, a)
}

func (s *saram) txEnd(_ context.Context, a *args) (*result, error) {
	p, err := s.producers.get(a.On)
	if err != nil {
		return nil, err
	}
	if a.Committed {
		return &result{}, p.CommitTxn()
	}
	return &result{}, p.AbortTxn()
}

func (s *saram) txClose(_ context.Context, a *args) (*result, error) {
	p, err := s.producers.take(a.On)
	if err != nil {
		return nil, err
	}
	return &result{}, p.Close()
}

func (s *saram) transform(ctx context.Context, a *args) (*result, error) {
	c, err := s.join(a)
	if err != nil {
		return nil, err
	}
	p, err := s.txProducer(a.TxID)
	if err != nil {
		return nil, errors.Join(err, c.leave())
	}
	res, err := saramaTransform(ctx, c, p, a)
	return res, errors.Join(err, p.Close(), c.leave())
}

func saramaTransform(ctx context.Context, c *saramaConsumer, p sarama.AsyncProducer, a *args) (*result, error) {
	res := &result{}
	n := 0
	for done := 0; done < a.Count; {
		batch := c.take(ctx, time.Second, txBatch)
		if _, err := c.look(); err != nil || ctx.Err() != nil {
			return nil, fmt.Errorf("after %d of %d records: %w", done, a.Count, errors.Join(err, ctx.Err()))
		}
		if len(batch) == 0 {
			continue
		}
		for committed := false; !committed; {
			n++
			committed = n%abortEvery != 0
			if err := saramaTransaction(p, batch, a, committed); err != nil {
				return nil, err
			}
			if !committed {
				res.Aborted++
			}
		}
		done += len(batch)
	}
	return res, nil
}

func saramaTransaction(p sarama.AsyncProducer, batch []claimed, a *args, commit bool) error {
	if err := p.BeginTxn(); err != nil {
		return err
	}
	out := &args{Topic: a.Out}
	offsets := map[int32]int64{}
	for _, m := range batch {
		out.Records = append(out.Records, record{Partition: m.Partition, Key: m.Key, Value: append([]byte("out "), m.Value...)})
		offsets[m.Partition] = m.Offset + 1
	}
	if _, err := saramaSend(p, out); err != nil {
		return err
	}
	var next []*sarama.PartitionOffsetMetadata
	for partition, o := range offsets {
		next = append(next, &sarama.PartitionOffsetMetadata{Partition: partition, Offset: o})
	}
	metadata := sarama.NewConsumerGroupMetadataFromSession(batch[0].session, a.Group, nil)
	if err := p.AddOffsetsToTxnWithGroupMetadata(map[string][]*sarama.PartitionOffsetMetadata{a.Topic: next}, metadata); err != nil {
		return err
	}
	if commit {
		return p.CommitTxn()
	}
	return p.AbortTxn()
}
