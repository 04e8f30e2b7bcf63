package postgres

// gregorianFrom is 15 October 1582, the first day of the Gregorian calendar, in
// days since 1970.
const gregorianFrom = -141427

// julianDays returns how many days the Gregorian day that has the Julian name of a
// day is ahead of it: -10 for the day before the calendar changed, 0 from then on.
func julianDays(day int64) int64 {
	if day >= gregorianFrom {
		return 0
	}
	// Years that begin on 1 March, four of them a cycle: January and February
	// count for the year before, which is where a leap day matters.
	z := day + 719470 // since 1 March of the Julian year 0
	cycle := floorDiv(z, 1461)
	rest := z - cycle*1461
	year := 4*cycle + (rest-rest/1460)/365
	return -(floorDiv(year, 100) - floorDiv(year, 400) - 2)
}
