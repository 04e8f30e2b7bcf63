package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/leat-project/leat/connect/data"
)

// PostgreSQL counts from 2000-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * dayMicros
	dayMicros   = 86_400_000_000
	dayMillis   = 86_400_000
)

// Debezium's numbers for infinite timestamps, in microseconds.
const (
	infinityMicros    = 9223372036825200000
	negInfinityMicros = -9223372036832400000
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func bindDate(src source, o Options) appendFunc {
	switch src {
	case srcDays:
		return func(dst []byte, v data.Value) ([]byte, error) {
			if !v.IsInt() {
				return wrongKind(dst, v, "a number of days")
			}
			// The sum wraps around where Debezium's did, which gives infinity back.
			return binary.BigEndian.AppendUint32(dst, uint32(int32(v.Int())-epochDays)), nil
		}
	case srcISODate:
		return appendISODate
	case srcDateDate, srcDateTimestamp:
		zone := o.DateZone
		return func(dst []byte, v data.Value) ([]byte, error) {
			if v.Kind() != data.KindDate {
				return wrongKind(dst, v, "a date")
			}
			us := v.Millis() * 1000
			us += o.shown(src, us, offsetMicros(zone, us))
			return binary.BigEndian.AppendUint32(dst, uint32(int32(floorDiv(us, dayMicros)-epochDays))), nil
		}
	}
	return nil
}

// appendISODate reads 2026-05-04Z; a year before 1 has a sign, as ISO counts it.
func appendISODate(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindString {
		return wrongKind(dst, v, "a date as ISO-8601 text")
	}
	p := textParser{s: v.Str(), ok: true}
	days := p.date()
	if p.i < len(p.s) {
		p.offset()
	}
	if !p.ok || p.i != len(p.s) {
		return dst, fmt.Errorf("its value %q is not an ISO-8601 date", v.Str())
	}
	return binary.BigEndian.AppendUint32(dst, uint32(int32(days-epochDays))), nil
}

func bindTime(src source, o Options) appendFunc {
	unit := map[source][2]int64{srcTimeMillis: {1000, 1}, srcTimeMicros: {1, 1}, srcTimeNanos: {1, 1000}}[src]
	switch {
	case unit[0] != 0:
		return func(dst []byte, v data.Value) ([]byte, error) {
			if !v.IsInt() {
				return wrongKind(dst, v, "a time of day")
			}
			return appendTime(dst, floorDiv(v.Int()*unit[0], unit[1]))
		}
	case src == srcDateTime || src == srcDateTimestamp:
		zone := instantZone(o)
		return func(dst []byte, v data.Value) ([]byte, error) {
			if v.Kind() != data.KindDate {
				return wrongKind(dst, v, "a time of day")
			}
			us := v.Millis()*1000 + offsetMicros(zone, v.Millis()*1000)
			return appendTime(dst, us-floorDiv(us, dayMicros)*dayMicros)
		}
	}
	return nil
}

func appendTime(dst []byte, us int64) ([]byte, error) {
	if us < 0 || us > dayMicros {
		return dst, fmt.Errorf("its value of %d microseconds is not a time of day", us)
	}
	return binary.BigEndian.AppendUint64(dst, uint64(us)), nil
}

// micros returns an encoder's way from a value to microseconds since 1970, local
// time where the source has no zone; nil where src is no timestamp.
func micros(src source) func(v data.Value) (us int64, ok bool) {
	switch src {
	case srcMicros:
		return func(v data.Value) (int64, bool) {
			if !v.IsInt() {
				return 0, false
			}
			return v.Int(), true
		}
	case srcMillis:
		return func(v data.Value) (int64, bool) {
			if !v.IsInt() {
				return 0, false
			}
			switch n := v.Int(); n {
			case infinityMicros / 1000:
				return infinityMicros, true
			case negInfinityMicros / 1000:
				return negInfinityMicros, true
			default:
				return n * 1000, true
			}
		}
	case srcNanos:
		return func(v data.Value) (int64, bool) {
			if !v.IsInt() {
				return 0, false
			}
			switch n := v.Int(); n {
			case math.MaxInt64:
				return infinityMicros, true
			case math.MinInt64:
				return negInfinityMicros, true
			default:
				return floorDiv(n, 1000), true
			}
		}
	case srcDateTimestamp, srcDateDate:
		return func(v data.Value) (int64, bool) {
			if v.Kind() != data.KindDate {
				return 0, false
			}
			return v.Millis() * 1000, true
		}
	}
	return nil
}

func bindTimestamp(src source, o Options) appendFunc {
	if src == srcZonedTimestamp {
		return zonedText(o.Zone)
	}
	of := micros(src)
	if of == nil {
		return nil
	}
	zone := (*time.Location)(nil)
	if src == srcDateTimestamp {
		zone = instantZone(o)
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		us, ok := of(v)
		if !ok {
			return wrongKind(dst, v, "a timestamp")
		}
		return appendMicros(dst, us, o.shown(src, us, offsetMicros(zone, us))), nil
	}
}

func bindTimestampTZ(src source, o Options) appendFunc {
	if src == srcZonedTimestamp {
		return zonedText(nil)
	}
	of := micros(src)
	if of == nil {
		return nil
	}
	zone := o.Zone
	if o.Instants && src == srcDateTimestamp {
		zone = nil // already an instant
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		us, ok := of(v)
		if !ok {
			return wrongKind(dst, v, "a timestamp")
		}
		shift := int64(0)
		if zone != nil {
			t := time.UnixMicro(us).UTC()
			shift = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UnixMicro() - us
		}
		return appendMicros(dst, us, o.shown(src, us, shift)), nil
	}
}

// appendMicros writes a timestamp, us since 1970 moved by shift.
func appendMicros(dst []byte, us, shift int64) []byte {
	switch us {
	case infinityMicros:
		return binary.BigEndian.AppendUint64(dst, math.MaxInt64)
	case negInfinityMicros:
		return binary.BigEndian.AppendUint64(dst, 1<<63)
	}
	return binary.BigEndian.AppendUint64(dst, uint64(us+shift-epochMicros))
}

// instantZone is the zone in which Connect's own Timestamp and Time are shown.
func instantZone(o Options) *time.Location {
	if o.Instants {
		return o.Zone
	}
	return nil
}

// offsetMicros returns how far a zone's clock is ahead of UTC at an instant.
func offsetMicros(zone *time.Location, us int64) int64 {
	if zone == nil {
		return 0
	}
	_, seconds := time.UnixMicro(us).In(zone).Zone()
	return int64(seconds) * 1_000_000
}

// zonedText encodes ISO-8601 texts, as instants (zone nil) or as the clock of zone.
func zonedText(zone *time.Location) appendFunc {
	return func(dst []byte, v data.Value) ([]byte, error) {
		if v.Kind() != data.KindString {
			return wrongKind(dst, v, "a timestamp as ISO-8601 text")
		}
		us, ok := parseZoned(v.Str())
		if !ok {
			return dst, fmt.Errorf("its value %q is not an ISO-8601 timestamp", v.Str())
		}
		return appendMicros(dst, us, offsetMicros(zone, us)), nil
	}
}

// parseZoned reads 2026-05-04T10:11:12.123456Z, with any offset instead of Z,
// with years before 1 and after 9999, and Debezium's infinities.
func parseZoned(s string) (us int64, ok bool) {
	switch s {
	case "infinity":
		return infinityMicros, true
	case "-infinity":
		return negInfinityMicros, true
	}
	p := textParser{s: s, ok: true}
	days := p.date()
	if !p.skip('T') {
		p.must(' ')
	}
	hour := p.number(2, 2)
	p.must(':')
	minute := p.number(2, 2)
	second, fraction := int64(0), int64(0)
	if p.skip(':') {
		second = p.number(2, 2)
		if p.skip('.') {
			fraction = p.fraction()
		}
	}
	offset := p.offset()
	if !p.ok || p.i != len(s) || hour > 24 || minute > 59 || second > 60 {
		return 0, false
	}
	seconds := days*86400 + hour*3600 + minute*60 + second - offset
	return seconds*1_000_000 + fraction, true
}

// daysFromCivil counts days since 1970-01-01 in the proleptic Gregorian calendar.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

type textParser struct {
	s  string
	i  int
	ok bool
}

func (p *textParser) skip(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

// date reads a date and returns days since 1970.
func (p *textParser) date() int64 {
	negative := p.skip('-')
	if !negative {
		p.skip('+')
	}
	year := p.number(4, 9)
	if negative {
		year = -year
	}
	p.must('-')
	month := p.number(2, 2)
	p.must('-')
	day := p.number(2, 2)
	p.ok = p.ok && month >= 1 && month <= 12 && day >= 1 && day <= 31
	return daysFromCivil(year, month, day)
}

func (p *textParser) must(c byte) { p.ok = p.skip(c) && p.ok }

func (p *textParser) number(least, most int) (n int64) {
	start := p.i
	for p.i < len(p.s) && p.i-start < most && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		n = n*10 + int64(p.s[p.i]-'0')
		p.i++
	}
	p.ok = p.ok && p.i-start >= least
	return n
}

// fraction reads digits after the point as microseconds; more digits are dropped,
// which rounds down as Java's truncation does.
func (p *textParser) fraction() (us int64) {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		if p.i-start < 6 {
			us = us*10 + int64(p.s[p.i]-'0')
		}
		p.i++
	}
	for n := p.i - start; n < 6; n++ {
		us *= 10
	}
	p.ok = p.ok && p.i > start
	return us
}

// offset reads Z, +02, +02:00 or +02:00:00 and returns seconds.
func (p *textParser) offset() int64 {
	if p.skip('Z') {
		return 0
	}
	sign := int64(1)
	if p.skip('-') {
		sign = -1
	} else {
		p.must('+')
	}
	seconds := p.number(2, 2) * 3600
	if p.skip(':') {
		seconds += p.number(2, 2) * 60
		if p.skip(':') {
			seconds += p.number(2, 2)
		}
	}
	return sign * seconds
}

// bindInterval writes microseconds as an interval without months and days.
func bindInterval(src source, _ Options) appendFunc {
	if src != srcMicroDuration {
		return nil
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		if !v.IsInt() {
			return wrongKind(dst, v, "a number of microseconds")
		}
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.Int()))
		return append(dst, 0, 0, 0, 0, 0, 0, 0, 0), nil
	}
}
