package column

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/leat-project/leat/connect/data"
)

type interval struct{ years, months, days, micros int64 }

// parseInterval reads IntervalStyle=postgres: 1 year 2 mons -3 days 04:05:06.7.
func parseInterval(raw []byte) (v interval, err error) {
	for rest := raw; len(rest) > 0; {
		var word []byte
		word, rest, _ = bytes.Cut(rest, []byte(" "))
		if bytes.IndexByte(word, ':') >= 0 {
			if v.micros, err = parseSpan(word); err != nil {
				return v, err
			}
			continue
		}
		n, err := parseInt(bytes.TrimPrefix(word, []byte("+")))
		if err != nil {
			return v, fmt.Errorf("%q is no interval", raw)
		}
		var unit []byte
		unit, rest, _ = bytes.Cut(rest, []byte(" "))
		switch {
		case bytes.HasPrefix(unit, []byte("year")):
			v.years = n
		case bytes.HasPrefix(unit, []byte("mon")):
			v.months = n
		case bytes.HasPrefix(unit, []byte("day")):
			v.days = n
		default:
			return v, fmt.Errorf("%q is no interval", raw)
		}
	}
	return v, nil
}

// parseSpan reads [-]H+:MM:SS[.f] in microseconds.
func parseSpan(raw []byte) (int64, error) {
	negative := raw[0] == '-'
	raw = bytes.TrimLeft(raw, "+-")
	i := bytes.IndexByte(raw, ':')
	if i < 2 {
		return 0, fmt.Errorf("%q is no time span", raw)
	}
	hours, err := parseInt(raw[:i])
	if err != nil {
		return 0, err
	}
	micros, _, err := parseClock(append([]byte("00"), raw[i:]...))
	if err != nil {
		return 0, err
	}
	micros += hours * 3600 * microsPerSecond
	if negative {
		return -micros, nil
	}
	return micros, nil
}

// decodeDuration makes an io.debezium.time.MicroDuration: a month counts as
// 365.25/12 days.
func decodeDuration(_ Space, raw []byte) (data.Value, error) {
	v, err := parseInterval(raw)
	const month = 2_629_800 * microsPerSecond // 365.25 / 12 days
	return data.Int64((v.years*12+v.months)*month + v.days*secondsPerDay*microsPerSecond + v.micros), err
}

// decodeISOInterval makes an io.debezium.time.Interval, such as
// P1Y2M3DT4H5M6.78S.
func decodeISOInterval(sp Space, raw []byte) (data.Value, error) {
	v, err := parseInterval(raw)
	if err != nil {
		return data.Null, err
	}
	seconds := v.micros / microsPerSecond
	b := sp.Bytes.Start(120)
	for _, part := range []struct {
		n      int64
		letter string
	}{{v.years, "Y"}, {v.months, "M"}, {v.days, "DT"}, {seconds / 3600, "H"}, {seconds / 60 % 60, "M"}} {
		if len(b) == 0 {
			b = append(b, 'P')
		}
		b = append(strconv.AppendInt(b, part.n, 10), part.letter...)
	}
	fraction := v.micros % microsPerSecond
	if v.micros < 0 && seconds%60 == 0 && fraction != 0 {
		b = append(b, '-')
	}
	b = strconv.AppendInt(b, seconds%60, 10)
	b = append(appendFraction(b, max(fraction, -fraction)), 'S')
	return data.StringBytes(sp.Bytes.Keep(b)), nil
}
