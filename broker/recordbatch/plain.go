package recordbatch

import "encoding/binary"

// checkPlain walks over the records of an uncompressed batch and says whether all is well with them by rules. It is
// the quick way of checkInside, which finds out and says what is wrong: one pass, no call for the usual varint of
// one byte. maxTs is the largest timestamp of the records.
func checkPlain(b Batch, rules Rules) (maxTs int64, ok bool) {
	lowest, highest := satSub(rules.Now, rules.BeforeMax), satAdd(rules.Now, rules.AfterMax)
	base := b.BaseTimestamp()
	maxTs = NoTimestamp
	rest := []byte(b[HeaderSize:])
	for index := range int64(b.Count()) {
		var length, v int64
		if length, rest = cutVarint(rest); rest == nil || length < 1 || length > int64(len(rest)) {
			return 0, false
		}
		p := rest[1:length]
		rest = rest[length:]
		if v, p = cutVarint(p); p == nil {
			return 0, false
		}
		ts := base + v
		if !rules.LogAppendTime && (ts < lowest || ts > highest) && ts != NoTimestamp {
			return 0, false
		}
		maxTs = max(maxTs, ts)
		if v, p = cutVarint(p); p == nil || v != index {
			return 0, false
		}
		if v, p = cutVarint(p); p == nil || v < -1 || v > int64(len(p)) || v < 0 && rules.KeysRequired {
			return 0, false
		}
		p = p[max(v, 0):]
		if v, p = cutVarint(p); p == nil || v < -1 || v > int64(len(p)) {
			return 0, false
		}
		p = p[max(v, 0):]
		if v, p = cutVarint(p); p == nil || v < 0 || v > int64(len(p)) || (v > 0 || len(p) > 0) && checkHeaders(p, int(v)) != nil {
			return 0, false
		}
	}
	return maxTs, len(rest) == 0
}

// cutVarint decodes a zigzag varint and returns what follows it, nil if it is malformed.
func cutVarint(p []byte) (int64, []byte) {
	if len(p) == 0 || p[0] >= 0x80 {
		return cutLongVarint(p)
	}
	return unzigzag(uint64(p[0])), p[1:]
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func cutLongVarint(p []byte) (int64, []byte) {
	if len(p) > 1 && p[1] < 0x80 {
		return unzigzag(uint64(p[0]&0x7f) | uint64(p[1])<<7), p[2:]
	}
	v, n := binary.Varint(p)
	if n <= 0 {
		return 0, nil
	}
	return v, p[n:]
}
