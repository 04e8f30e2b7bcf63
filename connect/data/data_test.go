package data_test

import (
	"errors"
	"testing"

	"github.com/leat-project/leat/connect/data"
)

func TestProject(t *testing.T) {
	source := data.NewStruct("s").Field("a", data.Int8Schema).Field("b", data.OptionalStringSchema).Field("gone", data.Int32Schema).
		Field("l", data.NewArray(data.Int32Schema).Build()).Build()
	value := data.StructOf(data.NewRow(source).Put("a", data.Int8(-5)).Put("b", data.Unchanged).Put("gone", data.Int32(1)).
		Put("l", data.Array([]data.Value{data.Int32(7)})))
	def := data.NewSchema(data.TypeString).Default(data.String("d")).Build()
	target := data.NewStruct("s").Field("l", data.NewArray(data.Float64Schema).Build()).Field("a", data.Int64Schema).
		Field("b", data.OptionalStringSchema).Field("new", def).Field("opt", data.OptionalInt32Schema).Build()
	got, err := data.Project(source, value, target)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"struct":{"l":{"array":[{"float64":"7.0"}]},"a":{"int64":-5},"b":{"unchanged":""},"new":{"string":"d"},"opt":null}}`
	if s := got.DebugString(); s != want {
		t.Fatalf("projected\n  got  %s\n  want %s", s, want)
	}
}

func TestProjectErrors(t *testing.T) {
	row := func(f *data.Schema) *data.Schema { return data.NewStruct("s").Field("a", f).Build() }
	for _, c := range []struct {
		name           string
		source, target *data.Schema
		value          data.Value
		want           string
	}{
		{"narrowing", data.Int64Schema, data.Int32Schema, data.Int64(1), "Schema type mismatch. source type: INT64 and target type: INT32"},
		{"name", data.NewSchema(data.TypeInt32).Name("x").Build(), data.Int32Schema, data.Int32(1), "Schema name mismatch. source name: x and target name: null"},
		{"parameters", data.NewDecimal(1).Build(), data.NewDecimal(2).Build(), data.Decimal(1, 1),
			"Schema parameters not equal. source parameters: {scale=1} and target parameters: {scale=2}"},
		{"optional", data.OptionalInt32Schema, data.Int32Schema, data.Int32(1),
			"Writer schema is optional, however, target schema does not provide a default value."},
		{"missing", data.NewStruct("s").Build(), row(data.Int32Schema), data.StructOf(data.NewRow(data.NewStruct("s").Build())),
			"Required field `a` is missing from source schema: Schema{s:STRUCT}"},
		{"nested", row(data.Int64Schema), row(data.Int32Schema), data.StructOf(data.NewRow(row(data.Int64Schema)).Put("a", data.Int64(1))),
			"Error projecting a: Schema type mismatch. source type: INT64 and target type: INT32"},
	} {
		_, err := data.Project(c.source, c.value, c.target)
		var p *data.ProjectError
		if !errors.As(err, &p) || err.Error() != c.want {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
}

func TestMaterialize(t *testing.T) {
	uuid := data.NewSchema(data.TypeString).Name("io.debezium.data.Uuid").Build()
	v := data.UnchangedAs("ph")
	for _, c := range []struct {
		schema *data.Schema
		want   string
	}{
		{data.StringSchema, `{"string":"ph"}`},
		{data.BytesSchema, `{"bytes":"cGg="}`},
		{nil, `{"string":"ph"}`},
		{data.NewArray(data.StringSchema).Build(), `{"array":[{"string":"ph"}]}`},
		{data.NewArray(data.BytesSchema).Build(), `{"array":[{"bytes":"cGg="}]}`},
		{data.NewArray(data.Int32Schema).Build(), `{"array":[{"int32":112},{"int32":104}]}`},
		{data.NewArray(uuid).Build(), `{"array":[{"string":"da984e42-a589-3bbd-ac49-6ef0cbadcee2"}]}`},
		{data.NewMap(data.Int32Schema, data.StringSchema).Build(), "null"},
		{data.NewMap(data.StringSchema, data.StringSchema).Build(), `{"map":[[{"string":"ph"},{"string":"ph"}]]}`},
		{data.NewArray(data.Float64Schema).Build(), "null"},
		{data.OptionalFloat64Schema, "null"},
	} {
		if got := data.Materialize(c.schema, v).DebugString(); got != c.want {
			t.Errorf("%s: %s, want %s", c.schema, got, c.want)
		}
	}
	if got := data.Materialize(data.StringSchema, data.Unchanged).Str(); got != data.DefaultPlaceholder {
		t.Errorf("without placeholder: %s", got)
	}
	if got := data.Materialize(data.StringSchema, data.Int32(5)); !got.Equal(data.Int32(5)) {
		t.Errorf("another value became %v", got)
	}
}

func TestMapKeepsOrderAndFindsKeys(t *testing.T) {
	m := data.NewMapSize(0)
	for i := range 100 {
		m.Put(data.Int32(int32(i)), data.Int32(1))
		m.PutString(string(rune('a'+i)), data.Int32(int32(i)))
	}
	m.PutString("c", data.String("new"))
	m.Delete(data.String("a"))
	if v, ok := m.GetString("c"); !ok || v.Str() != "new" {
		t.Errorf("c = %v %v", v, ok)
	}
	if _, ok := m.GetString("a"); ok {
		t.Error("a deleted key is found")
	}
	if v, ok := m.GetString(string(rune('a' + 99))); !ok || v.Int() != 99 {
		t.Errorf("last key = %v %v", v, ok)
	}
	if m.Len() != 199 || m.Entries()[2].Key.Str() != "b" {
		t.Errorf("%d entries, third %v", m.Len(), m.Entries()[2].Key)
	}
}
