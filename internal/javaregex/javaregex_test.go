package javaregex_test

import (
	"testing"

	"github.com/leat-project/leat/internal/javaregex"
)

func TestMatchWhole(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"t.*", "topic", true}, {"(?i)ABC", "abc", true}, {"my-prefix-.*", "t", false}, {"[0-9]{3}", "123", true},
		{"^t$", "t", true}, {`(?<n>a)\k<n>`, "aa", true}, {`\Qa.b\E`, "a.b", true}, {`\Qa.b\E`, "axb", false},
		{"a*+a", "aaa", false}, {`shop\.public\..*`, "shop.public.orders", true}, {`\p{Alpha}+`, "abc", true},
		{"[a-z&&[^b]]+", "ac", true}, {"[a-z&&[^b]]+", "abc", false}, {"[a[0-9]]+", "a1", true}, {`(a)(b)?\1`, "aa", true},
		{"a.b", "a\nb", false}, {"(?s)a.b", "a\nb", true}, {`\w+`, "\u00fc", false}, {`shop\.public\.(?!secret).*|x`, "shop.public.secret", false}, {`shop\.public\.(?!secret).*|x`, "x", true}, {"\u00fc(.*)", "\u00fcx", true},
		{`[^\d]+`, "abc", true}, {`[\D]+`, "ab1", false}, {`x{2,3}`, "xxx", true}, {`(?:a|b)++c`, "abc", true},
		{"", "", true}, {`\x41\u0042\t?`, "AB", true}, {`[\w.-]+@[\w.]+`, "a.b-c@d.e", true}, {`(?<=x)t`, "t", false},
		{`[\P{Alpha}x]+`, "1x-", true}, {`[\P{Alpha}x]+`, "1a", false}, {`[^\P{Alpha}]+`, "ab", true}, {`[^\P{Alpha}]`, "1", false}, {`[\H]`, " ", false}, {`[\Hb ]+`, "ab ", true},
	} {
		r, err := javaregex.Compile(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		if got, err := r.MatchWhole(c.text); got != c.want || err != nil {
			t.Errorf("%q matches %q = %v %v, want %v", c.pattern, c.text, got, err, c.want)
		}
	}
}

func TestReplaceFirst(t *testing.T) {
	for _, c := range []struct{ pattern, repl, text, want, err string }{
		{"(.*)", "pre-$1", "t", "pre-t", ""}, {"x(?<n>.*)y", "${n}", "xaby", "ab", ""}, {"t", `\$1`, "t", "$1", ""},
		{`(.*)\.(.*)`, "$2", "a.b", "b", ""}, {`(\w+)`, "$10", "t", "t0", ""}, {"t", "${zz}", "t", "", "No group with name {zz}"},
		{"(a)(b)?", "$1-$2", "a", "a-", ""}, {"t", "$1", "t", "", "No group 1"}, {"t", "$", "t", "", "Illegal group reference: group index is missing"},
		{"t", `x\`, "t", "", "character to be escaped is missing"}, {"(a|ab)", "x", "ab", "xb", ""}, {"(a)(b)", "$2$1", "abab", "baab", ""}, {"(a)", "$12", "a", "a2", ""}, {"(?<=x)t", "q", "xt", "xq", ""},
	} {
		r, err := javaregex.Compile(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		got, err := r.ReplaceFirst(c.text, c.repl)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%q by %q in %q = %q %v, want %q %s", c.pattern, c.repl, c.text, got, err, c.want, c.err)
		}
	}
	if got, err := javaregex.MustCompile("a(.)").ReplaceAll("axbay", "<$1>"); got != "<x>b<y>" || err != nil {
		t.Errorf("ReplaceAll = %q %v", got, err)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		"(":       "Unclosed group near index 1\n(",
		"*a":      "Dangling meta character '*' near index 0\n*a\n^",
		"[":       "Unclosed character class near index 0\n[\n^",
		"(?<x":    "named capturing group is missing trailing '>' near index 4\n(?<x",
		"a{2,1}":  "Illegal repetition range near index 5\na{2,1}\n     ^",
		"{name}":  "Illegal repetition\n{name}",
		")":       "Unmatched closing ')'\n)",
		"a**":     "Dangling meta character '*' near index 2\na**\n  ^",
		`a\`:      "Unescaped trailing backslash near index 2\na\\",
		`\q`:      "Illegal/unsupported escape sequence near index 1\n\\q\n ^",
		"[z-a]":   "Illegal character range near index 3\n[z-a]\n   ^",
		`\p{Foo}`: "Unknown character property name {Foo} near index 6\n\\p{Foo}\n      ^",
	} {
		_, err := javaregex.Compile(pattern)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %q", pattern, err, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, p := range []string{"(a|b)*+[x-z&&[^y]]", `\Qab\E+?`, `(?<n>x)\k<n>{2,}`, `[\w\D-]\p{Lu}(?i:x)$`} {
		f.Add(p, "text")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if r, err := javaregex.Compile(pattern); err == nil && len(text) < 20 && len(pattern) < 40 {
			_, _ = r.MatchWhole(text) // a timeout is an answer too
		}
	})
}
