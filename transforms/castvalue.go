package transforms

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javavalues"
)

// castValue converts a value of schema s, nil if unknown.
func castValue(s *data.Schema, v data.Value, to data.Type) (data.Value, error) {
	if v.IsNull() || v.IsUnchanged() {
		return v, nil
	}
	from := schemaType(v)
	if s != nil {
		from = s.Type()
	}
	switch {
	case from == data.TypeUnknown:
		return v, connect.DataErrorf("Cast transformation was passed a value of type class %s which is not supported by Connect's data API", className(v))
	case from > data.TypeBytes:
		return v, connect.DataErrorf("Cast transformation does not support casting from %s; supported types are %s, BYTES]", from,
			strings.TrimSuffix(castOutputs, "]"))
	}
	if to == data.TypeString {
		return data.String(castText(v)), nil
	}
	if s != nil {
		var err error
		if v, err = encodeDate(s, v); err != nil {
			return v, err
		}
	}
	out, ok, nfe := castNumber(v, to)
	switch {
	case nfe != "":
		return v, connect.Cause(connect.ClassData, "Value ("+v.String()+") was out of range for requested data type",
			connect.Errorf("java.lang.NumberFormatException", "%s", nfe))
	case !ok:
		return v, connect.DataErrorf("Unexpected type in Cast transformation: class %s", className(v))
	}
	return out, nil
}

// schemaType is ConnectSchema.schemaType: unknown for classes that need a schema.
func schemaType(v data.Value) data.Type {
	switch v.Kind() {
	case data.KindInt8:
		return data.TypeInt8
	case data.KindInt16:
		return data.TypeInt16
	case data.KindInt32:
		return data.TypeInt32
	case data.KindInt64:
		return data.TypeInt64
	case data.KindFloat32:
		return data.TypeFloat32
	case data.KindFloat64:
		return data.TypeFloat64
	case data.KindBool:
		return data.TypeBoolean
	case data.KindString, data.KindUnchanged:
		return data.TypeString
	case data.KindBytes, data.KindByteBuffer:
		return data.TypeBytes
	case data.KindArray:
		return data.TypeArray
	case data.KindMap:
		return data.TypeMap
	case data.KindStruct:
		return data.TypeStruct
	}
	return data.TypeUnknown
}

// encodeDate returns the number that a logical type stores.
func encodeDate(s *data.Schema, v data.Value) (data.Value, error) {
	const day = 24 * 60 * 60 * 1000
	switch s.Name() {
	case data.DateName, data.TimeName, data.TimestampName:
	default:
		return v, nil
	}
	if v.Kind() != data.KindDate {
		return v, connect.Errorf(connect.ClassCast, "class %s cannot be cast to class java.util.Date", className(v))
	}
	switch ms := v.Millis(); s.Name() {
	case data.DateName:
		if ms%day != 0 {
			return v, connect.DataErrorf("Kafka Connect Date type should not have any time fields set to non-zero values.")
		}
		return data.Int32(int32(ms / day)), nil
	case data.TimeName:
		if ms < 0 || ms > day {
			return v, connect.DataErrorf("Kafka Connect Time type should not have any date fields set to non-zero values.")
		}
		return data.Int32(int32(ms)), nil
	default:
		return data.Int64(ms), nil
	}
}

func castText(v data.Value) string {
	switch v.Kind() {
	case data.KindDate:
		return javavalues.DateFormatFor(v.Millis()).Text(v.Millis())
	case data.KindBytes, data.KindByteBuffer:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return v.String()
}

// castNumber converts to a number or boolean. ok is false for a class that cannot
// be, nfe is the message of a NumberFormatException.
func castNumber(v data.Value, to data.Type) (out data.Value, ok bool, nfe string) {
	var long int64
	var double float64
	switch v.Kind() {
	case data.KindBool:
		if v.Bool() {
			long, double = 1, 1
		}
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		long = v.Int()
		double = float64(long)
	case data.KindFloat32, data.KindFloat64:
		return fromFloat(v, to), true, ""
	case data.KindDecimal, data.KindBigInteger:
		long, double = ofBig(v)
		if to == data.TypeFloat32 {
			f, _ := strconv.ParseFloat(v.String(), 32) // once rounded, not twice
			return data.Float32(float32(f)), true, ""
		}
	case data.KindString:
		return castParsed(v.Str(), to)
	default:
		return v, false, ""
	}
	if to == data.TypeFloat32 && v.IsInt() {
		return data.Float32(float32(long)), true, ""
	}
	return toType(to, long, double), true, ""
}

func toType(to data.Type, long int64, double float64) data.Value {
	switch to {
	case data.TypeInt8:
		return data.Int8(int8(long))
	case data.TypeInt16:
		return data.Int16(int16(long))
	case data.TypeInt32:
		return data.Int32(int32(long))
	case data.TypeInt64:
		return data.Int64(long)
	case data.TypeFloat32:
		return data.Float32(float32(double))
	case data.TypeFloat64:
		return data.Float64(double)
	}
	return data.Bool(long != 0)
}

// fromFloat narrows as Java does: toward zero, saturating, over int for the small types.
func fromFloat(v data.Value, to data.Type) data.Value {
	f := v.Float()
	switch to {
	case data.TypeInt8, data.TypeInt16, data.TypeInt32:
		return toType(to, saturate(f, math.MinInt32, math.MaxInt32), f)
	case data.TypeFloat32:
		if v.Kind() == data.KindFloat32 {
			return v
		}
	}
	return toType(to, saturate(f, math.MinInt64, math.MaxInt64), f)
}

func saturate(f float64, low, high int64) int64 {
	switch {
	case f != f:
		return 0
	case f >= float64(high):
		return high
	case f <= float64(low):
		return low
	}
	return int64(f)
}

// ofBig returns the low 64 bits of the integer part, and the nearest double.
func ofBig(v data.Value) (int64, float64) {
	n := v
	double, _ := strconv.ParseFloat(v.String(), 64)
	if v.Kind() == data.KindBigInteger {
		n = data.BigDecimal(v.BigInt(), 0)
	}
	unscaled, scale := n.BigDecimal()
	if scale <= -64 || int64(scale) > int64(len(unscaled.Text(10))) {
		return 0, double
	}
	ten := big.NewInt(10)
	i := new(big.Int)
	if scale <= 0 {
		i.Mul(unscaled, ten.Exp(ten, big.NewInt(int64(-scale)), nil))
	} else {
		i.Quo(unscaled, ten.Exp(ten, big.NewInt(int64(scale)), nil))
	}
	return int64(i.And(i, new(big.Int).SetUint64(math.MaxUint64)).Uint64()), double
}
