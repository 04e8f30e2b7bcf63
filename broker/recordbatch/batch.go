package recordbatch

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Sizes in bytes.
const (
	// HeaderSize is the length of a batch header; records follow.
	HeaderSize = 61
	// LogOverhead is the part of the header that BatchLength does not count: base offset and length itself.
	LogOverhead = 12
)

// Values that mean "none" in header fields.
const (
	NoProducerID    int64 = -1
	NoProducerEpoch int16 = -1
	NoSequence      int32 = -1
	NoTimestamp     int64 = -1
	NoLeaderEpoch   int32 = -1
)

const magic = 2

// Field positions, see the drawing in doc.go.
const (
	posBaseOffset      = 0
	posLength          = 8
	posLeaderEpoch     = 12
	posMagic           = 16
	posCRC             = 17
	posAttributes      = 21
	posLastOffsetDelta = 23
	posBaseTimestamp   = 27
	posMaxTimestamp    = 35
	posProducerID      = 43
	posProducerEpoch   = 51
	posBaseSequence    = 53
	posCount           = 57
)

// Attribute bits.
const (
	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
	attrKnown         = 0x7f
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is a view of one whole record batch of magic 2 (or at least of its header, where only header fields are
// read). The zero length of no method is checked: obtain Batches from Next, Validate or Builder.
type Batch []byte

// BaseOffset is the offset of the first record.
func (b Batch) BaseOffset() int64 { return int64(binary.BigEndian.Uint64(b[posBaseOffset:])) }

// Size is the length of the whole batch in bytes, header included.
func (b Batch) Size() int { return LogOverhead + int(int32(binary.BigEndian.Uint32(b[posLength:]))) }

// LeaderEpoch is the epoch of the leader that appended the batch, NoLeaderEpoch if unknown.
func (b Batch) LeaderEpoch() int32 { return int32(binary.BigEndian.Uint32(b[posLeaderEpoch:])) }

// Magic is the format version; only 2 is supported.
func (b Batch) Magic() int8 { return int8(b[posMagic]) }

// CRC is the stored CRC-32C of everything from the attributes to the end.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[posCRC:]) }

func (b Batch) attributes() uint16 { return binary.BigEndian.Uint16(b[posAttributes:]) }

// Codec is the compression of the record section.
func (b Batch) Codec() Codec { return Codec(b.attributes() & attrCodec) }

// LogAppendTime says that MaxTimestamp, set by the broker, is the timestamp of every record.
func (b Batch) LogAppendTime() bool { return b.attributes()&attrLogAppendTime != 0 }

// Transactional says that the batch belongs to a transaction.
func (b Batch) Transactional() bool { return b.attributes()&attrTransactional != 0 }

// Control says that the batch holds a control record (transaction marker or metadata log control).
func (b Batch) Control() bool { return b.attributes()&attrControl != 0 }

// DeleteHorizon is the time in ms after which compaction may drop the tombstones or the marker of the batch.
// ok is false when no compaction has set it yet.
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	if b.attributes()&attrDeleteHorizon == 0 {
		return 0, false
	}
	return b.BaseTimestamp(), true
}

// LastOffsetDelta is the offset of the last record relative to BaseOffset, kept when compaction drops records.
func (b Batch) LastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[posLastOffsetDelta:])) }

// LastOffset is the offset of the last record, also of a batch that compaction emptied.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset after the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// BaseTimestamp is the timestamp in ms that record deltas count from (or the delete horizon).
func (b Batch) BaseTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posBaseTimestamp:])) }

// MaxTimestamp is the largest timestamp in ms of the records, NoTimestamp if there is none.
func (b Batch) MaxTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posMaxTimestamp:])) }

// ProducerID is the id of an idempotent producer, NoProducerID for others.
func (b Batch) ProducerID() int64 { return int64(binary.BigEndian.Uint64(b[posProducerID:])) }

// ProducerEpoch is the epoch of an idempotent producer.
func (b Batch) ProducerEpoch() int16 { return int16(binary.BigEndian.Uint16(b[posProducerEpoch:])) }

// BaseSequence is the sequence of the first record, NoSequence for markers and plain producers.
func (b Batch) BaseSequence() int32 { return int32(binary.BigEndian.Uint32(b[posBaseSequence:])) }

// LastSequence is the sequence of the last record, wrapping from 2147483647 to 0.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base == NoSequence {
		return NoSequence
	}
	return AddSequence(base, b.LastOffsetDelta())
}

// Count is the number of records.
func (b Batch) Count() int32 { return int32(binary.BigEndian.Uint32(b[posCount:])) }

// AddSequence adds n >= 0 to a sequence number, wrapping from 2147483647 to 0.
func AddSequence(seq, n int32) int32 { return int32((uint32(seq) + uint32(n)) & math.MaxInt32) }

// AssignOffsets stamps base offset and leader epoch in place. The CRC covers neither.
func (b Batch) AssignOffsets(base int64, leaderEpoch int32) {
	binary.BigEndian.PutUint64(b[posBaseOffset:], uint64(base))
	binary.BigEndian.PutUint32(b[posLeaderEpoch:], uint32(leaderEpoch))
}

// SetLogAppendTime sets the timestamp type to log append time and the timestamp of all records to ms, in place,
// and computes the CRC anew.
func (b Batch) SetLogAppendTime(ms int64) {
	binary.BigEndian.PutUint16(b[posAttributes:], b.attributes()|attrLogAppendTime)
	b.setMaxTimestamp(ms)
}

func (b Batch) setMaxTimestamp(ms int64) {
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(ms))
	b.updateCRC()
}

// ComputeCRC is the CRC that a whole batch must have.
func (b Batch) ComputeCRC() uint32 { return crc32.Checksum(b[posAttributes:], castagnoli) }

func (b Batch) updateCRC() { binary.BigEndian.PutUint32(b[posCRC:], b.ComputeCRC()) }

// CRCValid computes the CRC of a whole batch and compares it.
func (b Batch) CRCValid() bool { return b.ComputeCRC() == b.CRC() }

// Next cuts the first batch off buf and returns it with the rest. It checks that the length is plausible and
// within buf and that the magic is 2, not the CRC. An empty buf gives a nil batch and no error; anything else
// that is no whole batch is an *Error of kind Corrupt (or InvalidRecord for an old magic).
func Next(buf []byte) (Batch, []byte, error) {
	if len(buf) == 0 {
		return nil, nil, nil
	}
	if len(buf) < posCRC {
		return nil, nil, corruptf("batch of %d bytes is shorter than its header of %d", len(buf), HeaderSize)
	}
	b := Batch(buf)
	if m := b.Magic(); m != magic {
		return nil, nil, invalidf("batch has magic %d, only %d is supported", m, magic)
	}
	size := b.Size()
	if size < HeaderSize || size > len(buf) {
		return nil, nil, corruptf("batch length %d does not fit the %d bytes given", size-LogOverhead, len(buf))
	}
	return b[:size:size], buf[size:], nil
}
