package javaregex

import (
	"strconv"
	"strings"
)

// classEscapes are the predefined classes, as the inside of a bracket.
var classEscapes = map[rune]string{
	'd': `0-9`,
	'w': `a-zA-Z0-9_`,
	's': ` \t\n\x0B\f\r`,
	'h': ` \t\u00A0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000`,
	'v': `\n\x0B\f\r\u0085\u2028\u2029`,
}

var posix = map[string]string{
	"Lower": `a-z`, "Upper": `A-Z`, "ASCII": `\x00-\x7F`, "Alpha": `a-zA-Z`, "Digit": `0-9`, "Alnum": `a-zA-Z0-9`,
	"Punct": `!-/:-@\[-` + "`" + `{-~`, "Graph": `!-~`, "Print": ` -~`, "Blank": ` \t`, "Cntrl": `\x00-\x1F\x7F`,
	"XDigit": `0-9a-fA-F`, "Space": ` \t\n\x0B\f\r`,
	"javaLowerCase": `\p{Ll}`, "javaUpperCase": `\p{Lu}`, "javaWhitespace": `\s`, "javaLetter": `\p{L}`, "javaDigit": `\p{Nd}`,
	"IsAlphabetic": `\p{L}\p{Nl}`, "IsDigit": `\p{Nd}`, "IsLowercase": `\p{Ll}`, "IsUppercase": `\p{Lu}`, "IsLetter": `\p{L}`,
	"IsPunctuation": `\p{P}`, "IsWhite_Space": `\s`,
}

// escape translates what follows a backslash outside of a class; false if it
// takes no quantifier.
func (t *translator) escape() bool {
	if t.i == len(t.src) {
		t.fail(t.i, "Unescaped trailing backslash")
	}
	c := t.src[t.i]
	switch c {
	case 'Q':
		return t.quote()
	case 'E':
		t.i++
		return false
	case 'A', 'b', 'B', 'G', 'z':
		t.i++
		t.out.WriteString(`\` + string(c))
		return true
	case 'Z':
		t.i++
		t.portable = false
		t.out.WriteString(`(?=(?:\r\n|[` + lineEnds + `])?\z)`)
		return true
	case 'R':
		t.i++
		t.portable = false
		t.out.WriteString(`(?:\r\n|[` + classEscapes['v'] + `])`)
		return true
	case 'k':
		t.backName()
		return true
	}
	if c >= '1' && c <= '9' {
		t.backNumber()
		return true
	}
	if set, negated, ok := t.setEscape(); ok {
		t.out.WriteString(bracket(set, negated))
		return true
	}
	t.literal(t.charEscape())
	return true
}

func (t *translator) quote() bool {
	t.i++
	rest := string(t.src[t.i:])
	text, _, closed := strings.Cut(rest, `\E`)
	t.i += len([]rune(text))
	if closed {
		t.i += 2
	}
	runes := []rune(text)
	if len(runes) == 0 {
		return false
	}
	// A quantifier after \E belongs to the last character only.
	for _, c := range runes[:len(runes)-1] {
		t.literal(c)
	}
	last := quoted(runes[len(runes)-1])
	t.out.WriteString(last)
	if c := t.peek(); c == '*' || c == '+' || c == '?' || c == '{' {
		before := strings.TrimSuffix(t.out.String(), last)
		t.out.Reset()
		t.out.WriteString(before)
		t.portable = false
		t.quantifyLast(last)
		return false
	}
	return true
}

func (t *translator) quantifyLast(atom string) {
	q, _ := t.quantifier()
	switch t.peek() {
	case '?':
		t.i++
		t.out.WriteString(atom + q + "?")
	case '+':
		t.i++
		t.out.WriteString("(?>" + atom + q + ")")
	default:
		t.out.WriteString(atom + q)
	}
}

func (t *translator) backName() {
	t.i++
	if t.peek() != '<' {
		t.fail(t.i, `\k is not followed by '<' for named capturing group`)
	}
	t.i++
	start := t.i
	for isAlnum(t.peek()) {
		t.i++
	}
	name := string(t.src[start:t.i])
	if t.peek() != '>' {
		t.fail(t.i, "named capturing group is missing trailing '>'")
	}
	t.i++
	n, ok := t.names[name]
	if !ok {
		t.fail(t.i-1, "named capturing group <"+name+"> does not exist")
	}
	t.portable = false
	t.out.WriteString(`\k<` + strconv.Itoa(n) + `>`)
}

func (t *translator) backNumber() {
	n := int(t.src[t.i] - '0')
	t.i++
	for c := t.peek(); c >= '0' && c <= '9' && n*10+int(c-'0') <= t.groups; c = t.peek() {
		n = n*10 + int(c-'0')
		t.i++
	}
	t.portable = false
	if n > t.groups {
		t.out.WriteString(`(?!)`) // a group that does not exist never matches
		return
	}
	t.out.WriteString(`\k<` + strconv.Itoa(n) + `>`)
}

// setEscape reads \d, \W, \p{Alpha} and their like: the inside of a bracket.
func (t *translator) setEscape() (set string, negated, ok bool) {
	c := t.src[t.i]
	if set, ok := classEscapes[c|0x20]; ok {
		t.i++
		if c|0x20 == 'h' || c|0x20 == 'v' {
			t.portable = false
		}
		return set, c < 'a', true
	}
	if c != 'p' && c != 'P' {
		return "", false, false
	}
	return t.property(), c == 'P', true
}

func (t *translator) property() string {
	t.i++
	name := ""
	if t.peek() == '{' {
		end := strings.IndexRune(string(t.src[t.i:]), '}')
		if end < 0 {
			t.fail(len(t.src)-1, "Unclosed character family")
		}
		name = string([]rune(string(t.src[t.i:])[1:end]))
		t.i += len([]rune(name)) + 2
	} else if t.i < len(t.src) {
		name = string(t.src[t.i])
		t.i++
	}
	if set, ok := posix[name]; ok {
		t.portable = false
		return set
	}
	base := name
	for _, prefix := range []string{"Is", "script=", "sc=", "general_category=", "gc=", "In"} {
		base = strings.TrimPrefix(base, prefix)
	}
	if base == "" || strings.Trim(base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" || !knownProperty(base) {
		t.fail(t.i-1, "Unknown character property name {"+name+"}")
	}
	t.portable = t.portable && base == name
	return `\p{` + base + `}`
}

// charEscape reads an escape that stands for one character.
func (t *translator) charEscape() rune {
	c := t.src[t.i]
	t.i++
	switch c {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	case 'a':
		return 7
	case 'e':
		t.portable = false
		return 27
	case '0':
		return t.octal()
	case 'x':
		return t.hex()
	case 'u':
		t.portable = false
		return t.hexDigits(4, "Illegal Unicode escape sequence")
	case 'c':
		t.portable = false
		if t.i == len(t.src) {
			t.fail(t.i-1, "Illegal control escape sequence")
		}
		t.i++
		return t.src[t.i-1] ^ 64
	}
	if isAlnum(c) {
		t.fail(t.i-1, "Illegal/unsupported escape sequence")
	}
	return c
}

func (t *translator) octal() rune {
	t.portable = false
	n, digits := rune(0), 0
	for c := t.peek(); c >= '0' && c <= '7' && digits < 3 && n*8+c-'0' <= 0o377; c = t.peek() {
		n = n*8 + c - '0'
		t.i++
		digits++
	}
	if digits == 0 {
		t.fail(t.i, "Illegal octal escape sequence")
	}
	return n
}

func (t *translator) hex() rune {
	if t.peek() != '{' {
		return t.hexDigits(2, "Illegal hexadecimal escape sequence")
	}
	t.i++
	n, digits := rune(0), 0
	for v := hexValue(t.peek()); v >= 0; v = hexValue(t.peek()) {
		if n = n*16 + v; n > 0x10FFFF {
			t.fail(t.i, "Hexadecimal codepoint is too big")
		}
		t.i++
		digits++
	}
	if t.peek() != '}' || digits == 0 {
		t.fail(t.i, "Unclosed hexadecimal escape sequence")
	}
	t.i++
	return n
}

func (t *translator) hexDigits(count int, desc string) rune {
	var n rune
	for range count {
		v := hexValue(t.peek())
		if v < 0 {
			t.fail(t.i, desc)
		}
		n = n*16 + v
		t.i++
	}
	return n
}

func hexValue(r rune) rune {
	switch {
	case r >= '0' && r <= '9':
		return r - '0'
	case r|0x20 >= 'a' && r|0x20 <= 'f' && r > 0:
		return r | 0x20 - 'a' + 10
	}
	return -1
}
