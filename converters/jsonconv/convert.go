package jsonconv

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// slow converts trees to values as JsonConverter.convertToConnect does.
type slow struct{ nullToDefault bool }

// value converts n, nil for a member that is not there, to a value of schema s.
func (c slow) value(s *data.Schema, n *node) (data.Value, error) {
	if s == nil {
		return c.schemaless(n)
	}
	if n == nil || n.kind == nodeNull {
		if def, ok := s.Default(); ok && c.nullToDefault {
			return ownDefault(def), nil
		}
		if s.Optional() {
			return data.Null, nil
		}
		return data.Null, connect.DataErrorf("Invalid null value for required %s field", s.Type())
	}
	switch s.Name() {
	case data.DecimalName:
		return toDecimal(s, n)
	case data.DateName, data.TimeName, data.TimestampName:
		return toTemporal(s, n)
	}
	switch s.Type() {
	case data.TypeBytes:
		return toBytes(n)
	case data.TypeArray:
		return c.list(s, n)
	case data.TypeMap:
		return c.mapping(s, n)
	case data.TypeStruct:
		return c.row(s, n)
	}
	return toPrimitive(s.Type(), n), nil
}

// ownDefault copies a default that the record's owner could change.
func ownDefault(v data.Value) data.Value {
	switch v.Kind() {
	case data.KindArray, data.KindMap, data.KindStruct:
		return v.Clone()
	}
	return v
}

func (c slow) schemaless(n *node) (data.Value, error) {
	if n == nil {
		return data.Null, nil
	}
	switch n.kind {
	case nodeBool:
		return data.Bool(n.truth), nil
	case nodeNumber:
		if n.float {
			return toPrimitive(data.TypeFloat64, n), nil
		}
		return data.Int64(n.long()), nil
	case nodeString:
		return data.String(n.text), nil
	case nodeArray:
		return c.list(nil, n)
	case nodeObject:
		return c.mapping(nil, n)
	}
	return data.Null, nil
}

// toPrimitive follows Jackson's intValue and so on: a wrong kind is 0, false or null.
func toPrimitive(t data.Type, n *node) data.Value {
	switch t {
	case data.TypeInt8:
		return data.Int8(int8(n.long()))
	case data.TypeInt16:
		return data.Int16(int16(n.long()))
	case data.TypeInt32:
		return data.Int32(int32(n.long()))
	case data.TypeInt64:
		return data.Int64(n.long())
	case data.TypeFloat32:
		return data.Float32(float32(n.double(32)))
	case data.TypeFloat64:
		return data.Float64(n.double(64))
	case data.TypeBoolean:
		return data.Bool(n.truth)
	}
	if n.kind != nodeString {
		return data.Null
	}
	return data.String(n.text)
}

// long is Java's narrowing of any number to 64 bits; 0 for what is no number.
func (n *node) long() int64 {
	if n.kind != nodeNumber {
		return 0
	}
	if !n.float {
		if v, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return v
		}
	}
	d, err := parseDecimal(n.text)
	if err != nil {
		return 0 // an exponent beyond 32 bits
	}
	unscaled, scale := d.BigDecimal()
	if scale <= -64 {
		return 0 // a multiple of 2^64
	}
	ten := big.NewInt(10)
	v := new(big.Int)
	if scale <= 0 {
		v.Mul(unscaled, ten.Exp(ten, big.NewInt(int64(-scale)), nil))
	} else {
		if int(scale) > len(unscaled.String()) {
			return 0
		}
		v.Quo(unscaled, ten.Exp(ten, big.NewInt(int64(scale)), nil))
	}
	low := new(big.Int).And(v, new(big.Int).SetUint64(1<<64-1)) // two's complement
	return int64(low.Uint64())
}

// notNumber reads the texts in which floats travel that JSON has no number for. Java
// writes them so, too, but reads them as 0.
func notNumber(text string) float64 {
	switch text {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	return 0
}

func (n *node) double(bits int) float64 {
	if n.kind == nodeString {
		return notNumber(n.text)
	}
	if n.kind != nodeNumber {
		return 0
	}
	f, _ := strconv.ParseFloat(n.text, bits) // out of range is infinite, as in Java
	if f == 0 {
		return 0 // BigDecimal has no -0.0
	}
	return f
}

// parseDecimal is new BigDecimal(text) of a JSON number.
func parseDecimal(text string) (data.Value, error) {
	mantissa, exp := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		e, err := strconv.ParseInt(text[i+1:], 10, 32)
		if err != nil {
			return data.Null, fmt.Errorf("exponent of %s is out of range", text)
		}
		exp = e
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	scale := int64(len(frac)) - exp
	if scale != int64(int32(scale)) {
		return data.Null, fmt.Errorf("scale of %s is out of range", text)
	}
	digits := whole + frac
	if v, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return data.Decimal(v, int32(scale)), nil
	}
	v, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return data.Null, fmt.Errorf("%s is no number", text)
	}
	return data.BigDecimal(v, int32(scale)), nil
}

func toDecimal(s *data.Schema, n *node) (data.Value, error) {
	if n.kind == nodeNumber {
		d, err := parseDecimal(n.text)
		if err != nil {
			return data.Null, connect.Cause(connect.ClassData, "Invalid number for Decimal field", err)
		}
		return d, nil
	}
	if n.kind != nodeString {
		return data.Null, connect.DataErrorf("Invalid type for Decimal, underlying representation should be numeric or bytes but was %s", n.kind)
	}
	fail := func(err error) (data.Value, error) {
		return data.Null, connect.Cause(connect.ClassData, "Invalid bytes for Decimal field", err)
	}
	b, err := decodeBase64(n.text)
	if err != nil {
		return fail(err)
	}
	scale, err := scaleOf(s)
	if err != nil {
		return fail(err)
	}
	if len(b) == 0 {
		return fail(connect.Errorf("java.lang.NumberFormatException", "Zero length BigInteger"))
	}
	return data.DecimalFromBytes(b, scale), nil
}

func toTemporal(s *data.Schema, n *node) (data.Value, error) {
	name := s.Name()[strings.LastIndexByte(s.Name(), '.')+1:]
	if name == "Timestamp" {
		if n.kind != nodeNumber || n.float {
			return data.Null, connect.DataErrorf("Invalid type for Timestamp, underlying representation should be integral but was %s", n.kind)
		}
		return data.Date(n.long()), nil
	}
	v, err := strconv.ParseInt(n.text, 10, 32)
	if n.kind != nodeNumber || err != nil {
		return data.Null, connect.DataErrorf("Invalid type for %s, underlying representation should be integer but was %s", name, n.kind)
	}
	if name == "Date" {
		return data.Date(v * dayMillis), nil
	}
	if v < 0 || v > dayMillis {
		return data.Null, connect.DataErrorf("Time values must use number of milliseconds greater than 0 and less than 86400000")
	}
	return data.Date(v), nil
}

func toBytes(n *node) (data.Value, error) {
	if n.kind != nodeString {
		return data.Null, nil
	}
	b, err := decodeBase64(n.text)
	if err != nil {
		return data.Null, connect.Cause(connect.ClassData, "Invalid bytes field", err)
	}
	return data.Bytes(b), nil
}

// decodeBase64 decodes as Jackson's MIME-NO-LINEFEEDS variant: padding required,
// white space between groups ignored.
func decodeBase64(s string) ([]byte, error) {
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && !strings.ContainsAny(s, "\r\n") {
		return b, nil
	}
	fail := func(msg string) ([]byte, error) {
		return nil, &connect.Error{Class: "com.fasterxml.jackson.databind.exc.InvalidFormatException",
			Msg: "Cannot access contents of TextNode as binary due to broken Base64 encoding: " + msg}
	}
	var clean []byte
	for i := range len(s) {
		c := s[i]
		switch {
		case c <= ' ' && len(clean)%4 == 0:
		case c <= ' ':
			return fail(fmt.Sprintf("Illegal white space character (code 0x%x) as character #%d of 4-char base64 unit: can only used between units", c, len(clean)%4+1))
		case c == '=' || c == '+' || c == '/' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z':
			clean = append(clean, c)
		default:
			r := []rune(s[i:])[0]
			if unicode.IsControl(r) {
				return fail(fmt.Sprintf("Illegal character (code 0x%x) in base64 content", r))
			}
			return fail(fmt.Sprintf("Illegal character '%c' (code 0x%x) in base64 content", r, r))
		}
	}
	out, err := base64.StdEncoding.DecodeString(string(clean))
	if err != nil {
		if !strings.Contains(string(clean), "=") {
			return fail("Unexpected end of base64-encoded String: base64 variant 'MIME-NO-LINEFEEDS' expects padding " +
				"(one or more '=' characters) at the end. This Base64Variant might have been incorrectly configured")
		}
		return fail(err.Error())
	}
	return out, nil
}

func (c slow) list(s *data.Schema, n *node) (data.Value, error) {
	var elem *data.Schema
	if s != nil {
		elem = s.Elem()
	}
	out := make([]data.Value, len(n.elems))
	for i, e := range n.elems {
		v, err := c.value(elem, e)
		if err != nil {
			return data.Null, err
		}
		out[i] = v
	}
	return data.Array(out), nil
}

func (c slow) mapping(s *data.Schema, n *node) (data.Value, error) {
	var elem *data.Schema
	if s != nil {
		if s.Key().Type() != data.TypeString {
			return c.pairs(s, n)
		}
		elem = s.Elem()
	}
	if n.kind != nodeObject {
		return data.Null, connect.DataErrorf("Maps with string fields should be encoded as JSON objects, but found %s", n.kind)
	}
	m := data.NewMapSize(len(n.names))
	for i, name := range n.names {
		v, err := c.value(elem, n.elems[i])
		if err != nil {
			return data.Null, err
		}
		m.PutString(name, v)
	}
	return data.MapOf(m), nil
}

func (c slow) pairs(s *data.Schema, n *node) (data.Value, error) {
	if n.kind != nodeArray {
		return data.Null, connect.DataErrorf("Maps with non-string fields should be encoded as JSON array of tuples, but found %s", n.kind)
	}
	m := data.NewMapSize(len(n.elems))
	for _, pair := range n.elems {
		if pair.kind != nodeArray {
			return data.Null, connect.DataErrorf("Found invalid map entry instead of array tuple: %s", pair.kind)
		}
		if len(pair.elems) != 2 {
			return data.Null, connect.DataErrorf("Found invalid map entry, expected length 2 but found :%d", len(pair.elems))
		}
		k, err := c.value(s.Key(), pair.elems[0])
		if err != nil {
			return data.Null, err
		}
		v, err := c.value(s.Elem(), pair.elems[1])
		if err != nil {
			return data.Null, err
		}
		m.Put(k, v)
	}
	return data.MapOf(m), nil
}

func (c slow) row(s *data.Schema, n *node) (data.Value, error) {
	if n.kind != nodeObject {
		return data.Null, connect.DataErrorf("Structs should be encoded as JSON objects, but found %s", n.kind)
	}
	st := data.NewRow(s)
	for i, f := range s.Fields() {
		v, err := c.value(f.Schema, n.get(f.Name))
		if err != nil {
			return data.Null, err
		}
		if err := data.Validate(f.Name, f.Schema, v); err != nil {
			return data.Null, connect.Errorf(connect.ClassData, "%s", err)
		}
		st.Set(i, v)
	}
	return data.StructOf(st), nil
}
