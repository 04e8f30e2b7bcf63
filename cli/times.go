package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// isoDuration is what java.time.Duration.parse reads, without years, months and
// weeks, whose length depends.
var isoDuration = regexp.MustCompile(`(?i)^([+-]?)P(?:([+-]?\d+)D)?(T(?:([+-]?\d+)H)?(?:([+-]?\d+)M)?(?:([+-]?\d+(?:[.,]\d{0,9})?)S)?)?$`)

// parseDuration reads an ISO 8601 duration of days and smaller units.
func parseDuration(text string) (time.Duration, error) {
	m := isoDuration.FindStringSubmatch(text)
	if m == nil || m[2]+m[4]+m[5]+m[6] == "" || (m[3] != "" && m[4]+m[5]+m[6] == "") {
		return 0, fmt.Errorf("%q is not an ISO 8601 duration; expected for instance P7D, PT12H or P1DT30M", text)
	}
	var seconds float64
	for i, unit := range map[int]float64{2: 86400, 4: 3600, 5: 60, 6: 1} {
		if m[i] == "" {
			continue
		}
		n, err := strconv.ParseFloat(strings.Replace(m[i], ",", ".", 1), 64)
		if err != nil {
			return 0, fmt.Errorf("duration %q: %w", text, err)
		}
		seconds += n * unit
	}
	if m[1] == "-" {
		seconds = -seconds
	}
	if limit := float64(1<<63-1) / float64(time.Second); seconds >= limit || seconds <= -limit {
		return 0, fmt.Errorf("duration %q is longer than 292 years", text)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// parseDateTime reads a date and time as Java's tools do: UTC without a zone.
func parseDateTime(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date and time; expected 2006-01-02T15:04:05.000, with a zone behind it if not UTC (Z, +02:00)", text)
}
