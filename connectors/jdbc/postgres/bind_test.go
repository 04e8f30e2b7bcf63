package postgres

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/leat-project/leat/connect/data"
)

// The quick way of writing a decimal gives what the general one does.
func TestSmallNumeric(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	values := []int64{0, 1, -1, 9999, 10000, 10001, math.MaxInt64, math.MinInt64, math.MaxInt64 / 1000, 100000000, 120000}
	for range 2000 {
		values = append(values, rnd.Int64()>>rnd.IntN(64))
	}
	for _, v := range values {
		for _, scale := range []int32{-3, 0, 1, 2, 3, 4, 5, 8, 19, 64, 70} {
			got := appendSmallNumeric(nil, v, scale)
			want := appendBigNumeric(nil, big.NewInt(v), scale)
			if !bytes.Equal(got, want) {
				t.Fatalf("%de-%d: % x, want % x", v, scale, got, want)
			}
		}
	}
}

func TestParseZoned(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		want := time.UnixMicro(rnd.Int64N(250e15) - 62e15).In(time.FixedZone("", (rnd.IntN(27)-13)*3600))
		for _, layout := range []string{"2006-01-02T15:04:05.000000Z07:00", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.000000-07:00:00"} {
			text := want.Format(layout)
			if us, ok := parseZoned(text); !ok || us != want.UnixMicro() {
				t.Fatalf("%s: %d %v, want %d", text, us, ok, want.UnixMicro())
			}
		}
	}
	for _, bad := range []string{"", "2026", "2026-05-04", "2026-13-01T00:00:00Z", "2026-05-04T10:11:12", "2026-05-04T10:11:12.Z", "2026-05-04T10:11:12Zx"} {
		if _, ok := parseZoned(bad); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzTexts(f *testing.F) {
	for _, s := range []string{"2026-05-04T10:11:12.123456Z", "-12.50", "1e5", "NaN", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parseZoned(s)
		_, _ = numericText(nil, s)
		_, _ = appendUUID(nil, s)
		_, _ = appendISODate(nil, data.String(s))
	})
}

func TestClassesOfErrors(t *testing.T) {
	if got := Classify(&WriteError{&Shape{Table: &Table{}}, errMissingRows}); got != Data {
		t.Errorf("missing rows: %v", got)
	}
	if got := Classify(&ConnectError{Err: errClosed}); got != Transient {
		t.Errorf("closed connection: %v", got)
	}
}
