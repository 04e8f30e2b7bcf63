package txn

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/shape"
)

// A record of __transaction_state, big endian; strings have a length int16 and
// arrays one of int32, in version 1 compact lengths and tagged fields at the end:
//
//	key      version int16 = 0 | transactional id string
//	value    version int16 | producer id int64 | producer epoch int16 | timeout ms int32 | state int8 |
//	         topics [] or null, each: topic string, partitions [] int32 |
//	         last update ms int64 | start ms int64, -1 none
//	         version 1, tags: 0 previous producer id, 1 next producer id, 2 transaction version of the client
//
// A key without a value is a tombstone.

func key(id string) []byte {
	k := kmsg.TxnMetadataKey{TransactionalID: id}
	return k.AppendTo(nil)
}

// write logs a transactional id as it stands, in Kafka's format: value version
// 0 unless a field of KIP-890 is in use.
func (s *Shard) write(tx *coordinator.Tx, t *txn) {
	t.updated = tx.Now.UnixMilli()
	v := kmsg.NewTxnMetadataValue()
	v.ProducerID, v.ProducerEpoch, v.TimeoutMillis = t.producerID, t.epoch, int32(t.timeout.Milliseconds())
	v.State = kmsg.TransactionState(t.state)
	v.LastUpdateTimestamp, v.StartTimestamp = t.updated, t.start
	v.PreviousProducerID, v.NextProducerID, v.ClientTransactionVersion = t.prevID, t.nextID, t.version
	if t.version > 0 || t.prevID >= 0 || t.nextID >= 0 {
		v.Version = 1
	}
	if t.state != Empty {
		v.Topics = topics(t.partitions)
	}
	tx.Write(coordinator.Record{Key: key(t.id), Value: v.AppendTo(nil)})
}

// topics groups partitions; never nil.
func topics(partitions map[Partition]bool) []kmsg.TxnMetadataValueTopic {
	sorted := sortedPartitions(partitions)
	out := []kmsg.TxnMetadataValueTopic{}
	for _, p := range sorted {
		if n := len(out); n == 0 || out[n-1].Topic != p.Topic {
			t := kmsg.NewTxnMetadataValueTopic()
			t.Topic = p.Topic
			out = append(out, t)
		}
		last := &out[len(out)-1]
		last.Partitions = append(last.Partitions, p.Partition)
	}
	return out
}

func sortedPartitions(partitions map[Partition]bool) []Partition {
	sorted := make([]Partition, 0, len(partitions))
	for p := range partitions {
		sorted = append(sorted, p)
	}
	slices.SortFunc(sorted, func(a, b Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return sorted
}

// newestValue is the newest version of values, in Kafka 4, and the first
// flexible one.
const newestValue = 1

var valueLayout = sync.OnceValue(func() *shape.Layout { return shape.Of(&kmsg.TxnMetadataValue{Version: newestValue}, true) })

// Replay takes in one record of the partition.
func (s *Shard) Replay(e coordinator.Entry) error {
	if e.Marker {
		return nil
	}
	if len(e.Key) < 2 {
		return fmt.Errorf("transaction record has a key of %d bytes", len(e.Key))
	}
	if kind := int16(binary.BigEndian.Uint16(e.Key)); kind != 0 {
		return coordinator.UnknownKind(kind)
	}
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(e.Key); err != nil {
		return fmt.Errorf("decoding key of a transaction record: %w", err)
	}
	if e.Value == nil {
		delete(s.txns, k.TransactionalID)
		return nil
	}
	v := kmsg.NewTxnMetadataValue()
	if err := coordinator.CheckValue(e.Value, newestValue, valueLayout); err != nil {
		return fmt.Errorf("transactional id %s: %w", k.TransactionalID, err)
	}
	if err := v.ReadFrom(e.Value); err != nil {
		return fmt.Errorf("decoding transactional id %s: %w", k.TransactionalID, err)
	}
	if v.State < kmsg.TransactionState(Empty) || v.State > kmsg.TransactionState(Dead) {
		return fmt.Errorf("transactional id %s: state %d, expected %d to %d", k.TransactionalID, v.State, Empty, Dead)
	}
	t := &txn{
		id: k.TransactionalID, producerID: v.ProducerID, prevID: -1, nextID: -1, epoch: v.ProducerEpoch, lastEpoch: noEpoch,
		timeout: time.Duration(v.TimeoutMillis) * time.Millisecond, state: State(v.State),
		start: v.StartTimestamp, updated: v.LastUpdateTimestamp, partitions: map[Partition]bool{},
	}
	if v.Version >= 1 {
		t.prevID, t.nextID, t.version = v.PreviousProducerID, v.NextProducerID, v.ClientTransactionVersion
	}
	for _, topic := range v.Topics {
		for _, p := range topic.Partitions {
			t.partitions[Partition{topic.Topic, p}] = true
		}
	}
	s.txns[t.id] = t
	return nil
}
