package javadate

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// fields holds what a text said; a nil pointer is a field that it did not have.
type fields struct {
	era, month, dom, doy, dow, week, weekOfMonth, dowInMonth *int64
	year, weekYear                                           *int64
	hour, hour12, half, minute, second, milli                *int64
	offset                                                   int64 // of the zone, milliseconds
	lastHour12                                               bool
	order                                                    []byte // letters in order
}

// Parse returns the milliseconds since the epoch of the longest prefix that the
// whole pattern matches; ok is false if there is none (Java's ParseException).
func (f *Format) Parse(text string) (millis int64, ok bool) {
	var v fields
	at := 0
	for i, it := range f.items {
		if it.letter == 0 {
			c, size := utf8.DecodeRuneInString(text[at:])
			if at >= len(text) || c != it.char {
				return 0, false
			}
			at += size
			continue
		}
		obey := i+1 < len(f.items) && f.items[i+1].numeric()
		if at, ok = v.field(it, text, at, obey); !ok {
			return 0, false
		}
	}
	return v.millis(), at > 0
}

// field reads one field that starts at a position and returns where it ends.
func (v *fields) field(it item, text string, start int, obey bool) (end int, ok bool) {
	at := start
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	if at == len(text) {
		return 0, false
	}
	v.order = append(v.order, it.letter)
	switch it.letter {
	case 'G':
		return match(&v.era, text, start, eras)
	case 'E':
		if end, ok := match(&v.dow, text, start, weekdays); ok {
			return end, true
		}
		return match(&v.dow, text, start, shortWeekdays)
	case 'a':
		return match(&v.half, text, start, halves)
	case 'z', 'Z':
		return v.zone(text, start, at)
	case 'X':
		return v.isoZone(text, at, it.n)
	case 'M', 'L':
		if it.n > 2 {
			if end, ok := match(&v.month, text, start, months); ok {
				return end, true
			}
			return match(&v.month, text, start, shortMonths)
		}
	}
	limit := len(text)
	if obey {
		if limit = start + it.n; limit > len(text) {
			return 0, false
		}
	}
	n, end, ok := number(text[:limit], at)
	if ok {
		v.number(it, n, text[at:end])
	}
	return end, ok
}

func number(text string, at int) (n int64, end int, ok bool) {
	end = at
	if end < len(text) && text[end] == '-' {
		end++
	}
	neg := end > at
	digits := 0
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !unicode.IsDigit(r) {
			break
		}
		n = n*10 + digitOf(r)
		if n > 1<<40 {
			n = 1<<31 - 1
		}
		digits++
		end += size
	}
	if neg {
		n = -n
	}
	return int64(int32(n)), end, digits > 0
}

// digitOf returns the value of a decimal digit of any script.
func digitOf(r rune) int64 {
	zero := r
	for unicode.IsDigit(zero-1) && r-zero < 9 {
		zero--
	}
	return int64(r - zero)
}

func (v *fields) number(it item, n int64, text string) {
	set := func(p **int64) { *p = &n }
	switch it.letter {
	case 'y', 'Y':
		if it.n <= 2 && len(text) == 2 && text[0] != '-' {
			n = century(n)
		}
		if it.letter == 'Y' {
			set(&v.weekYear)
			return
		}
		set(&v.year)
	case 'M', 'L':
		n--
		set(&v.month)
	case 'd':
		set(&v.dom)
	case 'D':
		set(&v.doy)
	case 'F':
		set(&v.dowInMonth)
	case 'w':
		set(&v.week)
	case 'W':
		set(&v.weekOfMonth)
	case 'u':
		n %= 7
		set(&v.dow)
	case 'k', 'H':
		if it.letter == 'k' && n == 24 {
			n = 0
		}
		set(&v.hour)
		v.lastHour12 = false
	case 'h', 'K':
		if it.letter == 'h' && n == 12 {
			n = 0
		}
		set(&v.hour12)
		v.lastHour12 = true
	case 'm':
		set(&v.minute)
	case 's':
		set(&v.second)
	case 'S':
		set(&v.milli)
	}
}

// century puts a year of two digits between 80 years ago and 20 years ahead.
func century(n int64) int64 {
	start := int64(time.Now().UTC().Year() - 80)
	n += start / 100 * 100
	if n < start {
		n += 100
	}
	return n
}

// match finds the longest name, in any case.
func match(p **int64, text string, at int, names []string) (end int, ok bool) {
	best := -1
	for i, name := range names {
		if len(text)-at >= len(name) && strings.EqualFold(text[at:at+len(name)], name) && (best < 0 || len(name) > len(names[best])) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	n := int64(best)
	*p = &n
	return at + len(names[best]), true
}

// zones are the names that everyday texts use, in hours from UTC.
var zones = map[string]float64{
	"UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
	"IST": 5.5, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "HST": -10,
	"AKST": -9, "AKDT": -8, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4,
	"AST": -4, "ADT": -3, "Coordinated Universal Time": 0, "Greenwich Mean Time": 0,
	"Pacific Standard Time": -8, "Pacific Daylight Time": -7, "Mountain Standard Time": -7, "Mountain Daylight Time": -6,
	"Central Standard Time": -6, "Central Daylight Time": -5, "Eastern Standard Time": -5, "Eastern Daylight Time": -4,
	"Central European Standard Time": 1, "Central European Summer Time": 2,
}

func (v *fields) zone(text string, start, at int) (end int, ok bool) {
	switch c := text[at]; {
	case c == '+' || c == '-':
		return v.numericZone(text, at+1, sign(c), 0, false)
	case len(text)-start >= 3 && strings.EqualFold(text[start:start+3], "GMT"):
		if end = start + 3; end < len(text) && (text[end] == '+' || text[end] == '-') {
			return v.numericZone(text, end+1, sign(text[end]), 0, true)
		}
		v.offset = 0
		return end, true
	}
	best := ""
	for name := range zones {
		if len(text)-at >= len(name) && strings.EqualFold(text[at:at+len(name)], name) && len(name) > len(best) {
			best = name
		}
	}
	v.offset = int64(zones[best] * 3600000)
	return at + len(best), best != ""
}

func (v *fields) isoZone(text string, at, n int) (end int, ok bool) {
	switch c := text[at]; c {
	case 'Z':
		v.offset = 0
		return at + 1, true
	case '+', '-':
		return v.numericZone(text, at+1, sign(c), n, n == 3)
	}
	return 0, false
}

func sign(c byte) int64 {
	if c == '-' {
		return -1
	}
	return 1
}

// numericZone reads hh, hhmm or hh:mm; n is the number of letters X, 0 for Z.
func (v *fields) numericZone(text string, at int, sign int64, n int, colon bool) (end int, ok bool) {
	digits := func(least int) (val int64, ok bool) {
		first := at
		for at < len(text) && at < first+2 && text[at] >= '0' && text[at] <= '9' {
			at++
		}
		val, err := strconv.ParseInt(text[first:at], 10, 64)
		return val, err == nil && at-first >= least
	}
	least := 2
	if colon && n == 0 {
		least = 1
	}
	hours, ok := digits(least)
	if !ok || hours > 23 {
		return 0, false
	}
	var minutes int64
	if n != 1 {
		if colon {
			if at >= len(text) || text[at] != ':' {
				return 0, false
			}
			at++
		}
		if minutes, ok = digits(2); !ok || minutes > 59 {
			return 0, false
		}
	}
	v.offset = sign * (hours*60 + minutes) * 60000
	return at, true
}

func or(p *int64, def int64) int64 {
	if p == nil {
		return def
	}
	return *p
}

// millis resolves the fields as GregorianCalendar does, missing ones as of
// 1970-01-01 00:00:00.
func (v *fields) millis() int64 {
	hour := or(v.hour, 0)
	if v.hour12 != nil && (v.lastHour12 || v.hour == nil) {
		hour = *v.hour12 + 12*or(v.half, 0)
	} else if v.hour == nil && v.half != nil {
		hour = 12 * *v.half
	}
	ms := ((hour*60+or(v.minute, 0))*60+or(v.second, 0))*1000 + or(v.milli, 0)
	return v.day()*dayMillis + ms - v.offset
}

func (v *fields) day() int64 {
	year := or(v.year, 1970)
	if v.era != nil && *v.era == 0 {
		year = 1 - year
	}
	if v.weekYear != nil && !v.after('y', 'Y') {
		first := dayOf(*v.weekYear, 1, 1)
		return first - int64(weekday(first)) + (or(v.week, 1)-1)*7 + or(v.dow, 0)
	}
	switch month := or(v.month, 0) + 1; v.dateField() {
	case 'D':
		return dayOf(year, 1, 1) + *v.doy - 1
	case 'w':
		first := dayOf(year, 1, 1)
		return first - int64(weekday(first)) + (*v.week-1)*7 + or(v.dow, 0)
	case 'W':
		first := dayOf(year, month, 1)
		return first - int64(weekday(first)) + (*v.weekOfMonth-1)*7 + or(v.dow, 0)
	case 'F':
		first := dayOf(year, month, 1)
		ahead := (or(v.dow, 0) - int64(weekday(first)) + 7) % 7
		return first + ahead + (or(v.dowInMonth, 1)-1)*7
	default:
		return dayOf(year, month, or(v.dom, 1))
	}
}

// after reports whether letter a came after letter b.
func (v *fields) after(a, b byte) bool {
	return strings.LastIndexByte(string(v.order), a) > strings.LastIndexByte(string(v.order), b)
}

// dateField returns the letter of the field that decides the day: the last of
// those that can.
func (v *fields) dateField() byte {
	for i := len(v.order) - 1; i >= 0; i-- {
		switch c := v.order[i]; c {
		case 'd', 'D':
			return c
		case 'w', 'W', 'F':
			if v.dow != nil || v.dom == nil && v.doy == nil {
				return c
			}
		}
	}
	if v.dow != nil && v.month == nil && v.dom == nil {
		return 'F'
	}
	return 'd'
}
