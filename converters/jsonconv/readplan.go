package jsonconv

import "github.com/leat-project/leat/connect/data"

// readPlan is a schema compiled for the fast way.
type readPlan struct {
	schema *data.Schema
	op     op
	typ    data.Type

	null   data.Value // what a null becomes
	nullOK bool       // else the slow way finds the error
	shared bool       // null holds memory that each record needs for itself

	scale     int32
	key, elem *readPlan
	fields    []readField
}

type readField struct {
	prefix []byte // "name":
	*readPlan
}

func (d *decoder) compile(s *data.Schema) *readPlan {
	p := &readPlan{schema: s, typ: s.Type()}
	switch s.Type() {
	case data.TypeArray:
		p.op, p.elem = opArray, d.compile(s.Elem())
	case data.TypeMap:
		p.op, p.key, p.elem = opPairs, d.compile(s.Key()), d.compile(s.Elem())
		if s.Key().Type() == data.TypeString {
			p.op = opObject
		}
	case data.TypeStruct:
		p.op = opStruct
		p.fields = make([]readField, s.NumFields())
		for i, f := range s.Fields() {
			p.fields[i] = readField{append(appendString(nil, f.Name), ':'), d.compile(f.Schema)}
		}
	case data.TypeBytes:
		p.op = opBytes
	default:
		p.op = opKind
	}
	if logical, ok := opOfLogical[s.Name()]; ok {
		p.op = logical
		if logical == opDecimal {
			var err error
			if p.scale, err = scaleOf(s); err != nil {
				p.op = opUnknown
			}
		}
	}
	if def, ok := s.Default(); ok && d.nullToDefault {
		p.null, p.nullOK = def, true
		p.shared = def.Kind() >= data.KindArray
	} else {
		p.nullOK = s.Optional()
	}
	return p
}

func (p *readPlan) ofNull() data.Value {
	if p.shared {
		return p.null.Clone()
	}
	return p.null
}
