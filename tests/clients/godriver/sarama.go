package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// saram is the client sarama.
type saram struct {
	addrs     []string
	client    sarama.Client
	admin     sarama.ClusterAdmin
	consumers handles[*saramaConsumer]
	producers handles[sarama.AsyncProducer]
}

func newSarama(addr string) (map[string]operation, error) {
	s := &saram{addrs: []string{addr}}
	var err error
	if s.client, err = sarama.NewClient(s.addrs, saramaConfig()); err != nil {
		return nil, err
	}
	if s.admin, err = sarama.NewClusterAdminFromClient(s.client); err != nil {
		return nil, err
	}
	return map[string]operation{
		"create_topic": s.createTopic, "delete_topic": s.deleteTopic, "topics": s.topics, "add_partitions": s.addPartitions,
		"configs": s.configs, "set_configs": s.setConfigs, "delete_records": s.deleteRecords, "offsets": s.offsets,
		"groups": s.groups, "group": s.group, "committed": s.committed, "set_committed": s.setCommitted,
		"delete_group": s.deleteGroup, "evict": s.evict, "cluster": s.cluster, "transactions": s.transactions,
		"produce": s.produce, "read": s.read,
		"open": s.open, "poll": s.poll, "commit": s.commit, "close": s.close,
		"tx_open": s.txOpen, "tx_begin": s.txBegin, "tx_send": s.txSend, "tx_end": s.txEnd, "tx_close": s.txClose,
		"transform": s.transform,
	}, nil
}

func saramaConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1 // the idempotent producer of sarama asks for it
	// By itself it gives up on a broker that is busy for a second.
	c.Admin.Timeout, c.Producer.Timeout = callTime, callTime
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 300, 100*time.Millisecond
	c.Producer.Retry.Max, c.Producer.Transaction.Retry.Max = 300, 300
	c.Producer.Return.Successes, c.Producer.Return.Errors = true, true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	c.Consumer.Return.Errors = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Heartbeat.Interval = heartbeat
	c.Metadata.AllowAutoTopicCreation = false
	return c
}

func (s *saram) produce(_ context.Context, a *args) (*result, error) {
	c := saramaConfig()
	codecs := map[string]sarama.CompressionCodec{
		"": sarama.CompressionNone, "none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
		"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
	codec, ok := codecs[a.Codec]
	if !ok {
		return nil, fmt.Errorf("no codec %q", a.Codec)
	}
	c.Producer.Compression = codec
	if a.MaxBytes > 0 {
		c.Producer.MaxMessageBytes = a.MaxBytes
	}
	p, err := sarama.NewAsyncProducer(s.addrs, c)
	if err != nil {
		return nil, err
	}
	res, err := saramaSend(p, a)
	return res, errors.Join(err, p.Close())
}

// saramaSend hands all records over and waits until all are answered.
func saramaSend(p sarama.AsyncProducer, a *args) (*result, error) {
	go func() {
		for i, r := range a.Records {
			m := &sarama.ProducerMessage{Topic: a.Topic, Partition: r.Partition, Metadata: i}
			if r.Key != nil {
				m.Key = sarama.ByteEncoder(r.Key)
			}
			if r.Value != nil {
				m.Value = sarama.ByteEncoder(r.Value)
			}
			if r.Millis != 0 {
				m.Timestamp = time.UnixMilli(r.Millis)
			}
			for _, h := range r.Headers {
				m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
			}
			p.Input() <- m
		}
	}()
	res := &result{Records: make([]record, len(a.Records))}
	var errs []error
	for range a.Records {
		select {
		case m := <-p.Successes():
			res.Records[m.Metadata.(int)] = record{Partition: m.Partition, Offset: m.Offset}
		case e := <-p.Errors():
			errs = append(errs, e.Err)
		}
	}
	return res, errors.Join(errs...)
}

func saramaRecord(m *sarama.ConsumerMessage) record {
	out := record{Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, Millis: m.Timestamp.UnixMilli()}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, header{string(h.Key), h.Value})
	}
	return out
}

func (s *saram) read(ctx context.Context, a *args) (*result, error) {
	conf := saramaConfig()
	if a.Committed {
		conf.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	c, err := sarama.NewConsumer(s.addrs, conf)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	messages := make(chan *sarama.ConsumerMessage)
	failed := make(chan error)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for p, o := range a.Offsets {
		pc, err := c.ConsumePartition(a.Topic, p, o)
		if err != nil {
			return nil, err
		}
		defer pc.AsyncClose()
		go func() {
			for {
				select {
				case m := <-pc.Messages():
					select {
					case messages <- m:
					case <-ctx.Done():
					}
				case e := <-pc.Errors():
					select {
					case failed <- e:
					case <-ctx.Done():
					}
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	res := &result{}
	for len(res.Records) < a.Count {
		select {
		case m := <-messages:
			res.Records = append(res.Records, saramaRecord(m))
		case err := <-failed:
			return nil, err
		case <-ctx.Done():
			return nil, fmt.Errorf("after %d of %d records: %w", len(res.Records), a.Count, ctx.Err())
		}
	}
	return res, nil
}
