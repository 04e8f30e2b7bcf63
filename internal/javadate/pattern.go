package javadate

import (
	"fmt"
	"strings"
)

// Format is a compiled pattern. It is safe for concurrent use.
type Format struct {
	pattern string
	items   []item
}

// item is a field of n letters, or one literal character (letter 0).
type item struct {
	letter byte
	n      int
	char   rune
}

const letters = "GyMdkHmsSEDFwWahKzZYuXL"

// Compile compiles a pattern. The error has the message of Java's
// IllegalArgumentException.
func Compile(pattern string) (*Format, error) {
	f := &Format{pattern: pattern}
	quoted := false
	chars := []rune(pattern)
	for i := 0; i < len(chars); i++ {
		c := chars[i]
		switch {
		case c == '\'' && i+1 < len(chars) && chars[i+1] == '\'':
			f.items = append(f.items, item{char: '\''})
			i++
		case c == '\'':
			quoted = !quoted
		case quoted || c|0x20 < 'a' || c|0x20 > 'z' || c > 127:
			f.items = append(f.items, item{char: c})
		case strings.IndexByte(letters, byte(c)) < 0:
			return nil, fmt.Errorf("Illegal pattern character '%c'", c)
		default:
			n := 1
			for i+1 < len(chars) && chars[i+1] == c {
				i++
				n++
			}
			f.items = append(f.items, item{letter: byte(c), n: n})
		}
	}
	if quoted {
		return nil, fmt.Errorf("Unterminated quote")
	}
	return f, nil
}

// String returns the pattern.
func (f *Format) String() string { return f.pattern }

// numeric reports whether an item consumes digits, so that the field before it
// must stop after as many digits as it has letters.
func (it item) numeric() bool {
	switch it.letter {
	case 'M', 'L':
		return it.n <= 2
	case 0, 'G', 'E', 'a', 'z', 'Z', 'X':
		return false
	}
	return true
}

var (
	months = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September",
		"October", "November", "December"}
	weekdays = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	eras     = []string{"BC", "AD"}
	halves   = []string{"AM", "PM"}
)

func short(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n[:3]
	}
	return out
}

var shortMonths, shortWeekdays = short(months), short(weekdays)
