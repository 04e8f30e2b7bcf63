package connecttest

import (
	"bytes"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
)

// Sample is a schema and a value that plugins are tried with.
type Sample struct {
	Name   string
	Schema *data.Schema
	Value  data.Value
}

// Samples returns values of every kind, with and without schema; structs come from
// the arena.
func Samples(a *data.Arena) []Sample {
	inner := data.NewStruct("inner").Field("x", data.Int32Schema).Field("y", data.OptionalStringSchema).Build()
	row := data.NewStruct("row").Version(1).
		Field("i8", data.OptionalInt8Schema).Field("i64", data.Int64Schema).Field("f", data.OptionalFloat64Schema).
		Field("b", data.OptionalBoolSchema).Field("s", data.OptionalStringSchema).Field("by", data.OptionalBytesSchema).
		Field("dec", data.NewDecimal(2).Optional().Build()).Field("ts", data.NewTimestamp().Optional().Build()).
		Field("list", data.NewArray(data.StringSchema).Optional().Build()).
		Field("toast", data.OptionalStringSchema).Field("in", inner).Build()
	in := a.Struct(inner).Put("x", data.Int32(1))
	st := a.Struct(row).Put("i8", data.Int8(-1)).Put("i64", data.Int64(1<<60)).Put("f", data.Float64(0.1)).
		Put("b", data.Bool(true)).Put("s", data.String("text \"quoted\" \u00fc")).Put("by", data.Bytes([]byte{0, 255})).
		Put("dec", data.Decimal(1999, 2)).Put("ts", data.Date(1700000000123)).
		Put("list", data.Array([]data.Value{data.String("a"), data.String("")})).
		Put("toast", data.UnchangedAs(data.DefaultPlaceholder)).Put("in", data.StructOf(in))
	m := data.NewMapSize(2)
	m.PutString("k", data.Int64(1))
	m.PutString("l", data.Array([]data.Value{data.Null, data.Bool(false)}))
	return []Sample{
		{"struct", row, data.StructOf(st)},
		{"map", nil, data.MapOf(m)},
		{"string", data.StringSchema, data.String("plain")},
		{"int", data.Int32Schema, data.Int32(7)},
		{"bytes", data.BytesSchema, data.Bytes([]byte("raw"))},
		{"null of schema", data.OptionalStringSchema, data.Null},
		{"null", nil, data.Null},
		{"unchanged", data.OptionalStringSchema, data.UnchangedAs("placeholder")},
	}
}

// Definitions checks what every plugin of a registry declares: documented keys,
// defaults that its own checks accept, and checks that bear nulls.
func Definitions(t *testing.T, reg *plugin.Registry) {
	for _, p := range reg.All() {
		t.Run(string(p.Kind)+"/"+p.Class, func(t *testing.T) {
			if p.Version == "" {
				t.Error("no version")
			}
			var names []string
			for _, k := range p.Def().Keys() {
				names = append(names, k.Name)
				if k.DocText == "" {
					t.Errorf("key %s has no documentation", k.Name)
				}
			}
			for _, v := range p.Def().Validate(nil, names...).Values {
				if v.Value != nil {
					t.Errorf("key %s was given as null and is %v", v.Name, v.Value)
				}
			}
			for i, v := range p.Def().Validate(nil).Values {
				if k := p.Def().Keys()[i]; k.HasDefault && !k.DefaultNull && len(v.Errors) > 0 {
					t.Errorf("key %s refuses its own default %q: %v", k.Name, k.DefaultText, v.Errors)
				}
			}
		})
	}
}

// Converters tries every converter of a registry with the samples: what it writes
// follows what dst held, it reads its own text, leaves its input alone, and an arena
// that is used again does not disturb it.
func Converters(t *testing.T, reg *plugin.Registry) {
	for _, p := range reg.All(plugin.Converter) {
		t.Run(p.Class, func(t *testing.T) {
			c := p.NewConverter()
			if err := c.Configure(map[string]string{}, false); err != nil {
				t.Fatal(err)
			}
			var a data.Arena
			for range 3 {
				for _, s := range Samples(&a) {
					tryConverter(t, c, &a, s)
				}
				a.Reset()
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func tryConverter(t *testing.T, c connect.Converter, a *data.Arena, s Sample) {
	t.Helper()
	var headers []connect.Header
	out, err := c.FromConnect([]byte("dst"), "topic", &headers, s.Schema, s.Value)
	if err != nil {
		return // not every converter takes every value
	}
	if out == nil {
		if !s.Value.IsNull() {
			t.Errorf("%s: a value became a null payload", s.Name)
		}
		return
	}
	payload, ok := bytes.CutPrefix(out, []byte("dst"))
	if !ok {
		t.Fatalf("%s: payload %q does not follow what dst held", s.Name, out)
	}
	payload = append([]byte{}, payload...)
	before := string(payload)
	schema, v, err := c.ToConnect(a, "topic", headers, payload)
	if err != nil {
		t.Fatalf("%s: own payload %q is refused: %v", s.Name, payload, err)
	}
	if string(payload) != before {
		t.Fatalf("%s: the input was written to", s.Name)
	}
	again, err := c.FromConnect(nil, "topic", &headers, schema, v)
	if err != nil || string(again) != before {
		t.Fatalf("%s: %q was read and written as %q (%v)", s.Name, before, again, err)
	}
}

// Transforms tries every transform of a registry, with the given properties or
// none, on a batch of the samples as key and as value: it may refuse a record but not
// panic, and what it does not name it must pass on, unchanged values included.
func Transforms(t *testing.T, reg *plugin.Registry, props map[string]map[string]string) {
	for _, p := range reg.All(plugin.Transformation) {
		t.Run(p.Class, func(t *testing.T) {
			tr := p.NewTransform()
			if err := tr.Configure(props[p.Class]); err != nil {
				t.Fatalf("configuring with %v: %v", props[p.Class], err)
			}
			b := connect.NewBatch(0, 0, nil)
			for range 3 {
				for _, key := range Samples(b.Arena()) {
					for _, value := range Samples(b.Arena()) {
						r := b.Add()
						r.Topic, r.Timestamp = "topic", 1700000000000
						r.KeySchema, r.Key, r.ValueSchema, r.Value = key.Schema, key.Value, value.Schema, value.Value
						keep, err := tr.Apply(r)
						if err == nil && keep {
							checkUnchanged(t, p, r, value)
						}
					}
				}
				b.Reset()
			}
			if err := tr.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkUnchanged finds the unchanged field of the row where it is still there.
func checkUnchanged(t *testing.T, p *plugin.Plugin, r *connect.Record, in Sample) {
	t.Helper()
	if in.Name != "struct" || r.Value.Kind() != data.KindStruct {
		return
	}
	if v, ok := r.Value.Struct().Lookup("toast"); ok && !v.IsUnchanged() {
		t.Fatalf("%s made %s of an unchanged value", p.Class, v)
	}
}
