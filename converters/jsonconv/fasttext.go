package jsonconv

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/leat-project/leat/connect/data"
)

// text reads a string; the bytes alias the input unless it has escapes.
func (f *fast) text(c byte) ([]byte, bool) {
	if c != '"' {
		return nil, false
	}
	start := f.i + 1
	i, ascii := stringEnd(f.b, start)
	if i == len(f.b) {
		return nil, false
	}
	if f.b[i] != '"' {
		return f.escaped(start)
	}
	s := f.b[start:i]
	if !ascii && !utf8.Valid(s) {
		return nil, false
	}
	f.i = i + 1
	return s, true
}

// stringEnd finds the first quote, backslash or control character from i on.
func stringEnd(b []byte, i int) (end int, ascii bool) {
	ascii = true
	for {
		for ; i+8 <= len(b); i += 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			quote := x ^ lowBits*'"'
			slash := x ^ lowBits*'\\'
			if (x|(x-lowBits*0x20)|(quote-lowBits)|(slash-lowBits))&highBits != 0 {
				break
			}
		}
		for stop := min(len(b), i+8); i < stop; i++ {
			c := b[i]
			if c == '"' || c == '\\' || c < ' ' {
				return i, ascii
			}
			ascii = ascii && c < utf8.RuneSelf
		}
		if i == len(b) {
			return i, ascii
		}
	}
}

// escaped reads a string with escapes into memory of its own.
func (f *fast) escaped(start int) ([]byte, bool) {
	end := start
	for ; end < len(f.b) && f.b[end] != '"'; end++ {
		if f.b[end] == '\\' {
			end++
		}
	}
	if end >= len(f.b) {
		return nil, false
	}
	out, raw := f.own(end-start), f.b[start:end]
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			i = len(raw)
		}
		out = append(out, raw[:i]...)
		if raw = raw[i:]; len(raw) == 0 {
			break
		}
		if at := strings.IndexByte(escapes, raw[1]); at >= 0 {
			out = append(out, escaped[at])
			raw = raw[2:]
			continue
		}
		r, size := unicodeEscape(raw)
		if size == 0 {
			return nil, false
		}
		out = utf8.AppendRune(out, r)
		raw = raw[size:]
	}
	f.chunk = f.chunk[len(out):]
	f.i = end + 1
	return out, validText(out, f.b[start:end])
}

const (
	escapes = `"\/bfnrt`
	escaped = "\"\\/\b\f\n\r\t"
	chunk   = 8 << 10
)

// own returns n bytes of memory that is written once: strings alias it.
func (f *fast) own(n int) []byte {
	if len(f.chunk) < n {
		f.chunk = make([]byte, max(n, chunk))
	}
	return f.chunk[:0:n]
}

// unicodeEscape reads \uXXXX, or two of them for a supplementary character; size
// is 0 for anything else, lone surrogates included.
func unicodeEscape(raw []byte) (r rune, size int) {
	r = hex4(raw)
	switch {
	case r < 0:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	case len(raw) < 12:
		return 0, 0
	}
	if r = utf16.DecodeRune(r, hex4(raw[6:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil || raw[2] == '+' {
		return -1
	}
	return rune(n)
}

// validText reports whether a string is UTF-8 and its raw form has no control
// characters.
func validText(text, raw []byte) bool {
	for _, c := range raw {
		if c < ' ' {
			return false
		}
	}
	return utf8.Valid(text)
}

func (f *fast) bytes(c byte) (data.Value, bool) {
	b, ok := f.base64(c)
	return data.Bytes(b), ok
}

func (f *fast) base64(c byte) ([]byte, bool) {
	s, ok := f.text(c)
	if !ok {
		return nil, false
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(out, s)
	return out[:n], err == nil && bytes.IndexByte(s, '\n') < 0
}
