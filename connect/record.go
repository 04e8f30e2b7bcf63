package connect

import (
	"sync/atomic"

	"github.com/leat-project/leat/connect/data"
)

// NoTimestamp is the Timestamp of a record that has none (Java's null).
const NoTimestamp int64 = -1 << 63

// NoPartition is the Partition of a source record that leaves the choice to the
// producer's partitioner (Java's null).
const NoPartition int32 = -1

// TimestampType says how the broker set a sink record's timestamp.
type TimestampType uint8

// The timestamp types, with Java's names in String.
const (
	NoTimestampType TimestampType = iota
	CreateTime
	LogAppendTime
)

func (t TimestampType) String() string {
	return [...]string{"NoTimestampType", "CreateTime", "LogAppendTime"}[t]
}

// Header is one record header.
type Header struct {
	Key    string
	Schema *data.Schema
	Value  data.Value
}

// Record is a source or sink record. Transforms change it in place. It is part of
// a Batch and lives as long, see the package comment.
type Record struct {
	Topic       string
	Partition   int32 // NoPartition if unset (source)
	KeySchema   *data.Schema
	Key         data.Value
	ValueSchema *data.Schema
	Value       data.Value
	Timestamp   int64 // milliseconds since the epoch, or NoTimestamp
	Headers     []Header

	// Source records: where the record comes from and the position after it.
	SourcePartition *Partition
	SourceOffset    Offset

	// Sink records: position in Kafka, before any transform (KIP-793 for the
	// Original fields).
	Offset            int64
	TimestampType     TimestampType
	OriginalTopic     string
	OriginalPartition int32

	batch      *Batch
	offsetOnly bool
}

// OffsetOnly reports whether the record stands for nothing but its source offset,
// see Batch.AddOffset.
func (r *Record) OffsetOnly() bool { return r.offsetOnly }

// Arena returns where a transform takes new structs from; nil (the heap) for a
// record outside a batch.
func (r *Record) Arena() *data.Arena {
	if r.batch == nil {
		return nil
	}
	return &r.batch.arena
}

// Clone returns a copy on the heap that outlives the batch.
func (r *Record) Clone() *Record {
	c := *r
	c.batch = nil
	c.Key, c.Value = r.Key.Clone(), r.Value.Clone()
	c.Headers = make([]Header, len(r.Headers))
	for i, h := range r.Headers {
		c.Headers[i] = Header{h.Key, h.Schema, h.Value.Clone()}
	}
	return &c
}

// Header returns the last header of a key.
func (r *Record) Header(key string) (Header, bool) {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == key {
			return r.Headers[i], true
		}
	}
	return Header{}, false
}

// Boundary is a transaction boundary that a source task sets on a batch
// (exactly.once.support with transaction.boundary=connector).
type Boundary struct {
	After int  // number of records of the batch before the boundary
	Abort bool // false: commit
}

// Batch is an ordered group of records and the memory of their structs.
type Batch struct {
	Records    []Record
	Boundaries []Boundary // ascending by After; source only

	maxRecords int
	maxBytes   int
	bytes      int
	arena      data.Arena
	refs       atomic.Int32
	recycle    func(*Batch)
}

// NewBatch returns an empty batch bounded by records and bytes (0: no bound).
// recycle, if not nil, is called when the last reference is released.
func NewBatch(maxRecords, maxBytes int, recycle func(*Batch)) *Batch {
	b := &Batch{maxRecords: maxRecords, maxBytes: maxBytes, recycle: recycle}
	b.refs.Store(1)
	return b
}

// Add appends a zero record (Partition and Timestamp unset) and returns it. The
// pointer is valid until the next Add.
func (b *Batch) Add() *Record {
	b.Records = append(b.Records, Record{Partition: NoPartition, Timestamp: NoTimestamp, batch: b})
	return &b.Records[len(b.Records)-1]
}

// AddOffset moves a source partition on without writing anything to a topic
// (KIP-910): once all records before it are done, the offset may be stored. No
// transform or converter sees it.
func (b *Batch) AddOffset(p *Partition, o Offset) {
	r := b.Add()
	r.SourcePartition, r.SourceOffset, r.offsetOnly = p, o, true
}

// Arena returns where the batch's structs come from.
func (b *Batch) Arena() *data.Arena { return &b.arena }

// Len returns the number of records.
func (b *Batch) Len() int { return len(b.Records) }

// Grow tells the batch that about n more bytes of source data are in it.
func (b *Batch) Grow(n int) { b.bytes += n }

// Bytes returns what Grow has added up to.
func (b *Batch) Bytes() int { return b.bytes }

// Full reports whether a source task should return from Poll.
func (b *Batch) Full() bool {
	return (b.maxRecords > 0 && len(b.Records) >= b.maxRecords) || (b.maxBytes > 0 && b.bytes >= b.maxBytes)
}

// Retain keeps the batch alive beyond Put until Release.
func (b *Batch) Retain() { b.refs.Add(1) }

// Release gives up one reference; with the last one the batch is recycled.
func (b *Batch) Release() {
	switch n := b.refs.Add(-1); {
	case n == 0:
		if b.recycle != nil {
			b.recycle(b)
		}
	case n < 0:
		panic("connect: batch released more often than retained")
	}
}

// Reset empties the batch for reuse with one reference. Only the framework calls
// it, and only when nothing of the batch is in use.
func (b *Batch) Reset() {
	clear(b.Records)
	b.Records, b.Boundaries, b.bytes = b.Records[:0], b.Boundaries[:0], 0
	b.arena.Reset()
	b.refs.Store(1)
}
