package config

import (
	"slices"
	"unicode/utf16"
)

// InJavaOrder sorts items as a java.util.HashMap with String keys iterates them
// when they were put in the order given. Java shows such an order in messages and
// reports. It sorts in place and returns items.
func InJavaOrder[T any](items []T, name func(T) string) []T {
	size := 16
	for len(items)*4 > size*3 {
		size *= 2
	}
	bucket := func(item T) int {
		h := javaHash(name(item))
		return int((h ^ h>>16) & uint32(size-1))
	}
	slices.SortStableFunc(items, func(a, b T) int { return bucket(a) - bucket(b) })
	return items
}

// javaHash is String.hashCode.
func javaHash(s string) uint32 {
	var h uint32
	for _, u := range utf16.Encode([]rune(s)) {
		h = h*31 + uint32(u)
	}
	return h
}
