package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javamap"
	"github.com/leat-project/leat/worker/model"
)

// appendString appends a JSON string as Jackson's UTF-8 generator writes it:
// nothing but quotes, backslashes and control characters is escaped, and
// supplementary characters are written as surrogate pairs in \u form.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\b':
			dst = append(dst, '\\', 'b')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\f':
			dst = append(dst, '\\', 'f')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			for _, u := range [2]rune{hi, lo} {
				dst = append(dst, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
			}
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// appendValue appends a primitive as Jackson writes it. The error names a value
// that an offset may not hold (OffsetUtils.validateFormat).
func appendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return appendString(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int8:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int16:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case float32:
		return appendFloat(dst, data.Float32(v)), nil
	case float64:
		return appendFloat(dst, data.Float64(v)), nil
	case json.Number:
		return append(dst, v...), nil
	}
	return nil, fmt.Errorf("offsets may only contain primitive types as values, but there is a %T", v)
}

// appendFloat appends Java's text of a floating point number; what is no JSON
// number is quoted, as Jackson does by default.
func appendFloat(dst []byte, v data.Value) []byte {
	if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
		return append(v.AppendText(append(dst, '"')), '"')
	}
	return v.AppendText(dst)
}

// appendMap appends a flat map in HashMap order. A nil map is null.
func appendMap(dst []byte, m map[string]any) ([]byte, error) {
	if m == nil {
		return append(dst, "null"...), nil
	}
	dst = append(dst, '{')
	for i, k := range javamap.Order(m) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, k), ':')
		var err error
		if dst, err = appendValue(dst, m[k]); err != nil {
			return nil, fmt.Errorf("field %s: %w", k, err)
		}
	}
	return append(dst, '}'), nil
}

// appendConfig is appendMap for configurations.
func appendConfig(dst []byte, m model.Config) []byte {
	dst = append(dst, '{')
	for i, k := range javamap.Order(m) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, k), ':')
		if m[k] == nil {
			dst = append(dst, "null"...)
		} else {
			dst = appendString(dst, m.Text(k))
		}
	}
	return append(dst, '}')
}

// parseMap reads a flat JSON object; integers become int64, other numbers
// float64. null is a nil map.
func parseMap(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	for k, v := range m {
		n, ok := v.(json.Number)
		if !ok {
			continue
		}
		if i, err := n.Int64(); err == nil {
			m[k] = i
			continue
		}
		f, err := n.Float64()
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", k, err)
		}
		m[k] = f
	}
	return m, nil
}
