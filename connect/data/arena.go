package data

// Arena hands out the structs and value slices of one batch from slabs that are
// reused when the batch is recycled. A nil *Arena allocates on the heap. It is
// not safe for concurrent use. It never holds string or byte data.
type Arena struct {
	values     []Value   // free part of the current slab
	structs    []Struct  // free part of the current slab
	valueSlabs [][]Value // all slabs, for Reset
	structSlab [][]Struct
	vi, si     int // next slab to reuse
}

const (
	valueSlab  = 4096 // values a slab: 96 KiB
	structSlab = 512
)

// Values returns n null values with no spare capacity.
func (a *Arena) Values(n int) []Value {
	if a == nil || n > valueSlab/4 {
		return make([]Value, n)
	}
	if len(a.values) < n {
		if a.vi == len(a.valueSlabs) {
			a.valueSlabs = append(a.valueSlabs, make([]Value, valueSlab))
		}
		a.values = a.valueSlabs[a.vi]
		a.vi++
	}
	v := a.values[:n:n]
	a.values = a.values[n:]
	return v
}

// Struct returns a struct of schema s with every field null.
func (a *Arena) Struct(s *Schema) *Struct { return a.Row(s, a.Values(len(s.fields))) }

// Row is RowOf from the arena.
func (a *Arena) Row(s *Schema, values []Value) *Struct {
	if a == nil {
		return RowOf(s, values)
	}
	if len(values) != len(s.fields) {
		panic("data: number of values differs from the number of fields of " + s.String())
	}
	if len(a.structs) == 0 {
		if a.si == len(a.structSlab) {
			a.structSlab = append(a.structSlab, make([]Struct, structSlab))
		}
		a.structs = a.structSlab[a.si]
		a.si++
	}
	r := &a.structs[0]
	a.structs = a.structs[1:]
	r.schema, r.values = s, values
	return r
}

// Reset makes everything the arena handed out free again. Only the framework
// calls it, when nothing of the batch is in use any more. With the build tag
// invariants the memory is poisoned and not reused, so that late use is seen.
func (a *Arena) Reset() {
	if a == nil {
		return
	}
	if poison {
		a.poison()
		*a = Arena{}
		return
	}
	for _, s := range a.valueSlabs[:a.vi] {
		clear(s)
	}
	for _, s := range a.structSlab[:a.si] {
		clear(s)
	}
	a.vi, a.si, a.values, a.structs = 0, 0, nil, nil
}

func (a *Arena) poison() {
	dead := String("USED AFTER THE BATCH WAS RECYCLED")
	for _, s := range a.valueSlabs {
		for i := range s {
			s[i] = dead
		}
	}
	for _, s := range a.structSlab {
		for i := range s {
			s[i].values = nil
		}
	}
}
