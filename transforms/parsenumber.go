package transforms

import (
	"math"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/data"
)

// castParsed parses text as Java's parseByte ... parseDouble and parseBoolean do.
func castParsed(s string, to data.Type) (out data.Value, ok bool, nfe string) {
	switch to {
	case data.TypeBoolean:
		return data.Bool(strings.EqualFold(s, "true")), true, ""
	case data.TypeFloat32, data.TypeFloat64:
		bits := 64
		if to == data.TypeFloat32 {
			bits = 32
		}
		f, nfe := parseFloat(s, bits)
		return toType(to, 0, f), true, nfe
	}
	bits := map[data.Type]int{data.TypeInt8: 8, data.TypeInt16: 16, data.TypeInt32: 32, data.TypeInt64: 64}[to]
	n, nfe := parseInt(s, bits)
	return toType(to, n, 0), true, nfe
}

func parseInt(s string, bits int) (n int64, nfe string) {
	// Bytes and shorts are parsed as an int first and have their own message.
	n, err := strconv.ParseInt(s, 10, max(bits, 32))
	if err != nil || strings.Contains(s, "_") {
		return 0, "For input string: \"" + s + "\""
	}
	if bits < 32 && n != n<<(64-bits)>>(64-bits) {
		return 0, "Value out of range. Value:\"" + s + "\" Radix:10"
	}
	return n, ""
}

// parseFloat is Double.parseDouble: blanks around, a suffix f or d, NaN and Infinity
// in this spelling, hexadecimal with exponent.
func parseFloat(s string, bits int) (f float64, nfe string) {
	t := strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if t == "" {
		return 0, "empty String"
	}
	bad := "For input string: \"" + t + "\""
	body := strings.TrimLeft(t, "+-")
	if len(t)-len(body) > 1 {
		return 0, bad
	}
	negative := strings.HasPrefix(t, "-")
	switch body {
	case "NaN":
		return math.NaN(), ""
	case "Infinity":
		if negative {
			return math.Inf(-1), ""
		}
		return math.Inf(1), ""
	}
	hex := len(body) > 1 && body[0] == '0' && body[1]|0x20 == 'x'
	if last := body[max(0, len(body)-1):]; strings.Contains("fFdD", last) && last != "" && (!hex || strings.ContainsAny(body, "pP")) {
		body = body[:len(body)-1]
	}
	if digits := body[:len(body)-len(strings.TrimLeft(body, "0123456789."))]; strings.Count(digits, ".") > 1 {
		return 0, "multiple points"
	}
	if body == "" || !hex && strings.Trim(body, "0123456789.eE+-") != "" || strings.Contains(body, "_") {
		return 0, bad
	}
	f, err := strconv.ParseFloat(body, bits)
	if err != nil && !math.IsInf(f, 0) {
		return 0, bad
	}
	if negative {
		f = -f
	}
	return f, ""
}
