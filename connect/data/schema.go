package data

import (
	"fmt"
	"slices"
)

// Type is a Connect schema type (org.apache.kafka.connect.data.Schema.Type).
type Type uint8

// The types. TypeUnknown is no type and never appears in a built schema.
const (
	TypeUnknown Type = iota
	TypeInt8
	TypeInt16
	TypeInt32
	TypeInt64
	TypeFloat32
	TypeFloat64
	TypeBoolean
	TypeString
	TypeBytes
	TypeArray
	TypeMap
	TypeStruct
)

var typeNames = [...]string{"unknown", "int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string",
	"bytes", "array", "map", "struct"}
var typeUpper = [...]string{"UNKNOWN", "INT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT64", "BOOLEAN", "STRING",
	"BYTES", "ARRAY", "MAP", "STRUCT"}

// Name returns Java's Type.getName: "int8" ... "struct".
func (t Type) Name() string { return typeNames[t] }

// String returns Java's enum constant: "INT8" ... "STRUCT".
func (t Type) String() string { return typeUpper[t] }

// IsPrimitive reports whether t is neither array, map nor struct.
func (t Type) IsPrimitive() bool { return t >= TypeInt8 && t <= TypeBytes }

// Names of Connect's own logical types.
const (
	DecimalName   = "org.apache.kafka.connect.data.Decimal"
	DateName      = "org.apache.kafka.connect.data.Date"
	TimeName      = "org.apache.kafka.connect.data.Time"
	TimestampName = "org.apache.kafka.connect.data.Timestamp"
	// ScaleParam is the parameter of a Decimal schema that holds its scale.
	ScaleParam = "scale"
)

// Param is one schema parameter.
type Param struct{ Key, Value string }

// Field is one field of a struct schema.
type Field struct {
	Name   string
	Index  int
	Schema *Schema
}

// Schema describes values. It is immutable and safe for concurrent use. A nil
// *Schema means "no schema" (schemaless data). Build one with NewSchema.
type Schema struct {
	typ        Type
	optional   bool
	hasVersion bool
	hasDefault bool
	version    int32
	name       string
	doc        string
	params     []Param
	def        Value
	fields     []Field
	index      map[string]int
	key, elem  *Schema
}

// Type returns the schema's type.
func (s *Schema) Type() Type { return s.typ }

// Optional reports whether null is allowed.
func (s *Schema) Optional() bool { return s.optional }

// Name returns the schema name, "" if unset.
func (s *Schema) Name() string { return s.name }

// Version returns the version and whether it is set.
func (s *Schema) Version() (int32, bool) { return s.version, s.hasVersion }

// Doc returns the documentation, "" if unset.
func (s *Schema) Doc() string { return s.doc }

// Params returns the parameters in the order in which they were set. Do not write.
func (s *Schema) Params() []Param { return s.params }

// Param returns one parameter.
func (s *Schema) Param(key string) (string, bool) {
	for _, p := range s.params {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// Default returns the default value and whether one is set. A set default is
// never null.
func (s *Schema) Default() (Value, bool) { return s.def, s.hasDefault }

// Fields returns a struct schema's fields in order, nil for other types. Do not write.
func (s *Schema) Fields() []Field { return s.fields }

// NumFields returns the number of fields.
func (s *Schema) NumFields() int { return len(s.fields) }

// FieldIndex returns the index of a field, -1 if there is none of that name.
func (s *Schema) FieldIndex(name string) int {
	if s.index == nil {
		for i := range s.fields {
			if s.fields[i].Name == name {
				return i
			}
		}
		return -1
	}
	if i, ok := s.index[name]; ok {
		return i
	}
	return -1
}

// FieldSchema returns the schema of a field, nil if there is none of that name.
func (s *Schema) FieldSchema(name string) *Schema {
	if i := s.FieldIndex(name); i >= 0 {
		return s.fields[i].Schema
	}
	return nil
}

// Key returns a map's key schema.
func (s *Schema) Key() *Schema { return s.key }

// Elem returns an array's element schema or a map's value schema.
func (s *Schema) Elem() *Schema { return s.elem }

// Is reports whether the schema is not nil and has the given name.
func (s *Schema) Is(name string) bool { return s != nil && s.name == name }

// String is Java's ConnectSchema.toString.
func (s *Schema) String() string {
	if s == nil {
		return "null"
	}
	if s.name != "" {
		return "Schema{" + s.name + ":" + s.typ.String() + "}"
	}
	return "Schema{" + s.typ.String() + "}"
}

// Equal is Java's ConnectSchema.equals: every attribute counts, the order of
// parameters does not.
func (s *Schema) Equal(o *Schema) bool {
	if s == o {
		return true
	}
	if s == nil || o == nil || s.typ != o.typ || s.optional != o.optional || s.hasVersion != o.hasVersion ||
		s.version != o.version || s.name != o.name || s.doc != o.doc || s.hasDefault != o.hasDefault ||
		len(s.fields) != len(o.fields) || len(s.params) != len(o.params) {
		return false
	}
	for _, p := range s.params {
		if v, ok := o.Param(p.Key); !ok || v != p.Value {
			return false
		}
	}
	for i := range s.fields {
		if s.fields[i].Name != o.fields[i].Name || !s.fields[i].Schema.Equal(o.fields[i].Schema) {
			return false
		}
	}
	return s.key.Equal(o.key) && s.elem.Equal(o.elem) && (!s.hasDefault || s.def.Equal(o.def))
}

// Builder builds a schema. Its methods return the builder; a mistake is kept and
// reported by Build.
type Builder struct {
	s   Schema
	err error
}

// NewSchema starts a schema of type t.
func NewSchema(t Type) *Builder { return &Builder{s: Schema{typ: t}} }

// NewStruct starts a struct schema; name may be "".
func NewStruct(name string) *Builder { return &Builder{s: Schema{typ: TypeStruct, name: name}} }

// NewArray starts an array schema.
func NewArray(elem *Schema) *Builder { return &Builder{s: Schema{typ: TypeArray, elem: elem}} }

// NewMap starts a map schema.
func NewMap(key, value *Schema) *Builder {
	return &Builder{s: Schema{typ: TypeMap, key: key, elem: value}}
}

// Derive starts a schema with every attribute of s, to be changed.
func Derive(s *Schema) *Builder {
	b := &Builder{s: *s}
	b.s.params = slices.Clone(s.params)
	b.s.fields = slices.Clone(s.fields)
	b.s.index = nil
	return b
}

// Optional allows null.
func (b *Builder) Optional() *Builder { return b.SetOptional(true) }

// Required forbids null, the default.
func (b *Builder) Required() *Builder { return b.SetOptional(false) }

// SetOptional allows or forbids null.
func (b *Builder) SetOptional(o bool) *Builder { b.s.optional = o; return b }

// Name sets the schema's name.
func (b *Builder) Name(name string) *Builder { b.s.name = name; return b }

// Version sets the version.
func (b *Builder) Version(v int32) *Builder { b.s.version, b.s.hasVersion = v, true; return b }

// Doc sets the documentation.
func (b *Builder) Doc(doc string) *Builder { b.s.doc = doc; return b }

// BasicsOf takes over name, version, doc and parameters of s; the optional flag and
// the default are lost, as in SchemaUtil.copySchemaBasics.
func (b *Builder) BasicsOf(s *Schema) *Builder {
	b.Name(s.Name()).Doc(s.Doc())
	if v, ok := s.Version(); ok {
		b.Version(v)
	}
	for _, p := range s.Params() {
		b.Param(p.Key, p.Value)
	}
	return b
}

// Param sets a parameter.
func (b *Builder) Param(key, value string) *Builder {
	for i := range b.s.params {
		if b.s.params[i].Key == key {
			b.s.params[i].Value = value
			return b
		}
	}
	b.s.params = append(b.s.params, Param{key, value})
	return b
}

// Default sets the default value, which is validated by Build.
func (b *Builder) Default(v Value) *Builder { b.s.def, b.s.hasDefault = v, true; return b }

// NoDefault removes the default value.
func (b *Builder) NoDefault() *Builder { b.s.def, b.s.hasDefault = Null, false; return b }

// Field adds a field to a struct schema.
func (b *Builder) Field(name string, s *Schema) *Builder {
	switch {
	case b.err != nil:
	case b.s.typ != TypeStruct:
		b.err = fmt.Errorf("Cannot create fields on type %s", b.s.typ)
	case name == "":
		b.err = fmt.Errorf("fieldName cannot be null.")
	case s == nil:
		b.err = fmt.Errorf("fieldSchema for field %s cannot be null.", name)
	case b.s.FieldIndex(name) >= 0:
		b.err = fmt.Errorf("Cannot create field because of field name duplication %s", name)
	}
	if b.err == nil {
		b.s.fields = append(b.s.fields, Field{Name: name, Index: len(b.s.fields), Schema: s})
	}
	return b
}

// TryBuild returns the schema, or the first mistake (Java's SchemaBuilderException text).
func (b *Builder) TryBuild() (*Schema, error) {
	if b.err != nil {
		return nil, b.err
	}
	s := b.s
	s.params = slices.Clone(b.s.params)
	s.fields = slices.Clone(b.s.fields)
	if len(s.fields) > 8 {
		s.index = make(map[string]int, len(s.fields))
		for i, f := range s.fields {
			s.index[f.Name] = i
		}
	}
	if s.hasDefault {
		if s.def.IsNull() {
			s.hasDefault = false
		} else if err := Validate("", &s, s.def); err != nil {
			return nil, fmt.Errorf("Invalid default value: %w", err)
		}
	}
	return &s, nil
}

// Build is TryBuild for schemas that the program itself defines: it panics on a
// mistake.
func (b *Builder) Build() *Schema {
	s, err := b.TryBuild()
	if err != nil {
		panic("data: building a schema: " + err.Error())
	}
	return s
}

// Ready-made schemas without name; use them for identity and speed.
var (
	Int8Schema    = NewSchema(TypeInt8).Build()
	Int16Schema   = NewSchema(TypeInt16).Build()
	Int32Schema   = NewSchema(TypeInt32).Build()
	Int64Schema   = NewSchema(TypeInt64).Build()
	Float32Schema = NewSchema(TypeFloat32).Build()
	Float64Schema = NewSchema(TypeFloat64).Build()
	BoolSchema    = NewSchema(TypeBoolean).Build()
	StringSchema  = NewSchema(TypeString).Build()
	BytesSchema   = NewSchema(TypeBytes).Build()

	OptionalInt8Schema    = NewSchema(TypeInt8).Optional().Build()
	OptionalInt16Schema   = NewSchema(TypeInt16).Optional().Build()
	OptionalInt32Schema   = NewSchema(TypeInt32).Optional().Build()
	OptionalInt64Schema   = NewSchema(TypeInt64).Optional().Build()
	OptionalFloat32Schema = NewSchema(TypeFloat32).Optional().Build()
	OptionalFloat64Schema = NewSchema(TypeFloat64).Optional().Build()
	OptionalBoolSchema    = NewSchema(TypeBoolean).Optional().Build()
	OptionalStringSchema  = NewSchema(TypeString).Optional().Build()
	OptionalBytesSchema   = NewSchema(TypeBytes).Optional().Build()
)

// NewDecimal starts Connect's Decimal schema of a scale.
func NewDecimal(scale int32) *Builder {
	return NewSchema(TypeBytes).Name(DecimalName).Version(1).Param(ScaleParam, fmt.Sprint(scale))
}

// NewDate starts Connect's Date schema (days, as a java.util.Date at midnight UTC).
func NewDate() *Builder { return NewSchema(TypeInt32).Name(DateName).Version(1) }

// NewTime starts Connect's Time schema (milliseconds of a day).
func NewTime() *Builder { return NewSchema(TypeInt32).Name(TimeName).Version(1) }

// NewTimestamp starts Connect's Timestamp schema (milliseconds since the epoch).
func NewTimestamp() *Builder { return NewSchema(TypeInt64).Name(TimestampName).Version(1) }
