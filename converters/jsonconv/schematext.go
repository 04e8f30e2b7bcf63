package jsonconv

import (
	"strconv"

	"github.com/leat-project/leat/connect/data"
)

var typeText = [...]string{data.TypeInt8: "int8", data.TypeInt16: "int16", data.TypeInt32: "int32", data.TypeInt64: "int64",
	data.TypeFloat32: "float", data.TypeFloat64: "double", data.TypeBoolean: "boolean", data.TypeString: "string",
	data.TypeBytes: "bytes", data.TypeArray: "array", data.TypeMap: "map", data.TypeStruct: "struct"}

// appendSchema appends the envelope's form of a schema. Its members are in Java's
// order: type, items | keys, values | fields, optional, name, version, doc,
// parameters, default, field (the name as a member of a struct, nil for none).
func (e *encoder) appendSchema(dst []byte, s *data.Schema, field *string) ([]byte, error) {
	if s == nil {
		return append(dst, "null"...), nil
	}
	dst = append(dst, `{"type":"`...)
	dst = append(append(dst, typeText[s.Type()]...), '"')
	dst, err := e.appendParts(dst, s)
	if err != nil {
		return dst, err
	}
	dst = strconv.AppendBool(append(dst, `,"optional":`...), s.Optional())
	if s.Name() != "" {
		dst = appendString(append(dst, `,"name":`...), s.Name())
	}
	if v, ok := s.Version(); ok {
		dst = strconv.AppendInt(append(dst, `,"version":`...), int64(v), 10)
	}
	if s.Doc() != "" {
		dst = appendString(append(dst, `,"doc":`...), s.Doc())
	}
	for i, p := range s.Params() {
		lead := `,`
		if i == 0 {
			lead = `,"parameters":{`
		}
		dst = append(appendString(append(dst, lead...), p.Key), ':')
		dst = appendString(dst, p.Value)
	}
	if len(s.Params()) > 0 {
		dst = append(dst, '}')
	}
	if def, ok := s.Default(); ok {
		dst, err = e.value(append(dst, `,"default":`...), e.compile(s), def)
		if err != nil {
			return dst, err
		}
	}
	if field != nil {
		dst = appendString(append(dst, `,"field":`...), *field)
	}
	return append(dst, '}'), nil
}

func (e *encoder) appendParts(dst []byte, s *data.Schema) ([]byte, error) {
	var err error
	switch s.Type() {
	case data.TypeArray:
		return e.appendSchema(append(dst, `,"items":`...), s.Elem(), nil)
	case data.TypeMap:
		if dst, err = e.appendSchema(append(dst, `,"keys":`...), s.Key(), nil); err != nil {
			return dst, err
		}
		return e.appendSchema(append(dst, `,"values":`...), s.Elem(), nil)
	case data.TypeStruct:
		dst = append(dst, `,"fields":[`...)
		for i := range s.Fields() {
			if i > 0 {
				dst = append(dst, ',')
			}
			f := &s.Fields()[i]
			if dst, err = e.appendSchema(dst, f.Schema, &f.Name); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	}
	return dst, nil
}
