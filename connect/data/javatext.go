package data

import (
	"hash/crc32"
	"math/big"
	"strconv"
	"time"
)

// String is Java's toString of the value: what StringConverter writes. A byte
// array is "[B@" and a hash, as unspecific as in Java.
func (v Value) String() string {
	if v.kind == KindString {
		return v.Str()
	}
	return string(v.AppendText(nil))
}

// AppendText appends Java's toString of the value to dst. An Unchanged value is
// its placeholder.
func (v Value) AppendText(dst []byte) []byte {
	switch v.kind {
	case KindNull:
		return append(dst, "null"...)
	case KindUnchanged:
		return append(dst, v.Placeholder()...)
	case KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case KindInt8, KindInt16, KindInt32, KindInt64:
		return appendInt(dst, int64(v.n))
	case KindFloat32:
		return AppendFloat32(dst, v.Float32())
	case KindFloat64:
		return AppendFloat64(dst, v.Float())
	case KindString:
		return append(dst, v.Str()...)
	case KindBytes:
		dst = append(dst, "[B@"...)
		return strconv.AppendUint(dst, uint64(crc32.ChecksumIEEE(v.Bytes())), 16)
	case KindByteBuffer:
		n := int64(len(v.Bytes()))
		dst = append(dst, "java.nio.HeapByteBuffer[pos=0 lim="...)
		dst = append(appendInt(dst, n), " cap="...)
		return append(appendInt(dst, n), ']')
	case KindDecimal:
		return v.AppendDecimal(dst)
	case KindBigInteger:
		return v.BigInt().Append(dst, 10)
	case KindDate:
		return appendJavaDate(dst, v.Time())
	case KindArray:
		return appendList(dst, v.Array())
	case KindMap:
		return appendMap(dst, v.Map())
	case KindStruct:
		return appendStruct(dst, v.Struct())
	}
	panic("data: toString of kind " + v.kind.String())
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// gregorianFrom is 15 October 1582 in days since 1970-01-01. Java names the days
// before it by the Julian calendar.
const gregorianFrom = -141427

func appendJavaDate(dst []byte, t time.Time) []byte {
	year, month, dom := t.Date()
	if day := floorDiv(t.Unix(), 86400); day < gregorianFrom {
		year, month, dom = julian(day)
	}
	if year < 1 {
		year = 1 - year // Java counts years of the era
	}
	dst = append(append(dst, t.Weekday().String()[:3]...), ' ')
	dst = append(append(dst, month.String()[:3]...), ' ', byte('0'+dom/10), byte('0'+dom%10))
	return appendInt(t.AppendFormat(dst, " 15:04:05 UTC "), int64(year))
}

// julian returns the Julian date of a day since 1970-01-01: year 0 is 1 BC.
func julian(day int64) (year int, month time.Month, dom int) {
	z := day + 719470 // since 1 March of year 0, so that leap days end a year
	cycle := floorDiv(z, 1461)
	rest := z - cycle*1461
	y := (rest - rest/1460) / 365
	of := rest - 365*y
	m := (5*of + 2) / 153
	year, month, dom = int(y+4*cycle), time.March+time.Month(m), int(of-(153*m+2)/5+1)
	if month > time.December {
		year, month = year+1, month-12
	}
	return year, month, dom
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func appendList(dst []byte, elems []Value) []byte {
	dst = append(dst, '[')
	for i, e := range elems {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = e.AppendText(dst)
	}
	return append(dst, ']')
}

func appendMap(dst []byte, m *Map) []byte {
	dst = append(dst, '{')
	for i, e := range m.entries {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(e.Key.AppendText(dst), '=')
		dst = e.Value.AppendText(dst)
	}
	return append(dst, '}')
}

func appendStruct(dst []byte, s *Struct) []byte {
	dst = append(dst, "Struct{"...)
	first := true
	for i, v := range s.values {
		if v.IsNull() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, s.schema.fields[i].Name...), '=')
		dst = v.AppendText(dst)
	}
	return append(dst, '}')
}

// AppendDecimal appends BigDecimal.toString of a decimal: plain digits where the
// scale is not negative and the number not below 1E-6, else E notation.
func (v Value) AppendDecimal(dst []byte) []byte {
	unscaled, scale := v.decimalDigits(nil)
	neg := unscaled[0] == '-'
	if neg {
		unscaled = unscaled[1:]
	}
	return appendScaled(dst, neg, unscaled, int64(scale))
}

func (v Value) decimalDigits(buf []byte) ([]byte, int32) {
	if n, scale, ok := v.SmallDecimal(); ok {
		return appendInt(buf, n), scale
	}
	b, scale := v.BigDecimal()
	return b.Append(buf, 10), scale
}

func appendScaled(dst []byte, neg bool, digits []byte, scale int64) []byte {
	if neg {
		dst = append(dst, '-')
	}
	if scale == 0 {
		return append(dst, digits...)
	}
	adjusted := int64(len(digits)) - 1 - scale
	if scale > 0 && adjusted >= -6 {
		point := int64(len(digits)) - scale
		if point > 0 {
			dst = append(append(dst, digits[:point]...), '.')
			return append(dst, digits[point:]...)
		}
		dst = append(dst, "0."...)
		for range -point {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	if adjusted == 0 {
		return dst
	}
	dst = append(dst, 'E')
	if adjusted > 0 {
		dst = append(dst, '+')
	}
	return appendInt(dst, adjusted)
}

// UnscaledBytes appends the two's complement big-endian bytes of a decimal's
// unscaled value (BigInteger.toByteArray), at least one byte.
func (v Value) UnscaledBytes(dst []byte) []byte {
	if n, _, ok := v.SmallDecimal(); ok {
		return appendTwos(dst, n)
	}
	b, _ := v.BigDecimal()
	return AppendBigInt(dst, b)
}

func appendTwos(dst []byte, n int64) []byte {
	size := 8
	for size > 1 && n<<(64-8*uint(size-1))>>(64-8*uint(size-1)) == n {
		size--
	}
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*uint(i))))
	}
	return dst
}

// AppendBigInt appends BigInteger.toByteArray.
func AppendBigInt(dst []byte, b *big.Int) []byte {
	if b.Sign() >= 0 {
		raw := b.Bytes()
		if len(raw) == 0 || raw[0]&0x80 != 0 {
			dst = append(dst, 0)
		}
		return append(dst, raw...)
	}
	// -b-1 has the inverted bits of b.
	inv := new(big.Int).Not(b)
	raw := inv.Bytes()
	if len(raw) == 0 || raw[0]&0x80 != 0 {
		dst = append(dst, 0xff)
	}
	for _, c := range raw {
		dst = append(dst, ^c)
	}
	return dst
}

// DecimalFromBytes is new BigDecimal(new BigInteger(b), scale). b must not be empty.
func DecimalFromBytes(b []byte, scale int32) Value {
	if len(b) <= 8 {
		n := int64(int8(b[0]))
		for _, c := range b[1:] {
			n = n<<8 | int64(c)
		}
		return Decimal(n, scale)
	}
	return BigDecimal(BigIntFromBytes(b), scale)
}

// BigIntFromBytes is new BigInteger(b) of two's complement big-endian bytes.
func BigIntFromBytes(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}
