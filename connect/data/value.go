package data

import (
	"fmt"
	"math"
	"math/big"
	"time"
	"unsafe"
)

// Kind tells what a Value holds; each kind stands for one Java class.
type Kind uint8

// The kinds. KindNull is the zero Kind, so that the zero Value is null.
const (
	KindNull       Kind = iota
	KindUnchanged       // the source did not send it; no Java class
	KindBool            // java.lang.Boolean
	KindInt8            // java.lang.Byte
	KindInt16           // java.lang.Short
	KindInt32           // java.lang.Integer
	KindInt64           // java.lang.Long
	KindFloat32         // java.lang.Float
	KindFloat64         // java.lang.Double
	KindString          // java.lang.String
	KindBytes           // byte[]
	KindByteBuffer      // java.nio.ByteBuffer
	KindDecimal         // java.math.BigDecimal
	KindBigInteger      // java.math.BigInteger
	KindDate            // java.util.Date: Connect's Date, Time and Timestamp
	KindArray           // java.util.List
	KindMap             // java.util.Map
	KindStruct          // org.apache.kafka.connect.data.Struct
)

var kindNames = [...]string{"null", "unchanged", "bool", "int8", "int16", "int32", "int64", "float32", "float64",
	"string", "bytes", "bytebuffer", "decimal", "biginteger", "date", "array", "map", "struct"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

var javaClasses = [...]string{"null", "java.lang.Object", "java.lang.Boolean", "java.lang.Byte", "java.lang.Short",
	"java.lang.Integer", "java.lang.Long", "java.lang.Float", "java.lang.Double", "java.lang.String", "[B",
	"java.nio.HeapByteBuffer", "java.math.BigDecimal", "java.math.BigInteger", "java.util.Date",
	"java.util.ArrayList", "java.util.HashMap", "org.apache.kafka.connect.data.Struct"}

// JavaClass returns the name that Java's Class.getName would give ("[B" for
// bytes); error texts that users see carry it.
func (k Kind) JavaClass() string { return javaClasses[k] }

// Value is one datum: a kind, number bits and at most one pointer (24 bytes).
// It is a plain value: copy it freely. See the package comment for how long
// what it points to lives.
type Value struct {
	p     unsafe.Pointer // string or bytes data, first element, *Map, *Struct, *big.Int
	n     uint64         // number bits, or the length of what p points to
	scale int32          // of a decimal
	kind  Kind
}

// Null is the null value.
var Null = Value{}

// Unchanged says that the source did not send the value and the old one holds.
var Unchanged = Value{kind: KindUnchanged}

// UnchangedAs is Unchanged with the placeholder that Java's format shows in its
// place: a string, or bytes where the column's schema is bytes.
func UnchangedAs(placeholder string) Value {
	return Value{kind: KindUnchanged, p: unsafe.Pointer(unsafe.StringData(placeholder)), n: uint64(len(placeholder))}
}

// Bool returns a boolean.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, n: 1}
	}
	return Value{kind: KindBool}
}

// Int8 returns a Java Byte.
func Int8(v int8) Value { return Value{kind: KindInt8, n: uint64(int64(v))} }

// Int16 returns a Java Short.
func Int16(v int16) Value { return Value{kind: KindInt16, n: uint64(int64(v))} }

// Int32 returns a Java Integer.
func Int32(v int32) Value { return Value{kind: KindInt32, n: uint64(int64(v))} }

// Int64 returns a Java Long.
func Int64(v int64) Value { return Value{kind: KindInt64, n: uint64(v)} }

// Float32 returns a Java Float.
func Float32(v float32) Value { return Value{kind: KindFloat32, n: uint64(math.Float32bits(v))} }

// Float64 returns a Java Double.
func Float64(v float64) Value { return Value{kind: KindFloat64, n: math.Float64bits(v)} }

// String returns a string value that aliases s.
func String(s string) Value {
	return Value{kind: KindString, p: unsafe.Pointer(unsafe.StringData(s)), n: uint64(len(s))}
}

// StringBytes returns a string value that aliases b, which must never be
// written again.
func StringBytes(b []byte) Value {
	return Value{kind: KindString, p: unsafe.Pointer(unsafe.SliceData(b)), n: uint64(len(b))}
}

// Bytes returns a byte[] value that aliases b, which must never be written
// again. A nil b is an empty array, not null.
func Bytes(b []byte) Value {
	return Value{kind: KindBytes, p: unsafe.Pointer(unsafe.SliceData(b)), n: uint64(len(b))}
}

// ByteBuffer is Bytes for Java's ByteBuffer class.
func ByteBuffer(b []byte) Value {
	v := Bytes(b)
	v.kind = KindByteBuffer
	return v
}

// Decimal returns unscaled * 10^-scale without allocating.
func Decimal(unscaled int64, scale int32) Value {
	return Value{kind: KindDecimal, n: uint64(unscaled), scale: scale}
}

// BigDecimal returns unscaled * 10^-scale; it keeps unscaled, which must not
// change any more, unless it fits an int64.
func BigDecimal(unscaled *big.Int, scale int32) Value {
	if unscaled.IsInt64() {
		return Decimal(unscaled.Int64(), scale)
	}
	return Value{kind: KindDecimal, p: unsafe.Pointer(unscaled), scale: scale}
}

// BigInteger returns a Java BigInteger; it keeps i, which must not change.
func BigInteger(i *big.Int) Value { return Value{kind: KindBigInteger, p: unsafe.Pointer(i)} }

// Date returns a java.util.Date of ms milliseconds since 1970-01-01 UTC: the
// value of Connect's logical types Date, Time and Timestamp.
func Date(ms int64) Value { return Value{kind: KindDate, n: uint64(ms)} }

// DateOf is Date for a time.Time; what is below a millisecond is dropped.
func DateOf(t time.Time) Value { return Date(t.UnixMilli()) }

// Array returns a list that aliases elems.
func Array(elems []Value) Value {
	return Value{kind: KindArray, p: unsafe.Pointer(unsafe.SliceData(elems)), n: uint64(len(elems))}
}

// MapOf returns a map value; nil is null.
func MapOf(m *Map) Value {
	if m == nil {
		return Null
	}
	return Value{kind: KindMap, p: unsafe.Pointer(m)}
}

// StructOf returns a struct value; nil is null.
func StructOf(s *Struct) Value {
	if s == nil {
		return Null
	}
	return Value{kind: KindStruct, p: unsafe.Pointer(s)}
}

// Kind returns what the value holds.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is null. Unchanged is not null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// IsUnchanged reports whether v is Unchanged, with or without a placeholder.
func (v Value) IsUnchanged() bool { return v.kind == KindUnchanged }

// Placeholder returns the placeholder of an Unchanged value, "" if none.
func (v Value) Placeholder() string {
	if v.kind != KindUnchanged || v.p == nil {
		return ""
	}
	return unsafe.String((*byte)(v.p), int(v.n))
}

func (v Value) must(k Kind) {
	if v.kind != k {
		panic("data: " + k.String() + " asked of a " + v.kind.String() + " value")
	}
}

// Bool returns the boolean; it panics for another kind, as all accessors do.
func (v Value) Bool() bool { v.must(KindBool); return v.n != 0 }

// Int returns the number of any of the four integer kinds and the epoch
// milliseconds of a date.
func (v Value) Int() int64 {
	switch v.kind {
	case KindInt8, KindInt16, KindInt32, KindInt64, KindDate:
		return int64(v.n)
	}
	panic("data: integer asked of a " + v.kind.String() + " value")
}

// IsInt reports whether v is one of the four integer kinds.
func (v Value) IsInt() bool { return v.kind >= KindInt8 && v.kind <= KindInt64 }

// Float32 returns a Java Float.
func (v Value) Float32() float32 { v.must(KindFloat32); return math.Float32frombits(uint32(v.n)) }

// Float returns the number of either float kind.
func (v Value) Float() float64 {
	if v.kind == KindFloat32 {
		return float64(math.Float32frombits(uint32(v.n)))
	}
	v.must(KindFloat64)
	return math.Float64frombits(v.n)
}

// Str returns the string. (String is the method of fmt.Stringer.)
func (v Value) Str() string {
	v.must(KindString)
	if v.n == 0 {
		return ""
	}
	return unsafe.String((*byte)(v.p), int(v.n))
}

// Bytes returns the bytes of a byte[] or ByteBuffer, never nil. Do not write.
func (v Value) Bytes() []byte {
	if v.kind != KindByteBuffer {
		v.must(KindBytes)
	}
	if v.n == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(v.p), int(v.n))
}

// SmallDecimal returns the unscaled value and scale of a decimal whose unscaled
// value fits an int64; ok is false for a larger one.
func (v Value) SmallDecimal() (unscaled int64, scale int32, ok bool) {
	v.must(KindDecimal)
	return int64(v.n), v.scale, v.p == nil
}

// BigDecimal returns the unscaled value and scale of a decimal. Do not write to
// the integer.
func (v Value) BigDecimal() (*big.Int, int32) {
	v.must(KindDecimal)
	if v.p == nil {
		return big.NewInt(int64(v.n)), v.scale
	}
	return (*big.Int)(v.p), v.scale
}

// DecimalScale returns the scale of a decimal.
func (v Value) DecimalScale() int32 { v.must(KindDecimal); return v.scale }

// BigInt returns a Java BigInteger. Do not write to it.
func (v Value) BigInt() *big.Int { v.must(KindBigInteger); return (*big.Int)(v.p) }

// Millis returns the epoch milliseconds of a date.
func (v Value) Millis() int64 { v.must(KindDate); return int64(v.n) }

// Time returns a date as a time in UTC.
func (v Value) Time() time.Time { return time.UnixMilli(v.Millis()).UTC() }

// Array returns the elements of a list; the slice is the value's own.
func (v Value) Array() []Value {
	v.must(KindArray)
	if v.n == 0 {
		return []Value{}
	}
	return unsafe.Slice((*Value)(v.p), int(v.n))
}

// Map returns the map, which is the value's own.
func (v Value) Map() *Map { v.must(KindMap); return (*Map)(v.p) }

// Struct returns the struct, which is the value's own.
func (v Value) Struct() *Struct { v.must(KindStruct); return (*Struct)(v.p) }
