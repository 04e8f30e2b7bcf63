package data

import (
	"fmt"
	"strings"
)

// ProjectError is Java's SchemaProjectorException: a value does not fit another
// schema. Cause is the error of a field below, nil if none.
type ProjectError struct {
	Msg   string
	Cause error
}

func (e *ProjectError) Error() string {
	if e.Cause == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *ProjectError) Unwrap() error { return e.Cause }

func projectErrorf(format string, args ...any) error {
	return &ProjectError{Msg: fmt.Sprintf(format, args...)}
}

// Project converts a value of one schema to another one that can read it
// (SchemaProjector): same names and parameters, numbers may widen, fields may be
// left out, and missing ones have a default or are optional. Unchanged values pass.
// The result is on the heap; the error is a *ProjectError.
func Project(source *Schema, v Value, target *Schema) (Value, error) {
	if err := compatible(source, target); err != nil {
		return Null, err
	}
	if v.IsUnchanged() {
		return v, nil
	}
	if source.optional && !target.optional {
		if !target.hasDefault {
			return Null, projectErrorf("Writer schema is optional, however, target schema does not provide a default value.")
		}
		if v.IsNull() {
			return target.def, nil
		}
	}
	if v.IsNull() {
		return v, nil
	}
	switch target.typ {
	case TypeStruct:
		return projectStruct(source, v.Struct(), target)
	case TypeArray:
		return projectArray(source, v.Array(), target)
	case TypeMap:
		return projectMap(source, v.Map(), target)
	}
	return widen(v, target.typ), nil
}

// promotable reports whether a number of one type can become another.
func promotable(from, to Type) bool {
	return from == to || from >= TypeInt8 && from <= TypeFloat64 && to <= TypeFloat64 && from < to
}

func compatible(source, target *Schema) error {
	switch {
	case !promotable(source.typ, target.typ):
		return projectErrorf("Schema type mismatch. source type: %s and target type: %s", source.typ, target.typ)
	case source.name != target.name:
		return projectErrorf("Schema name mismatch. source name: %s and target name: %s", orNull(source.name), orNull(target.name))
	case !sameParams(source, target):
		return projectErrorf("Schema parameters not equal. source parameters: %s and target parameters: %s", paramText(source), paramText(target))
	}
	return nil
}

func sameParams(a, b *Schema) bool {
	if len(a.params) != len(b.params) {
		return false
	}
	for _, p := range a.params {
		if v, ok := b.Param(p.Key); !ok || v != p.Value {
			return false
		}
	}
	return true
}

// paramText is Java's text of a map, null where there are none.
func paramText(s *Schema) string {
	if len(s.params) == 0 {
		return "null"
	}
	parts := make([]string, len(s.params))
	for i, p := range s.params {
		parts[i] = p.Key + "=" + p.Value
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func projectStruct(source *Schema, st *Struct, target *Schema) (Value, error) {
	out := NewRow(target)
	for i, f := range target.fields {
		from := source.FieldIndex(f.Name)
		switch {
		case from >= 0:
			v, err := Project(source.fields[from].Schema, st.Get(from), f.Schema)
			if err != nil {
				return Null, &ProjectError{Msg: "Error projecting " + f.Name, Cause: err}
			}
			out.values[i] = v
		case f.Schema.optional:
		case f.Schema.hasDefault:
			out.values[i] = f.Schema.def
		default:
			return Null, projectErrorf("Required field `%s` is missing from source schema: %s", f.Name, source)
		}
	}
	return StructOf(out), nil
}

func projectArray(source *Schema, elems []Value, target *Schema) (Value, error) {
	out := make([]Value, len(elems))
	for i, e := range elems {
		v, err := Project(source.elem, e, target.elem)
		if err != nil {
			return Null, err
		}
		out[i] = v
	}
	return Array(out), nil
}

func projectMap(source *Schema, m *Map, target *Schema) (Value, error) {
	out := NewMapSize(m.Len())
	for _, e := range m.entries {
		k, err := Project(source.key, e.Key, target.key)
		if err != nil {
			return Null, err
		}
		v, err := Project(source.elem, e.Value, target.elem)
		if err != nil {
			return Null, err
		}
		out.Put(k, v)
	}
	return MapOf(out), nil
}

// widen converts a number; what is none stays.
func widen(v Value, to Type) Value {
	if v.kind == KindFloat32 && to == TypeFloat64 {
		return Float64(v.Float())
	}
	if !v.IsInt() {
		return v
	}
	n := v.Int()
	switch to {
	case TypeInt16:
		return Int16(int16(n))
	case TypeInt32:
		return Int32(int32(n))
	case TypeInt64:
		return Int64(n)
	case TypeFloat32:
		return Float32(float32(n))
	case TypeFloat64:
		return Float64(float64(n))
	}
	return v
}
