package data

import (
	"bytes"
	"math"
)

// Equal compares as Java's equals does: kinds must be the same (an Integer never
// equals a Long), decimals must have the same scale, NaN equals NaN, and maps do
// not mind order.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case KindNull, KindUnchanged:
		return true
	case KindFloat32:
		return v.n == o.n || (v.Float() != v.Float() && o.Float() != o.Float())
	case KindFloat64:
		return v.n == o.n || (math.IsNaN(v.Float()) && math.IsNaN(o.Float()))
	case KindString:
		return v.Str() == o.Str()
	case KindBytes, KindByteBuffer:
		return bytes.Equal(v.Bytes(), o.Bytes())
	case KindDecimal:
		if v.scale != o.scale {
			return false
		}
		if v.p == nil && o.p == nil {
			return v.n == o.n
		}
		a, _ := v.BigDecimal()
		b, _ := o.BigDecimal()
		return a.Cmp(b) == 0
	case KindBigInteger:
		return v.BigInt().Cmp(o.BigInt()) == 0
	case KindArray:
		a, b := v.Array(), o.Array()
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if !a[i].Equal(b[i]) {
				return false
			}
		}
		return true
	case KindMap:
		a, b := v.Map(), o.Map()
		if a.Len() != b.Len() {
			return false
		}
		for _, e := range a.entries {
			if w, ok := b.Get(e.Key); !ok || !e.Value.Equal(w) {
				return false
			}
		}
		return true
	case KindStruct:
		a, b := v.Struct(), o.Struct()
		if !a.schema.Equal(b.schema) {
			return false
		}
		for i := range a.values {
			if !a.values[i].Equal(b.values[i]) {
				return false
			}
		}
		return true
	}
	return v.n == o.n
}

// Clone returns a copy whose structs, maps and slices are on the heap, so that
// it outlives the batch. Strings and bytes are shared.
func (v Value) Clone() Value {
	switch v.kind {
	case KindArray:
		return Array(cloneValues(v.Array()))
	case KindMap:
		m := NewMapSize(v.Map().Len())
		for _, e := range v.Map().entries {
			m.Put(e.Key.Clone(), e.Value.Clone())
		}
		return MapOf(m)
	case KindStruct:
		s := v.Struct()
		return StructOf(&Struct{schema: s.schema, values: cloneValues(s.values)})
	}
	return v
}

func cloneValues(in []Value) []Value {
	out := make([]Value, len(in))
	for i := range in {
		out[i] = in[i].Clone()
	}
	return out
}
