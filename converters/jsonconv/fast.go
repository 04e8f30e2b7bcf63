package jsonconv

import (
	"bytes"

	"github.com/leat-project/leat/connect/data"
)

// fast decodes the usual layout straight into values. Wherever it is not sure it
// returns false, and the slow way decides. Its invariant: what it accepts, the slow
// way accepts with the same result.
type fast struct {
	a     *data.Arena
	b     []byte
	i     int
	depth int
	stack []data.Value // what containers not yet closed hold

	scratch []byte
	chunk   []byte // rest of the memory for strings that had escapes
}

// bare decodes a message without envelope; nil p is schemaless.
func (f *fast) bare(a *data.Arena, p *readPlan, b []byte) (data.Value, bool) {
	f.start(a, b)
	v, ok := f.root(p)
	// Text after the value is the slow way's business.
	return v, ok && f.space() == 0 && f.i == len(f.b)
}

// member decodes the last member of the envelope and the brace after it.
func (f *fast) member(a *data.Arena, p *readPlan, b []byte) (data.Value, bool) {
	f.start(a, b)
	v, ok := f.root(p)
	return v, ok && f.space() == '}'
}

func (f *fast) start(a *data.Arena, b []byte) {
	f.a, f.b, f.i, f.depth = a, b, 0, 0
	f.stack = f.stack[:0]
}

func (f *fast) root(p *readPlan) (data.Value, bool) {
	if p == nil {
		return f.any()
	}
	return f.value(p)
}

// space skips white space and returns the next byte, 0 at the end.
func (f *fast) space() byte {
	for ; f.i < len(f.b); f.i++ {
		if c := f.b[f.i]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}

// next is space for the usual case that there is none.
func (f *fast) next() byte {
	if f.i < len(f.b) && f.b[f.i] > ' ' {
		return f.b[f.i]
	}
	return f.space()
}

func (f *fast) value(p *readPlan) (data.Value, bool) {
	c := f.next()
	if c == 'n' {
		return p.ofNull(), p.nullOK && f.word("null")
	}
	switch p.op {
	case opKind:
		return f.primitive(p.typ, c)
	case opStruct:
		return f.row(p, c)
	case opBytes:
		return f.bytes(c)
	case opDecimal:
		return f.decimal(p, c)
	case opDate, opTime, opTimestamp:
		return f.temporal(p, c)
	case opArray:
		return f.list(p.elem, c)
	case opObject:
		return f.object(p.elem, c)
	}
	return data.Null, false
}

func (f *fast) word(w string) bool {
	if len(f.b)-f.i < len(w) || string(f.b[f.i:f.i+len(w)]) != w {
		return false
	}
	f.i += len(w)
	return f.ended()
}

// ended reports whether a token can end here.
func (f *fast) ended() bool {
	if f.i == len(f.b) {
		return true
	}
	switch f.b[f.i] {
	case ',', '}', ']', ' ', '\n', '\r', '\t':
		return true
	}
	return false
}

func (f *fast) primitive(t data.Type, c byte) (data.Value, bool) {
	switch t {
	case data.TypeString:
		s, ok := f.text(c)
		return data.StringBytes(s), ok
	case data.TypeBoolean:
		if c == 't' {
			return data.Bool(true), f.word("true")
		}
		return data.Bool(false), f.word("false")
	case data.TypeFloat32, data.TypeFloat64:
		return f.float(t)
	}
	n, ok := f.integer()
	switch t {
	case data.TypeInt8:
		return data.Int8(int8(n)), ok
	case data.TypeInt16:
		return data.Int16(int16(n)), ok
	case data.TypeInt32:
		return data.Int32(int32(n)), ok
	}
	return data.Int64(n), ok
}

// enter opens a container; the bound is far below the slow way's.
func (f *fast) enter() bool {
	f.i++
	f.depth++
	return f.depth < maxDepth/2
}

func (f *fast) row(p *readPlan, c byte) (data.Value, bool) {
	if c != '{' || !f.enter() {
		return data.Null, false
	}
	st := f.a.Struct(p.schema)
	values := st.Values()
	at := 0 // the field expected next
	if f.next() == '}' {
		f.i++
	} else {
		for {
			k := f.fieldAt(p, at)
			if k < 0 {
				return data.Null, false
			}
			v, ok := f.value(p.fields[k].readPlan)
			if !ok {
				return data.Null, false
			}
			values[k] = v
			if k == at {
				at++
			} else {
				at = -len(p.fields) // out of order: some may be missing
			}
			c := f.next()
			f.i++
			if c == '}' {
				break
			}
			if c != ',' {
				return data.Null, false
			}
			f.next()
		}
	}
	f.depth--
	return data.StructOf(st), at == len(p.fields) || f.fill(p, values)
}

// fieldAt consumes a member's name and colon and returns its field, -1 for none.
// The layout of a writer that keeps the schema's order is one comparison.
func (f *fast) fieldAt(p *readPlan, at int) int {
	if at >= 0 && at < len(p.fields) {
		if prefix := p.fields[at].prefix; bytes.HasPrefix(f.b[f.i:], prefix) {
			f.i += len(prefix)
			return at
		}
	}
	name, ok := f.text(f.next())
	if !ok || f.next() != ':' {
		return -1
	}
	f.i++
	return p.schema.FieldIndex(string(name))
}

// fill gives members that may have been missing their nulls.
func (f *fast) fill(p *readPlan, values []data.Value) bool {
	for i := range values {
		if !values[i].IsNull() {
			continue
		}
		if !p.fields[i].nullOK {
			return false
		}
		values[i] = p.fields[i].ofNull()
	}
	return true
}

func (f *fast) list(elem *readPlan, c byte) (data.Value, bool) {
	if c != '[' || !f.enter() {
		return data.Null, false
	}
	base := len(f.stack)
	if f.next() == ']' {
		f.i++
	} else {
		for {
			v, ok := f.element(elem)
			if !ok {
				return data.Null, false
			}
			f.stack = append(f.stack, v)
			c := f.next()
			f.i++
			if c == ']' {
				break
			}
			if c != ',' {
				return data.Null, false
			}
		}
	}
	f.depth--
	out := f.a.Values(len(f.stack) - base)
	copy(out, f.stack[base:])
	clear(f.stack[base:])
	f.stack = f.stack[:base]
	return data.Array(out), true
}

func (f *fast) element(p *readPlan) (data.Value, bool) {
	if p == nil {
		return f.any()
	}
	return f.value(p)
}

func (f *fast) object(elem *readPlan, c byte) (data.Value, bool) {
	if c != '{' || !f.enter() {
		return data.Null, false
	}
	base := len(f.stack)
	if f.next() == '}' {
		f.i++
	} else if !f.members(elem) {
		return data.Null, false
	}
	f.depth--
	m := data.NewMapSize((len(f.stack) - base) / 2)
	for i := base; i < len(f.stack); i += 2 {
		m.Put(f.stack[i], f.stack[i+1])
	}
	clear(f.stack[base:])
	f.stack = f.stack[:base]
	return data.MapOf(m), true
}

// members pushes the names and values of an object up to its closing brace.
func (f *fast) members(elem *readPlan) bool {
	for {
		name, ok := f.text(f.next())
		if !ok || f.next() != ':' {
			return false
		}
		f.i++
		v, ok := f.element(elem)
		if !ok {
			return false
		}
		f.stack = append(f.stack, data.StringBytes(name), v)
		c := f.next()
		f.i++
		if c == '}' {
			return true
		}
		if c != ',' {
			return false
		}
	}
}

// any decodes a value that has no schema.
func (f *fast) any() (data.Value, bool) {
	switch c := f.next(); c {
	case 'n':
		return data.Null, f.word("null")
	case 't':
		return data.Bool(true), f.word("true")
	case 'f':
		return data.Bool(false), f.word("false")
	case '"':
		s, ok := f.text(c)
		return data.StringBytes(s), ok
	case '[':
		return f.list(nil, c)
	case '{':
		return f.object(nil, c)
	}
	start := f.i
	if lit, float := f.number(); lit == nil {
		return data.Null, false
	} else if float {
		f.i = start
		return f.float(data.TypeFloat64)
	}
	f.i = start
	n, ok := f.integer()
	return data.Int64(n), ok
}
