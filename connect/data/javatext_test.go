package data_test

import (
	"math"
	"math/big"
	"strconv"
	"testing"

	"github.com/leat-project/leat/connect/data"
)

func TestAppendFloat64(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want string
	}{{1, "1.0"}, {0.1, "0.1"}, {1e21, "1.0E21"}, {1e-7, "1.0E-7"}, {123456789, "1.23456789E8"},
		{12345678.9, "1.23456789E7"}, {5e-324, "4.9E-324"}, {math.MaxFloat64, "1.7976931348623157E308"},
		{9007199254740992, "9.007199254740992E15"}, {0.001, "0.001"}, {1e-4, "1.0E-4"}, {1e7, "1.0E7"},
		{9999999, "9999999.0"}, {math.Copysign(0, -1), "-0.0"}, {math.NaN(), "NaN"}, {math.Inf(-1), "-Infinity"},
		{19.99, "19.99"}, {-2.5, "-2.5"}, {1e23, "9.999999999999999E22"}, {2e23, "1.9999999999999998E23"}, {100, "100.0"}, {2e-3, "0.002"},
		{123456789.125, "1.23456789125E8"}, {5.486124068793689e+303, "5.4861240687936887E303"}} {
		if got := string(data.AppendFloat64(nil, c.f)); got != c.want {
			t.Errorf("%v = %s, want %s", c.f, got, c.want)
		}
	}
}

func TestAppendFloat32(t *testing.T) {
	for _, c := range []struct {
		f    float32
		want string
	}{{1.1, "1.1"}, {1e10, "1.0E10"}, {3.4028235e38, "3.4028235E38"}, {1.4e-45, "1.4E-45"}, {16777216, "1.6777216E7"},
		{1.17549435e-38, "1.17549435E-38"}, {2.3694278e-38, "2.3694278E-38"}, {0.3, "0.3"}, {123456792, "1.23456792E8"}} {
		if got := string(data.AppendFloat32(nil, c.f)); got != c.want {
			t.Errorf("%v = %s, want %s", c.f, got, c.want)
		}
	}
}

// Whatever the digits, they must read back as the same number.
func FuzzAppendFloat64(f *testing.F) {
	for _, v := range []float64{1, 0.1, 1e23, 2e-308, 5e-324, 1 << 62, 1<<63 - 1, 123456.789, 4.35, 1e300} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, b uint64) {
		v := math.Float64frombits(b)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		s := string(data.AppendFloat64(nil, v))
		if back, err := strconv.ParseFloat(s, 64); err != nil || back != v {
			t.Fatalf("%v = %s, read back as %v (%v)", v, s, back, err)
		}
		w := math.Float32frombits(uint32(b))
		s = string(data.AppendFloat32(nil, w))
		if back, err := strconv.ParseFloat(s, 32); w == w && !math.IsInf(float64(w), 0) && (err != nil || float32(back) != w) {
			t.Fatalf("%v = %s, read back as %v (%v)", w, s, back, err)
		}
	})
}

func TestDecimalText(t *testing.T) {
	big1, _ := new(big.Int).SetString("12345678901234567890123456789", 10)
	for _, c := range []struct {
		v    data.Value
		text string
	}{
		{data.Decimal(1999, 2), "19.99"}, {data.Decimal(-1, 0), "-1"}, {data.Decimal(0, 5), "0.00000"},
		{data.BigDecimal(big1, 10), "1234567890123456789.0123456789"},
		{data.Decimal(5, -3), "5E+3"}, {data.Decimal(1, 20), "1E-20"},
		{data.Decimal(-5, 1), "-0.5"}, {data.Decimal(-123, 10), "-1.23E-8"},
		{data.Decimal(0, -2), "0E+2"}, {data.Decimal(100, 2), "1.00"}, {data.Decimal(12, 2), "0.12"},
		{data.Decimal(0, 7), "0E-7"},
	} {
		if got := c.v.String(); got != c.text {
			t.Errorf("toString = %s, want %s", got, c.text)
		}
	}
}

func FuzzUnscaledBytes(f *testing.F) {
	f.Add([]byte{0}, int32(0))
	f.Add([]byte{0xff, 0x7f, 1, 2, 3, 4, 5, 6, 7}, int32(2))
	f.Fuzz(func(t *testing.T, b []byte, scale int32) {
		if len(b) == 0 {
			return
		}
		v := data.DecimalFromBytes(b, scale)
		enc := v.UnscaledBytes(nil)
		if back := data.DecimalFromBytes(enc, scale); !back.Equal(v) || len(enc) > len(b) {
			t.Fatalf("%x -> %v -> %x -> %v", b, v, enc, back)
		}
	})
}
