package data

import (
	"fmt"
	"strings"
)

// Validate reports whether v fits schema s, as Java's ConnectSchema.validateValue
// does, with its words: struct values are compared by schema, not field by field
// (see ValidateStruct). field names the place for the message and may be "". A
// nil schema accepts everything.
func Validate(field string, s *Schema, v Value) error {
	if s == nil || v.IsUnchanged() {
		return nil
	}
	if v.IsNull() {
		if s.optional {
			return nil
		}
		return fmt.Errorf("Invalid value: null used for required field: \"%s\", schema type: %s", orNull(field), s.typ)
	}
	if !accepts(s, v.kind) {
		return fmt.Errorf("Invalid Java object for schema %swith type %s: %s%s",
			quoted(s.name), s.typ, "class "+v.kind.JavaClass(), forField(field))
	}
	switch s.typ {
	case TypeStruct:
		if own := v.Struct().schema; own != s && !own.Equal(s) {
			return fmt.Errorf("Struct schemas do not match.")
		}
	case TypeArray:
		for _, e := range v.Array() {
			if err := Validate("", s.elem, e); err != nil {
				return err
			}
		}
	case TypeMap:
		for _, e := range v.Map().entries {
			if err := Validate("", s.key, e.Key); err != nil {
				return err
			}
			if err := Validate("", s.elem, e.Value); err != nil {
				return err
			}
		}
	}
	return nil
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

func forField(field string) string {
	if field == "" {
		return ""
	}
	return " for field: \"" + field + "\""
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
