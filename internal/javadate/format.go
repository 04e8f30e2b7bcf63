package javadate

import "strconv"

// Append appends the time of millis since the epoch.
func (f *Format) Append(dst []byte, millis int64) []byte {
	day := floorDiv(millis, dayMillis)
	ms := int(millis - day*dayMillis)
	year, month, dom := civil(day)
	for _, it := range f.items {
		if it.letter == 0 {
			dst = append(dst, string(it.char)...)
			continue
		}
		switch it.letter {
		case 'G':
			dst = append(dst, eras[min(1, max(0, year))]...)
		case 'y':
			dst = appendYear(dst, ofEra(year), it.n)
		case 'Y':
			weekYear, _ := weekOfYear(day)
			dst = appendYear(dst, ofEra(weekYear), it.n)
		case 'M', 'L':
			dst = appendName(dst, it.n, month, months[month-1], 3)
		case 'E':
			dst = appendName(dst, max(it.n, 3), 0, weekdays[weekday(day)], 3)
		case 'a':
			dst = append(dst, halves[ms/(dayMillis/2)]...)
		case 'z':
			if it.n >= 4 {
				dst = append(dst, "Coordinated Universal Time"...)
			} else {
				dst = append(dst, "UTC"...)
			}
		case 'Z':
			dst = append(dst, "+0000"...)
		case 'X':
			dst = append(dst, 'Z')
		default:
			dst = appendPadded(dst, numberOf(it.letter, day, year, dom, ms), it.n)
		}
	}
	return dst
}

// Text is Append as a string.
func (f *Format) Text(millis int64) string { return string(f.Append(nil, millis)) }

func ofEra(year int64) int64 {
	if year < 1 {
		return 1 - year
	}
	return year
}

func numberOf(letter byte, day, year int64, dom, ms int) int64 {
	hour := ms / 3600000
	switch letter {
	case 'd':
		return int64(dom)
	case 'D':
		return day - dayOf(year, 1, 1) + 1
	case 'F':
		return int64(dom-1)/7 + 1
	case 'w':
		_, w := weekOfYear(day)
		return int64(w)
	case 'W':
		return int64(dom-1+weekday(day-int64(dom-1)))/7 + 1
	case 'u':
		return int64((weekday(day)+6)%7 + 1)
	case 'H':
		return int64(hour)
	case 'k':
		return int64((hour+23)%24 + 1)
	case 'K':
		return int64(hour % 12)
	case 'h':
		return int64((hour+11)%12 + 1)
	case 'm':
		return int64(ms / 60000 % 60)
	case 's':
		return int64(ms / 1000 % 60)
	}
	return int64(ms % 1000) // S
}

func appendYear(dst []byte, year int64, n int) []byte {
	if n == 2 {
		return appendPadded(dst, year%100, 2)
	}
	return appendPadded(dst, year, n)
}

func appendName(dst []byte, n, number int, name string, abbreviated int) []byte {
	switch {
	case n > abbreviated:
		return append(dst, name...)
	case n == abbreviated:
		return append(dst, name[:3]...)
	}
	return appendPadded(dst, int64(number), n)
}

func appendPadded(dst []byte, v int64, n int) []byte {
	digits := strconv.AppendInt(nil, v, 10)
	for range n - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}
