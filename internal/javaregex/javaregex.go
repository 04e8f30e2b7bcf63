// Package javaregex is java.util.regex for what users write into configurations:
// topics.regex, RegexRouter, include lists. Patterns are compiled with
// dlclark/regexp2, whose language is Java's in all but rare corners; error texts
// of everyday mistakes are Java's. Matching is bounded in time, because such a
// language has patterns that backtrack for ever.
package javaregex

import (
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// MatchTimeout ends a match that backtracks without end; it then is an error.
const MatchTimeout = 5 * time.Second

// Regexp is a compiled pattern. It is safe for concurrent use.
type Regexp struct {
	pattern string
	whole   *regexp2.Regexp
	find    *regexp2.Regexp
}

// Option changes how a pattern is read.
type Option int

// IgnoreCase is Pattern.CASE_INSENSITIVE.
const IgnoreCase Option = 1

// Error is a pattern that does not compile (PatternSyntaxException). Its text is
// Java's: description, position, pattern, and a caret below the position.
type Error struct {
	Description string
	Index       int // in UTF-16 units; -1 if not known
	Pattern     string
}

func (e *Error) Error() string {
	if e.Index < 0 {
		return e.Description + "\n" + e.Pattern
	}
	return fmt.Sprintf("%s near index %d\n%s\n%s^", e.Description, e.Index, e.Pattern, strings.Repeat(" ", e.Index))
}

// Compile reads a pattern. The error is an *Error.
func Compile(pattern string, options ...Option) (*Regexp, error) {
	var o regexp2.RegexOptions
	for _, opt := range options {
		if opt == IgnoreCase {
			o |= regexp2.IgnoreCase
		}
	}
	find, err := regexp2.Compile(pattern, o)
	if err != nil {
		return nil, translate(pattern, err)
	}
	whole, err := regexp2.Compile(`\A(?:`+pattern+`)\z`, o)
	if err != nil {
		return nil, translate(pattern, err)
	}
	find.MatchTimeout, whole.MatchTimeout = MatchTimeout, MatchTimeout
	return &Regexp{pattern, whole, find}, nil
}

// String returns the pattern.
func (r *Regexp) String() string { return r.pattern }

// MatchWhole reports whether all of s matches (Matcher.matches).
func (r *Regexp) MatchWhole(s string) (bool, error) { return r.whole.MatchString(s) }

// MatchAny reports whether some part of s matches (Matcher.find).
func (r *Regexp) MatchAny(s string) (bool, error) { return r.find.MatchString(s) }

// ReplaceFirst replaces the first match (Matcher.replaceFirst). In replacement $1
// and ${name} are groups and a backslash quotes the next character.
func (r *Regexp) ReplaceFirst(s, replacement string) (string, error) {
	return r.replace(s, replacement, 1)
}

// ReplaceAll replaces every match (Matcher.replaceAll).
func (r *Regexp) ReplaceAll(s, replacement string) (string, error) {
	return r.replace(s, replacement, -1)
}

func (r *Regexp) replace(s, replacement string, count int) (string, error) {
	parts, err := r.parseReplacement(replacement)
	if err != nil {
		return "", err
	}
	return r.find.ReplaceFunc(s, func(m regexp2.Match) string {
		var b strings.Builder
		for _, p := range parts {
			if p.group == nil {
				b.WriteString(p.text)
				continue
			}
			if g := p.group(&m); g != nil {
				b.WriteString(g.String())
			}
		}
		return b.String()
	}, -1, count)
}
