package recordbatch

import (
	"encoding/binary"
	"math"
)

// checkPlain walks over the records of an uncompressed batch and says whether all is well with them by rules. It is
// the quick way of checkInside, which finds out and says what is wrong: one pass by position, no call for the usual
// varint of one byte. maxTs is the largest timestamp of the records.
func checkPlain(b Batch, rules Rules) (maxTs int64, ok bool) {
	lowest, highest := satSub(rules.Now, rules.BeforeMax), satAdd(rules.Now, rules.AfterMax)
	if rules.LogAppendTime {
		lowest, highest = math.MinInt64, math.MaxInt64
	}
	base := b.BaseTimestamp()
	maxTs = NoTimestamp
	at := HeaderSize
	for index := range int64(b.Count()) {
		var length, v int64
		length, at = varint(b, at)
		if at < 0 || length < 1 || length > int64(len(b)-at) {
			return 0, false
		}
		p := b[at : at+int(length)] // the record
		at += int(length)
		i := 1 // behind the attributes
		if i < len(p) && p[i] < 0x80 {
			v = unzigzag(uint64(p[i]))
			i++
		} else if v, i = varint(p, i); i < 0 {
			return 0, false
		}
		ts := base + v
		if (ts < lowest || ts > highest) && ts != NoTimestamp {
			return 0, false
		}
		maxTs = max(maxTs, ts)
		if v, i = varint(p, i); i < 0 || v != index {
			return 0, false
		}
		if i < len(p) && p[i] == noKey && !rules.KeysRequired {
			i++
		} else if i = skipBytes(p, i, rules.KeysRequired); i < 0 {
			return 0, false
		}
		if i = skipBytes(p, i, false); i < 0 {
			return 0, false
		}
		if i == len(p)-1 && p[i] == 0 {
			continue // no headers
		}
		if v, i = varint(p, i); i < 0 || v < 0 || v > int64(len(p)-i) || checkHeaders(p[i:], int(v)) != nil {
			return 0, false
		}
	}
	return maxTs, at == len(b)
}

// noKey is the varint -1, the length of a key that is null.
const noKey = 1

// skipBytes passes over a length and that many bytes; -1 is malformed, or null where that is not allowed.
func skipBytes(p []byte, at int, required bool) int {
	n, at := varint(p, at)
	if at < 0 || n < -1 || n > int64(len(p)-at) || n < 0 && required {
		return -1
	}
	return at + int(max(n, 0))
}

// varint decodes the zigzag varint at a position and returns the position behind it, -1 if it is malformed.
func varint(p []byte, at int) (int64, int) {
	if at >= len(p) {
		return 0, -1
	}
	u := uint64(p[at])
	if u < 0x80 {
		return unzigzag(u), at + 1
	}
	if at+1 < len(p) && p[at+1] < 0x80 {
		return unzigzag(u&0x7f | uint64(p[at+1])<<7), at + 2
	}
	v, n := binary.Varint(p[at:])
	if n <= 0 {
		return 0, -1
	}
	return v, at + n
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
