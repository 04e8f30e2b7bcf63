package data

// Struct is a row: a struct schema and one value a field, in order.
type Struct struct {
	schema *Schema
	values []Value
}

// NewRow returns a heap-allocated struct with every field null. On the record
// path use Arena.Struct.
func NewRow(s *Schema) *Struct { return &Struct{schema: s, values: make([]Value, len(s.fields))} }

// RowOf wraps values, one a field of s, without copying them.
func RowOf(s *Schema, values []Value) *Struct {
	if len(values) != len(s.fields) {
		panic("data: number of values differs from the number of fields of " + s.String())
	}
	return &Struct{schema: s, values: values}
}

// Schema returns the struct's own schema.
func (s *Struct) Schema() *Schema { return s.schema }

// Values returns the values in field order, without defaults; the slice is the
// struct's own and may be written by whoever owns the record.
func (s *Struct) Values() []Value { return s.values }

// At returns the value of field i without applying its default
// (Java's getWithoutDefault).
func (s *Struct) At(i int) Value { return s.values[i] }

// Set sets field i.
func (s *Struct) Set(i int, v Value) { s.values[i] = v }

// Lookup returns the value of a field without its default; ok is false when the
// schema has no such field.
func (s *Struct) Lookup(name string) (v Value, ok bool) {
	i := s.schema.FieldIndex(name)
	if i < 0 {
		return Null, false
	}
	return s.values[i], true
}

// Get returns the value of field i, or the default of its schema when it is null
// (Java's Struct.get).
func (s *Struct) Get(i int) Value {
	if v := s.values[i]; !v.IsNull() {
		return v
	}
	def, _ := s.schema.fields[i].Schema.Default()
	return def
}

// Put sets a field by name and returns the struct; it panics when there is no
// such field, so use it for schemas the program itself defines.
func (s *Struct) Put(name string, v Value) *Struct {
	i := s.schema.FieldIndex(name)
	if i < 0 {
		panic("data: " + name + " is not a field of " + s.schema.String())
	}
	s.values[i] = v
	return s
}

// Map is a Java Map that keeps insertion order (schemaless JSON objects, map
// schemas). Keys are unique.
type Map struct {
	entries []Entry
	byStr   map[string]int // string keys, once there are many
}

// Entry is one member of a Map.
type Entry struct{ Key, Value Value }

// mapIndexFrom is the size from which string keys are looked up in an index; below,
// comparing them all is quicker.
const mapIndexFrom = 32

// NewMapSize returns an empty map with room for n entries.
func NewMapSize(n int) *Map { return &Map{entries: make([]Entry, 0, n)} }

// Len returns the number of entries.
func (m *Map) Len() int { return len(m.entries) }

// Entries returns the entries in order. Do not write keys.
func (m *Map) Entries() []Entry { return m.entries }

func (m *Map) find(k Value) int {
	if k.kind == KindString {
		return m.findString(k.Str())
	}
	for i := range m.entries {
		if m.entries[i].Key.Equal(k) {
			return i
		}
	}
	return -1
}

func (m *Map) findString(k string) int {
	if m.byStr != nil {
		if i, ok := m.byStr[k]; ok {
			return i
		}
		return -1
	}
	for i := range m.entries {
		if e := &m.entries[i].Key; e.kind == KindString && int(e.n) == len(k) && e.Str() == k {
			return i
		}
	}
	return -1
}

// Get returns the value of a key.
func (m *Map) Get(k Value) (Value, bool) {
	if i := m.find(k); i >= 0 {
		return m.entries[i].Value, true
	}
	return Null, false
}

// GetString is Get for a string key.
func (m *Map) GetString(k string) (Value, bool) { return m.Get(String(k)) }

// Put sets a key; a known key keeps its place.
func (m *Map) Put(k, v Value) {
	if i := m.find(k); i >= 0 {
		m.entries[i].Value = v
		return
	}
	m.entries = append(m.entries, Entry{k, v})
	switch {
	case m.byStr != nil:
		if k.kind == KindString {
			m.byStr[k.Str()] = len(m.entries) - 1
		}
	case len(m.entries) == mapIndexFrom:
		m.reindex()
	}
}

// PutString is Put for a string key.
func (m *Map) PutString(k string, v Value) { m.Put(String(k), v) }

// Delete removes a key; the others keep their order.
func (m *Map) Delete(k Value) {
	i := m.find(k)
	if i < 0 {
		return
	}
	m.entries = append(m.entries[:i], m.entries[i+1:]...)
	if m.byStr != nil {
		m.reindex()
	}
}

func (m *Map) reindex() {
	m.byStr = make(map[string]int, 2*len(m.entries))
	for i := range m.entries {
		if k := m.entries[i].Key; k.kind == KindString {
			m.byStr[k.Str()] = i
		}
	}
}
