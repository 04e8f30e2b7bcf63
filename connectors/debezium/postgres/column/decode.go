package column

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/slab"
)

// Space is where decoders take memory from.
type Space struct {
	Arena *data.Arena
	Bytes *slab.Bytes
}

// Decoder turns PostgreSQL's text of a value into a value. raw is never null and
// never written again.
type Decoder func(sp Space, raw []byte) (data.Value, error)

// str is raw as a string, without copying.
func str(raw []byte) string { return data.StringBytes(raw).Str() }

func decodeText(_ Space, raw []byte) (data.Value, error) { return data.StringBytes(raw), nil }

func decodeBool(_ Space, raw []byte) (data.Value, error) {
	if len(raw) == 1 && (raw[0] == 't' || raw[0] == 'f') {
		return data.Bool(raw[0] == 't'), nil
	}
	return data.Null, fmt.Errorf("%q is no boolean", raw)
}

// parseInt reads a decimal integer that PostgreSQL printed, so that it fits.
func parseInt(raw []byte) (int64, error) {
	digits, negative := raw, false
	if len(raw) > 0 && raw[0] == '-' {
		digits, negative = raw[1:], true
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, fmt.Errorf("%q is no integer", raw)
	}
	var n uint64
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, fmt.Errorf("%q is no integer", raw)
		} else {
			n = n*10 + uint64(c)
		}
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

func decodeInt16(_ Space, raw []byte) (data.Value, error) {
	n, err := parseInt(raw)
	return data.Int16(int16(n)), err
}

func decodeInt32(_ Space, raw []byte) (data.Value, error) {
	n, err := parseInt(raw)
	return data.Int32(int32(n)), err
}

func decodeInt64(_ Space, raw []byte) (data.Value, error) {
	n, err := parseInt(raw)
	return data.Int64(n), err
}

func decodeFloat32(_ Space, raw []byte) (data.Value, error) {
	f, err := strconv.ParseFloat(str(raw), 32)
	return data.Float32(float32(f)), err
}

func decodeFloat64(_ Space, raw []byte) (data.Value, error) {
	f, err := strconv.ParseFloat(str(raw), 64)
	return data.Float64(f), err
}

// SpecialError is a numeric that a decimal cannot hold: NaN or an infinity.
type SpecialError struct{ Text string }

func (e *SpecialError) Error() string {
	return e.Text + " cannot be carried with decimal.handling.mode=precise; use double or string"
}

const maxSmallDigits = 18

// parseDecimal reads a plain decimal number; big is nil when the unscaled value
// fits small.
func parseDecimal(raw []byte) (small int64, large *big.Int, scale int, err error) {
	digits, negative := raw, false
	if len(raw) > 0 && raw[0] == '-' {
		digits, negative = raw[1:], true
	}
	if len(digits) == 0 || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9') {
		switch string(raw) {
		case "NaN", "Infinity", "-Infinity":
			return 0, nil, 0, &SpecialError{string(raw)}
		}
		return 0, nil, 0, fmt.Errorf("%q is no number", raw)
	}
	point := -1
	for i, c := range digits {
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if c < '0' || c > '9' {
			return 0, nil, 0, fmt.Errorf("%q is no number", raw)
		}
		if i <= maxSmallDigits {
			small = small*10 + int64(c-'0')
		}
	}
	n := len(digits)
	if point >= 0 {
		scale = len(digits) - point - 1
		n--
	}
	if n > maxSmallDigits {
		text := append([]byte(nil), digits[:len(digits)-scale]...)
		if point >= 0 {
			text = append(text[:point], digits[point+1:]...)
		}
		large, _ = new(big.Int).SetString(string(text), 10)
		if negative {
			large.Neg(large)
		}
		return 0, large, scale, nil
	}
	if negative {
		small = -small
	}
	return small, nil, scale, nil
}

var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// fits reports whether |n| * 10^shift is sure to fit an int64.
func fits(n int64, shift int) bool {
	if shift < 0 || shift >= len(pow10) {
		return false
	}
	limit := (1<<63 - 1) / pow10[shift]
	return n <= limit && n >= -limit
}

// rescale gives the number the scale of the schema. Digits that would be lost
// are rounded half up, as java.math does for defaults.
func rescale(small int64, large *big.Int, scale, want int) data.Value {
	shift := want - scale
	if large == nil && shift == 0 {
		return data.Decimal(small, int32(want))
	}
	if large == nil && fits(small, shift) {
		return data.Decimal(small*pow10[shift], int32(want))
	}
	if large == nil {
		large = big.NewInt(small)
	}
	switch {
	case shift > 0:
		large = new(big.Int).Mul(large, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	case shift < 0:
		d := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-shift)), nil)
		half := new(big.Int).Rsh(d, 1)
		if large.Sign() < 0 {
			half.Neg(half)
		}
		large = new(big.Int).Quo(half.Add(half, large), d)
	}
	return data.BigDecimal(large, int32(want))
}

func decimalDecoder(scale int) Decoder {
	return func(_ Space, raw []byte) (data.Value, error) {
		small, large, got, err := parseDecimal(raw)
		if err != nil {
			return data.Null, err
		}
		return rescale(small, large, got, scale), nil
	}
}

// variableDecoder makes an io.debezium.data.VariableScaleDecimal of schema s:
// trailing zeros after the point are stripped.
func variableDecoder(s *data.Schema) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) {
		small, large, scale, err := parseDecimal(raw)
		if err != nil {
			return data.Null, err
		}
		small, large, scale = stripZeros(small, large, scale)
		row := sp.Arena.Struct(s)
		row.Set(0, data.Int32(int32(scale)))
		row.Set(1, data.Bytes(sp.unscaled(small, large)))
		return data.StructOf(row), nil
	}
}

func stripZeros(small int64, large *big.Int, scale int) (int64, *big.Int, int) {
	if large != nil {
		ten, rem := big.NewInt(10), new(big.Int)
		for scale > 0 {
			q, r := new(big.Int).QuoRem(large, ten, rem)
			if r.Sign() != 0 {
				break
			}
			large, scale = q, scale-1
		}
		if large.IsInt64() {
			small, large = large.Int64(), nil
		}
	}
	for large == nil && scale > 0 && small%10 == 0 {
		small, scale = small/10, scale-1
	}
	return small, large, scale
}

// unscaled is BigInteger.toByteArray: two's complement, big endian, shortest.
func (sp Space) unscaled(small int64, large *big.Int) []byte {
	if large != nil {
		return twosComplement(large)
	}
	n := 1
	for n < 8 && small>>(8*n-1) != 0 && small>>(8*n-1) != -1 {
		n++
	}
	b := sp.Bytes.Start(n)
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(small>>(8*i)))
	}
	return sp.Bytes.Keep(b)
}

func twosComplement(n *big.Int) []byte {
	if n.Sign() >= 0 {
		b := n.Bytes()
		if len(b) == 0 || b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	length := n.BitLen()/8 + 1
	b := new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*length))).Bytes()
	if len(b) > 1 && b[0] == 0xff && b[1]&0x80 != 0 {
		b = b[1:]
	}
	return b
}

// moneyText strips what the C locale adds to money: -$1,234.56.
func (sp Space) moneyText(raw []byte) []byte {
	b := sp.Bytes.Start(len(raw))
	for _, c := range raw {
		if c >= '0' && c <= '9' || c == '.' || c == '-' {
			b = append(b, c)
		}
	}
	return sp.Bytes.Keep(b)
}

func moneyDecoder(inner Decoder) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) { return inner(sp, sp.moneyText(raw)) }
}

// binaryDecoder reads bytea's hex format.
func binaryDecoder(mode Binaries) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) {
		if len(raw) < 2 || raw[0] != '\\' || raw[1] != 'x' {
			return data.Null, fmt.Errorf("bytea in a format other than hex; is bytea_output changed by a trigger or role setting?")
		}
		raw = raw[2:]
		if mode == BinaryHex {
			return data.StringBytes(raw), nil
		}
		b := sp.Bytes.Start(len(raw) / 2)[:len(raw)/2]
		if _, err := hex.Decode(b, raw); err != nil {
			return data.Null, fmt.Errorf("decoding bytea: %w", err)
		}
		return Binary(mode, sp.Bytes.Keep(b)), nil
	}
}

// Binary shows bytes as binary.handling.mode says. b is kept.
func Binary(mode Binaries, b []byte) data.Value {
	switch mode {
	case BinaryBase64:
		return data.String(base64.StdEncoding.EncodeToString(b))
	case BinaryBase64URL:
		return data.String(base64.URLEncoding.EncodeToString(b))
	case BinaryHex:
		return data.String(hex.EncodeToString(b))
	}
	return data.Bytes(b)
}

func decodeBit(_ Space, raw []byte) (data.Value, error) {
	return data.Bool(len(raw) > 0 && raw[0] == '1'), nil
}

// decodeBits packs a bit string as java.util.BitSet does: little endian, without
// zero bytes at the end.
func decodeBits(sp Space, raw []byte) (data.Value, error) {
	b := sp.Bytes.Start((len(raw) + 7) / 8)[:(len(raw)+7)/8]
	clear(b)
	for i, c := range raw {
		if bit := len(raw) - 1 - i; c == '1' {
			b[bit/8] |= 1 << (bit % 8)
		}
	}
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return data.Bytes(sp.Bytes.Keep(b[:n])), nil
}
