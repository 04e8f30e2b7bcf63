package javaregex

import (
	"strings"
	"unicode"
)

func knownProperty(name string) bool {
	return unicode.Categories[name] != nil || unicode.Scripts[name] != nil
}

func bracket(set string, negated bool) string {
	if negated {
		return "[^" + set + "]"
	}
	return "[" + set + "]"
}

// class translates what follows an opening bracket into a pattern that matches one
// character. Unions with nested classes and intersections, which regexp2 has not,
// become alternatives and lookaheads.
func (t *translator) class() string {
	negated := t.peek() == '^'
	if negated {
		t.i++
	}
	var parts []string // operands of &&
	set, nested := "", []string(nil)
	empty := true
	for {
		c := t.peek()
		switch {
		case c < 0:
			t.fail(len(t.src)-1, "Unclosed character class")
		case c == ']' && !empty:
			t.i++
			parts = append(parts, union(set, nested))
			return intersect(parts, negated)
		case c == '[':
			t.i++
			t.portable = false
			nested = append(nested, t.class())
		case t.has("&&"):
			t.i += 2
			t.portable = false
			if set != "" || nested != nil {
				parts = append(parts, union(set, nested))
			}
			set, nested = "", nil
		default:
			item, alternative := t.classItem()
			set += item
			if alternative != "" {
				nested = append(nested, alternative)
			}
		}
		empty = false
	}
}

func union(set string, nested []string) string {
	if len(nested) == 0 {
		return bracket(set, false)
	}
	if set != "" {
		nested = append(nested, bracket(set, false))
	}
	return "(?:" + strings.Join(nested, "|") + ")"
}

func intersect(parts []string, negated bool) string {
	last := parts[len(parts)-1]
	if len(parts) == 1 && strings.HasPrefix(last, "[") {
		if negated {
			return "[^" + last[1:]
		}
		return last
	}
	out := ""
	for _, p := range parts[:len(parts)-1] {
		out += "(?=" + p + ")"
	}
	if negated {
		return "(?:(?!" + out + last + `)[\s\S])`
	}
	return "(?:" + out + last + ")"
}

// classItem reads a character, range or predefined class: the inside of a bracket, or a
// whole class that is an alternative to it.
func (t *translator) classItem() (item, alternative string) {
	low, set, alternative := t.classChar()
	if set != "" || alternative != "" {
		return set, alternative
	}
	if t.peek() != '-' || t.i+1 >= len(t.src) || t.src[t.i+1] == ']' || t.src[t.i+1] == '[' {
		return quoted(low), ""
	}
	t.i++
	high, set, alternative := t.classChar()
	if set != "" || alternative != "" || high < low {
		t.fail(t.i-1, "Illegal character range")
	}
	return quoted(low) + "-" + quoted(high), ""
}

func (t *translator) classChar() (c rune, set, alternative string) {
	c = t.src[t.i]
	t.i++
	if c != '\\' {
		return c, "", ""
	}
	if t.i == len(t.src) {
		t.fail(len(t.src)-1, "Unclosed character class")
	}
	if s, negated, ok := t.setEscape(); ok {
		if !negated {
			return 0, s, ""
		}
		if inverted := invert(s); inverted != "" {
			return 0, inverted, ""
		}
		t.portable = false
		return 0, "", bracket(s, true)
	}
	return t.charEscape(), "", ""
}

// invert returns the complement of a set as the inside of a bracket, "" for the rare ones
// that cannot be written so.
func invert(set string) string {
	switch set {
	case classEscapes['d']:
		return `\x00-/:-\uFFFF`
	case classEscapes['w']:
		return `\x00-/:-@\[-\^` + "`" + `{-\uFFFF`
	case classEscapes['s']:
		return `\x00-\x08\x0E-\x1F!-\uFFFF`
	}
	if strings.HasPrefix(set, `\p{`) && strings.Count(set, `\p`) == 1 {
		return `\P` + set[2:]
	}
	return ""
}
