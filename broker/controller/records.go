package controller

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"
)

// Record is one metadata record. Kafka frames them as
//
//	frame version uvarint = 1 | api key uvarint | version uvarint | body
//
// with a body in the flexible encoding (compact lengths, trailing tags).
type Record interface {
	key() uint32
	version() uint32
	appendBody(dst []byte) []byte
	readBody(b *kbin.Reader, version uint32) error
}

// The api keys of Kafka's metadata records that occur here.
const (
	keyTopic           = 2
	keyPartition       = 3
	keyConfig          = 4
	keyPartitionChange = 5
	keyRemoveTopic     = 9
	keyFeatureLevel    = 12
	keyProducerIDs     = 15
	keyNoOp            = 20
)

const frameVersion = 1

// AppendRecord appends r with its frame to dst.
func AppendRecord(dst []byte, r Record) []byte {
	dst = kbin.AppendUvarint(dst, frameVersion)
	dst = kbin.AppendUvarint(dst, r.key())
	dst = kbin.AppendUvarint(dst, r.version())
	return r.appendBody(dst)
}

// ReadRecord decodes one framed record. A record of a kind this program does
// not know is an error: skipping it would lose metadata.
func ReadRecord(src []byte) (Record, error) {
	b := &kbin.Reader{Src: src}
	frame, key, version := b.Uvarint(), b.Uvarint(), b.Uvarint()
	if !b.Ok() || frame != frameVersion {
		return nil, fmt.Errorf("metadata record has frame version %d, expected %d", frame, frameVersion)
	}
	r := newRecord(key)
	if r == nil {
		return nil, fmt.Errorf("metadata record has unknown kind %d", key)
	}
	if err := r.readBody(b, version); err != nil {
		return nil, fmt.Errorf("decoding metadata record of kind %d version %d: %w", key, version, err)
	}
	if !b.Ok() {
		return nil, fmt.Errorf("metadata record of kind %d version %d is cut short", key, version)
	}
	return r, nil
}

func newRecord(key uint32) Record {
	switch key {
	case keyTopic:
		return &TopicRecord{}
	case keyPartition:
		return &PartitionRecord{}
	case keyConfig:
		return &ConfigRecord{}
	case keyPartitionChange:
		return &PartitionChangeRecord{}
	case keyRemoveTopic:
		return &RemoveTopicRecord{}
	case keyFeatureLevel:
		return &FeatureLevelRecord{}
	case keyProducerIDs:
		return &ProducerIDsRecord{}
	case keyNoOp:
		return &NoOpRecord{}
	}
	return nil
}

// TopicRecord creates a topic.
type TopicRecord struct {
	Name string
	ID   TopicID
}

func (*TopicRecord) key() uint32     { return keyTopic }
func (*TopicRecord) version() uint32 { return 0 }

func (r *TopicRecord) appendBody(dst []byte) []byte {
	dst = kbin.AppendCompactString(dst, r.Name)
	dst = kbin.AppendUuid(dst, r.ID)
	return append(dst, 0)
}

func (r *TopicRecord) readBody(b *kbin.Reader, _ uint32) error {
	r.Name, r.ID = b.CompactString(), b.Uuid()
	return skipTags(b)
}

// PartitionRecord creates a partition.
type PartitionRecord struct {
	Partition      int32
	Topic          TopicID
	Replicas       []int32
	ISR            []int32
	Leader         int32
	LeaderEpoch    int32
	PartitionEpoch int32
}

func (*PartitionRecord) key() uint32     { return keyPartition }
func (*PartitionRecord) version() uint32 { return 0 }

func (r *PartitionRecord) appendBody(dst []byte) []byte {
	dst = kbin.AppendInt32(dst, r.Partition)
	dst = kbin.AppendUuid(dst, r.Topic)
	dst = appendInts(dst, r.Replicas)
	dst = appendInts(dst, r.ISR)
	dst = appendInts(dst, nil) // removing replicas
	dst = appendInts(dst, nil) // adding replicas
	dst = kbin.AppendInt32(dst, r.Leader)
	dst = kbin.AppendInt32(dst, r.LeaderEpoch)
	dst = kbin.AppendInt32(dst, r.PartitionEpoch)
	return append(dst, 0)
}

func (r *PartitionRecord) readBody(b *kbin.Reader, version uint32) error {
	r.Partition, r.Topic = b.Int32(), b.Uuid()
	r.Replicas, r.ISR = readInts(b), readInts(b)
	readInts(b)
	readInts(b)
	r.Leader, r.LeaderEpoch, r.PartitionEpoch = b.Int32(), b.Int32(), b.Int32()
	if version >= 1 { // log directory ids of the replicas
		for range b.CompactArrayLen() {
			b.Uuid()
		}
	}
	return skipTags(b)
}

// PartitionChangeRecord changes a partition's leader or in-sync replicas.
// Every one of them bumps the partition epoch; a leader that is named bumps
// the leader epoch too, even when it is the present one.
type PartitionChangeRecord struct {
	Partition int32
	Topic     TopicID
	ISR       []int32 // nil: unchanged
	Leader    int32   // NoLeaderChange: unchanged
}

// NoLeaderChange in a PartitionChangeRecord leaves leader and epoch alone.
const NoLeaderChange = -2

func (*PartitionChangeRecord) key() uint32     { return keyPartitionChange }
func (*PartitionChangeRecord) version() uint32 { return 0 }

func (r *PartitionChangeRecord) appendBody(dst []byte) []byte {
	dst = kbin.AppendInt32(dst, r.Partition)
	dst = kbin.AppendUuid(dst, r.Topic)
	tags := uint32(0)
	if r.ISR != nil {
		tags++
	}
	if r.Leader != NoLeaderChange {
		tags++
	}
	dst = kbin.AppendUvarint(dst, tags)
	if r.ISR != nil {
		body := appendInts(nil, r.ISR)
		dst = kbin.AppendUvarint(dst, 0)
		dst = kbin.AppendUvarint(dst, uint32(len(body)))
		dst = append(dst, body...)
	}
	if r.Leader != NoLeaderChange {
		dst = kbin.AppendUvarint(dst, 1)
		dst = kbin.AppendUvarint(dst, 4)
		dst = kbin.AppendInt32(dst, r.Leader)
	}
	return dst
}

func (r *PartitionChangeRecord) readBody(b *kbin.Reader, _ uint32) error {
	r.Partition, r.Topic, r.Leader = b.Int32(), b.Uuid(), NoLeaderChange
	for range b.Uvarint() {
		tag, size := b.Uvarint(), b.Uvarint()
		field := &kbin.Reader{Src: b.Span(int(size))}
		switch tag {
		case 0:
			r.ISR = readInts(field)
		case 1:
			r.Leader = field.Int32()
		default:
			return fmt.Errorf("partition change has unsupported field %d", tag)
		}
		if !b.Ok() || !field.Ok() {
			return fmt.Errorf("partition change is cut short")
		}
	}
	return nil
}

// ConfigRecord sets or, with a nil value, removes one override.
type ConfigRecord struct {
	Resource Resource
	Name     string
	Value    *string
}

func (*ConfigRecord) key() uint32     { return keyConfig }
func (*ConfigRecord) version() uint32 { return 0 }

func (r *ConfigRecord) appendBody(dst []byte) []byte {
	dst = kbin.AppendInt8(dst, int8(r.Resource.Type))
	dst = kbin.AppendCompactString(dst, r.Resource.Name)
	dst = kbin.AppendCompactString(dst, r.Name)
	dst = kbin.AppendCompactNullableString(dst, r.Value)
	return append(dst, 0)
}

func (r *ConfigRecord) readBody(b *kbin.Reader, _ uint32) error {
	r.Resource.Type, r.Resource.Name = ResourceType(b.Int8()), b.CompactString()
	r.Name, r.Value = b.CompactString(), b.CompactNullableString()
	return skipTags(b)
}

// RemoveTopicRecord deletes a topic with its partitions and configuration.
type RemoveTopicRecord struct{ ID TopicID }

func (*RemoveTopicRecord) key() uint32     { return keyRemoveTopic }
func (*RemoveTopicRecord) version() uint32 { return 0 }

func (r *RemoveTopicRecord) appendBody(dst []byte) []byte {
	return append(kbin.AppendUuid(dst, r.ID), 0)
}

func (r *RemoveTopicRecord) readBody(b *kbin.Reader, _ uint32) error {
	r.ID = b.Uuid()
	return skipTags(b)
}

// FeatureLevelRecord finalizes a feature at a level; level 0 removes it.
type FeatureLevelRecord struct {
	Name  string
	Level int16
}

func (*FeatureLevelRecord) key() uint32     { return keyFeatureLevel }
func (*FeatureLevelRecord) version() uint32 { return 0 }

func (r *FeatureLevelRecord) appendBody(dst []byte) []byte {
	dst = kbin.AppendCompactString(dst, r.Name)
	return append(kbin.AppendInt16(dst, r.Level), 0)
}

func (r *FeatureLevelRecord) readBody(b *kbin.Reader, _ uint32) error {
	r.Name, r.Level = b.CompactString(), b.Int16()
	return skipTags(b)
}

// ProducerIDsRecord hands the ids below Next to a broker.
type ProducerIDsRecord struct {
	Broker      int32
	BrokerEpoch int64
	Next        int64
}

func (*ProducerIDsRecord) key() uint32     { return keyProducerIDs }
func (*ProducerIDsRecord) version() uint32 { return 0 }

func (r *ProducerIDsRecord) appendBody(dst []byte) []byte {
	dst = kbin.AppendInt32(dst, r.Broker)
	dst = kbin.AppendInt64(dst, r.BrokerEpoch)
	return append(kbin.AppendInt64(dst, r.Next), 0)
}

func (r *ProducerIDsRecord) readBody(b *kbin.Reader, _ uint32) error {
	r.Broker, r.BrokerEpoch, r.Next = b.Int32(), b.Int64(), b.Int64()
	return skipTags(b)
}

// NoOpRecord only moves the metadata offset.
type NoOpRecord struct{}

func (*NoOpRecord) key() uint32                             { return keyNoOp }
func (*NoOpRecord) version() uint32                         { return 0 }
func (*NoOpRecord) appendBody(dst []byte) []byte            { return append(dst, 0) }
func (*NoOpRecord) readBody(b *kbin.Reader, _ uint32) error { return skipTags(b) }

func appendInts(dst []byte, ints []int32) []byte {
	dst = kbin.AppendCompactArrayLen(dst, len(ints))
	for _, n := range ints {
		dst = kbin.AppendInt32(dst, n)
	}
	return dst
}

func readInts(b *kbin.Reader) []int32 {
	n := b.CompactArrayLen()
	if n <= 0 {
		return nil
	}
	ints := make([]int32, n)
	for i := range ints {
		ints[i] = b.Int32()
	}
	return ints
}

// skipTags reads a record's trailing tags. Tags that this program does not
// know carry state it cannot keep, so they are refused.
func skipTags(b *kbin.Reader) error {
	if n := b.Uvarint(); n != 0 {
		return fmt.Errorf("%d unsupported tagged fields", n)
	}
	return nil
}
