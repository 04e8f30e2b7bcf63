package jsonconv

import (
	"encoding/base64"
	"math"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/leat-project/leat/connect/data"
)

const hexUpper = "0123456789ABCDEF"

// clean marks the bytes that a JSON string carries as they are: not control
// characters, quote, backslash, and not the first byte of a supplementary
// character, which Jackson writes as two escapes.
var clean = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '"' && c != '\\' && c < 0xF0
	}
	return t
}()

// appendString appends s as a JSON string in Jackson's spelling.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if n := asciiPrefix(s); n == len(s) {
		dst = append(dst, s...)
	} else {
		dst = append(dst, s[:n]...)
		dst = appendEscaped(dst, s[n:])
	}
	return append(dst, '"')
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// asciiPrefix returns how many leading bytes of s are ASCII that needs no escape.
func asciiPrefix(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := load64(s[i : i+8])
		quote := x ^ lowBits*'"'
		slash := x ^ lowBits*'\\'
		// A byte's high bit is set in bad where it is >= 0x80, < 0x20, a quote or a backslash.
		bad := x | (x - lowBits*0x20) | (quote - lowBits) | (slash - lowBits)
		if bad&highBits != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || !clean[c] {
			break
		}
	}
	return i
}

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func appendEscaped(dst []byte, s string) []byte {
	valid := utf8.ValidString(s)
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; clean[c] && (valid || c < utf8.RuneSelf) {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\uFFFD"...)
		case r >= 0x10000:
			hi, lo := utf16.EncodeRune(r)
			dst = appendUnicode(appendUnicode(dst, hi), lo)
		case r >= utf8.RuneSelf:
			dst = append(dst, s[i:i+size]...)
		default:
			dst = appendEscape(dst, byte(r))
		}
		i += size
		start = i
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return appendUnicode(dst, rune(c))
}

func appendUnicode(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexUpper[r>>12&15], hexUpper[r>>8&15], hexUpper[r>>4&15], hexUpper[r&15])
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

func appendFloat(dst []byte, v data.Value) []byte {
	f := v.Float()
	quoted := math.IsNaN(f) || math.IsInf(f, 0)
	if quoted {
		dst = append(dst, '"')
	}
	dst = v.AppendText(dst)
	if quoted {
		dst = append(dst, '"')
	}
	return dst
}
