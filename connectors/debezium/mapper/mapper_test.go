package mapper

import (
	"fmt"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect/data"
)

func textColumn(name string, length int) Column {
	return Column{Name: name, Names: []string{"public.t." + name}, TypeName: "varchar", TypeKeys: []string{"pg_catalog.varchar"}, Length: length, Scale: -1, Text: true}
}

func TestMappings(t *testing.T) {
	for _, c := range []struct {
		key    string
		col    Column
		in     data.Value
		want   string
		params string
	}{
		{"column.truncate.to.4.chars", textColumn("a", -1), data.String("abcdef"), "abcd", "truncateLength=4"},
		{"column.truncate.to.3.chars", textColumn("a", -1), data.String("a\U0001f600bc"), "a\U0001f600", "truncateLength=3"},
		{"column.truncate.to.2.chars", textColumn("a", -1), data.String("a\U0001f600bc"), "a", "truncateLength=2"},
		{"column.truncate.to.4.chars", textColumn("a", -1), data.Null, "null", "truncateLength=4"},
		{"column.mask.with.5.chars", textColumn("a", -1), data.Null, "*****", "masked=true"},
		{"column.mask.with.0.chars", textColumn("a", -1), data.String("x"), "", "masked=true"},
		{"column.mask.hash.SHA-256.with.salt.CzQMA0cB5K", textColumn("a", -1), data.String("123-45-6789"),
			"377189d9d7c7e96e2be1135d7b2de30b4060912652dafde77a1caa0352244d75", "masked=true"},
		{"column.mask.hash.SHA-256.with.salt.CzQMA0cB5K", textColumn("a", 10), data.String("123-45-6789"), "377189d9d7", "masked=true"},
		{"column.mask.hash.v2.MD5.with.salt.s", textColumn("a", -1), data.String("x"), "2c38b9e45cec1b324dde4e3d5b22c648", "masked=true"},
		{"column.mask.hash.MD5.with.salt.s", textColumn("a", -1), data.Null, "null", "masked=true"},
		{"column.propagate.source.type", textColumn("a", 12), data.String("x"), "x",
			"__debezium.source.column.type=VARCHAR __debezium.source.column.length=12 __debezium.source.column.scale=0 __debezium.source.column.name=a"},
	} {
		t.Run(c.key, func(t *testing.T) {
			rules, err := Parse(map[string]string{c.key: `public\.t\.a`})
			if err != nil {
				t.Fatal(err)
			}
			if rules.For(Column{Names: []string{"public.t.b"}}) != nil {
				t.Error("another column is mapped")
			}
			m := rules.For(c.col)
			v := c.in
			if m.Map != nil {
				v = m.Map(v)
			}
			got := "null"
			if !v.IsNull() {
				got = v.Str()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			b := data.NewSchema(data.TypeString)
			m.Schema(b)
			var params []string
			for _, p := range b.Build().Params() {
				params = append(params, fmt.Sprintf("%s=%s", p.Key, p.Value))
			}
			if got := strings.Join(params, " "); got != c.params {
				t.Errorf("parameters %q, want %q", got, c.params)
			}
		})
	}
}

func TestFirstRuleCounts(t *testing.T) {
	rules, err := Parse(map[string]string{"column.mask.with.3.chars": ".*", "column.truncate.to.1.chars": ".*"})
	if err != nil {
		t.Fatal(err)
	}
	if got := rules.For(textColumn("a", -1)).Map(data.String("xyz")).Str(); got != "x" {
		t.Errorf("%q, want that truncation comes before masks", got)
	}
}

func TestBadRules(t *testing.T) {
	for _, key := range []string{"column.truncate.to.0.chars", "column.mask.hash.NONE.with.salt.x"} {
		if _, err := Parse(map[string]string{key: "a"}); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: error %v, want one that names the key", key, err)
		}
	}
}
