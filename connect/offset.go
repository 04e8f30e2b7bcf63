package connect

import (
	"encoding/json"
	"maps"
)

// Partition names a source partition (Java's sourcePartition map): what an
// offset belongs to. It is immutable; make one a partition and share the
// pointer between its records.
type Partition struct {
	fields map[string]any
	key    string
}

// NewPartition returns a partition of the given fields (strings, bools, integers,
// floats or nil). It copies the map; a nil map is Java's null partition.
func NewPartition(fields map[string]any) *Partition {
	key, err := json.Marshal(fields) // sorts member names
	if err != nil {
		panic("connect: source partition is not JSON: " + err.Error())
	}
	return &Partition{fields: maps.Clone(fields), key: string(key)}
}

// Fields returns the partition's map. Do not write.
func (p *Partition) Fields() map[string]any { return p.fields }

// Key returns a canonical text: equal for equal partitions.
func (p *Partition) Key() string { return p.key }

// Offset is the position of a source after a record. The framework calls
// OffsetMap only for positions that it stores, so a task can carry a small
// immutable value with each record and build the map when asked, which may be
// after the batch is gone and from another goroutine.
type Offset interface {
	// OffsetMap returns Java's sourceOffset map: values are nil, bool, int64,
	// float64 or string. The caller may keep but not change it.
	OffsetMap() map[string]any
}

// OffsetMap is an Offset that is its own map.
type OffsetMap map[string]any

// OffsetMap returns m.
func (m OffsetMap) OffsetMap() map[string]any { return m }

// TopicPartition names a Kafka partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Ack tells a source task that one of its records is done: acknowledged by the
// broker, or (Dropped) filtered by a transform or skipped by errors.tolerance.
type Ack struct {
	SourcePartition *Partition
	SourceOffset    Offset
	Dropped         bool
	Topic           string // "" if Dropped
	Partition       int32
	Offset          int64 // -1 if the broker did not say
}

// CommittedOffset is a source offset that is durable in the offset store.
type CommittedOffset struct {
	Partition *Partition
	Offset    Offset
}
