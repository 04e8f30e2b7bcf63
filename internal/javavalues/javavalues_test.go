package javavalues_test

import (
	"testing"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javavalues"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"": `{"string":""}`, "null": "null", "true,false": `{"string":"true,false"}`, "128": `{"int16":128}`, "1.0": `{"int8":1}`,
		"1,000": `{"int8":1}`, "[1, 300]": `{"array":[{"int16":1},{"int16":300}]}`, `{"a":[1]}x`: `{"map":[[{"string":"a"},{"array":[{"int8":1}]}]]}`,
		"12:30:45.678Z": `{"date":45045678}`, "-9223372036854775809": `{"decimal":"-9223372036854775809"}`, "[1,null]": `{"string":"[1,null]"}`,
	} {
		if _, v := javavalues.Parse(text); v.DebugString() != want {
			t.Errorf("%q = %s, want %s", text, v.DebugString(), want)
		}
	}
}

// Everything is parsed to something that fits its schema and can be written.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"[1,[2,{\"a\":3}],true]", "{\"k\\\"\":1e30}", "2024-02-30", "[[[[", "1e999999999", "\u0661.5", "\\:12"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, v := javavalues.Parse(text)
		if s == nil && !v.IsNull() {
			t.Fatalf("%q: %s without a schema", text, v)
		}
		if _, err := javavalues.Append(nil, v); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if s != nil && s.Type().IsPrimitive() {
			if err := data.Validate("", s, v); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}
