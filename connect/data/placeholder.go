package data

import (
	"crypto/md5"
	"encoding/hex"
)

// DefaultPlaceholder stands for an Unchanged value that brought no placeholder:
// Debezium's default of unavailable.value.placeholder.
const DefaultPlaceholder = "__debezium_unavailable_value"

const uuidName = "io.debezium.data.Uuid"

// Materialize returns what an Unchanged value looks like in Java's format in a
// place of schema s, for writers whose format cannot say "unchanged": the
// placeholder as text or bytes, inside of an array or a map where the column is
// one. It is null where the type has no such form (Debezium leaves it out too).
// Any other value is returned as it is. A nil s is a place of text.
func Materialize(s *Schema, v Value) Value {
	if v.kind != KindUnchanged {
		return v
	}
	p := v.Placeholder()
	if p == "" {
		p = DefaultPlaceholder
	}
	if s == nil {
		return String(p)
	}
	switch s.typ {
	case TypeArray:
		return placeholderList(s.elem, p)
	case TypeMap:
		if s.key.typ != TypeString || s.elem.typ != TypeString {
			return Null
		}
		m := NewMapSize(1)
		m.PutString(p, String(p))
		return MapOf(m)
	}
	return placeholderOf(s, p)
}

func placeholderOf(s *Schema, p string) Value {
	switch {
	case s.typ == TypeString && s.name == uuidName:
		return String(nameUUID(p))
	case s.typ == TypeString:
		return String(p)
	case s.typ == TypeBytes && s.name != DecimalName:
		return Bytes([]byte(p))
	}
	return Null
}

func placeholderList(elem *Schema, p string) Value {
	if elem.typ != TypeInt32 && elem.typ != TypeInt64 || elem.name != "" {
		v := placeholderOf(elem, p)
		if v.IsNull() {
			return Null
		}
		return Array([]Value{v})
	}
	list := make([]Value, len(p))
	for i := range len(p) {
		list[i] = Int64(int64(int8(p[i])))
		if elem.typ == TypeInt32 {
			list[i] = Int32(int32(int8(p[i])))
		}
	}
	return Array(list)
}

// nameUUID is UUID.nameUUIDFromBytes, version 3.
func nameUUID(name string) string {
	h := md5.Sum([]byte(name))
	h[6] = h[6]&0x0f | 0x30
	h[8] = h[8]&0x3f | 0x80
	x := hex.EncodeToString(h[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
