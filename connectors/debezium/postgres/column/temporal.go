package column

import (
	"bytes"
	"fmt"
	"math"

	"github.com/leat-project/leat/connect/data"
)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400

	// What the PostgreSQL JDBC driver makes of infinity, in microseconds.
	positiveInfinity = 9223372036825200000
	negativeInfinity = -9223372036832400000
	// The same for dates, in days, as Debezium streams it.
	positiveInfinityDay = -2147472692
	negativeInfinityDay = -2147472691
)

func infinity(raw []byte) (positive, negative bool) {
	if len(raw) == 0 || raw[len(raw)-1] != 'y' {
		return false, false
	}
	return string(raw) == "infinity", string(raw) == "-infinity"
}

// daysFromCivil counts days since 1970-01-01 in the proleptic Gregorian calendar.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

func two(b []byte) int64 { return int64(b[0]-'0')*10 + int64(b[1]-'0') }

// splitBC cuts PostgreSQL's " BC" off.
func splitBC(raw []byte) ([]byte, bool) {
	if bytes.HasSuffix(raw, []byte(" BC")) {
		return raw[:len(raw)-3], true
	}
	return raw, false
}

// parseDate reads Y+-MM-DD and returns the day and the rest.
func parseDate(raw []byte, bc bool) (day int64, rest []byte, err error) {
	i := bytes.IndexByte(raw, '-')
	if i < 4 || len(raw) < i+6 {
		return 0, nil, fmt.Errorf("%q is no date", raw)
	}
	y, err := parseInt(raw[:i])
	if err != nil {
		return 0, nil, err
	}
	if bc {
		y = 1 - y
	}
	return daysFromCivil(y, two(raw[i+1:]), two(raw[i+4:])), raw[i+6:], nil
}

// parseClock reads HH:MM:SS[.ffffff] as microseconds and returns the rest.
func parseClock(raw []byte) (micros int64, rest []byte, err error) {
	if len(raw) < 8 || raw[2] != ':' || raw[5] != ':' {
		return 0, nil, fmt.Errorf("%q is no time", raw)
	}
	micros = ((two(raw)*60+two(raw[3:]))*60 + two(raw[6:])) * microsPerSecond
	rest = raw[8:]
	if len(rest) > 0 && rest[0] == '.' {
		unit := int64(microsPerSecond / 10)
		for rest = rest[1:]; len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
			micros += int64(rest[0]-'0') * unit
			unit /= 10
		}
	}
	return micros, rest, nil
}

// parseTimestamp reads a timestamp, whose zone if any is UTC, as seconds and
// microseconds of the second.
func parseTimestamp(raw []byte) (seconds, micros int64, err error) {
	raw, bc := splitBC(raw)
	day, rest, err := parseDate(raw, bc)
	if err != nil || len(rest) == 0 {
		return 0, 0, fmt.Errorf("%q is no timestamp", raw)
	}
	clock, _, err := parseClock(rest[1:])
	if err != nil {
		return 0, 0, err
	}
	return day*secondsPerDay + clock/microsPerSecond, clock % microsPerSecond, nil
}

func decodeDays(_ Space, raw []byte) (data.Value, error) {
	day, err := dayOf(raw)
	return data.Int32(int32(day)), err
}

func decodeConnectDate(_ Space, raw []byte) (data.Value, error) {
	day, err := dayOf(raw)
	return data.Date(day * secondsPerDay * 1000), err
}

func dayOf(raw []byte) (int64, error) {
	if plus, minus := infinity(raw); plus {
		return positiveInfinityDay, nil
	} else if minus {
		return negativeInfinityDay, nil
	}
	raw, bc := splitBC(raw)
	day, _, err := parseDate(raw, bc)
	return day, err
}

// isoDate writes the date in ISO 8601: years before 1 are counted from 0 down,
// years beyond 9999 carry a sign.
func isoDate(b, raw []byte, bc bool) ([]byte, []byte, error) {
	i := bytes.IndexByte(raw, '-')
	if i < 4 || len(raw) < i+6 {
		return nil, nil, fmt.Errorf("%q is no date", raw)
	}
	switch {
	case bc:
		y, err := parseInt(raw[:i])
		if err != nil {
			return nil, nil, err
		}
		if y > 1 {
			b = append(b, '-')
		}
		b = fmt.Appendf(b, "%04d", y-1)
	case i > 4:
		b = append(append(b, '+'), raw[:i]...)
	default:
		b = append(b, raw[:i]...)
	}
	return append(b, raw[i:i+6]...), raw[i+6:], nil
}

func decodeISODate(sp Space, raw []byte) (data.Value, error) {
	if plus, minus := infinity(raw); plus || minus {
		return data.StringBytes(raw), nil
	}
	raw, bc := splitBC(raw)
	b, _, err := isoDate(sp.Bytes.Start(len(raw)+4), raw, bc)
	if err != nil {
		return data.Null, err
	}
	return data.StringBytes(sp.Bytes.Keep(append(b, 'Z'))), nil
}

// clockDecoder turns microseconds of a day into a value.
func clockDecoder(make func(micros int64) data.Value) Decoder {
	return func(_ Space, raw []byte) (data.Value, error) {
		micros, _, err := parseClock(raw)
		return make(micros), err
	}
}

func decodeISOTime(sp Space, raw []byte) (data.Value, error) {
	b := sp.Bytes.Start(len(raw) + 1)
	if bytes.HasPrefix(raw, []byte("24:")) {
		b = append(b, "00:00:00Z"...)
	} else {
		b = append(append(b, raw...), 'Z')
	}
	return data.StringBytes(sp.Bytes.Keep(b)), nil
}

// stampDecoder turns seconds and microseconds of the second into a value;
// plus and minus stand for infinity.
func stampDecoder(make func(seconds, micros int64) data.Value, plus, minus data.Value) Decoder {
	return func(_ Space, raw []byte) (data.Value, error) {
		if p, m := infinity(raw); p {
			return plus, nil
		} else if m {
			return minus, nil
		}
		seconds, micros, err := parseTimestamp(raw)
		if err != nil {
			return data.Null, err
		}
		return make(seconds, micros), nil
	}
}

func epochMillis(seconds, micros int64) int64 { return seconds*1000 + micros/1000 }

// scaled is seconds*unit + part, held at the ends of an int64.
func scaled(seconds, unit, part int64) int64 {
	if seconds > math.MaxInt64/unit-1 {
		return math.MaxInt64
	}
	if seconds < math.MinInt64/unit+1 {
		return math.MinInt64
	}
	return seconds*unit + part
}

// zonedDecoder makes an io.debezium.time.ZonedTimestamp of a timestamptz: the
// fraction is padded to the declared precision.
func zonedDecoder(precision int) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) {
		if p, m := infinity(raw); p || m {
			return data.StringBytes(raw), nil
		}
		return isoStamp(sp, raw, precision)
	}
}

func decodeISOTimestamp(sp Space, raw []byte) (data.Value, error) {
	if p, m := infinity(raw); p || m {
		return data.StringBytes(raw), nil
	}
	return isoStamp(sp, raw, -1)
}

// isoStamp rewrites PostgreSQL's form (2020-01-02 03:04:05.6+00) into ISO 8601.
// precision -1 leaves the fraction as it is.
func isoStamp(sp Space, raw []byte, precision int) (data.Value, error) {
	raw, bc := splitBC(raw)
	b, rest, err := isoDate(sp.Bytes.Start(len(raw)+12), raw, bc)
	if err != nil {
		return data.Null, err
	}
	if len(rest) < 9 {
		return data.Null, fmt.Errorf("%q is no timestamp", raw)
	}
	b = append(append(b, 'T'), rest[1:9]...)
	rest = rest[9:]
	n := 0
	if len(rest) > 0 && rest[0] == '.' {
		for n = 1; n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
		}
		b = append(b, rest[:n]...)
		n--
	} else if precision > 0 {
		b = append(b, '.')
	}
	for ; n < precision; n++ {
		b = append(b, '0')
	}
	return data.StringBytes(sp.Bytes.Keep(append(b, 'Z'))), nil
}

// decodeZonedTime shifts a timetz to UTC: 12:34:56.7+05:30 gives 07:04:56.7Z.
func decodeZonedTime(sp Space, raw []byte) (data.Value, error) {
	micros, zone, err := parseClock(raw)
	if err != nil {
		return data.Null, err
	}
	if len(zone) < 3 {
		return data.Null, fmt.Errorf("%q is no time with zone", raw)
	}
	shift := int64(0)
	for i, unit := 1, int64(3600); i+1 < len(zone); i, unit = i+3, unit/60 {
		shift += two(zone[i:]) * unit
	}
	if zone[0] == '-' {
		shift = -shift
	}
	const day = secondsPerDay * microsPerSecond
	micros = ((micros-shift*microsPerSecond)%day + day) % day
	b := appendClock(sp.Bytes.Start(20), micros)
	return data.StringBytes(sp.Bytes.Keep(append(b, 'Z'))), nil
}

func appendClock(b []byte, micros int64) []byte {
	s := micros / microsPerSecond
	b = append(b, byte('0'+s/36000), byte('0'+s/3600%10), ':', byte('0'+s/600%6), byte('0'+s/60%10), ':', byte('0'+s/10%6), byte('0'+s%10))
	return appendFraction(b, micros%microsPerSecond)
}

// appendFraction writes microseconds as .f without zeros at the end.
func appendFraction(b []byte, micros int64) []byte {
	if micros == 0 {
		return b
	}
	b = append(b, '.')
	for unit := int64(microsPerSecond / 10); micros > 0; unit /= 10 {
		b = append(b, byte('0'+micros/unit))
		micros %= unit
	}
	return b
}
