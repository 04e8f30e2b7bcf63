package javadate

const (
	dayMillis = 24 * 60 * 60 * 1000
	// cutover is the first day of the Gregorian calendar, 15 October 1582.
	cutover = -141427
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// civil returns the date of a day since 1970-01-01: year 0 is 1 BC, month from 1.
func civil(day int64) (year int64, month, dom int) {
	// Days are counted from 1 March of year 0, so that leap days end a year.
	var yoe, doy int64
	if day < cutover {
		z := day + 719470
		cycle := floorDiv(z, 1461)
		rest := z - cycle*1461
		yoe = (rest - rest/1460) / 365
		doy = rest - 365*yoe
		yoe += 4 * cycle
	} else {
		z := day + 719468
		era := floorDiv(z, 146097)
		rest := z - era*146097
		yoe = (rest - rest/1460 + rest/36524 - rest/146096) / 365
		doy = rest - (365*yoe + yoe/4 - yoe/100)
		yoe += 400 * era
	}
	mp := (5*doy + 2) / 153
	dom = int(doy - (153*mp+2)/5 + 1)
	month = int(mp) + 3
	if month > 12 {
		month -= 12
		yoe++
	}
	return yoe, month, dom
}

// dayOf is the reverse of civil; month and day may be out of range.
func dayOf(year int64, month, dom int64) int64 {
	year += floorDiv(month-1, 12)
	month = month - 1 - 12*floorDiv(month-1, 12) + 1
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	doy := (153*m+2)/5 + dom - 1
	day := 365*y + floorDiv(y, 4) - floorDiv(y, 100) + floorDiv(y, 400) + doy - 719468
	if day >= cutover {
		return day
	}
	return 365*y + floorDiv(y, 4) + doy - 719470
}

// weekday returns 0 for Sunday.
func weekday(day int64) int { return int(((day+4)%7 + 7) % 7) }

// weekOfYear returns the week and its year: weeks begin on Sunday, week 1 holds
// 1 January.
func weekOfYear(day int64) (weekYear int64, week int) {
	year, _, _ := civil(day)
	if next := dayOf(year+1, 1, 1); day >= next-int64(weekday(next)) {
		return year + 1, 1
	}
	first := dayOf(year, 1, 1)
	return year, int(day-(first-int64(weekday(first))))/7 + 1
}
