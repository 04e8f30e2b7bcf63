package brokercrash

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"time"

	"github.com/IBM/sarama"
)

// saramaConfig is a client that does not give up on a broker that is down for a
// moment.
func saramaConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Net.MaxOpenRequests = 1
	c.Net.DialTimeout, c.Net.ReadTimeout = 2*time.Second, 10*time.Second
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 1000, 20*time.Millisecond
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Retry.Max, c.Producer.Retry.Backoff = 1000, 20*time.Millisecond
	c.Producer.Return.Successes, c.Producer.Return.Errors = true, true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Transaction.Retry.Max, c.Producer.Transaction.Retry.Backoff = 1000, 20*time.Millisecond
	c.Consumer.Return.Errors = true
	c.Consumer.Retry.Backoff = 20 * time.Millisecond
	c.Consumer.MaxWaitTime = 200 * time.Millisecond
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.ApiVersionsRequest = true
	sarama.Logger = log.New(io.Discard, "", 0)
	return c
}

// producer connects, however long that takes; nil when the load is to end.
func (w *world) saramaProducer(c *sarama.Config) sarama.SyncProducer {
	for w.ctx.Err() == nil && !w.t.Failed() {
		p, err := sarama.NewSyncProducer([]string{w.p.Kafka()}, c)
		if err == nil {
			return p
		}
		w.running()
	}
	return nil
}

// writeOther is write with sarama.
func (w *world) writeOther(rng *rand.Rand) {
	const topic = "plain-other"
	p := w.saramaProducer(saramaConfig())
	if p == nil {
		return
	}
	defer p.Close()
	for w.running() {
		var batch []*sarama.ProducerMessage
		for range 1 + rng.IntN(12) {
			part := rng.Int32N(partitions)
			n := w.journal.next(topic, part)
			batch = append(batch, &sarama.ProducerMessage{Topic: topic, Partition: part, Value: sarama.StringEncoder(plainValue(n, rng.IntN(300)))})
		}
		if err := p.SendMessages(batch); err != nil {
			w.t.Errorf("producing to %s: %v", topic, saramaErrors(err))
			return
		}
		for _, m := range batch {
			w.journal.acknowledged(topic, m.Partition)
		}
	}
}

// saramaErrors says what the first of several errors is.
func saramaErrors(err error) error {
	var list sarama.ProducerErrors
	if errors.As(err, &list) && len(list) > 0 {
		return fmt.Errorf("%d errors, the first: %w", len(list), list[0].Err)
	}
	return err
}

// transactOther is transact with sarama.
func (w *world) transactOther(rng *rand.Rand) {
	const topic = "tx-other"
	n := 0
	for w.running() {
		c := saramaConfig()
		c.Producer.Transaction.ID = "writer-" + topic
		p := w.saramaProducer(c)
		if p == nil {
			return
		}
		for w.running() {
			n++
			if !w.transactOtherOnce(p, rng, topic, fmt.Sprintf("%s.%d", topic, n)) {
				break
			}
		}
		p.Close() // its error is that of the transaction
	}
	// Whoever comes last ends what may still be open.
	c := saramaConfig()
	c.Producer.Transaction.ID = "writer-" + topic
	if p := w.saramaProducer(c); p != nil {
		p.Close()
	}
}

func (w *world) transactOtherOnce(p sarama.SyncProducer, rng *rand.Rand, topic, name string) bool {
	if err := p.BeginTxn(); err != nil {
		return false
	}
	size := 1 + rng.IntN(12)
	w.journal.ended(name, size, unsure)
	var batch []*sarama.ProducerMessage
	for i := range size {
		batch = append(batch, &sarama.ProducerMessage{Topic: topic, Partition: rng.Int32N(partitions), Value: sarama.StringEncoder(txnValue(name, i, rng.IntN(200)))})
	}
	if err := p.SendMessages(batch); err != nil {
		return false
	}
	if rng.IntN(5) == 0 {
		if err := p.AbortTxn(); err != nil {
			return false
		}
		w.journal.ended(name, size, aborted)
		return true
	}
	if err := p.CommitTxn(); err != nil {
		return false
	}
	w.journal.ended(name, size, committed)
	return true
}

// copyOther is copy with sarama: partitions assigned by hand, offsets of group
// "copier-other" in the transaction.
func (w *world) copyOther(rng *rand.Rand) {
	for w.unfinished("copier-other", "plain-other") {
		c := saramaConfig()
		c.Producer.Transaction.ID = "copier-other"
		p := w.saramaProducer(c) // ends what its predecessor left open, so the offsets below are final
		if p == nil {
			return
		}
		if err := w.copyOtherFrom(rng, p, c); err != nil && !w.stop.Load() {
			w.t.Logf("copier-other begins anew: %v", err)
		}
		p.Close()
	}
}

func (w *world) copyOtherFrom(rng *rand.Rand, p sarama.SyncProducer, c *sarama.Config) error {
	consumer, err := sarama.NewConsumer([]string{w.p.Kafka()}, c)
	if err != nil {
		return err
	}
	defer consumer.Close()
	at := w.fetchOffsets("copier-other")
	messages := make(chan *sarama.ConsumerMessage)
	quit := make(chan struct{})
	defer close(quit)
	for part := range int32(partitions) {
		pc, err := consumer.ConsumePartition("plain-other", part, max(at[place("plain-other", part)], 0))
		if err != nil {
			return err
		}
		defer pc.AsyncClose()
		go func() { // ends with the partition consumer
			for range pc.Errors() {
				continue // the consumer tries again by itself
			}
		}()
		go func() { // ends with the partition consumer
			for m := range pc.Messages() {
				select {
				case messages <- m:
				case <-quit:
				}
			}
		}()
	}
	for w.unfinished("copier-other", "plain-other") {
		if err := w.copyOtherOnce(rng, p, messages); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) copyOtherOnce(rng *rand.Rand, p sarama.SyncProducer, messages <-chan *sarama.ConsumerMessage) error {
	var batch []*sarama.ProducerMessage
	offsets := map[string][]*sarama.PartitionOffsetMetadata{}
	next := map[int32]int64{}
	deadline := time.After(30 * time.Millisecond)
	for full := false; !full && len(batch) < w.copySize(); {
		select {
		case m := <-messages:
			batch = append(batch, &sarama.ProducerMessage{Topic: "copy-other", Partition: m.Partition, Value: sarama.ByteEncoder(m.Value)})
			next[m.Partition] = m.Offset + 1
		case <-deadline:
			full = true
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
	if len(batch) == 0 {
		return nil
	}
	for part, off := range next {
		offsets["plain-other"] = append(offsets["plain-other"], &sarama.PartitionOffsetMetadata{Partition: part, Offset: off, LeaderEpoch: -1})
	}
	if err := p.BeginTxn(); err != nil {
		return err
	}
	if err := p.SendMessages(batch); err != nil {
		return saramaErrors(err)
	}
	if err := p.AddOffsetsToTxn(offsets, "copier-other"); err != nil {
		return err
	}
	if rng.IntN(6) == 0 && !w.stop.Load() { // begin anew, as the consumer has moved on
		return errors.Join(p.AbortTxn(), errors.New("aborted on purpose"))
	}
	return p.CommitTxn()
}
