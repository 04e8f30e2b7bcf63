package jsonconv

import (
	"slices"
	"strconv"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// op is what a plan writes.
type op uint8

const (
	opUnknown op = iota
	opKind       // a primitive: a value of the one kind of the type
	opBytes
	opDecimal
	opDate
	opTime
	opTimestamp
	opArray
	opObject // map with string keys
	opPairs  // other map: array of [key,value]
	opStruct
)

var opOfLogical = map[string]op{
	data.DecimalName: opDecimal, data.DateName: opDate, data.TimeName: opTime, data.TimestampName: opTimestamp,
}

// plan is a schema compiled for writing.
type plan struct {
	schema *data.Schema
	same   *data.Schema // another schema of that content, the last one seen
	op     op
	kind   data.Kind // of opKind

	null    []byte // what a null is written as
	nullErr error  // or why it cannot be

	scale    int32 // opDecimal
	scaleErr error

	elem, key *plan
	fields    []fieldPlan

	envelope []byte // root only: {"schema":...,"payload":
}

type fieldPlan struct {
	prefix []byte // {"name": or ,"name":
	*plan
}

var kindOf = [...]data.Kind{data.TypeInt8: data.KindInt8, data.TypeInt16: data.KindInt16, data.TypeInt32: data.KindInt32,
	data.TypeInt64: data.KindInt64, data.TypeFloat32: data.KindFloat32, data.TypeFloat64: data.KindFloat64,
	data.TypeBoolean: data.KindBool, data.TypeString: data.KindString, data.TypeStruct: data.KindNull}

// root returns the plan of a schema, which must not be nil.
func (e *encoder) root(s *data.Schema) *plan {
	if e.last != nil && e.last.schema == s {
		return e.last
	}
	p := e.plans[s]
	if p == nil {
		if len(e.plans) >= e.limit {
			clear(e.plans)
		}
		p = e.compile(s)
		e.plans[s] = p
	}
	e.last = p
	return p
}

// envelope returns the text before the payload.
func (e *encoder) envelope(p *plan) ([]byte, error) {
	if p.envelope == nil {
		text, err := e.appendSchema([]byte(`{"schema":`), p.schema, nil)
		if err != nil {
			return nil, err
		}
		p.envelope = append(text, `,"payload":`...)
	}
	return p.envelope, nil
}

func (e *encoder) compile(s *data.Schema) *plan {
	p := &plan{schema: s}
	switch s.Type() {
	case data.TypeArray:
		p.op, p.elem = opArray, e.compile(s.Elem())
	case data.TypeMap:
		p.op, p.key, p.elem = opPairs, e.compile(s.Key()), e.compile(s.Elem())
		if s.Key().Type() == data.TypeString {
			p.op = opObject
		}
	case data.TypeStruct:
		p.op = opStruct
		p.fields = make([]fieldPlan, s.NumFields())
		for i, f := range s.Fields() {
			lead := byte(',')
			if i == 0 {
				lead = '{'
			}
			prefix := append(appendString([]byte{lead}, f.Name), ':')
			p.fields[i] = fieldPlan{slices.Clip(prefix), e.compile(f.Schema)}
		}
	case data.TypeBytes:
		p.op = opBytes
	default:
		p.op, p.kind = opKind, kindOf[s.Type()]
	}
	if logical, ok := opOfLogical[s.Name()]; ok {
		p.op = logical
		if logical == opDecimal {
			p.scale, p.scaleErr = scaleOf(s)
		}
	}
	e.compileNull(p)
	return p
}

func (e *encoder) compileNull(p *plan) {
	def, ok := p.schema.Default()
	switch {
	case ok && e.nullToDefault:
		p.null, p.nullErr = e.value(nil, p, def)
	case p.schema.Optional():
		p.null = []byte("null")
	default:
		p.nullErr = connect.DataErrorf("Conversion error: null value for field that is required and has no default value")
	}
}

func scaleOf(s *data.Schema) (int32, error) {
	text, ok := s.Param(data.ScaleParam)
	if !ok {
		return 0, connect.DataErrorf("Invalid Decimal schema: scale parameter not found.")
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, connect.Cause(connect.ClassData, "Invalid scale parameter found in Decimal schema: ",
			connect.Errorf("java.lang.NumberFormatException", "For input string: \"%s\"", text))
	}
	return int32(n), nil
}
