package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/data"
)

func bindNumeric(src source, _ Options) appendFunc {
	switch src {
	case srcDecimal, srcVarDecimal, srcInt, srcFloat, srcString, srcMicroDuration:
		return appendNumeric
	}
	return nil
}

func appendNumeric(dst []byte, v data.Value) ([]byte, error) {
	switch k := v.Kind(); {
	case k == data.KindDecimal:
		return appendDecimal(dst, v), nil
	case v.IsInt():
		return appendSmallNumeric(dst, v.Int(), 0), nil
	case k == data.KindFloat32:
		return numericText(dst, strconv.FormatFloat(v.Float(), 'g', -1, 32))
	case k == data.KindFloat64:
		return numericText(dst, strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case k == data.KindString:
		return numericText(dst, v.Str())
	case k == data.KindStruct:
		unscaled, scale, err := variableScale(v.Struct())
		if err != nil {
			return dst, err
		}
		return appendBigNumeric(dst, unscaled, scale), nil
	}
	return wrongKind(dst, v, "a number")
}

// variableScale reads io.debezium.data.VariableScaleDecimal.
func variableScale(st *data.Struct) (*big.Int, int32, error) {
	scale, ok := st.Lookup("scale")
	value, ok2 := st.Lookup("value")
	if !ok || !ok2 || !scale.IsInt() || (value.Kind() != data.KindBytes && value.Kind() != data.KindByteBuffer) {
		return nil, 0, fmt.Errorf("its value is not a %s: scale and value expected", nameVarDecimal)
	}
	return bigFromBytes(value.Bytes()), int32(scale.Int()), nil
}

// bigFromBytes reads Java's BigInteger.toByteArray: big endian, two's complement.
func bigFromBytes(b []byte) *big.Int {
	i := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		i.Sub(i, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return i
}

func appendDecimal(dst []byte, v data.Value) []byte {
	if unscaled, scale, ok := v.SmallDecimal(); ok {
		return appendSmallNumeric(dst, unscaled, scale)
	}
	unscaled, scale := v.BigDecimal()
	return appendBigNumeric(dst, unscaled, scale)
}

// PostgreSQL's numeric, all int16: number of digits, weight of the first digit,
// sign, digits shown after the point; then digits in base 10000.
const (
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xc000
	numericInf      = 0xd000
	numericNegInf   = 0xf000
)

func numericHead(dst []byte, digits, weight int, sign uint16, scale int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(digits))
	dst = binary.BigEndian.AppendUint16(dst, uint16(weight))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	return binary.BigEndian.AppendUint16(dst, uint16(scale))
}

// appendSmallNumeric writes unscaled * 10^-scale without allocating.
func appendSmallNumeric(dst []byte, unscaled int64, scale int32) []byte {
	sign, u := uint16(numericPositive), uint64(unscaled)
	if unscaled < 0 {
		sign, u = numericNegative, -u
	}
	if scale < 0 || scale > 64 || u > math.MaxUint64/1000 {
		return appendBigNumeric(dst, big.NewInt(unscaled), scale)
	}
	// Shift to whole groups of four digits after the point.
	for pad := (4 - scale%4) % 4; pad > 0; pad-- {
		u *= 10
	}
	var groups [6]uint16
	n := 0
	for ; u > 0; n++ {
		groups[n] = uint16(u % 10000)
		u /= 10000
	}
	low := 0
	for low < n && groups[low] == 0 {
		low++
	}
	if n == low {
		return numericHead(dst, 0, 0, numericPositive, int(scale))
	}
	dst = numericHead(dst, n-low, n-1-int(scale+3)/4, sign, int(scale))
	for i := n - 1; i >= low; i-- {
		dst = binary.BigEndian.AppendUint16(dst, groups[i])
	}
	return dst
}

func appendBigNumeric(dst []byte, unscaled *big.Int, scale int32) []byte {
	digits := new(big.Int).Abs(unscaled).String()
	return appendDigits(dst, unscaled.Sign() < 0, digits, int(scale))
}

// appendDigits writes the decimal digits * 10^-scale.
func appendDigits(dst []byte, negative bool, digits string, scale int) []byte {
	if scale < 0 {
		if strings.Trim(digits, "0") != "" {
			digits += strings.Repeat("0", -scale)
		}
		scale = 0
	}
	if pad := (4 - scale%4) % 4; pad > 0 {
		digits += "000"[:pad]
	}
	if short := (4 - len(digits)%4) % 4; short > 0 {
		digits = "000"[:short] + digits
	}
	weight := len(digits)/4 - 1 - (scale+3)/4
	for len(digits) > 0 && digits[:4] == "0000" {
		digits, weight = digits[4:], weight-1
	}
	for len(digits) > 0 && digits[len(digits)-4:] == "0000" {
		digits = digits[:len(digits)-4]
	}
	if digits == "" {
		return numericHead(dst, 0, 0, numericPositive, scale)
	}
	sign := uint16(numericPositive)
	if negative {
		sign = numericNegative
	}
	dst = numericHead(dst, len(digits)/4, weight, sign, scale)
	for ; digits != ""; digits = digits[4:] {
		g := uint16(digits[0]-'0')*1000 + uint16(digits[1]-'0')*100 + uint16(digits[2]-'0')*10 + uint16(digits[3]-'0')
		dst = binary.BigEndian.AppendUint16(dst, g)
	}
	return dst
}

// maxExponent bounds what a text such as 1e999999999 may make us allocate; it is
// beyond what a numeric column holds.
const maxExponent = 200000

// numericText reads a number as Java and Go write it: 12.30, 1E+5, NaN, Infinity.
func numericText(dst []byte, s string) ([]byte, error) {
	bad := func() ([]byte, error) { return dst, fmt.Errorf("its value %q is not a number", s) }
	switch s {
	case "NaN":
		return numericHead(dst, 0, 0, numericNaN, 0), nil
	case "Infinity", "+Inf":
		return numericHead(dst, 0, 0, numericInf, 0), nil
	case "-Infinity", "-Inf":
		return numericHead(dst, 0, 0, numericNegInf, 0), nil
	}
	rest, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n > maxExponent || n < -maxExponent {
			return bad()
		}
		rest, exponent = s[:i], n
	}
	negative := strings.HasPrefix(rest, "-")
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "-"), "+")
	whole, fraction, _ := strings.Cut(rest, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(digits) > maxExponent {
		return bad()
	}
	return appendDigits(dst, negative, digits, len(fraction)-exponent), nil
}

// bindMoney writes the money type, whose unit we take for a hundredth.
func bindMoney(src source, _ Options) appendFunc {
	if src != srcDecimal && src != srcInt && src != srcFloat {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		unscaled, scale := new(big.Int), int32(0)
		switch {
		case v.Kind() == data.KindDecimal:
			unscaled, scale = v.BigDecimal()
		case v.IsInt():
			unscaled.SetInt64(v.Int())
		case v.Kind() == data.KindFloat32 || v.Kind() == data.KindFloat64:
			cents := math.Round(v.Float() * 100)
			if math.Abs(cents) >= 1<<63 || cents != cents {
				return dst, fmt.Errorf("its value %v is out of the range of money", v.Float())
			}
			return binary.BigEndian.AppendUint64(dst, uint64(int64(cents))), nil
		default:
			return wrongKind(dst, v, "a number")
		}
		cents := new(big.Int).Set(unscaled)
		for ; scale < 2; scale++ {
			cents.Mul(cents, big.NewInt(10))
		}
		for ; scale > 2; scale-- {
			var rest big.Int
			if cents.QuoRem(cents, big.NewInt(10), &rest); rest.Sign() != 0 {
				return dst, fmt.Errorf("its value has more than two digits after the point, which money does not keep")
			}
		}
		if !cents.IsInt64() {
			return dst, fmt.Errorf("its value is out of the range of money")
		}
		return binary.BigEndian.AppendUint64(dst, uint64(cents.Int64())), nil
	}
}
