package transforms

import (
	"math"
	"testing"

	"github.com/leat-project/leat/connect/data"
)

func TestParseFloat(t *testing.T) {
	for text, want := range map[string]float64{" 1.5 ": 1.5, "1e5": 1e5, "-.5": -0.5, "5.": 5, "1f": 1, "2.5D": 2.5, "0x1p3": 8, "+7": 7,
		"Infinity": math.Inf(1), "-Infinity": math.Inf(-1), "1e400": math.Inf(1)} {
		if got, nfe := parseFloat(text, 64); got != want || nfe != "" {
			t.Errorf("%q = %v %s, want %v", text, got, nfe, want)
		}
	}
	for text, want := range map[string]string{"": "empty String", " ": "empty String", "x": `For input string: "x"`,
		"1.2.3": "multiple points", "inf": `For input string: "inf"`, "1_0": `For input string: "1_0"`, "++1": `For input string: "++1"`} {
		if got, nfe := parseFloat(text, 64); nfe != want {
			t.Errorf("%q = %v %q, want error %q", text, got, nfe, want)
		}
	}
}

// Java narrows floats over int and saturates.
func TestCastSaturates(t *testing.T) {
	for _, c := range []struct {
		in   data.Value
		to   data.Type
		want data.Value
	}{
		{data.Float64(1e20), data.TypeInt64, data.Int64(math.MaxInt64)},
		{data.Float64(math.NaN()), data.TypeInt32, data.Int32(0)},
		{data.Float64(300.9), data.TypeInt8, data.Int8(44)},
		{data.Float64(1e10), data.TypeInt8, data.Int8(-1)},
		{data.Float64(-1e10), data.TypeInt16, data.Int16(0)},
		{data.Int64(1 << 40), data.TypeInt32, data.Int32(0)},
		{data.Decimal(-12345, 2), data.TypeInt32, data.Int32(-123)},
		{data.Decimal(5, -30), data.TypeBoolean, data.Bool(true)},
	} {
		got, err := castValue(nil, c.in, c.to)
		if c.in.Kind() == data.KindDecimal {
			got, _, _ = castNumber(c.in, c.to)
		}
		if !got.Equal(c.want) {
			t.Errorf("%s to %s = %s (%v), want %s", c.in, c.to, got, err, c.want)
		}
	}
}
