package filter

import (
	"slices"
	"testing"
)

func TestList(t *testing.T) {
	for _, c := range []struct {
		list, name string
		want       bool
	}{
		{"public.orders", "public.orders", true},
		{"public.orders", "PUBLIC.Orders", true},
		{"public.orders", "public.orders2", false},
		{"public.orders", "my_public.orders", false},
		{"public.orders", "publicXorders", true}, // a dot is any character
		{`public\.(a|b)`, "public.b", true},
		{"a, b ,c", "b", true},
		{`x{1\,2}`, "xx", true},
		{"(?!pg_).*", "pg_catalog", false}, // look-ahead, as in Java
		{"a|b", "ab", false},
		{"", "x", false},
	} {
		l, err := Parse(c.list)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Match(c.name); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.list, c.name, got, c.want)
		}
	}
	if _, err := Parse("["); err == nil {
		t.Error("[ is accepted")
	}
}

func TestSplit(t *testing.T) {
	if got, want := Split(` a ,b\,c,,d`), []string{"a", "b,c", "d"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		include, exclude, name string
		want                   bool
	}{
		{"", "", "a", true}, {"a", "", "a", true}, {"a", "", "b", false}, {"", "a", "a", false}, {"", "a", "b", true},
	} {
		choice, err := NewChoice(c.include, c.exclude)
		if err != nil {
			t.Fatal(err)
		}
		if got := choice.Match(c.name); got != c.want {
			t.Errorf("include %q, exclude %q: %q is %v, want %v", c.include, c.exclude, c.name, got, c.want)
		}
	}
}
