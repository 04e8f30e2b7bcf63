package jsonconv

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

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

// integer reads up to 18 digits without fraction, exponent or leading zero.
func (f *fast) integer() (int64, bool) {
	i, neg := f.i, false
	if i < len(f.b) && f.b[i] == '-' {
		neg = true
		i++
	}
	first := i
	var n int64
	for ; i < len(f.b); i++ {
		d := f.b[i] - '0'
		if d > 9 {
			break
		}
		n = n*10 + int64(d)
	}
	digits := i - first
	if digits == 0 || digits > 18 || digits > 1 && f.b[first] == '0' {
		return f.longInteger(digits)
	}
	f.i = i
	if neg {
		n = -n
	}
	return n, f.ended()
}

// longInteger reads the numbers of 19 digits that fit.
func (f *fast) longInteger(digits int) (int64, bool) {
	if digits != 19 {
		return 0, false
	}
	lit, _ := f.number()
	n, err := strconv.ParseInt(string(lit), 10, 64)
	return n, err == nil && f.ended()
}

// number delimits a JSON number; nil if it is none of the strict grammar.
func (f *fast) number() (lit []byte, float bool) {
	i, b := f.i, f.b
	if i < len(b) && b[i] == '-' {
		i++
	}
	first := i
	i = digitsEnd(b, i)
	if i == first || i > first+1 && b[first] == '0' {
		return nil, false
	}
	if i < len(b) && b[i] == '.' {
		float = true
		end := digitsEnd(b, i+1)
		if end == i+1 {
			return nil, false
		}
		i = end
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		float = true
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digitsEnd(b, i)
		if end == i {
			return nil, false
		}
		i = end
	}
	lit = b[f.i:i]
	if len(lit) > 64 {
		return nil, false
	}
	f.i = i
	if !f.ended() {
		return nil, false
	}
	return lit, float
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

func (f *fast) float(t data.Type) (data.Value, bool) {
	lit, _ := f.number()
	if lit == nil {
		return data.Null, false
	}
	bits := 64
	if t == data.TypeFloat32 {
		bits = 32
	}
	n, _ := strconv.ParseFloat(string(lit), bits) // out of range is infinite
	if n == 0 {
		n = 0 // no -0.0
	}
	if t == data.TypeFloat32 {
		return data.Float32(float32(n)), true
	}
	return data.Float64(n), true
}

// text reads a string; the bytes alias the input unless it has escapes.
func (f *fast) text(c byte) ([]byte, bool) {
	if c != '"' {
		return nil, false
	}
	start := f.i + 1
	i, ascii := stringEnd(f.b, start)
	if i == len(f.b) {
		return nil, false
	}
	if f.b[i] != '"' {
		return f.escaped(start)
	}
	s := f.b[start:i]
	if !ascii && !utf8.Valid(s) {
		return nil, false
	}
	f.i = i + 1
	return s, true
}

// stringEnd finds the first quote, backslash or control character from i on.
func stringEnd(b []byte, i int) (end int, ascii bool) {
	ascii = true
	for {
		for ; i+8 <= len(b); i += 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			quote := x ^ lowBits*'"'
			slash := x ^ lowBits*'\\'
			if (x|(x-lowBits*0x20)|(quote-lowBits)|(slash-lowBits))&highBits != 0 {
				break
			}
		}
		for stop := min(len(b), i+8); i < stop; i++ {
			c := b[i]
			if c == '"' || c == '\\' || c < ' ' {
				return i, ascii
			}
			ascii = ascii && c < utf8.RuneSelf
		}
		if i == len(b) {
			return i, ascii
		}
	}
}

// escaped reads a string with escapes into memory of its own.
func (f *fast) escaped(start int) ([]byte, bool) {
	end := start
	for ; end < len(f.b) && f.b[end] != '"'; end++ {
		if f.b[end] == '\\' {
			end++
		}
	}
	if end >= len(f.b) {
		return nil, false
	}
	out, raw := f.own(end-start), f.b[start:end]
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			i = len(raw)
		}
		out = append(out, raw[:i]...)
		if raw = raw[i:]; len(raw) == 0 {
			break
		}
		if at := strings.IndexByte(escapes, raw[1]); at >= 0 {
			out = append(out, escaped[at])
			raw = raw[2:]
			continue
		}
		r, size := unicodeEscape(raw)
		if size == 0 {
			return nil, false
		}
		out = utf8.AppendRune(out, r)
		raw = raw[size:]
	}
	f.chunk = f.chunk[len(out):]
	f.i = end + 1
	return out, validText(out, f.b[start:end])
}

const (
	escapes = `"\/bfnrt`
	escaped = "\"\\/\b\f\n\r\t"
	chunk   = 8 << 10
)

// own returns n bytes of memory that is written once: strings alias it.
func (f *fast) own(n int) []byte {
	if len(f.chunk) < n {
		f.chunk = make([]byte, max(n, chunk))
	}
	return f.chunk[:0:n]
}

// unicodeEscape reads \uXXXX, or two of them for a supplementary character; size
// is 0 for anything else, lone surrogates included.
func unicodeEscape(raw []byte) (r rune, size int) {
	r = hex4(raw)
	switch {
	case r < 0:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	case len(raw) < 12:
		return 0, 0
	}
	if r = utf16.DecodeRune(r, hex4(raw[6:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil || raw[2] == '+' {
		return -1
	}
	return rune(n)
}

// validText reports whether a string is UTF-8 and its raw form has no control
// characters.
func validText(text, raw []byte) bool {
	for _, c := range raw {
		if c < ' ' {
			return false
		}
	}
	return utf8.Valid(text)
}

func (f *fast) bytes(c byte) (data.Value, bool) {
	b, ok := f.base64(c)
	return data.Bytes(b), ok
}

func (f *fast) base64(c byte) ([]byte, bool) {
	s, ok := f.text(c)
	if !ok {
		return nil, false
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(out, s)
	return out[:n], err == nil && bytes.IndexByte(s, '\n') < 0
}

func (f *fast) decimal(p *readPlan, c byte) (data.Value, bool) {
	if c != '"' {
		lit, _ := f.number()
		if lit == nil {
			return data.Null, false
		}
		v, err := parseDecimal(string(lit))
		return v, err == nil
	}
	s, ok := f.text(c)
	if !ok || len(s) == 0 {
		return data.Null, false
	}
	if n := base64.StdEncoding.DecodedLen(len(s)); cap(f.scratch) < n {
		f.scratch = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(f.scratch[:cap(f.scratch)], s)
	if err != nil || n == 0 {
		return data.Null, false
	}
	return data.DecimalFromBytes(f.scratch[:n], p.scale), true
}

func (f *fast) temporal(p *readPlan, c byte) (data.Value, bool) {
	if c != '-' && c-'0' > 9 {
		return data.Null, false
	}
	n, ok := f.integer()
	switch p.op {
	case opDate:
		return data.Date(n * dayMillis), ok && n == int64(int32(n))
	case opTime:
		return data.Date(n), ok && n >= 0 && n <= dayMillis
	}
	return data.Date(n), ok
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
