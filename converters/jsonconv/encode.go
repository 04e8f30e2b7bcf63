package jsonconv

import (
	"strconv"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

const dayMillis = 24 * 60 * 60 * 1000

// encoder writes values. Its plans are bounded by limit.
type encoder struct {
	numeric       bool // decimal.format
	nullToDefault bool
	limit         int
	plans         map[*data.Schema]*plan
	last          *plan
	unscaled      []byte // scratch
}

// message appends a whole message with or without the envelope.
func (e *encoder) message(dst []byte, envelope bool, s *data.Schema, v data.Value) ([]byte, error) {
	if s == nil {
		if !envelope {
			return e.schemaless(dst, v)
		}
		dst, err := e.schemaless(append(dst, `{"schema":null,"payload":`...), v)
		return append(dst, '}'), err
	}
	p := e.root(s)
	if !envelope {
		return e.value(dst, p, v)
	}
	head, err := e.envelope(p)
	if err != nil {
		return dst, err
	}
	dst, err = e.value(append(dst, head...), p, v)
	return append(dst, '}'), err
}

// value appends v as its plan says.
func (e *encoder) value(dst []byte, p *plan, v data.Value) ([]byte, error) {
	switch v.Kind() {
	case data.KindNull:
		return append(dst, p.null...), p.nullErr
	case data.KindUnchanged:
		return e.value(dst, p, data.Materialize(p.schema, v))
	}
	switch p.op {
	case opKind:
		if v.Kind() != p.kind {
			return dst, wrongKind(p, v)
		}
		return appendPrimitive(dst, v), nil
	case opBytes:
		if v.Kind() != data.KindBytes && v.Kind() != data.KindByteBuffer {
			return dst, connect.DataErrorf("Invalid type for bytes type: class %s", v.Kind().JavaClass())
		}
		return appendBase64(dst, v.Bytes()), nil
	case opStruct:
		return e.row(dst, p, v)
	case opArray:
		return e.list(dst, p, v)
	case opObject, opPairs:
		return e.mapping(dst, p, v)
	}
	return e.logical(dst, p, v)
}

func wrongKind(p *plan, v data.Value) error {
	return connect.DataErrorf("Invalid type for %s: class %s", p.schema.Type(), v.Kind().JavaClass())
}

// appendPrimitive appends a boolean, number or string.
func appendPrimitive(dst []byte, v data.Value) []byte {
	switch v.Kind() {
	case data.KindString:
		return appendString(dst, v.Str())
	case data.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case data.KindFloat32, data.KindFloat64:
		return appendFloat(dst, v)
	}
	return strconv.AppendInt(dst, v.Int(), 10)
}

func (e *encoder) row(dst []byte, p *plan, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindStruct {
		return dst, wrongKind(p, v)
	}
	st := v.Struct()
	if own := st.Schema(); own != p.schema && own != p.same {
		if !own.Equal(p.schema) {
			return dst, connect.DataErrorf("Mismatching schema.")
		}
		p.same = own
	}
	if len(p.fields) == 0 {
		return append(dst, '{', '}'), nil
	}
	var err error
	values := st.Values()
	for i := range p.fields {
		f := &p.fields[i]
		dst = append(dst, f.prefix...)
		v := values[i]
		// The two commonest cases inline: a primitive of the right kind, and null.
		if f.op == opKind && v.Kind() == f.kind {
			dst = appendPrimitive(dst, v)
			continue
		}
		if v.IsNull() && f.nullErr == nil {
			dst = append(dst, f.null...)
			continue
		}
		if dst, err = e.value(dst, f.plan, v); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (e *encoder) list(dst []byte, p *plan, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindArray {
		return dst, wrongKind(p, v)
	}
	dst = append(dst, '[')
	var err error
	for i, elem := range v.Array() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = e.value(dst, p.elem, elem); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (e *encoder) mapping(dst []byte, p *plan, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindMap {
		return dst, wrongKind(p, v)
	}
	object := p.op == opObject
	open, end := byte('['), byte(']')
	if object {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	var err error
	for i, entry := range v.Map().Entries() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if object {
			dst, err = e.memberName(dst, p.key, entry.Key)
		} else {
			dst, err = e.value(append(dst, '['), p.key, entry.Key)
			dst = append(dst, ',')
		}
		if err != nil {
			return dst, err
		}
		if dst, err = e.value(dst, p.elem, entry.Value); err != nil {
			return dst, err
		}
		if !object {
			dst = append(dst, ']')
		}
	}
	return append(dst, end), nil
}

// memberName appends a string key; a null key becomes the name "null".
func (e *encoder) memberName(dst []byte, key *plan, k data.Value) ([]byte, error) {
	n := len(dst)
	dst, err := e.value(dst, key, k)
	if err == nil && dst[n] != '"' {
		dst = appendString(dst[:n], string(dst[n:]))
	}
	return append(dst, ':'), err
}

func (e *encoder) logical(dst []byte, p *plan, v data.Value) ([]byte, error) {
	if p.op == opDecimal {
		return e.decimal(dst, p, v)
	}
	if v.Kind() != data.KindDate {
		name := map[op]string{opDate: "Date", opTime: "Time", opTimestamp: "Timestamp"}[p.op]
		return dst, connect.DataErrorf("Invalid type for %s, expected Date but was class %s", name, v.Kind().JavaClass())
	}
	ms := v.Millis()
	switch p.op {
	case opDate:
		if ms%dayMillis != 0 {
			return dst, connect.DataErrorf("Kafka Connect Date type should not have any time fields set to non-zero values.")
		}
		ms = int64(int32(ms / dayMillis))
	case opTime:
		if ms < 0 || ms > dayMillis {
			return dst, connect.DataErrorf("Kafka Connect Time type should not have any date fields set to non-zero values.")
		}
	}
	return strconv.AppendInt(dst, ms, 10), nil
}

func (e *encoder) decimal(dst []byte, p *plan, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindDecimal {
		return dst, connect.DataErrorf("Invalid type for Decimal, expected BigDecimal but was class %s", v.Kind().JavaClass())
	}
	if e.numeric {
		return v.AppendDecimal(dst), nil
	}
	if p.scaleErr != nil {
		return dst, p.scaleErr
	}
	if scale := v.DecimalScale(); scale != p.scale {
		return dst, connect.DataErrorf("Decimal value has mismatching scale for given Decimal schema. Schema has scale %d, value has scale %d.",
			p.scale, scale)
	}
	e.unscaled = v.UnscaledBytes(e.unscaled[:0])
	return appendBase64(dst, e.unscaled), nil
}

// schemaless appends a value that has no schema.
func (e *encoder) schemaless(dst []byte, v data.Value) ([]byte, error) {
	switch v.Kind() {
	case data.KindNull:
		return append(dst, "null"...), nil
	case data.KindUnchanged:
		return e.schemaless(dst, data.Materialize(nil, v))
	case data.KindBytes, data.KindByteBuffer:
		return appendBase64(dst, v.Bytes()), nil
	case data.KindArray:
		return e.schemalessList(dst, v.Array())
	case data.KindMap:
		return e.schemalessMap(dst, v.Map())
	case data.KindStruct:
		return dst, connect.DataErrorf("Mismatching schema.")
	case data.KindDecimal, data.KindBigInteger, data.KindDate:
		return dst, connect.DataErrorf("Java class class %s does not have corresponding schema type.", v.Kind().JavaClass())
	}
	return appendPrimitive(dst, v), nil
}

func (e *encoder) schemalessList(dst []byte, elems []data.Value) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, elem := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = e.schemaless(dst, elem); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (e *encoder) schemalessMap(dst []byte, m *data.Map) ([]byte, error) {
	object := true
	for _, entry := range m.Entries() {
		object = object && entry.Key.Kind() == data.KindString
	}
	open, between, end := byte('['), byte(','), byte(']')
	if object {
		open, between, end = '{', ':', '}'
	}
	dst = append(dst, open)
	var err error
	for i, entry := range m.Entries() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !object {
			dst = append(dst, '[')
		}
		if dst, err = e.schemaless(dst, entry.Key); err != nil {
			return dst, err
		}
		dst = append(dst, between)
		if dst, err = e.schemaless(dst, entry.Value); err != nil {
			return dst, err
		}
		if !object {
			dst = append(dst, ']')
		}
	}
	return append(dst, end), nil
}
