package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/data"
)

// asText returns the encoder of a value that the server casts from text, nil
// where there is none.
func asText(src source, s *data.Schema) appendFunc {
	switch src {
	case srcString, srcZonedTimestamp, srcISODate:
		return appendString
	case srcBits:
		length := -1
		if p, ok := s.Param("length"); ok && p != "2147483647" {
			if n, err := strconv.Atoi(p); err == nil {
				length = n
			}
		}
		return func(dst []byte, v data.Value) ([]byte, error) {
			if k := v.Kind(); k != data.KindBytes && k != data.KindByteBuffer {
				return wrongKind(dst, v, "bits as bytes")
			}
			return appendBitText(dst, v.Bytes(), length), nil
		}
	case srcPoint:
		return appendPoint
	case srcGeometry:
		return appendGeometry
	case srcVector:
		return appendVector
	case srcSparseVector:
		return appendSparseVector
	case srcMap:
		return appendHstore
	}
	return nil
}

func appendFloat(dst []byte, v data.Value) ([]byte, error) {
	f, ok := number(v)
	if !ok {
		return wrongKind(dst, v, "a number")
	}
	bits := 64
	if v.Kind() == data.KindFloat32 {
		bits = 32
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits), nil
}

func appendPoint(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindStruct {
		return wrongKind(dst, v, "a point")
	}
	x, _ := v.Struct().Lookup("x")
	y, _ := v.Struct().Lookup("y")
	dst, err := appendFloat(append(dst, '('), x)
	if err != nil {
		return dst, err
	}
	dst, err = appendFloat(append(dst, ','), y)
	return append(dst, ')'), err
}

// appendGeometry writes PostGIS's text form: hexadecimal WKB behind the SRID.
func appendGeometry(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindStruct {
		return wrongKind(dst, v, "a geometry")
	}
	wkb, _ := v.Struct().Lookup("wkb")
	if k := wkb.Kind(); k != data.KindBytes && k != data.KindByteBuffer {
		return dst, fmt.Errorf("its geometry has no wkb")
	}
	if srid, ok := v.Struct().Lookup("srid"); ok && srid.IsInt() && srid.Int() != 0 {
		dst = append(strconv.AppendInt(append(dst, "SRID="...), srid.Int(), 10), ';')
	}
	return hex.AppendEncode(dst, wkb.Bytes()), nil
}

func appendVector(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindArray {
		return wrongKind(dst, v, "an array of numbers")
	}
	dst = append(dst, '[')
	for i, e := range v.Array() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendFloat(dst, e); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendSparseVector writes pgvector's {index:value,...}/dimensions.
func appendSparseVector(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindStruct {
		return wrongKind(dst, v, "a sparse vector")
	}
	dims, _ := v.Struct().Lookup("dimensions")
	vector, _ := v.Struct().Lookup("vector")
	if !dims.IsInt() || vector.Kind() != data.KindMap {
		return dst, fmt.Errorf("its sparse vector lacks dimensions or vector")
	}
	dst = append(dst, '{')
	for i, e := range vector.Map().Entries() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !e.Key.IsInt() {
			return wrongKind(dst, e.Key, "integer indexes")
		}
		var err error
		if dst, err = appendFloat(append(strconv.AppendInt(dst, e.Key.Int(), 10), ':'), e.Value); err != nil {
			return dst, err
		}
	}
	return strconv.AppendInt(append(dst, "}/"...), dims.Int(), 10), nil
}

func appendHstore(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindMap {
		return wrongKind(dst, v, "a map of strings")
	}
	for i, e := range v.Map().Entries() {
		if e.Key.Kind() != data.KindString || (e.Value.Kind() != data.KindString && !e.Value.IsNull()) {
			return dst, fmt.Errorf("its map is not of strings")
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, e.Key.Str()), "=>"...)
		if e.Value.IsNull() {
			dst = append(dst, "NULL"...)
		} else {
			dst = appendQuoted(dst, e.Value.Str())
		}
	}
	return dst, nil
}

// appendHstoreJSON writes an hstore that the source sent as a JSON object.
func appendHstoreJSON(dst []byte, v data.Value) ([]byte, error) {
	if v.Kind() != data.KindString {
		return wrongKind(dst, v, "a JSON object of strings")
	}
	var object map[string]*string
	if err := json.Unmarshal([]byte(v.Str()), &object); err != nil {
		return dst, fmt.Errorf("its value %q is not a JSON object of strings: %w", v.Str(), err)
	}
	m := data.NewMapSize(len(object))
	for key, value := range object {
		if value == nil {
			m.PutString(key, data.Null)
		} else {
			m.PutString(key, data.String(*value))
		}
	}
	return appendHstore(dst, data.MapOf(m))
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func appendQuoted(dst []byte, s string) []byte {
	return append(append(append(dst, '"'), quoted.Replace(s)...), '"')
}

// bindArray writes one-dimensional arrays: binary where the element type has an
// encoder, else as an array literal.
func bindArray(s *data.Schema, t *Type, o Options) *Binder {
	if s.Elem() == nil {
		return refuse(s, t, "")
	}
	elem := bindType(s.Elem(), t.Elem, o)
	if elem.Text {
		return &Binder{OID: textOID, Text: true, append: func(dst []byte, v data.Value) ([]byte, error) {
			return appendArrayText(dst, v, elem)
		}}
	}
	return &Binder{OID: t.OID, append: func(dst []byte, v data.Value) ([]byte, error) {
		if v.Kind() != data.KindArray {
			return wrongKind(dst, v, "an array")
		}
		return appendArray(dst, v.Array(), elem)
	}}
}

// appendArray writes: int32 dimensions, has nulls, element type; then per
// dimension int32 length and lower bound; then the elements as fields.
func appendArray(dst []byte, elems []data.Value, elem *Binder) ([]byte, error) {
	if len(elems) == 0 {
		dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
		return binary.BigEndian.AppendUint32(dst, elem.OID), nil
	}
	hasNull := byte(0)
	for i := range elems {
		if elems[i].IsNull() {
			hasNull = 1
		}
	}
	dst = append(dst, 0, 0, 0, 1, 0, 0, 0, hasNull)
	dst = binary.BigEndian.AppendUint32(dst, elem.OID)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(elems)))
	dst = append(dst, 0, 0, 0, 1)
	for i := range elems {
		var err error
		if dst, err = elem.Field(dst, elems[i]); err != nil {
			return dst, fmt.Errorf("in element %d of its array: %w", i, err)
		}
	}
	return dst, nil
}

func appendArrayText(dst []byte, v data.Value, elem *Binder) ([]byte, error) {
	if v.Kind() != data.KindArray {
		return wrongKind(dst, v, "an array")
	}
	dst = append(dst, '{')
	for i, e := range v.Array() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if e.IsNull() {
			dst = append(dst, "NULL"...)
			continue
		}
		text, err := elem.append(nil, e)
		if err != nil {
			return dst, fmt.Errorf("in element %d of its array: %w", i, err)
		}
		dst = appendQuoted(dst, string(text))
	}
	return append(dst, '}'), nil
}
