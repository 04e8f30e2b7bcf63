package recordbatch

import "encoding/binary"

// AppendRebuilt appends b with only the records in kept, which must be records of b in order, to dst; none make an
// empty batch. Offsets, producer fields, leader epoch and the last offset stay. With setHorizon the batch stores
// horizon (ms) as its delete horizon; a horizon that it has already is kept. For compaction (Kafka:
// MemoryRecords.filterTo).
func AppendRebuilt(dst []byte, b Batch, kept []Record, horizon int64, setHorizon bool) ([]byte, error) {
	h := header{
		attributes:      b.attributes(),
		lastOffsetDelta: b.LastOffsetDelta(),
		baseTimestamp:   b.BaseTimestamp(),
		maxTimestamp:    b.MaxTimestamp(),
		producerID:      b.ProducerID(),
		producerEpoch:   b.ProducerEpoch(),
		baseSequence:    b.BaseSequence(),
		count:           int32(len(kept)),
	}
	if len(kept) == 0 {
		h.attributes &^= attrCodec | attrDeleteHorizon
		h.baseTimestamp = NoTimestamp
		start := len(dst)
		dst = append(dst, make([]byte, HeaderSize)...)
		h.put(dst[start:], b.BaseOffset(), b.LeaderEpoch())
		return dst, nil
	}
	if _, ok := b.DeleteHorizon(); setHorizon && !ok {
		h.attributes |= attrDeleteHorizon
		h.baseTimestamp = horizon
	}
	var records, scratch []byte
	for i := range kept {
		r := &kept[i]
		scratch = append(scratch[:0], 0)
		scratch = binary.AppendVarint(scratch, r.Timestamp-h.baseTimestamp)
		scratch = binary.AppendVarint(scratch, r.Offset-b.BaseOffset())
		scratch = appendBytes(scratch, r.Key)
		scratch = appendBytes(scratch, r.Value)
		scratch = binary.AppendVarint(scratch, int64(r.HeaderCount))
		scratch = append(scratch, r.Headers...)
		records = binary.AppendVarint(records, int64(len(scratch)))
		records = append(records, scratch...)
	}
	if !b.LogAppendTime() {
		h.maxTimestamp = kept[0].Timestamp
		for i := range kept {
			h.maxTimestamp = max(h.maxTimestamp, kept[i].Timestamp)
		}
	}
	start := len(dst)
	dst = append(dst, make([]byte, HeaderSize)...)
	dst, err := Compress(dst, records, b.Codec(), 0)
	if err != nil {
		return nil, err
	}
	h.put(dst[start:], b.BaseOffset(), b.LeaderEpoch())
	return dst, nil
}
