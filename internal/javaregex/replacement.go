package javaregex

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2"
)

// part of a replacement: a text, or a group of the match.
type part struct {
	text  string
	group func(m *regexp2.Match) *regexp2.Group
}

// parseReplacement reads a replacement as Matcher.appendReplacement does.
func (r *Regexp) parseReplacement(s string) ([]part, error) {
	var parts []part
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, part{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(s); {
		switch s[i] {
		case '\\':
			if i+1 == len(s) {
				return nil, fmt.Errorf("character to be escaped is missing")
			}
			text.WriteByte(s[i+1])
			i += 2
		case '$':
			flush()
			p, next, err := r.parseGroup(s, i+1)
			if err != nil {
				return nil, err
			}
			parts = append(parts, p)
			i = next
		default:
			text.WriteByte(s[i])
			i++
		}
	}
	flush()
	return parts, nil
}

// parseGroup reads what follows a dollar sign.
func (r *Regexp) parseGroup(s string, i int) (part, int, error) {
	if i < len(s) && s[i] == '{' {
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return part{}, 0, fmt.Errorf("named capturing group is missing trailing '}'")
		}
		name := s[i+1 : i+end]
		if r.find.GroupNumberFromName(name) < 0 {
			return part{}, 0, fmt.Errorf("No group with name {%s}", name) //nolint:staticcheck // Java's text
		}
		return part{group: func(m *regexp2.Match) *regexp2.Group { return m.GroupByName(name) }}, i + end + 1, nil
	}
	if i >= len(s) || s[i] < '0' || s[i] > '9' {
		return part{}, 0, fmt.Errorf("Illegal group reference") //nolint:staticcheck // Java's text
	}
	// Further digits belong to the number as long as there is such a group.
	groups := len(r.find.GetGroupNumbers()) - 1
	n, next := int(s[i]-'0'), i+1
	if n > groups {
		return part{}, 0, fmt.Errorf("No group %d", n) //nolint:staticcheck // Java's text
	}
	for next < len(s) && s[next] >= '0' && s[next] <= '9' {
		longer, err := strconv.Atoi(s[i : next+1])
		if err != nil || longer > groups {
			break
		}
		n, next = longer, next+1
	}
	return part{group: func(m *regexp2.Match) *regexp2.Group { return m.GroupByNumber(n) }}, next, nil
}
