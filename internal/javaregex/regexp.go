package javaregex

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dlclark/regexp2"
)

// Regexp is a compiled pattern. It is safe for concurrent use.
type Regexp struct {
	pattern string
	groups  int            // number of capturing groups
	names   map[string]int // of groups
	full    *regexp.Regexp // Go's engine for whole texts, nil if it cannot
	find    *regexp.Regexp
	slow    func() slowPair // regexp2's engines, compiled when first needed
}

type slowPair struct{ full, find *regexp2.Regexp }

// Option changes how a pattern is read.
type Option int

// IgnoreCase is Pattern.CASE_INSENSITIVE.
const IgnoreCase Option = 1

// Compile compiles a pattern as Pattern.compile does. The error is an *Error.
func Compile(pattern string, options ...Option) (*Regexp, error) {
	t := translator{src: []rune(pattern), pattern: pattern, names: map[string]int{}}
	flags := ""
	if slices.Contains(options, IgnoreCase) {
		flags = "(?i)"
	}
	out, err := t.translate()
	if err != nil {
		return nil, err
	}
	out = flags + out
	find, err := regexp2.Compile(out, regexp2.None)
	if err != nil {
		return nil, &Error{classSyntax, err.Error() + "\n" + pattern}
	}
	find.MatchTimeout = Timeout
	r := &Regexp{pattern: pattern, groups: t.groups, names: t.names}
	r.slow = sync.OnceValue(func() slowPair {
		full := regexp2.MustCompile(`\A(?:`+out+`)\z`, regexp2.None)
		full.MatchTimeout = Timeout
		return slowPair{full, find}
	})
	if t.portable {
		if r.find, err = regexp.Compile(flags + pattern); err == nil {
			r.full, err = regexp.Compile(flags + `\A(?:` + pattern + `)\z`)
		}
		if err != nil {
			r.find, r.full = nil, nil
		}
	}
	return r, nil
}

// MustCompile is Compile for patterns of the program itself.
func MustCompile(pattern string) *Regexp {
	r, err := Compile(pattern)
	if err != nil {
		panic("javaregex: " + err.Error())
	}
	return r
}

// String returns the pattern.
func (r *Regexp) String() string { return r.pattern }

// plain reports whether a text is printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// MatchWhole reports whether the whole text matches (Matcher.matches). The error
// says that the match took too long.
func (r *Regexp) MatchWhole(s string) (bool, error) {
	if r.full != nil && plain(s) {
		return r.full.MatchString(s), nil
	}
	return r.slow().full.MatchString(s)
}

// MatchAny reports whether some part of the text matches (Matcher.find).
func (r *Regexp) MatchAny(s string) (bool, error) {
	if r.find != nil && plain(s) {
		return r.find.MatchString(s), nil
	}
	return r.slow().find.MatchString(s)
}

// match holds group texts of the first match.
type match struct {
	start, end int // bytes
	group      []string
}

func (r *Regexp) match(s string) (*match, error) {
	if r.find != nil && plain(s) {
		loc := r.find.FindStringSubmatchIndex(s)
		if loc == nil {
			return nil, nil
		}
		return matchOf(s, loc), nil
	}
	m, err := r.slow().find.FindStringMatch(s)
	if err != nil || m == nil {
		return nil, err
	}
	runes := []rune(s)
	out := r.groupsOf(m)
	out.start, out.end = len(string(runes[:m.Index])), len(string(runes[:m.Index+m.Length]))
	return out, nil
}

// groupsOf takes the texts of the groups out of a match.
func (r *Regexp) groupsOf(m *regexp2.Match) *match {
	out := &match{}
	for n := range r.groups + 1 {
		g := m.GroupByNumber(n)
		text := ""
		if g != nil && len(g.Captures) > 0 {
			text = g.String()
		}
		out.group = append(out.group, text)
	}
	return out
}

func matchOf(s string, loc []int) *match {
	m := &match{start: loc[0], end: loc[1]}
	for i := 0; i < len(loc); i += 2 {
		text := ""
		if loc[i] >= 0 {
			text = s[loc[i]:loc[i+1]]
		}
		m.group = append(m.group, text)
	}
	return m
}

// ReplaceFirst replaces the first match by the replacement, in which $n and ${name}
// stand for groups and a backslash quotes (Matcher.replaceFirst).
func (r *Regexp) ReplaceFirst(s, replacement string) (string, error) {
	m, err := r.match(s)
	if m == nil || err != nil {
		return s, err
	}
	text, err := r.expand(m, replacement)
	if err != nil {
		return "", err
	}
	return s[:m.start] + text + s[m.end:], nil
}

// ReplaceAll is Matcher.replaceAll.
func (r *Regexp) ReplaceAll(s, replacement string) (string, error) {
	var sb strings.Builder
	m, err := r.slow().find.FindStringMatch(s)
	runes, at := []rune(s), 0
	for ; m != nil && err == nil; m, err = r.slow().find.FindNextMatch(m) {
		text, err := r.expand(r.groupsOf(m), replacement)
		if err != nil {
			return "", err
		}
		sb.WriteString(string(runes[at:m.Index]) + text)
		at = m.Index + m.Length
	}
	if err != nil {
		return "", &Error{classState, err.Error()}
	}
	return sb.String() + string(runes[at:]), nil
}

func (r *Regexp) expand(m *match, repl string) (string, error) {
	var sb strings.Builder
	for i := 0; i < len(repl); i++ {
		switch repl[i] {
		case '\\':
			if i++; i == len(repl) {
				return "", &Error{classArgument, "character to be escaped is missing"}
			}
			sb.WriteByte(repl[i])
		case '$':
			n, next, err := r.reference(repl, i+1)
			if err != nil {
				return "", err
			}
			sb.WriteString(m.group[n])
			i = next - 1
		default:
			sb.WriteByte(repl[i])
		}
	}
	return sb.String(), nil
}

// reference reads a group reference after its dollar sign.
func (r *Regexp) reference(repl string, i int) (group, next int, err error) {
	if i == len(repl) {
		return 0, 0, &Error{classArgument, "Illegal group reference: group index is missing"}
	}
	if repl[i] == '{' {
		return r.namedReference(repl, i+1)
	}
	if repl[i] < '0' || repl[i] > '9' {
		return 0, 0, &Error{classArgument, "Illegal group reference"}
	}
	group = int(repl[i] - '0')
	if group > r.groups {
		return 0, 0, &Error{classIndex, "No group " + strconv.Itoa(group)}
	}
	for i++; i < len(repl) && repl[i] >= '0' && repl[i] <= '9'; i++ {
		more := group*10 + int(repl[i]-'0')
		if more > r.groups {
			break
		}
		group = more
	}
	return group, i, nil
}

func (r *Regexp) namedReference(repl string, i int) (group, next int, err error) {
	end := i
	for end < len(repl) && isAlnum(rune(repl[end])) {
		end++
	}
	name := repl[i:end]
	switch {
	case name == "":
		return 0, 0, &Error{classArgument, "named capturing group is missing trailing '}'"}
	case end == len(repl) || repl[end] != '}':
		return 0, 0, &Error{classArgument, "named capturing group is missing trailing '}'"}
	case name[0] >= '0' && name[0] <= '9':
		return 0, 0, &Error{classArgument, "capturing group name {" + name + "} starts with digit character"}
	}
	n, ok := r.names[name]
	if !ok {
		return 0, 0, &Error{classArgument, "No group with name {" + name + "}"}
	}
	return n, end + 1, nil
}

func isAlnum(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// memoSize bounds the texts that a Memo remembers.
const memoSize = 4096

// Memo remembers what was found for a text, for few texts that come often (topic
// names). It is used by one goroutine.
type Memo[T any] struct{ known map[string]T }

// Get returns the remembered result or makes it.
func (m *Memo[T]) Get(text string, make1 func(string) T) T {
	if v, ok := m.known[text]; ok {
		return v
	}
	if m.known == nil || len(m.known) >= memoSize {
		m.known = map[string]T{}
	}
	v := make1(text)
	m.known[strings.Clone(text)] = v
	return v
}

// MatchFull is MatchWhole where a match that takes too long counts as none.
func (r *Regexp) MatchFull(s string) bool {
	ok, err := r.MatchWhole(s)
	return ok && err == nil
}
