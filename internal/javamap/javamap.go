// Package javamap knows the iteration order of java.util.HashMap with string keys.
// It is visible where Java programs serialize such a map and compare the bytes:
// keys of source offsets, configurations, texts in logs.
package javamap

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// Order returns the keys in the iteration order of a java.util.HashMap that they
// were put into one by one. Keys of one bucket, whose order depends on the order
// of the puts, are sorted.
func Order[V any](m map[string]V) []string {
	capacity := 16
	for len(m)*4 > capacity*3 {
		capacity *= 2
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	if len(keys) < 2 {
		return keys
	}
	bucket := func(k string) int {
		h := Hash(k)
		return int((h ^ h>>16) & uint32(capacity-1))
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := bucket(a) - bucket(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return keys
}

// Text is AbstractMap.toString of a HashMap, "null" for a nil map.
func Text(m map[string]any) string {
	if m == nil {
		return "null"
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, k := range Order(m) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k + "=")
		if m[k] == nil {
			b.WriteString("null")
		} else {
			fmt.Fprint(&b, m[k])
		}
	}
	return b.String() + "}"
}

// Hash is String.hashCode.
func Hash(s string) uint32 {
	var h uint32
	for _, r := range s {
		if r > 0xffff {
			hi, lo := utf16.EncodeRune(r)
			h = (h*31+uint32(hi))*31 + uint32(lo)
			continue
		}
		h = h*31 + uint32(r)
	}
	return h
}
