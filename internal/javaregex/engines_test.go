package javaregex

import "testing"

// Both engines must see the same match and the same groups.
func FuzzEngines(f *testing.F) {
	for _, c := range [][2]string{{"(a|ab)(c|bcd)(d*)", "abcd"}, {`shop\.(\w+)\.(.*)`, "shop.public.orders"}, {"[^a-c]+?x{1,3}", "zzxx"},
		{"(?i)T(?<n>o)p", "tOP"}, {`^(a*?)$|b`, "aaa"}, {`\Qa.b\E|[\w-]+`, "a.b"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 24 || len(text) > 24 || !plain(text) {
			return
		}
		r, err := Compile(pattern)
		if err != nil || r.full == nil {
			return
		}
		slow := *r
		slow.full, slow.find = nil, nil
		a, errA := r.MatchWhole(text)
		b, errB := slow.MatchWhole(text)
		if errA != nil || errB != nil {
			return
		}
		if a != b {
			t.Fatalf("%q matches %q: %v by Go, %v by regexp2", pattern, text, a, b)
		}
		x, errA := r.ReplaceFirst(text, "<$0>")
		y, errB := slow.ReplaceFirst(text, "<$0>")
		if x != y && errA == nil && errB == nil {
			t.Fatalf("%q in %q: %q by Go, %q by regexp2", pattern, text, x, y)
		}
	})
}
