package javavalues

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/leat-project/leat/connect/data"
)

// ParseDecimal is new BigDecimal(text): digits of any script, optional sign,
// point and exponent.
func ParseDecimal(text string) (unscaled *big.Int, scale int32, ok bool) {
	ascii := asciiDigits(text)
	mantissa, exp := ascii, int64(0)
	if i := strings.IndexAny(ascii, "eE"); i >= 0 {
		mantissa = ascii[:i]
		e, err := strconv.ParseInt(ascii[i+1:], 10, 32)
		if err != nil {
			return nil, 0, false
		}
		exp = e
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole, "+-") + frac
	if len(whole)-len(strings.TrimLeft(whole, "+-")) > 1 || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil, 0, false
	}
	s := int64(len(frac)) - exp
	if s != int64(int32(s)) {
		return nil, 0, false
	}
	unscaled, _ = new(big.Int).SetString(digits, 10)
	if strings.HasPrefix(whole, "-") {
		unscaled.Neg(unscaled)
	}
	return unscaled, int32(s), true
}

func asciiDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 || !unicode.IsDigit(r) {
			return r
		}
		zero := r
		for unicode.IsDigit(zero-1) && r-zero < 9 {
			zero--
		}
		return '0' + r - zero
	}, text)
}

// number returns the smallest type that holds the number: an integer where it is
// integral and has at most 64 bits, else a float, else a decimal.
func number(token string) (parsed, bool) {
	unscaled, scale, ok := ParseDecimal(token)
	if !ok {
		return parsed{}, false
	}
	if n, ok := exactLong(unscaled, scale); ok {
		return smallest(n), true
	}
	text := data.BigDecimal(unscaled, scale).String()
	if scale != 0 {
		if f, _ := strconv.ParseFloat(text, 32); !math.IsInf(f, 0) {
			return parsed{data.Float32Schema, data.Float32(float32(f))}, true
		}
		if f, _ := strconv.ParseFloat(text, 64); !math.IsInf(f, 0) {
			return parsed{data.Float64Schema, data.Float64(f)}, true
		}
	}
	return parsed{data.NewDecimal(scale).Build(), data.BigDecimal(unscaled, scale)}, true
}

func exactLong(unscaled *big.Int, scale int32) (int64, bool) {
	if unscaled.Sign() == 0 {
		return 0, true
	}
	digits := len(unscaled.Text(10))
	if int64(digits)-int64(scale) > 20 || int64(scale) > int64(digits) {
		return 0, false // too large, or a fraction
	}
	ten := big.NewInt(10)
	v, rest := new(big.Int).Set(unscaled), new(big.Int)
	if scale <= 0 {
		v.Mul(v, ten.Exp(ten, big.NewInt(int64(-scale)), nil))
	} else {
		v.QuoRem(v, ten.Exp(ten, big.NewInt(int64(scale)), nil), rest)
	}
	return v.Int64(), rest.Sign() == 0 && v.IsInt64()
}

func smallest(n int64) parsed {
	switch {
	case n == int64(int8(n)):
		return parsed{data.Int8Schema, data.Int8(int8(n))}
	case n == int64(int16(n)):
		return parsed{data.Int16Schema, data.Int16(int16(n))}
	case n == int64(int32(n)):
		return parsed{data.Int32Schema, data.Int32(int32(n))}
	}
	return parsed{data.Int64Schema, data.Int64(n)}
}

// merger finds a schema for all of several values.
type merger struct {
	common       *data.Schema
	incompatible bool
}

func (m *merger) merge(s *data.Schema) {
	switch {
	case s == nil || m.incompatible:
	case m.common == nil:
		m.common = s
	case m.common.Type() == s.Type():
		m.common = s // all are required; the later one wins
	case isNumber(m.common) && isNumber(s):
		if s.Type() > m.common.Type() {
			m.common = s
		}
	default:
		m.common, m.incompatible = nil, true
	}
}

// isNumber leaves decimals out, which have the type of bytes.
func isNumber(s *data.Schema) bool { return s.Type() >= data.TypeInt8 && s.Type() <= data.TypeFloat64 }

// align converts values to the common schema in place.
func align(s *data.Schema, values []data.Value) error {
	for i, v := range values {
		c, err := convert(s, v)
		if err != nil {
			return err
		}
		values[i] = c
	}
	return nil
}

func convert(s *data.Schema, v data.Value) (data.Value, error) {
	if v.IsNull() {
		return v, dataErrorf("Unable to convert a null value to a schema that requires a value")
	}
	if !isNumber(s) {
		return v, nil
	}
	isDate := v.Kind() == data.KindDate
	var n int64
	switch {
	case v.IsInt():
		n = v.Int()
	case v.Kind() == data.KindFloat32 || v.Kind() == data.KindFloat64:
		n = int64(v.Float())
	case !isDate:
		return v, dataErrorf("Unable to convert %s (class %s) to a number", v, v.Kind().JavaClass())
	}
	switch s.Name() {
	case data.DateName, data.TimeName, data.TimestampName:
		if isDate {
			return v, nil
		}
		if s.Name() == data.DateName {
			n *= dayMillis
		}
		if s.Name() == data.TimeName && (n < 0 || n > dayMillis) {
			return v, dataErrorf("Time values must use number of milliseconds greater than 0 and less than 86400000")
		}
		return data.Date(n), nil
	}
	if isDate {
		return v, dataErrorf("Unable to convert %s (class java.util.Date) to a number", v)
	}
	return toNumber(s.Type(), v, n), nil
}

func toNumber(t data.Type, v data.Value, n int64) data.Value {
	f := float64(n)
	if !v.IsInt() {
		f = v.Float()
	}
	switch t {
	case data.TypeInt8:
		return data.Int8(int8(n))
	case data.TypeInt16:
		return data.Int16(int16(n))
	case data.TypeInt32:
		return data.Int32(int32(n))
	case data.TypeInt64:
		return data.Int64(n)
	case data.TypeFloat32:
		return data.Float32(float32(f))
	}
	return data.Float64(f)
}
