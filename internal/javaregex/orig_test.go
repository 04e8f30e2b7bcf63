package javaregex_test

import (
	"testing"

	"github.com/leat-project/leat/internal/javaregex"
)

func TestErrorsAreJavas(t *testing.T) {
	for pattern, want := range map[string]string{
		"[":  "Unclosed character class near index 0\n[\n^",
		"(":  "Unclosed group near index 1\n(\n ^",
		"*a": "Dangling meta character '*' near index 0\n*a\n^",
		"a)": "Unmatched closing ')' near index 0\na)\n^",
	} {
		if _, err := javaregex.Compile(pattern); err == nil || err.Error() != want {
			t.Errorf("Compile(%q): %v, want %q", pattern, err, want)
		}
	}
}

func TestMatchWhole(t *testing.T) {
	r, err := javaregex.Compile(`shop\.public\.(?!secret).*|x`)
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{"shop.public.orders": true, "shop.public.secret": false, "ashop.public.orders": false, "x": true, "xx": false} {
		if got, err := r.MatchWhole(s); err != nil || got != want {
			t.Errorf("MatchWhole(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
}

func TestReplaceFirst(t *testing.T) {
	for _, c := range []struct{ pattern, in, replacement, want string }{
		{`shop\.public\.(.*)`, "shop.public.orders", "$1", "orders"},
		{`(a)(b)`, "abab", "$2$1", "baab"},
		{`(a)`, "a", "$12", "a2"},
		{`(?<n>a)`, "a", "<${n}>", "<a>"},
		{`a`, "a", `\$1`, "$1"},
	} {
		r, err := javaregex.Compile(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.ReplaceFirst(c.in, c.replacement); err != nil || got != c.want {
			t.Errorf("%s: ReplaceFirst(%q, %q) = %q, %v, want %q", c.pattern, c.in, c.replacement, got, err, c.want)
		}
	}
	r, err := javaregex.Compile("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReplaceFirst("a", "$1"); err == nil || err.Error() != "No group 1" {
		t.Errorf("a group that is not there: %v", err)
	}
}
