package recordbatch

import (
	"fmt"
	"math"
)

// Rules is what a partition demands of a batch that a client appends. Times are in ms.
type Rules struct {
	// MaxBytes is max.message.bytes, compared with the whole batch. 0 means no limit.
	MaxBytes int
	// KeysRequired is set for compacted topics.
	KeysRequired bool
	// LogAppendTime is set when message.timestamp.type is LogAppendTime: timestamps are not checked then.
	LogAppendTime bool
	// Now is the broker's clock, BeforeMax and AfterMax the message.timestamp.*.max.ms. A Rules with AfterMax
	// and BeforeMax of math.MaxInt64 checks no timestamps.
	Now, BeforeMax, AfterMax int64
	// NoZstd is set for Produce requests below version 7.
	NoZstd bool
	// AlwaysInside decompresses and walks every batch. Otherwise the inside of a compressed batch is looked at
	// only when a rule needs it; uncompressed batches are always walked, which costs little.
	AlwaysInside bool
}

// Validate checks a client's record section: exactly one batch, whole and correct. It returns the batch, or an
// *Error with the kind, in the order in which Kafka's LogValidator and UnifiedLog check. rd is scratch space.
//
// A batch whose header understates or overstates the largest timestamp of its uncompressed records is corrected
// in place, as Kafka does.
func Validate(buf []byte, rules Rules, rd *Reader) (Batch, error) {
	b, rest, err := Next(buf)
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, invalidf("no record batch where exactly one is expected")
	case len(rest) > 0:
		return nil, invalidf("more than one record batch where exactly one is expected")
	}
	if err := checkHeader(b, rules); err != nil {
		return nil, err
	}
	if checkTimestampHeader(b, rules) == nil {
		if !needsInside(b, rules) {
			return b, nil
		}
		if b.Codec() == None {
			if maxTs, ok := checkPlain(b, rules); ok && (rules.LogAppendTime || maxTs == b.MaxTimestamp()) {
				return b, nil
			}
		}
	}
	return b, checkInside(b, rules, rd)
}

func checkHeader(b Batch, rules Rules) error {
	codec := b.Codec()
	switch {
	case codec > Zstd:
		return invalidf("unknown compression %d in the batch attributes", codec)
	case codec == Zstd && rules.NoZstd:
		return &Error{Kind: UnsupportedCompression, Msg: "zstd needs Produce version 7 or later"}
	case b.BaseOffset() != 0:
		return invalidf("base offset is %d, a producer must send 0", b.BaseOffset())
	case len(b) > rules.MaxBytes:
		return &Error{Kind: MessageTooLarge, Msg: fmt.Sprintf(
			"the record batch is %d bytes, which exceeds max.message.bytes of %d", len(b), rules.MaxBytes)}
	case !b.CRCValid():
		return corruptf("record batch is corrupt: stored crc %d, computed %d", b.CRC(), b.ComputeCRC())
	case b.attributes()&^attrKnown != 0:
		return invalidf("unknown attribute bits %#x", b.attributes()&^attrKnown)
	case b.Count() <= 0:
		return invalidf("record count is %d, must be positive", b.Count())
	case b.LastOffsetDelta() != b.Count()-1:
		return invalidf("last offset delta %d does not match the record count %d", b.LastOffsetDelta(), b.Count())
	case b.Control():
		return invalidf("clients must not write control records")
	case b.ProducerID() >= 0 && b.BaseSequence() < 0:
		return invalidf("sequence %d of producer %d must not be negative", b.BaseSequence(), b.ProducerID())
	case b.ProducerID() >= 0 && b.ProducerEpoch() < 0:
		return invalidf("epoch %d of producer %d must not be negative", b.ProducerEpoch(), b.ProducerID())
	case b.Transactional() && b.ProducerID() < 0:
		return invalidf("a transactional batch needs a producer id")
	case b.LogAppendTime():
		return &Error{Kind: InvalidTimestamp, Msg: "a producer must not set the timestamp type LogAppendTime"}
	}
	return nil
}

// checkTimestampHeader checks the upper bound against the header; the lower one needs the records.
func checkTimestampHeader(b Batch, rules Rules) error {
	if rules.LogAppendTime || b.MaxTimestamp() <= satAdd(rules.Now, rules.AfterMax) {
		return nil
	}
	return &Error{Kind: InvalidTimestamp}
}

func needsInside(b Batch, rules Rules) bool {
	return b.Codec() == None || rules.AlwaysInside || rules.KeysRequired ||
		(!rules.LogAppendTime && rules.BeforeMax != math.MaxInt64)
}

// maxRecordErrors bounds the list of bad records in one answer.
const maxRecordErrors = 1000

// checkInside walks over the records. All bad records are listed; a bad timestamp decides the kind.
func checkInside(b Batch, rules Rules, rd *Reader) error {
	if err := rd.Reset(b); err != nil {
		return err
	}
	var bad *Error
	blame := func(kind Kind, index int32, format string, args ...any) {
		if bad == nil {
			bad = &Error{Kind: kind, Msg: "one or more records have been rejected"}
		}
		if kind == InvalidTimestamp {
			bad.Kind = kind
			bad.Msg = "one or more records have been rejected due to invalid timestamp"
		}
		if len(bad.Records) < maxRecordErrors {
			bad.Records = append(bad.Records, RecordError{Index: index, Msg: fmt.Sprintf(format, args...)})
		}
	}
	maxTime := NoTimestamp
	checkTime := !rules.LogAppendTime
	index := int32(0)
	for ; rd.Next(); index++ {
		rec := rd.Record()
		maxTime = max(maxTime, rec.Timestamp)
		if rec.offsetDelta != index {
			return invalidf("record %d has offset delta %d: deltas must be consecutive from 0", index, rec.offsetDelta)
		}
		if rules.KeysRequired && rec.Key == nil {
			blame(InvalidRecord, index, "Compacted topic cannot accept message without key.")
		}
		if checkTime && rec.Timestamp != NoTimestamp && timestampOut(rec.Timestamp, rules) {
			blame(InvalidTimestamp, index, "Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]",
				rec.Timestamp, index, satSub(rules.Now, rules.BeforeMax), satAdd(rules.Now, rules.AfterMax))
		}
	}
	if err := rd.Err(); err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	if checkTime && maxTime != b.MaxTimestamp() {
		b.setMaxTimestamp(maxTime)
	}
	return nil
}

func timestampOut(ts int64, rules Rules) bool {
	return ts < satSub(rules.Now, rules.BeforeMax) || ts > satAdd(rules.Now, rules.AfterMax)
}

// satAdd and satSub add and subtract a bound >= 0 without overflow.
func satAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func satSub(a, b int64) int64 {
	if a < math.MinInt64+b {
		return math.MinInt64
	}
	return a - b
}
