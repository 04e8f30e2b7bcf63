// Package mapper changes column values on their way into an event: truncation,
// masks, hashes and the propagation of source types
// (io.debezium.relational.mapping.ColumnMappers). Keys are not mapped.
package mapper

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/filter"
)

// Column is what a rule may look at.
type Column struct {
	Name     string   // within its table
	Names    []string // full names that a list may match
	TypeName string   // native type
	TypeKeys []string // what datatype.propagate.source.type matches
	Length   int      // declared, -1 if none
	Scale    int      // declared, -1 if none
	Text     bool     // of a character type
}

// Mapping is what is done to one column. Map is nil when the values stay.
type Mapping struct {
	Map    func(data.Value) data.Value
	Schema func(*data.Builder)
}

type rule struct {
	order int // of kinds; the first matching rule counts
	list  filter.List
	types bool // list matches the column's type
	make  func(c Column) *Mapping
}

// Rules are the rules of a connector's configuration.
type Rules []rule

var (
	maskHash  = regexp.MustCompile(`^column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.+)$`)
	maskChars = regexp.MustCompile(`^column\.mask\.with\.(\d+)\.chars$`)
	truncate  = regexp.MustCompile(`^column\.truncate\.to\.(\d+)\.chars$`)
)

// Parse reads the rules from the connector's properties.
func Parse(props map[string]string) (Rules, error) {
	var rules Rules
	for key, text := range props {
		r, err := parseRule(key)
		if err == nil && r != nil {
			r.list, err = filter.Parse(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if r != nil {
			rules = append(rules, *r)
		}
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return a.order - b.order })
	return rules, nil
}

func parseRule(key string) (*rule, error) {
	switch key {
	case "column.propagate.source.type":
		return &rule{order: 3, make: propagate}, nil
	case "datatype.propagate.source.type":
		return &rule{order: 4, types: true, make: propagate}, nil
	}
	if m := truncate.FindStringSubmatch(key); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || n == 0 {
			return nil, fmt.Errorf("the length must be a positive number, not %s", m[1])
		}
		return &rule{order: 1, make: func(c Column) *Mapping { return truncated(c, n) }}, nil
	}
	if m := maskChars.FindStringSubmatch(key); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("the length must be a number, not %s", m[1])
		}
		return &rule{order: 2, make: func(c Column) *Mapping { return masked(c, n) }}, nil
	}
	if m := maskHash.FindStringSubmatch(key); m != nil {
		digest, ok := digests[strings.ToUpper(m[2])]
		if !ok {
			return nil, fmt.Errorf("there is no digest %s; use MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512, SHA-512/224 or SHA-512/256", m[2])
		}
		v2, salt := m[1] != "", m[3]
		order := 5
		if v2 {
			order = 6
		}
		return &rule{order: order, make: func(c Column) *Mapping { return hashed(c, digest, salt, v2) }}, nil
	}
	return nil, nil
}

var digests = map[string]func() hash.Hash{
	"MD5": md5.New, "SHA": sha1.New, "SHA-1": sha1.New, "SHA1": sha1.New, "SHA-224": sha256.New224, "SHA-256": sha256.New,
	"SHA-384": sha512.New384, "SHA-512": sha512.New, "SHA-512/224": sha512.New512_224, "SHA-512/256": sha512.New512_256,
}

// For returns what is to be done to a column, nil for nothing.
func (rs Rules) For(c Column) *Mapping {
	for _, r := range rs {
		names := c.Names
		if r.types {
			names = c.TypeKeys
		}
		if slices.ContainsFunc(names, r.list.Match) {
			return r.make(c)
		}
	}
	return nil
}

func propagate(c Column) *Mapping {
	return &Mapping{Schema: func(b *data.Builder) {
		b.Param("__debezium.source.column.type", strings.ToUpper(c.TypeName))
		if c.Length >= 0 {
			b.Param("__debezium.source.column.length", strconv.Itoa(c.Length))
			b.Param("__debezium.source.column.scale", strconv.Itoa(max(0, c.Scale)))
		}
		b.Param("__debezium.source.column.name", c.Name)
	}}
}

func param(key, value string) func(*data.Builder) {
	return func(b *data.Builder) { b.Param(key, value) }
}

// text maps strings; the mapping leaves other kinds (null) alone.
func text(fn func(string) string) func(data.Value) data.Value {
	return func(v data.Value) data.Value {
		if v.Kind() != data.KindString {
			return v
		}
		return data.String(fn(v.Str()))
	}
}

func truncated(c Column, n int) *Mapping {
	m := &Mapping{Schema: param("truncateLength", strconv.Itoa(n))}
	if c.Text {
		m.Map = text(func(s string) string { return cut(s, n) })
	}
	return m
}

// cut keeps n of Java's characters (UTF-16 units), but no half of a pair.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units > n || units < 0 {
			return s[:i]
		}
	}
	return s
}

func masked(c Column, n int) *Mapping {
	m := &Mapping{Schema: param("masked", "true")}
	if c.Text {
		mask := data.String(strings.Repeat("*", n))
		m.Map = func(data.Value) data.Value { return mask }
	}
	return m
}

func hashed(c Column, digest func() hash.Hash, salt string, v2 bool) *Mapping {
	m := &Mapping{Schema: param("masked", "true")}
	if !c.Text {
		return m
	}
	m.Map = text(func(s string) string {
		h := digest()
		h.Write([]byte(salt))
		if v2 {
			h.Write([]byte(s))
		} else {
			h.Write(javaSerialized(s))
		}
		out := hex.EncodeToString(h.Sum(nil))
		if c.Length > 0 && len(out) > c.Length {
			out = out[:c.Length]
		}
		return out
	})
	return m
}

// javaSerialized is what ObjectOutputStream writes for a String: header, TC_STRING
// (TC_LONGSTRING beyond 64 KiB) and modified UTF-8.
func javaSerialized(s string) []byte {
	var body []byte
	for _, r := range s {
		switch {
		case r == 0:
			body = append(body, 0xc0, 0x80)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			for _, half := range []rune{hi, lo} {
				body = append(body, byte(0xe0|half>>12), byte(0x80|half>>6&0x3f), byte(0x80|half&0x3f))
			}
		default:
			body = utf8.AppendRune(body, r)
		}
	}
	out := []byte{0xac, 0xed, 0x00, 0x05}
	if n := len(body); n <= 0xffff {
		out = append(out, 0x74, byte(n>>8), byte(n))
	} else {
		out = append(out, 0x7c, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}
