package javavalues

import "strings"

// tokens splits a text at the delimiters : , { } [ ] " where no backslash stands
// before them; the delimiters are tokens too.
type tokens struct {
	text string
	i    int
	next string // peeked token
	has  bool   // next is set
}

func (t *tokens) mark() int {
	if t.has {
		return t.i - len(t.next)
	}
	return t.i
}

func (t *tokens) rewind(to int) { t.i, t.has = to, false }

func (t *tokens) more() bool { return t.has || t.i < len(t.text) }

// take consumes a token.
func (t *tokens) take() string {
	if t.has {
		t.has = false
		return t.next
	}
	return t.scan()
}

// takeN returns the text of n tokens; it consumes nothing and returns false where
// there are fewer.
func (t *tokens) takeN(n int) (string, bool) {
	start := t.mark()
	for range n {
		if !t.more() {
			t.rewind(start)
			return "", false
		}
		t.take()
	}
	return t.text[start:t.i], true
}

func (t *tokens) scan() string {
	start, escaped := t.i, false
	for ; t.i < len(t.text); t.i++ {
		c := t.text[t.i]
		if !escaped && strings.IndexByte(`:,{}[]"`, c) >= 0 {
			if start == t.i {
				t.i++
			}
			return t.text[start:t.i]
		}
		escaped = c == '\\' && !escaped
	}
	return t.text[start:]
}

// consume takes the next token that is not blank if it is the expected one.
func (t *tokens) consume(expected string) bool {
	if !t.has {
		if !t.more() {
			return false
		}
		t.next, t.has = t.scan(), true
	}
	for trim(t.next) == "" && t.i < len(t.text) {
		t.next = t.scan()
	}
	if trim(t.next) != expected {
		return false
	}
	t.has = false
	return true
}

// trim is String.trim: everything up to the blank goes.
func trim(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }
