// Package javacharset converts text by Java's charset names as String.getBytes and
// new String do: what cannot be mapped becomes '?', malformed bytes U+FFFD.
package javacharset

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/transform"
)

// Charset encodes and decodes. It is safe for concurrent use.
type Charset struct {
	// UTF8 says that texts are the bytes themselves, but for malformed ones.
	UTF8   bool
	encode func(dst []byte, s string) []byte
	decode func(b []byte) string
}

// Append appends the bytes of s.
func (c *Charset) Append(dst []byte, s string) []byte { return c.encode(dst, s) }

// Decode returns the text of b.
func (c *Charset) Decode(b []byte) string { return c.decode(b) }

var aliases = map[string]string{"utf8": "utf-8", "utf16": "utf-16", "utf32": "utf-32", "ascii": "us-ascii",
	"latin1": "iso-8859-1", "iso8859_1": "iso-8859-1", "8859_1": "iso-8859-1", "iso8859-1": "iso-8859-1",
	"unicodebig": "utf-16", "utf_16be": "utf-16be", "utf_16le": "utf-16le", "utf_32": "utf-32",
	"cp1252": "windows-1252", "cp1251": "windows-1251", "cp1250": "windows-1250", "sjis": "shift_jis"}

// ValidName reports whether Java accepts the name's spelling.
func ValidName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || i > 0 && strings.IndexByte("-+:_.", c) >= 0 {
			continue
		}
		return false
	}
	return name != ""
}

// Lookup returns the charset of a name, in any case; false if there is none.
func Lookup(name string) (*Charset, bool) {
	name = strings.ToLower(name)
	if a, ok := aliases[name]; ok {
		name = a
	}
	switch name {
	case "utf-8":
		return &Charset{UTF8: true, encode: func(dst []byte, s string) []byte { return append(dst, strings.ToValidUTF8(s, "?")...) },
			decode: DecodeUTF8}, true
	case "utf-16":
		return utf16Charset(binary.BigEndian, true, true), true
	case "utf-16be":
		return utf16Charset(binary.BigEndian, false, false), true
	case "utf-16le":
		return utf16Charset(binary.LittleEndian, false, false), true
	case "utf-32", "utf-32be":
		return utf32Charset(binary.BigEndian, name == "utf-32"), true
	case "utf-32le":
		return utf32Charset(binary.LittleEndian, false), true
	case "iso-8859-1":
		return singleByte(0xff), true
	case "us-ascii":
		return singleByte(0x7f), true
	}
	enc, err := ianaindex.IANA.Encoding(name)
	if err != nil || enc == nil {
		if enc, err = ianaindex.MIME.Encoding(name); err != nil || enc == nil {
			return nil, false
		}
	}
	return other(enc), true
}

// other wraps the tables of x/text.
func other(enc encoding.Encoding) *Charset {
	return &Charset{
		encode: func(dst []byte, s string) []byte {
			e := enc.NewEncoder()
			for _, r := range s {
				b, _, err := transform.String(e, string(r))
				if err != nil {
					b = "?"
				}
				dst = append(dst, b...)
			}
			return dst
		},
		decode: func(b []byte) string {
			out, err := enc.NewDecoder().Bytes(b)
			if err != nil {
				return string(utf8.RuneError)
			}
			return string(out)
		},
	}
}

// singleByte is a charset of the characters up to limit.
func singleByte(limit rune) *Charset {
	return &Charset{
		encode: func(dst []byte, s string) []byte {
			for _, r := range s {
				if r > limit {
					r = '?'
				}
				dst = append(dst, byte(r))
			}
			return dst
		},
		decode: func(b []byte) string {
			var sb strings.Builder
			for _, c := range b {
				if rune(c) > limit {
					sb.WriteRune(utf8.RuneError)
				} else {
					sb.WriteRune(rune(c))
				}
			}
			return sb.String()
		},
	}
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func utf16Charset(order byteOrder, writeMark, readMark bool) *Charset {
	return &Charset{
		encode: func(dst []byte, s string) []byte {
			if writeMark {
				dst = order.AppendUint16(dst, 0xFEFF)
			}
			for _, u := range utf16.Encode([]rune(s)) {
				dst = order.AppendUint16(dst, u)
			}
			return dst
		},
		decode: func(b []byte) string {
			order := binary.ByteOrder(order)
			if readMark && len(b) >= 2 {
				switch binary.BigEndian.Uint16(b) {
				case 0xFEFF:
					b = b[2:]
				case 0xFFFE:
					order, b = binary.LittleEndian, b[2:]
				}
			}
			units := make([]uint16, len(b)/2)
			for i := range units {
				units[i] = order.Uint16(b[2*i:])
			}
			text := string(utf16.Decode(units))
			if len(b)%2 != 0 {
				text += string(utf8.RuneError)
			}
			return text
		},
	}
}

func utf32Charset(order byteOrder, readMark bool) *Charset {
	return &Charset{
		encode: func(dst []byte, s string) []byte {
			for _, r := range s {
				dst = order.AppendUint32(dst, uint32(r))
			}
			return dst
		},
		decode: func(b []byte) string {
			order := binary.ByteOrder(order)
			if readMark && len(b) >= 4 {
				switch binary.BigEndian.Uint32(b) {
				case 0xFEFF:
					b = b[4:]
				case 0xFFFE0000:
					order, b = binary.LittleEndian, b[4:]
				}
			}
			var sb strings.Builder
			for ; len(b) >= 4; b = b[4:] {
				r := rune(utf8.RuneError)
				if u := order.Uint32(b); u <= utf8.MaxRune {
					r = rune(u)
				}
				sb.WriteRune(r)
			}
			if len(b) > 0 {
				sb.WriteRune(utf8.RuneError)
			}
			return sb.String()
		},
	}
}

// DecodeUTF8 replaces each malformed sequence by U+FFFD as Java does: the bytes
// that could begin a character count as one.
func DecodeUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var sb strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = malformed(b)
		}
		sb.WriteRune(r)
		b = b[size:]
	}
	return sb.String()
}

// malformed returns how many bytes one replacement stands for.
func malformed(b []byte) int {
	var want int
	switch c := b[0]; {
	case c >= 0xE0 && c < 0xF0:
		want = 3
	case c >= 0xF0 && c <= 0xF4:
		want = 4
	default:
		return 1
	}
	n := 1
	for n < want && n < len(b) && b[n]&0xC0 == 0x80 {
		if n == 1 && (b[0] == 0xE0 && b[1] < 0xA0 || b[0] == 0xF0 && b[1] < 0x90 || b[0] == 0xF4 && b[1] > 0x8F) {
			break
		}
		n++
	}
	return n
}
