package javadate_test

import (
	"testing"

	"github.com/leat-project/leat/internal/javadate"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          int64
		ok            bool
	}{
		{"yyyy-MM-dd", "2024-02-30", 1709251200000, true},
		{"yyyy-MM-dd", "0000-00-00", -62170156800000, true},
		{"yyyy-MM-dd", "1234-56-78", -23074070400000, true},
		{"yyyy-MM-dd", "20-02-2024", -61358774400000, true},
		{"yyyy-MM-dd", "24-01-02", -61409923200000, true},
		{"yyyy-MM-dd", "-2024-01-02", -126039888000000, true},
		{"G yyyy", "BC 44", -63524304000000, true},
		{"yyyy-MM-dd HH:mm:ss z", "2024-06-01 12:00:00 PST", 1717272000000, true},
		{"yyyy-MM-dd HH:mm:ss z", "2024-06-01 12:00:00 GMT+3", 0, false},
		{"EEE, d MMM yyyy HH:mm:ss Z", "Sat, 1 Jun 2024 12:00:00 -0500", 1717261200000, true},
		{"yyyyMMddHHmmss", "20240102030405", 1704164645000, true},
		{"yyyy-MM-dd hh:mm a", "2024-01-02 12:30 AM", 1704155400000, true},
		{"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-06-01T12:00:00.123Z", 1717243200123, true},
		{"HH:mm:ss.SSS'Z'", "24:00:00.000Z", 86400000, true},
		{"yyyy-MM-dd", "", 0, false},
	} {
		f, err := javadate.Compile(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := f.Parse(c.text); got != c.want && c.ok || ok != c.ok {
			t.Errorf("%q by %q = %d %v, want %d %v", c.text, c.pattern, got, ok, c.want, c.ok)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(1709251199999))
	f.Add(int64(-141427) * 86400000)
	full, err := javadate.Compile("G yyyy-MM-dd HH:mm:ss.SSS X")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ms int64) {
		ms %= 8e14
		text := full.Text(ms)
		if got, ok := full.Parse(text); !ok || got != ms {
			t.Fatalf("%d = %s = %d %v", ms, text, got, ok)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("yyyy-MM-dd", "2024-01-02")
	f.Add("EEE, d MMM yyyy HH:mm:ss Z", "Sat, 1 Jun 2024 12:00:00 -0500")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if c, err := javadate.Compile(pattern); err == nil {
			c.Parse(text)
		}
	})
}
