package jsonconv

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

func describe(r rune) string {
	if r < ' ' {
		return fmt.Sprintf("(CTRL-CHAR, code %d)", r)
	}
	if r > 255 {
		return fmt.Sprintf("'%c' (code %d / 0x%x)", r, r, r)
	}
	return fmt.Sprintf("'%c' (code %d)", r, r)
}

func javaLetter(r rune) bool { return unicode.IsLetter(r) || r == '_' || r == '$' }

func javaPart(r rune) bool {
	return javaLetter(r) || unicode.IsDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Pc, unicode.Sc)
}

// badToken reports the word that starts at a position.
func (p *parser) badToken(at int) {
	var tok strings.Builder
	n := 0
	for i := at; i < len(p.b); n++ {
		r, size := utf8.DecodeRune(p.b[i:])
		if r == utf8.RuneError && size == 1 {
			r = rune(p.b[i]) // Jackson decodes what it can for the message
		}
		if !javaPart(r) {
			break
		}
		tok.WriteRune(r)
		if i += size; n+1 >= maxTokenChars {
			tok.WriteString("...")
			break
		}
	}
	p.fail(at, "Unrecognized token '%s': was expecting %s", tok.String(), wantValue)
}

func (p *parser) word(w string) {
	start := p.i
	if !strings.HasPrefix(string(p.b[p.i:min(len(p.b), p.i+len(w))]), w) {
		p.badToken(start)
	}
	p.i += len(w)
	if r, _ := utf8.DecodeRune(p.b[p.i:]); p.i < len(p.b) && javaPart(r) {
		p.badToken(start)
	}
}

// text reads a string after its opening quote.
func (p *parser) text(what string) string {
	var out []byte
	for {
		if p.i == len(p.b) {
			if what == "field name" {
				p.eof(" in field name")
			}
			p.eof(": was expecting closing quote for a string value")
		}
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return string(out)
		case c == '\\':
			out = p.escape(out)
		case c < ' ':
			if what != "field name" {
				what = "string value"
			} else {
				what = "name"
			}
			p.fail(p.i, "Illegal unquoted character (%s): has to be escaped using backslash to be included in %s", describe(rune(c)), what)
		case c < utf8.RuneSelf:
			out = append(out, c)
			p.i++
		default:
			out = p.multibyte(out)
		}
	}
}

func (p *parser) multibyte(out []byte) []byte {
	r, size := utf8.DecodeRune(p.b[p.i:])
	if r != utf8.RuneError || size > 1 {
		out = append(out, p.b[p.i:p.i+size]...)
		p.i += size
		return out
	}
	c := p.b[p.i]
	if c < 0xC0 || c >= 0xF8 {
		p.fail(p.i, "Invalid UTF-8 start byte 0x%x", c)
	}
	for i := p.i + 1; i < len(p.b); i++ {
		if p.b[i]&0xC0 != 0x80 {
			p.fail(i, "Invalid UTF-8 middle byte 0x%x", p.b[i])
		}
		if i-p.i == 3 || c < 0xE0 || c < 0xF0 && i-p.i == 2 {
			// Well-formed but overlong or a surrogate: Java makes a character of it.
			p.i = i + 1
			return append(out, "\uFFFD"...)
		}
	}
	p.eof(": was expecting closing quote for a string value")
	return nil
}

func (p *parser) escape(out []byte) []byte {
	p.i++
	if p.i == len(p.b) {
		p.eof(" in character escape sequence")
	}
	c := p.b[p.i]
	p.i++
	if at := strings.IndexByte(`"\/bfnrt`, c); at >= 0 {
		return append(out, "\"\\/\b\f\n\r\t"[at])
	}
	if c != 'u' {
		r, _ := utf8.DecodeRune(p.b[p.i-1:])
		p.fail(p.i-1, "Unrecognized character escape %s", describe(r))
	}
	r := p.hex4()
	if utf16.IsSurrogate(r) && p.i+6 <= len(p.b) && p.b[p.i] == '\\' && p.b[p.i+1] == 'u' {
		back := p.i
		p.i += 2
		if full := utf16.DecodeRune(r, p.hex4()); full != utf8.RuneError {
			return utf8.AppendRune(out, full)
		}
		p.i = back
	}
	return utf8.AppendRune(out, r) // a lone surrogate becomes U+FFFD
}

func (p *parser) hex4() rune {
	var r rune
	for range 4 {
		if p.i == len(p.b) {
			p.eof(" in character escape sequence")
		}
		v := strings.IndexByte("0123456789abcdef", p.b[p.i]|0x20)
		if p.b[p.i] < '0' || v < 0 {
			p.unexpected(p.i, "expected a hex-digit for character escape sequence")
		}
		r = r<<4 | rune(v)
		p.i++
	}
	return r
}
