package javavalues

import (
	"encoding/base64"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javadate"
)

const dayMillis = 24 * 60 * 60 * 1000

const (
	datePattern      = "yyyy-MM-dd"
	timePattern      = "HH:mm:ss.SSS'Z'"
	timestampPattern = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
)

var dateFormat, timeFormat, timestampFormat = mustFormat(datePattern), mustFormat(timePattern), mustFormat(timestampPattern)

func mustFormat(pattern string) *javadate.Format {
	f, err := javadate.Compile(pattern)
	if err != nil {
		panic("javavalues: " + err.Error())
	}
	return f
}

// DateFormatFor returns the format in which a java.util.Date is written: by its
// value, not by its schema.
func DateFormatFor(millis int64) *javadate.Format {
	switch {
	case millis < dayMillis:
		return timeFormat
	case millis%dayMillis == 0:
		return dateFormat
	}
	return timestampFormat
}

// Append appends the text of a value (Values.convertToString); null is "null".
func Append(dst []byte, v data.Value) ([]byte, error) { return appendValue(dst, v, false) }

func appendValue(dst []byte, v data.Value, embedded bool) ([]byte, error) {
	switch v.Kind() {
	case data.KindString:
		return appendText(dst, v.Str(), embedded), nil
	case data.KindUnchanged:
		return appendText(dst, data.Materialize(nil, v).Str(), embedded), nil
	case data.KindBytes, data.KindByteBuffer:
		return appendText(dst, base64.StdEncoding.EncodeToString(v.Bytes()), embedded), nil
	case data.KindDate:
		return DateFormatFor(v.Millis()).Append(dst, v.Millis()), nil
	case data.KindArray:
		return appendList(dst, v.Array())
	case data.KindMap:
		return appendMap(dst, v.Map())
	case data.KindStruct:
		return appendStruct(dst, v.Struct())
	}
	return v.AppendText(dst), nil
}

func appendText(dst []byte, s string, embedded bool) []byte {
	if !embedded {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '\\' || s[i] == '"' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func appendList(dst []byte, elems []data.Value) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, e := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, e, true); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendMap(dst []byte, m *data.Map) ([]byte, error) {
	dst = append(dst, '{')
	for i, e := range m.Entries() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendMember(dst, e.Key, e.Value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendStruct(dst []byte, st *data.Struct) ([]byte, error) {
	dst = append(dst, '{')
	for i, f := range st.Schema().Fields() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendMember(dst, data.String(f.Name), st.Get(i)); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendMember(dst []byte, k, v data.Value) ([]byte, error) {
	dst, err := appendValue(dst, k, true)
	if err != nil {
		return dst, err
	}
	return appendValue(append(dst, ':'), v, true)
}

func dataErrorf(format string, args ...any) error { return connect.DataErrorf(format, args...) }
