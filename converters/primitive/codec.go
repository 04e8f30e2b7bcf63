package primitive

import (
	"encoding/binary"
	"math"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// codec is a converter without configuration.
type codec struct {
	class  string
	schema *data.Schema // of what is read
	encode func(dst []byte, s *data.Schema, v data.Value) ([]byte, error)
	decode func(b []byte) (data.Value, error)
}

const pkg = "org.apache.kafka.connect.converters."

var codecs = []*codec{
	{pkg + "ByteArrayConverter", data.OptionalBytesSchema, encodeBytes,
		func(b []byte) (data.Value, error) { return data.Bytes(b), nil }},
	{pkg + "BooleanConverter", data.OptionalBoolSchema, encodeBool, decodeBool},
	number("short", "ShortConverter", "ShortDeserializer", data.KindInt16, data.OptionalInt16Schema, 2,
		func(n uint64) data.Value { return data.Int16(int16(n)) }),
	number("integer", "IntegerConverter", "IntegerDeserializer", data.KindInt32, data.OptionalInt32Schema, 4,
		func(n uint64) data.Value { return data.Int32(int32(n)) }),
	number("long", "LongConverter", "LongDeserializer", data.KindInt64, data.OptionalInt64Schema, 8,
		func(n uint64) data.Value { return data.Int64(int64(n)) }),
	number("float", "FloatConverter", "Deserializer", data.KindFloat32, data.OptionalFloat32Schema, 4,
		func(n uint64) data.Value { return data.Float32(math.Float32frombits(uint32(n))) }),
	number("double", "DoubleConverter", "Deserializer", data.KindFloat64, data.OptionalFloat64Schema, 8,
		func(n uint64) data.Value { return data.Float64(math.Float64frombits(n)) }),
}

func encodeBytes(dst []byte, s *data.Schema, v data.Value) ([]byte, error) {
	if s != nil && s.Type() != data.TypeBytes {
		return dst, connect.DataErrorf("Invalid schema type for ByteArrayConverter: %s", s.Type())
	}
	switch v = data.Materialize(data.BytesSchema, v); v.Kind() {
	case data.KindNull:
		return nil, nil
	case data.KindBytes, data.KindByteBuffer:
		return append(dst, v.Bytes()...), nil
	}
	return dst, connect.DataErrorf("ByteArrayConverter is not compatible with objects of type class %s", v.Kind().JavaClass())
}

func encodeBool(dst []byte, s *data.Schema, v data.Value) ([]byte, error) {
	if s != nil && s.Type() != data.TypeBoolean {
		return dst, connect.DataErrorf("Invalid schema type for BooleanConverter: %s", s.Type())
	}
	switch v.Kind() {
	case data.KindNull:
		return nil, nil
	case data.KindBool:
		if v.Bool() {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	}
	return dst, connect.DataErrorf("BooleanConverter is not compatible with objects of type class %s", v.Kind().JavaClass())
}

func decodeBool(b []byte) (data.Value, error) {
	fail := func(format string, args ...any) (data.Value, error) {
		return data.Null, connect.Cause(connect.ClassData, "Failed to deserialize boolean: ",
			connect.Errorf(connect.ClassSerialization, format, args...))
	}
	switch {
	case len(b) != 1:
		return fail("Size of data received by BooleanDeserializer is not 1")
	case b[0] > 1:
		return fail("Unexpected byte received by BooleanDeserializer: %d", int8(b[0]))
	}
	return data.Bool(b[0] == 1), nil
}

func number(name, class, deserializer string, kind data.Kind, s *data.Schema, size int, value func(uint64) data.Value) *codec {
	return &codec{pkg + class, s,
		func(dst []byte, _ *data.Schema, v data.Value) ([]byte, error) {
			switch v.Kind() {
			case data.KindNull:
				return nil, nil
			case kind:
				var b [8]byte
				binary.BigEndian.PutUint64(b[:], bitsOf(v))
				return append(dst, b[8-size:]...), nil
			}
			java := v.Kind().JavaClass()
			return dst, connect.Cause(connect.ClassData, "Failed to serialize to "+name+" (was class "+java+"): ",
				connect.Errorf(connect.ClassCast, "class %s cannot be cast to class %s", java, kind.JavaClass()))
		},
		func(b []byte) (data.Value, error) {
			if len(b) != size {
				return data.Null, connect.Cause(connect.ClassData, "Failed to deserialize "+name+": ",
					connect.Errorf(connect.ClassSerialization, "Size of data received by %s is not %d", deserializer, size))
			}
			var n uint64
			for _, c := range b {
				n = n<<8 | uint64(c)
			}
			return value(n), nil
		}}
}

func bitsOf(v data.Value) uint64 {
	switch v.Kind() {
	case data.KindFloat32:
		return uint64(canonical32(v.Float32()))
	case data.KindFloat64:
		if f := v.Float(); !math.IsNaN(f) {
			return math.Float64bits(f)
		}
		return 0x7ff8000000000000
	}
	return uint64(v.Int())
}

// canonical32 is Float.floatToIntBits: one NaN only.
func canonical32(f float32) uint32 {
	if f != f {
		return 0x7fc00000
	}
	return math.Float32bits(f)
}

func (c *codec) newConverter() connect.Converter             { return &converter{codec: c} }
func (c *codec) newHeaderConverter() connect.HeaderConverter { return &headerConverter{codec: c} }

type converter struct{ *codec }

func (c *converter) Define(d *config.Def) { defineType(d) }

func (c *converter) Configure(props map[string]string, isKey bool) error {
	return config.Parse(c, withType(props, roleOf(isKey)))
}

func (c *converter) FromConnect(dst []byte, _ string, _ *[]connect.Header, s *data.Schema, v data.Value) ([]byte, error) {
	return c.encode(dst, s, v)
}

func (c *converter) ToConnect(_ *data.Arena, _ string, _ []connect.Header, b []byte) (*data.Schema, data.Value, error) {
	return c.toConnect(b)
}

func (c *codec) toConnect(b []byte) (*data.Schema, data.Value, error) {
	if b == nil {
		return c.schema, data.Null, nil
	}
	v, err := c.decode(b)
	return c.schema, v, err
}

func (c *converter) Close() error { return nil }

type headerConverter struct{ *codec }

func (c *headerConverter) Define(d *config.Def) { defineType(d) }

func (c *headerConverter) Configure(props map[string]string) error {
	return config.Parse(c, withType(props, "header"))
}

func (c *headerConverter) FromConnectHeader(dst []byte, _, _ string, s *data.Schema, v data.Value) ([]byte, error) {
	return c.encode(dst, s, v)
}

func (c *headerConverter) ToConnectHeader(_ *data.Arena, _, _ string, b []byte) (*data.Schema, data.Value, error) {
	return c.toConnect(b)
}

func (c *headerConverter) Close() error { return nil }
