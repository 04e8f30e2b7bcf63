package data

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// AppendDebug appends a value as JSON that names the class of every datum:
// {"int32":5}, {"struct":{"id":{"int64":1}}}, null. It is for logs and test
// messages and loses nothing but schemas.
func (v Value) AppendDebug(dst []byte) []byte {
	if v.kind == KindNull {
		return append(dst, "null"...)
	}
	dst = append(dst, `{"`...)
	dst = append(dst, v.kind.String()...)
	dst = append(dst, `":`...)
	return append(v.appendDebugBody(dst), '}')
}

// DebugString is AppendDebug as a string.
func (v Value) DebugString() string { return string(v.AppendDebug(nil)) }

func (v Value) appendDebugBody(dst []byte) []byte {
	switch v.kind {
	case KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case KindInt8, KindInt16, KindInt32, KindInt64, KindDate:
		return appendInt(dst, int64(v.n))
	case KindBytes, KindByteBuffer:
		return appendQuoted(dst, base64.StdEncoding.EncodeToString(v.Bytes()))
	case KindArray:
		dst = append(dst, '[')
		for i, e := range v.Array() {
			dst = e.AppendDebug(comma(dst, i))
		}
		return append(dst, ']')
	case KindMap:
		dst = append(dst, '[')
		for i, e := range v.Map().entries {
			dst = append(e.Key.AppendDebug(append(comma(dst, i), '[')), ',')
			dst = append(e.Value.AppendDebug(dst), ']')
		}
		return append(dst, ']')
	case KindStruct:
		st := v.Struct()
		dst = append(dst, '{')
		for i, f := range st.schema.fields {
			dst = append(appendQuoted(comma(dst, i), f.Name), ':')
			dst = st.values[i].AppendDebug(dst)
		}
		return append(dst, '}')
	}
	return appendQuoted(dst, v.String())
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

func appendQuoted(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("data: a string that is no JSON: " + err.Error())
	}
	return append(dst, b...)
}
