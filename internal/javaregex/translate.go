package javaregex

import (
	"strconv"
	"strings"
	"unicode"
)

// translator turns a Java pattern into one of regexp2.
type translator struct {
	pattern string
	src     []rune
	i       int
	out     strings.Builder

	groups   int
	names    map[string]int
	dotAll   bool // flag s
	unixNL   bool // flag d
	comments bool // flag x
	portable bool // Go's regexp reads the pattern alike
}

const lineEnds = `\n\r\u0085\u2028\u2029`

func (t *translator) translate() (out string, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	t.portable = true
	t.alternatives()
	if t.i < len(t.src) {
		t.fail(t.i-1, "Unmatched closing ')'")
	}
	return t.out.String(), nil
}

// fail panics with Java's syntax error near an index; a negative one is not told.
func (t *translator) fail(index int, desc string) {
	msg := desc
	if index >= 0 {
		msg += " near index " + strconv.Itoa(index)
	}
	msg += "\n" + t.pattern
	if index >= 0 && index < len(t.src) {
		msg += "\n" + strings.Repeat(" ", index) + "^"
	}
	panic(&Error{classSyntax, msg})
}

func (t *translator) peek() rune {
	if t.i < len(t.src) {
		return t.src[t.i]
	}
	return -1
}

func (t *translator) has(s string) bool {
	return strings.HasPrefix(string(t.src[min(t.i, len(t.src)):]), s)
}

// alternatives translates up to an unmatched closing parenthesis or the end.
func (t *translator) alternatives() {
	dotAll, unixNL, comments := t.dotAll, t.unixNL, t.comments
	for t.i < len(t.src) && t.peek() != ')' {
		if t.peek() == '|' {
			t.i++
			t.out.WriteByte('|')
			continue
		}
		t.quantified()
	}
	t.dotAll, t.unixNL, t.comments = dotAll, unixNL, comments
}

// quantified translates an atom and its quantifier.
func (t *translator) quantified() {
	before := t.out.String()
	if !t.atom() {
		return
	}
	for {
		q, ok := t.quantifier()
		if !ok {
			return
		}
		atom := t.out.String()[len(before):]
		switch t.peek() {
		case '?':
			t.i++
			t.out.WriteString(q + "?")
		case '+':
			t.i++
			t.portable = false
			t.out.Reset()
			t.out.WriteString(before + "(?>" + atom + q + ")")
		default:
			t.out.WriteString(q)
		}
		if c := t.peek(); c == '*' || c == '+' || c == '?' {
			return // dangling, reported by the next atom
		}
		if t.peek() != '{' {
			return
		}
		whole := t.out.String()[len(before):]
		t.out.Reset()
		t.out.WriteString(before + "(?:" + whole + ")")
	}
}

func (t *translator) quantifier() (string, bool) {
	switch c := t.peek(); c {
	case '*', '+', '?':
		t.i++
		return string(c), true
	case '{':
		return t.counted(), true
	}
	return "", false
}

func (t *translator) counted() string {
	start := t.i
	t.i++
	if c := t.peek(); c < '0' || c > '9' {
		t.fail(start-1, "Illegal repetition")
	}
	low := t.count()
	out := "{" + strconv.Itoa(low)
	high := low
	if t.peek() == ',' {
		t.i++
		out += ","
		high = -1
		if c := t.peek(); c >= '0' && c <= '9' {
			high = t.count()
			out += strconv.Itoa(high)
		}
	}
	if t.peek() != '}' {
		t.fail(t.i, "Unclosed counted closure")
	}
	if high >= 0 && high < low {
		t.fail(t.i, "Illegal repetition range")
	}
	t.i++
	return out + "}"
}

func (t *translator) count() int {
	n := 0
	for c := t.peek(); c >= '0' && c <= '9'; c = t.peek() {
		if n = n*10 + int(c-'0'); n > 1<<31-1 {
			t.fail(t.i, "Illegal repetition range")
		}
		t.i++
	}
	return n
}

// atom translates one atom; false if it was something that takes no quantifier.
func (t *translator) atom() bool {
	c := t.src[t.i]
	if t.comments && t.skipComment(c) {
		return false
	}
	t.i++
	switch c {
	case '*', '+', '?':
		t.fail(t.i-1, "Dangling meta character '"+string(c)+"'")
	case '{':
		t.fail(t.i-2, "Illegal repetition")
	case '(':
		return t.group()
	case '[':
		t.out.WriteString(t.class())
	case '\\':
		return t.escape()
	case '.':
		t.dot()
	case '$':
		t.out.WriteString(`(?=(?:\r\n|[` + lineEnds + `])?\z)`)
	case '^':
		t.out.WriteByte('^')
	default:
		t.literal(c)
	}
	return true
}

func (t *translator) skipComment(c rune) bool {
	if unicode.IsSpace(c) {
		t.i++
		return true
	}
	if c != '#' {
		return false
	}
	for t.i < len(t.src) && t.src[t.i] != '\n' {
		t.i++
	}
	return true
}

func (t *translator) dot() {
	switch {
	case t.dotAll:
		t.out.WriteString(`[\s\S]`)
	case t.unixNL:
		t.out.WriteString(`[^\n]`)
	default:
		t.out.WriteString(`[^` + lineEnds + `]`)
	}
}

func (t *translator) literal(c rune) { t.out.WriteString(quoted(c)) }

func quoted(c rune) string {
	if c < 128 && !isAlnum(c) && c != '_' {
		if c < ' ' {
			return `\x` + strconv.FormatInt(int64(0x100+c), 16)[1:]
		}
		return `\` + string(c)
	}
	return string(c)
}

// group translates what follows an opening parenthesis.
func (t *translator) group() bool {
	open, capturing := "(?:", false
	name := ""
	switch {
	case t.has("?<=") || t.has("?<!"):
		open = "(" + string(t.src[t.i:t.i+3])
		t.i += 3
		t.portable = false
	case t.has("?<"):
		t.i += 2
		name = t.groupName()
		capturing = true
	case t.has("?:"), t.has("?="), t.has("?!"), t.has("?>"):
		open = "(" + string(t.src[t.i:t.i+2])
		t.portable = t.portable && t.src[t.i+1] == ':'
		t.i += 2
	case t.has("?"):
		return t.flags()
	default:
		capturing = true
	}
	if capturing {
		t.groups++
		// Java numbers named groups with the others; so do explicit numbers.
		open = "(?<" + strconv.Itoa(t.groups) + ">"
		if name != "" {
			t.names[name] = t.groups
		}
	}
	t.out.WriteString(open)
	t.body()
	return true
}

func (t *translator) body() {
	t.alternatives()
	if t.peek() != ')' {
		t.fail(len(t.src), "Unclosed group")
	}
	t.i++
	t.out.WriteByte(')')
}

func (t *translator) groupName() string {
	start := t.i
	if c := t.peek(); c < 'A' || !isAlnum(c) {
		t.fail(t.i, "capturing group name does not start with a Latin letter")
	}
	for isAlnum(t.peek()) {
		t.i++
	}
	name := string(t.src[start:t.i])
	if t.peek() != '>' {
		t.fail(t.i, "named capturing group is missing trailing '>'")
	}
	t.i++
	if _, dup := t.names[name]; dup {
		t.fail(t.i-1, "Named capturing group <"+name+"> is already defined")
	}
	return name
}

// flags translates (?i) and (?i:X).
func (t *translator) flags() bool {
	t.i++
	on, off, minus := "", "", false
	for {
		c := t.peek()
		switch {
		case c >= 0 && strings.ContainsRune("idmsuxU", c):
			t.setFlag(c, !minus)
			if strings.ContainsRune("im", c) {
				if minus {
					off += string(c)
				} else {
					on += string(c)
				}
			}
		case c == '-' && !minus:
			minus = true
		case c == ')' || c == ':':
			t.i++
			if off != "" {
				on += "-" + off
			}
			if c == ')' {
				if on != "" {
					t.out.WriteString("(?" + on + ")")
				}
				return false
			}
			t.out.WriteString("(?" + on + ":")
			t.body()
			return true
		default:
			t.fail(t.i, "Unknown inline modifier")
		}
		t.i++
	}
}

func (t *translator) setFlag(c rune, on bool) {
	switch c {
	case 's':
		t.dotAll = on
	case 'd':
		t.unixNL, t.portable = on, false
	case 'x':
		t.comments, t.portable = on, false
	case 'U', 'u':
		t.portable = false
	}
}
