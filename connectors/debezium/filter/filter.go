// Package filter matches names of schemas, tables and columns against Debezium's
// lists of regular expressions: separated by commas (\, stands for a comma),
// Java's syntax, ignoring case, and an expression must match the whole name.
package filter

import (
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// matchTimeout bounds one match of an expression that backtracks without end.
const matchTimeout = 2 * time.Second

// SyntaxError says that an expression does not compile.
type SyntaxError struct {
	Text string
	Err  error
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q is not a regular expression: %v", e.Text, e.Err)
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Pattern is one expression.
type Pattern struct {
	Text string
	re   *regexp2.Regexp
}

// Compile compiles one expression.
func Compile(text string) (*Pattern, error) {
	re, err := regexp2.Compile(`\A(?:`+text+`)\z`, regexp2.IgnoreCase)
	if err != nil {
		// The wrapping must not show in the message.
		if _, own := regexp2.Compile(text, regexp2.IgnoreCase); own != nil {
			err = own
		}
		return nil, &SyntaxError{Text: text, Err: err}
	}
	re.MatchTimeout = matchTimeout
	return &Pattern{Text: text, re: re}, nil
}

// Match reports whether the whole name matches.
func (p *Pattern) Match(name string) bool {
	ok, err := p.re.MatchString(name)
	return err == nil && ok // the error is the timeout: no match
}

// List is a list of expressions; an empty one matches nothing.
type List []*Pattern

// Parse compiles a list.
func Parse(text string) (List, error) {
	var l List
	for _, part := range Split(text) {
		p, err := Compile(part)
		if err != nil {
			return nil, err
		}
		l = append(l, p)
	}
	return l, nil
}

// Split cuts a list at its commas.
func Split(text string) []string {
	var parts []string
	var b strings.Builder
	flush := func() {
		if s := strings.TrimSpace(b.String()); s != "" {
			parts = append(parts, s)
		}
		b.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == ',':
			b.WriteByte(',')
			i++
		case text[i] == ',':
			flush()
		default:
			b.WriteByte(text[i])
		}
	}
	flush()
	return parts
}

// Match reports whether one of the expressions matches.
func (l List) Match(name string) bool { return l.Index(name) >= 0 }

// Index returns the first expression that matches, -1 if none does.
func (l List) Index(name string) int {
	for i, p := range l {
		if p.Match(name) {
			return i
		}
	}
	return -1
}

// Choice is a pair of an include and an exclude list, of which at most one is set.
type Choice struct{ Include, Exclude List }

// NewChoice compiles both lists.
func NewChoice(include, exclude string) (Choice, error) {
	in, err := Parse(include)
	if err != nil {
		return Choice{}, err
	}
	ex, err := Parse(exclude)
	return Choice{in, ex}, err
}

// Match reports whether a name is chosen.
func (c Choice) Match(name string) bool {
	if len(c.Include) > 0 {
		return c.Include.Match(name)
	}
	return !c.Exclude.Match(name)
}
