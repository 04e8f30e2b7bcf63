package config_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect/config"
)

type settings struct {
	name    string
	on      bool
	n       int
	big     int64
	ratio   float64
	list    []string
	secret  config.Secret
	class   string
	aliased string
}

func (s *settings) Define(d *config.Def) {
	d.String(&s.name, "name").Check(config.Printable)
	d.Bool(&s.on, "on").Default(false)
	d.Int(&s.n, "n").Default(5).Check(config.AtLeast(1))
	d.Long(&s.big, "big").Default(nil)
	d.Double(&s.ratio, "ratio").Default(0.5)
	d.List(&s.list, "list").Default("a,b")
	d.Password(&s.secret, "secret").Default(nil)
	d.Class(&s.class, "class").Default("x.Full").Classes(func(name string) (string, bool) {
		return "x.Full", name == "Full" || name == "x.Full"
	})
	d.String(&s.aliased, "new.name").Default("d").Alias("old.name")
}

func TestParse(t *testing.T) {
	var s settings
	err := config.Parse(&s, map[string]string{"name": " x ", "on": " TRUE", "n": "+7", "big": "-9", "ratio": "1e3",
		"list": " p , q ", "secret": "s3cret", "class": "Full", "old.name": "o", "more": "ignored"})
	if err != nil {
		t.Fatal(err)
	}
	if s.name != "x" || !s.on || s.n != 7 || s.big != -9 || s.ratio != 1000 || !slices.Equal(s.list, []string{"p", "q"}) ||
		s.secret.Reveal() != "s3cret" || s.class != "x.Full" || s.aliased != "o" {
		t.Errorf("parsed %+v", s)
	}
}

func TestParseDefaults(t *testing.T) {
	var s settings
	if err := config.Parse(&s, map[string]string{"name": "x"}); err != nil {
		t.Fatal(err)
	}
	if s.on || s.n != 5 || s.big != 0 || s.ratio != 0.5 || !slices.Equal(s.list, []string{"a", "b"}) || s.class != "x.Full" || s.aliased != "d" {
		t.Errorf("defaults %+v", s)
	}
}

func TestParseNamesEveryBadKey(t *testing.T) {
	err := config.Parse(&settings{}, map[string]string{"on": "yes", "n": "0", "big": "1.5", "ratio": "x", "class": "Nope"})
	want := []string{
		`Missing required configuration "name" which has no default value.`,
		"Invalid value yes for configuration on: Expected value to be either true or false",
		"Invalid value 0 for configuration n: Value must be at least 1",
		"Invalid value 1.5 for configuration big: Not a number of type LONG",
		"Invalid value x for configuration ratio: Not a number of type DOUBLE",
		"Invalid value Nope for configuration class: Class Nope could not be found.",
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("error %v, want %s", err, strings.Join(want, "\n"))
	}
}

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		name  string
		check config.Check
		value any
		want  string // "" is fine
	}{
		{"at least", config.AtLeast(0), int64(0), ""},
		{"below", config.AtLeast(0), int64(-1), "Invalid value -1 for configuration k: Value must be at least 0"},
		{"null number", config.AtLeast(0), nil, "Invalid value null for configuration k: Value must be non-null"},
		{"one of", config.OneOf("a", "b"), "c", "Invalid value c for configuration k: String must be one of: a, b"},
		{"one of, null", config.OneOf("a"), nil, "Invalid value null for configuration k: String must be one of: a"},
		{"fold", config.OneOfFold("numeric", "base64"), "Base64", ""},
		{"fold, other", config.OneOfFold("base64", "numeric"), "x", "Invalid value x for configuration k: String must be one of (case insensitive): NUMERIC, BASE64"},
		{"non-empty", config.NonEmpty, "", "Invalid value  for configuration k: String must be non-empty"},
		{"list", config.ValuesIn(true, false), []string{}, ""},
		{"empty list", config.ValuesIn(false, false), []string{}, "Configuration 'k' must not be empty. Valid values include: any non-empty value"},
		{"empty list of known", config.ValuesIn(false, false, "a", "b"), []string{}, "Configuration 'k' must not be empty. Valid values include: [a, b]"},
		{"empty value", config.ValuesIn(true, false), []string{"a", ""}, "Configuration 'k' values must not be empty."},
		{"repeated value", config.ValuesIn(true, false), []string{"a", "a"}, "Configuration 'k' values must not be duplicated."},
		{"other value", config.ValuesIn(true, false, "a"), []string{"b"}, "Invalid value b for configuration k: String must be one of: a"},
		{"null list", config.ValuesIn(true, false), nil, "Configuration 'k' values must not be null."},
		{"aliases", config.UniqueAliases, []string{"a", "b", "a"}, "Invalid value [a, b, a] for configuration k: Duplicate alias provided."},
		{"control", config.Printable, "a\u0001\u0085", "Invalid value a\u0001\u0085 for configuration k: String may not contain control sequences but had the following ASCII chars: 1, 133"},
		{"empty name", config.Printable, "", "Invalid value  for configuration k: String may not be empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := c.check("k", c.value); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestValidateReportsParsedValuesAndBothErrors(t *testing.T) {
	var d config.Def
	(&settings{}).Define(&d)
	r := d.Validate(map[string]string{"name": "x", "n": "abc", "secret": "s3cret"})
	v := r.Value("n")
	want := []string{"Invalid value abc for configuration n: Not a number of type INT", "Invalid value null for configuration n: Value must be non-null"}
	if v.Value != nil || !slices.Equal(v.Errors, want) || r.ErrorCount() != 2 {
		t.Errorf("n: %+v, %d errors", v, r.ErrorCount())
	}
	if got := config.Text(r.Value("secret").Value); got != "[hidden]" {
		t.Errorf("secret is shown as %s", got)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := config.Secret("s3cret")
	text, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), string(text)} {
		if strings.Contains(got, "s3cret") {
			t.Errorf("printed %s", got)
		}
	}
}

func TestEmbed(t *testing.T) {
	child := &config.Def{}
	child.String(nil, "optional").Default("x").Importance(config.Low)
	child.String(nil, "required").Importance(config.Low)
	child.Int(nil, "grouped").Default(0).Group("G", 3).Check(config.AtLeast(0)).Dependents("required")
	child.String(nil, "important").Default(nil)
	var d config.Def
	d.Embed("p.a.", "P: a", 2, child)
	want := []string{"p.a.required", "p.a.important", "p.a.optional", "p.a.grouped"}
	if !slices.Equal(d.Names(), want) {
		t.Fatalf("names %v, want %v", d.Names(), want)
	}
	k := d.Key("p.a.grouped")
	if k.GroupName != "P: a: G" || k.OrderNum != 5 || !slices.Equal(k.DependsKeys, []string{"p.a.required"}) {
		t.Errorf("embedded key %+v", k)
	}
	r := d.Validate(map[string]string{"p.a.required": "x", "p.a.grouped": "-1"})
	if got := r.Value("p.a.grouped").Errors; !slices.Equal(got, []string{"Invalid value -1 for configuration grouped: Value must be at least 0"}) {
		t.Errorf("errors %v", got)
	}
}

func TestFieldStyle(t *testing.T) {
	positive := func(name string, v any) error {
		if n, ok := v.(int64); !ok || n <= 0 {
			return config.FieldError(name, "A positive, non-zero integer value is expected")
		}
		return nil
	}
	var d config.Def
	d.FieldStyle()
	var n int
	d.Int(&n, "n").Default(1).Check(positive).Check(positive)
	d.String(nil, "must").Default(nil).Check(config.FieldRequired)
	d.Int(nil, "free").Default(1)
	r := d.Validate(map[string]string{"n": "x", "must": " "})
	const text = "The 'n' value is invalid: A positive, non-zero integer value is expected"
	if v := r.Value("n"); v.Value != nil || !slices.Equal(v.Errors, []string{text, text}) {
		t.Errorf("n: %+v", v)
	}
	if v := r.Value("must"); !slices.Equal(v.Errors, []string{"The 'must' value is invalid: A value is required"}) {
		t.Errorf("must: %+v", v)
	}
	if err := d.Parse(map[string]string{"n": "3", "must": "m", "free": "x"}); err == nil || err.Error() != "Invalid value x for configuration free: Not a number of type INT" {
		t.Errorf("a text that no check refuses: %v", err)
	}
}

func TestMerge(t *testing.T) {
	var base, own config.Def
	base.String(nil, "a").Default("base")
	base.String(nil, "b").Default("base")
	own.String(nil, "c").Default("own")
	own.String(nil, "a").Default("own")
	m := base.Merge(&own)
	if !slices.Equal(m.Names(), []string{"a", "b", "c"}) || m.Key("a").DefaultText != "own" {
		t.Errorf("merged %v, a defaults to %s", m.Names(), m.Key("a").DefaultText)
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{{1.0, "1.0"}, {0.05, "0.05"}, {1e7, "1.0E7"}, {1.5e-5, "1.5E-5"}, {[]string{"a", "b"}, "a,b"}, {true, "true"}, {int64(-3), "-3"}} {
		if got := config.Text(c.v); got != c.want {
			t.Errorf("Text(%v) = %s, want %s", c.v, got, c.want)
		}
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add("1", "a,b", "true")
	f.Add("", ",,", "\x00")
	f.Fuzz(func(t *testing.T, n, list, on string) {
		var s settings
		if err := config.Parse(&s, map[string]string{"name": "x", "n": n, "list": list, "on": on}); err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}

// A key that is given as null has no value, but neither its default nor is it
// missing; its checks decide.
func TestNullIsGiven(t *testing.T) {
	var d config.Def
	d.String(nil, "required")
	d.Int(nil, "checked").Default(1).Check(config.AtLeast(1))
	d.Int(nil, "absent").Default(2)
	got := map[string]string{}
	for _, v := range d.Validate(map[string]string{}, "required", "checked").Values {
		got[v.Name] = fmt.Sprint(v.Value, v.Errors)
	}
	want := map[string]string{"required": "<nil> []", "absent": "2 []",
		"checked": "<nil> [Invalid value null for configuration checked: Value must be non-null]"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
