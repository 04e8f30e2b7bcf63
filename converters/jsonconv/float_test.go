package jsonconv

import (
	"math"
	"testing"

	"github.com/leat-project/leat/connect/data"
)

// Floats that JSON has no number for come back as they went in, in rows and in lists.
func TestFloatsThatAreNoNumbers(t *testing.T) {
	s := data.NewStruct("t").Field("f", data.Float32Schema).Field("d", data.OptionalFloat64Schema).
		Field("l", data.NewArray(data.Float64Schema).Build()).Build()
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1.5} {
		c := converter(t)
		d := data.Float64(f)
		b, err := c.FromConnect(nil, "t", nil, s, data.StructOf(data.RowOf(s, []data.Value{data.Float32(float32(f)), d, data.Array([]data.Value{d})})))
		if err != nil {
			t.Fatal(err)
		}
		_, v, err := c.ToConnect(nil, "t", nil, b)
		if err != nil {
			t.Fatal(err)
		}
		row := v.Struct()
		for i, got := range []data.Value{row.At(0), row.At(1), row.At(2).Array()[0]} {
			if !(got.Float() == f || math.IsNaN(f) && math.IsNaN(got.Float())) {
				t.Errorf("%s: value %d = %v, want %v", b, i, got, f)
			}
		}
	}
	_, v, err := converter(t).ToConnect(nil, "t", nil, []byte(`{"schema":{"type":"double"},"payload":"1.5"}`))
	if err != nil || v.Float() != 0 {
		t.Errorf("any other text = %v %v, want 0 as in Java", v, err)
	}
}
