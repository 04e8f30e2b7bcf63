package inspect

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kbin"

	"github.com/leat-project/leat/internal/jsonx"
)

//go:embed records.txt
var recordsText string

// schemaID names one version of one record's key or value.
type schemaID struct {
	topic   string
	kind    int
	part    string // key or value
	version int
}

// schema is one line of records.txt.
type schema struct {
	name   string
	flex   bool
	fields []field
}

type field struct {
	name string
	tag  int // -1: always there
	typ  typ
}

type typ struct {
	base     string // a primitive; "[" for an array, "{" for a struct
	nullable bool
	elem     *typ
	fields   []field
}

// schemas is records.txt, parsed at the first use.
var schemas = sync.OnceValue(func() map[schemaID]*schema {
	m := map[schemaID]*schema{}
	for line := range strings.Lines(recordsText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		w := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 7)
		kind, err1 := strconv.Atoi(w[1])
		version, err2 := strconv.Atoi(w[3])
		s := &schema{name: w[4], flex: w[5] == "flex"}
		p := parser{}
		if len(w) == 7 {
			p.rest = w[6]
			s.fields = p.fields()
		}
		if err := errors.Join(err1, err2); err != nil || p.rest != "" {
			panic(fmt.Sprintf("inspect: records.txt: %q: %v, rest %q", line, err, p.rest)) // embedded at build time
		}
		m[schemaID{w[0], kind, w[2], version}] = s
	}
	return m
})

// parser reads the fields of a line.
type parser struct{ rest string }

func (p *parser) fields() []field {
	var list []field
	for p.rest != "" && p.rest[0] != '}' {
		f := field{tag: -1}
		if strings.HasPrefix(p.rest, "#") {
			f.tag, _ = strconv.Atoi(p.until(":")[1:])
		}
		f.name = p.until(":")
		f.typ = p.typ()
		list = append(list, f)
		p.rest = strings.TrimPrefix(p.rest, " ")
	}
	return list
}

func (p *parser) until(sep string) string {
	before, after, _ := strings.Cut(p.rest, sep)
	p.rest = after
	return before
}

func (p *parser) typ() typ {
	var t typ
	switch p.rest[0] {
	case '[':
		p.rest = p.rest[1:]
		elem := p.typ()
		t = typ{base: "[", elem: &elem}
		p.rest = strings.TrimPrefix(p.rest, "]")
	case '{':
		p.rest = p.rest[1:]
		t = typ{base: "{", fields: p.fields()}
		p.rest = strings.TrimPrefix(p.rest, "}")
	default:
		n := strings.IndexAny(p.rest, " ?]}")
		if n < 0 {
			n = len(p.rest)
		}
		t.base, p.rest = p.rest[:n], p.rest[n:]
	}
	if strings.HasPrefix(p.rest, "?") {
		t.nullable, p.rest = true, p.rest[1:]
	}
	return t
}

// Fields is a decoded struct: names and values in the order of the record.
type Fields []Field

// Field is one of them. A value is nil, bool, int64, float64, string, Fields or
// []any of these; bytes are base64 text; NaN, Inf and -Inf are text, too.
type Field struct {
	Name  string
	Value any
}

// Get finds a field's value, nil if it is not there.
func (f Fields) Get(name string) any {
	for _, x := range f {
		if x.Name == name {
			return x.Value
		}
	}
	return nil
}

// MarshalJSON writes an object with the fields in order.
func (f Fields) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, x := range f {
		if i > 0 {
			out = append(out, ',')
		}
		text, err := jsonx.Marshal(x.Value)
		if err != nil {
			return nil, err
		}
		out = append(strconv.AppendQuote(out, x.Name), ':')
		out = append(out, text...)
	}
	return append(out, '}'), nil
}

// decoder reads one record by its schema.
type decoder struct {
	b    kbin.Reader
	flex bool
	err  error
}

// decode reads src by a schema; all of src must be used.
func (s *schema) decode(src []byte) (Fields, error) {
	d := &decoder{b: kbin.Reader{Src: src}, flex: s.flex}
	out := d.fields(s.fields)
	switch {
	case d.err != nil:
		return out, fmt.Errorf("%s: %w", s.name, d.err)
	case !d.b.Ok():
		return out, fmt.Errorf("%s: the record of %d bytes is cut short", s.name, len(src))
	case len(d.b.Src) > 0:
		return out, fmt.Errorf("%s: %d bytes follow the record", s.name, len(d.b.Src))
	}
	return out, nil
}

func (d *decoder) fields(fields []field) Fields {
	out := make(Fields, 0, len(fields))
	for _, f := range fields {
		if f.tag < 0 {
			out = append(out, Field{f.name, d.value(f.typ)})
		}
	}
	if !d.flex {
		return out
	}
	for range d.b.Uvarint() {
		tag, size := d.b.Uvarint(), d.b.Uvarint()
		body := d.b.Span(int(min(size, math.MaxInt32)))
		if !d.b.Ok() {
			return out
		}
		out = append(out, d.tagged(fields, int(tag), body))
	}
	return out
}

func (d *decoder) tagged(fields []field, tag int, body []byte) Field {
	for _, f := range fields {
		if f.tag == tag {
			in := &decoder{b: kbin.Reader{Src: body}, flex: true}
			v := in.value(f.typ)
			if in.err == nil && (!in.b.Ok() || len(in.b.Src) > 0) {
				in.err = fmt.Errorf("tagged field %s does not fill its %d bytes", f.name, len(body))
			}
			d.err = errors.Join(d.err, in.err)
			return Field{f.name, v}
		}
	}
	// A later version's: what it means is unknown, but it is not hidden.
	return Field{"tag" + strconv.Itoa(tag), base64.StdEncoding.EncodeToString(body)}
}

func (d *decoder) value(t typ) any {
	switch t.base {
	case "boolean":
		return d.b.Bool()
	case "int8":
		return int64(d.b.Int8())
	case "int16":
		return int64(d.b.Int16())
	case "uint16":
		return int64(d.b.Uint16())
	case "int32":
		return int64(d.b.Int32())
	case "int64":
		return d.b.Int64()
	case "float64":
		v := d.b.Float64()
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+") // JSON has no such number
		}
		return v
	case "uuid":
		id := d.b.Uuid()
		return base64.RawURLEncoding.EncodeToString(id[:])
	case "string":
		if b, ok := d.bytes(2); ok {
			return string(b)
		}
		return nil
	case "bytes", "records":
		if b, ok := d.bytes(4); ok {
			return base64.StdEncoding.EncodeToString(b)
		}
		return nil
	case "[":
		return d.array(*t.elem)
	case "{":
		if t.nullable && d.b.Int8() < 0 {
			return nil
		}
		return d.fields(t.fields)
	}
	panic("inspect: records.txt has a type " + t.base) // embedded at build time
}

// bytes reads a length, of so many bytes where it is not compact, and what it
// counts; ok is false for null.
func (d *decoder) bytes(width int) (b []byte, ok bool) {
	n := d.length(width)
	if n < 0 {
		return nil, false
	}
	return d.b.Span(n), true
}

func (d *decoder) length(width int) int {
	switch {
	case d.flex:
		return int(d.b.Uvarint()) - 1
	case width == 2:
		return int(d.b.Int16())
	}
	return int(d.b.Int32())
}

func (d *decoder) array(elem typ) any {
	n := d.length(4)
	if n < 0 {
		return nil
	}
	if n > len(d.b.Src) { // every element has at least a byte
		d.err = errors.Join(d.err, fmt.Errorf("an array of %d elements in the %d bytes left", n, len(d.b.Src)))
		return nil
	}
	out := make([]any, 0, n)
	for range n {
		out = append(out, d.value(elem))
		if d.err != nil || !d.b.Ok() {
			break
		}
	}
	return out
}
