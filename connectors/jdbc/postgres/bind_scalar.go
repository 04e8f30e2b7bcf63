package postgres

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/leat-project/leat/connect/data"
)

func bindBool(src source, _ Options) appendFunc {
	if src != srcBool {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		if v.Kind() != data.KindBool {
			return wrongKind(dst, v, "a boolean")
		}
		if v.Bool() {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	}
}

func bindInt(bits int) func(source, Options) appendFunc {
	least, most := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
	return func(src source, _ Options) appendFunc {
		switch src {
		case srcInt, srcDays, srcTimeMillis, srcTimeMicros, srcTimeNanos, srcMillis, srcMicros, srcNanos, srcMicroDuration:
		default:
			return nil
		}
		return func(dst []byte, v data.Value) ([]byte, error) {
			if !v.IsInt() {
				return wrongKind(dst, v, "an integer")
			}
			n := v.Int()
			if n < least || n > most {
				return dst, fmt.Errorf("its value %d is out of range: the column takes %d to %d", n, least, most)
			}
			switch bits {
			case 16:
				return binary.BigEndian.AppendUint16(dst, uint16(n)), nil
			case 32:
				return binary.BigEndian.AppendUint32(dst, uint32(n)), nil
			}
			return binary.BigEndian.AppendUint64(dst, uint64(n)), nil
		}
	}
}

func bindOID(src source, _ Options) appendFunc {
	if src != srcInt {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		if !v.IsInt() || v.Int() < 0 || v.Int() > math.MaxUint32 {
			return wrongKind(dst, v, "an integer from 0 to 4294967295")
		}
		return binary.BigEndian.AppendUint32(dst, uint32(v.Int())), nil
	}
}

// number returns the value of an integer or float kind.
func number(v data.Value) (float64, bool) {
	switch {
	case v.IsInt():
		return float64(v.Int()), true
	case v.Kind() == data.KindFloat32 || v.Kind() == data.KindFloat64:
		return v.Float(), true
	}
	return 0, false
}

func bindFloat4(src source, _ Options) appendFunc {
	if src != srcFloat && src != srcInt {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		f, ok := number(v)
		if !ok {
			return wrongKind(dst, v, "a number")
		}
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f))), nil
	}
}

func bindFloat8(src source, _ Options) appendFunc {
	if src != srcFloat && src != srcInt {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		f, ok := number(v)
		if !ok {
			return wrongKind(dst, v, "a number")
		}
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
	}
}

func appendString(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindString {
		return wrongKind(dst, v, "a string")
	}
	return append(dst, v.Str()...), nil
}

func bindText(src source, _ Options) appendFunc {
	if src != srcString && src != srcZonedTimestamp && src != srcISODate {
		return nil
	}
	return appendString
}

func bindJSONB(src source, _ Options) appendFunc {
	if src != srcString {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		return appendString(append(dst, 1), v) // version of the binary format
	}
}

func bindBytes(src source, _ Options) appendFunc {
	if src != srcBytes && src != srcBits {
		return nil
	}
	return appendBytes
}

func appendBytes(dst []byte, v data.Value) ([]byte, error) {
	if k := v.Kind(); k != data.KindBytes && k != data.KindByteBuffer {
		return wrongKind(dst, v, "bytes")
	}
	return append(dst, v.Bytes()...), nil
}

func bindUUID(src source, _ Options) appendFunc {
	if src != srcString {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		if v.Kind() != data.KindString {
			return wrongKind(dst, v, "a uuid")
		}
		dst, ok := appendUUID(dst, v.Str())
		if !ok {
			return dst, fmt.Errorf("its value %q is not a uuid", v.Str())
		}
		return dst, nil
	}
}

// appendUUID reads 32 hexadecimal digits with hyphens anywhere between bytes.
func appendUUID(dst []byte, s string) ([]byte, bool) {
	n := 0
	for i := 0; i < len(s); {
		if s[i] == '-' {
			i++
			continue
		}
		if i+1 == len(s) || n == 16 {
			return dst, false
		}
		high, low := hexDigit[s[i]], hexDigit[s[i+1]]
		if high|low > 15 {
			return dst, false
		}
		dst = append(dst, high<<4|low)
		n, i = n+1, i+2
	}
	return dst, n == 16
}

// hexDigit is the value of a hexadecimal digit, 255 for other bytes.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
	}
	for i, c := range "ABCDEF" {
		t[c] = byte(10 + i)
	}
	return t
}()

// bindBits writes bit strings: Debezium sends them as little-endian bytes, lowest
// bit last in the string, and bit(1) as a boolean.
func bindBits(src source, _ Options) appendFunc {
	switch src {
	case srcBool:
		return func(dst []byte, v data.Value) ([]byte, error) {
			if v.Kind() != data.KindBool {
				return wrongKind(dst, v, "a boolean")
			}
			if v.Bool() {
				return append(dst, 0, 0, 0, 1, 0x80), nil
			}
			return append(dst, 0, 0, 0, 1, 0), nil
		}
	}
	return nil
}

// appendBitText appends the low n bits of little-endian bytes, highest first; with
// n < 0 as many as there are without leading zeros.
func appendBitText(dst []byte, le []byte, n int) []byte {
	if n < 0 {
		n = len(le) * 8
		for n > 1 && le[(n-1)/8]>>((n-1)%8)&1 == 0 {
			n--
		}
	}
	for i := n - 1; i >= 0; i-- {
		bit := byte(0)
		if i/8 < len(le) {
			bit = le[i/8] >> (i % 8) & 1
		}
		dst = append(dst, '0'+bit)
	}
	return dst
}
