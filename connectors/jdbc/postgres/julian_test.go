package postgres

import (
	"testing"
	"time"
)

// TestJulianDays compares with days that both calendars name (the Julian names as
// java.util.GregorianCalendar gives them).
func TestJulianDays(t *testing.T) {
	for _, c := range []struct{ gregorian, julian string }{
		{"1582-10-15", "1582-10-15"},
		{"1582-10-14", "1582-10-04"},
		{"1582-10-11", "1582-10-01"},
		{"1500-03-11", "1500-03-01"},
		{"1500-03-09", "1500-02-28"},
		{"1200-01-08", "1200-01-01"},
		{"0250-06-01", "0250-06-01"}, // the calendars agree in the third century
		{"0001-01-01", "0001-01-03"},
	} {
		day := func(s string) int64 {
			at, err := time.Parse(time.DateOnly, s)
			if err != nil {
				t.Fatal(err)
			}
			return at.Unix() / 86400
		}
		if got, want := julianDays(day(c.gregorian)), day(c.julian)-day(c.gregorian); got != want {
			t.Errorf("%s is %s: %d days, want %d", c.gregorian, c.julian, got, want)
		}
	}
}
