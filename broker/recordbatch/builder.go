package recordbatch

import "encoding/binary"

// Builder makes one batch. The zero Builder makes a plain, uncompressed batch without producer; fields are set
// before Build. Reset keeps the buffers. It is not safe for concurrent use.
type Builder struct {
	Codec         Codec
	Level         int // of the codec, 0 default
	Transactional bool
	Control       bool
	// ProducerID, ProducerEpoch and BaseSequence are written only when Idempotent (or Transactional) is set.
	Idempotent    bool
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32

	records  []byte
	scratch  []byte
	count    int32
	baseTime int64
	maxTime  int64
}

// Reset forgets records and settings but keeps buffers.
func (b *Builder) Reset() { *b = Builder{records: b.records[:0], scratch: b.scratch[:0]} }

// Count is the number of records added.
func (b *Builder) Count() int { return int(b.count) }

// Size is the length in bytes that the batch has before compression.
func (b *Builder) Size() int { return HeaderSize + len(b.records) }

// Add appends a record with a timestamp in ms. Nil key or value is null. It copies what it is given.
func (b *Builder) Add(timestamp int64, key, value []byte, headers ...Header) {
	if b.count == 0 {
		b.baseTime, b.maxTime = timestamp, timestamp
	}
	b.maxTime = max(b.maxTime, timestamp)
	s := append(b.scratch[:0], 0)
	s = binary.AppendVarint(s, timestamp-b.baseTime)
	s = binary.AppendVarint(s, int64(b.count))
	s = appendBytes(s, key)
	s = appendBytes(s, value)
	s = binary.AppendVarint(s, int64(len(headers)))
	for _, h := range headers {
		s = AppendHeader(s, h)
	}
	b.scratch = s
	b.records = binary.AppendVarint(b.records, int64(len(s)))
	b.records = append(b.records, s...)
	b.count++
}

// AppendHeader appends the encoding of a header to dst.
func AppendHeader(dst []byte, h Header) []byte {
	dst = binary.AppendVarint(dst, int64(len(h.Key)))
	dst = append(dst, h.Key...)
	return appendBytes(dst, h.Value)
}

func appendBytes(dst, v []byte) []byte {
	if v == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(v)))
	return append(dst, v...)
}

// Build appends the batch, with base offset 0 and no leader epoch, to dst and returns the longer slice.
func (b *Builder) Build(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, HeaderSize)...)
	dst, err := Compress(dst, b.records, b.Codec, b.Level)
	if err != nil {
		return nil, err
	}
	h := header{
		attributes:      uint16(b.Codec),
		lastOffsetDelta: max(b.count-1, 0),
		baseTimestamp:   b.baseTime,
		maxTimestamp:    b.maxTime,
		producerID:      NoProducerID,
		producerEpoch:   NoProducerEpoch,
		baseSequence:    NoSequence,
		count:           b.count,
	}
	if b.Idempotent || b.Transactional {
		h.producerID, h.producerEpoch, h.baseSequence = b.ProducerID, b.ProducerEpoch, b.BaseSequence
	}
	if b.Transactional {
		h.attributes |= attrTransactional
	}
	if b.Control {
		h.attributes |= attrControl
	}
	h.put(dst[start:], 0, NoLeaderEpoch)
	return dst, nil
}

// header is what put writes in front of a record section.
type header struct {
	attributes                  uint16
	lastOffsetDelta             int32
	baseTimestamp, maxTimestamp int64
	producerID                  int64
	producerEpoch               int16
	baseSequence                int32
	count                       int32
}

// put writes the header, length and CRC of the batch that fills b.
func (h *header) put(b Batch, baseOffset int64, leaderEpoch int32) {
	be := binary.BigEndian
	be.PutUint64(b[posBaseOffset:], uint64(baseOffset))
	be.PutUint32(b[posLength:], uint32(len(b)-LogOverhead))
	be.PutUint32(b[posLeaderEpoch:], uint32(leaderEpoch))
	b[posMagic] = magic
	be.PutUint16(b[posAttributes:], h.attributes)
	be.PutUint32(b[posLastOffsetDelta:], uint32(h.lastOffsetDelta))
	be.PutUint64(b[posBaseTimestamp:], uint64(h.baseTimestamp))
	be.PutUint64(b[posMaxTimestamp:], uint64(h.maxTimestamp))
	be.PutUint64(b[posProducerID:], uint64(h.producerID))
	be.PutUint16(b[posProducerEpoch:], uint16(h.producerEpoch))
	be.PutUint32(b[posBaseSequence:], uint32(h.baseSequence))
	be.PutUint32(b[posCount:], uint32(h.count))
	b.updateCRC()
}

// Marker is the content of a transaction marker.
type Marker struct {
	Commit           bool // false is abort
	CoordinatorEpoch int32
}

// AppendMarker appends a control batch that ends a transaction to dst.
func AppendMarker(dst []byte, producerID int64, producerEpoch int16, m Marker, timestamp int64) []byte {
	b := Builder{Transactional: true, Control: true, ProducerID: producerID, ProducerEpoch: producerEpoch, BaseSequence: NoSequence}
	kind := byte(0)
	if m.Commit {
		kind = 1
	}
	value := binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(m.CoordinatorEpoch))
	b.Add(timestamp, []byte{0, 0, 0, kind}, value)
	out, err := b.Build(dst)
	if err != nil {
		panic("recordbatch: building an uncompressed marker: " + err.Error())
	}
	return out
}

// ReadMarker returns the transaction marker in a control batch. ok is false for an empty control batch (left by
// compaction) and for control records of another type.
func ReadMarker(b Batch) (m Marker, ok bool, err error) {
	if b.Count() == 0 {
		return Marker{}, false, nil
	}
	var r Reader
	if err := r.Reset(b); err != nil {
		return Marker{}, false, err
	}
	if !r.Next() {
		return Marker{}, false, r.Err()
	}
	rec := r.Record()
	if len(rec.Key) < 4 {
		return Marker{}, false, invalidf("control record at offset %d has a key of %d bytes, want at least 4", rec.Offset, len(rec.Key))
	}
	kind := binary.BigEndian.Uint16(rec.Key[2:])
	if kind > 1 {
		return Marker{}, false, nil
	}
	if len(rec.Value) < 6 {
		return Marker{}, false, invalidf("transaction marker at offset %d has a value of %d bytes, want at least 6", rec.Offset, len(rec.Value))
	}
	return Marker{Commit: kind == 1, CoordinatorEpoch: int32(binary.BigEndian.Uint32(rec.Value[2:]))}, true, nil
}

// Recompress appends b with its record section in another codec to dst, everything else unchanged. rd is scratch.
func Recompress(dst []byte, b Batch, c Codec, level int, rd *Reader) ([]byte, error) {
	if err := rd.Reset(b); err != nil {
		return nil, err
	}
	start := len(dst)
	dst = append(dst, b[:HeaderSize]...)
	dst, err := Compress(dst, rd.Uncompressed(), c, level)
	if err != nil {
		return nil, err
	}
	out := Batch(dst[start:])
	binary.BigEndian.PutUint32(out[posLength:], uint32(len(out)-LogOverhead))
	binary.BigEndian.PutUint16(out[posAttributes:], b.attributes()&^attrCodec|uint16(c))
	out.updateCRC()
	return dst, nil
}
