package data

import (
	"errors"
	"fmt"
	"strings"
)

// Validate reports whether v fits schema s, as Java's ConnectSchema.validateValue
// does, with its words: struct values are compared by schema, not field by field
// (see ValidateStruct). field names the place for the message; "" is a value of
// its own. A nil schema accepts everything.
func Validate(field string, s *Schema, v Value) error {
	m := misfitOf(s, v)
	if m == nil {
		return nil
	}
	if !m.placed {
		return errors.New(m.before)
	}
	place := "value"
	if field != "" {
		place = "field: \"" + field + "\""
	}
	return errors.New(m.before + m.place + place + m.after)
}

// misfit is a text around the place where a value does not fit.
type misfit struct {
	before, after string
	place         string // from inside outwards
	placed        bool   // the text names the place
}

func misfitOf(s *Schema, v Value) *misfit {
	if s == nil || v.IsUnchanged() {
		return nil
	}
	if v.IsNull() {
		if s.optional {
			return nil
		}
		return &misfit{before: "Invalid value: null used for required ", after: ", schema type: " + s.typ.String(), placed: true}
	}
	if !accepts(s, v.kind) {
		return &misfit{before: fmt.Sprintf("Invalid Java object for schema %swith type %s: class %s for ", quoted(s.name), s.typ, v.kind.JavaClass()), placed: true}
	}
	switch s.typ {
	case TypeStruct:
		if own := v.Struct().schema; own != s && !own.Equal(s) {
			return &misfit{before: "Struct schemas do not match."}
		}
	case TypeArray:
		for _, e := range v.Array() {
			if m := misfitOf(s.elem, e); m != nil {
				return m.within("element of array ")
			}
		}
	case TypeMap:
		for _, e := range v.Map().entries {
			if m := misfitOf(s.key, e.Key); m != nil {
				return m.within("key of map ")
			}
			if m := misfitOf(s.elem, e.Value); m != nil {
				return m.within("value of map ")
			}
		}
	}
	return nil
}

func (m *misfit) within(outer string) *misfit {
	m.place += outer
	return m
}

// ValidateStruct checks every field of a struct against its schema (Java's
// Struct.validate); a null with a default is accepted.
func ValidateStruct(st *Struct) error {
	for i := range st.values {
		f := &st.schema.fields[i]
		v := st.values[i]
		if v.IsNull() && f.Schema.hasDefault {
			continue
		}
		if err := Validate(f.Name, f.Schema, v); err != nil {
			return err
		}
	}
	return nil
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return "\"" + name + "\" "
}

// accepts is Java's SCHEMA_TYPE_CLASSES and LOGICAL_TYPE_CLASSES.
func accepts(s *Schema, k Kind) bool {
	if strings.HasPrefix(s.name, "org.apache.kafka.connect.data.") {
		switch s.name {
		case DecimalName:
			return k == KindDecimal
		case DateName, TimeName, TimestampName:
			return k == KindDate
		}
	}
	switch s.typ {
	case TypeInt8:
		return k == KindInt8
	case TypeInt16:
		return k == KindInt16
	case TypeInt32:
		return k == KindInt32
	case TypeInt64:
		return k == KindInt64
	case TypeFloat32:
		return k == KindFloat32
	case TypeFloat64:
		return k == KindFloat64
	case TypeBoolean:
		return k == KindBool
	case TypeString:
		return k == KindString
	case TypeBytes:
		return k == KindBytes || k == KindByteBuffer
	case TypeArray:
		return k == KindArray
	case TypeMap:
		return k == KindMap
	case TypeStruct:
		return k == KindStruct
	}
	return false
}
