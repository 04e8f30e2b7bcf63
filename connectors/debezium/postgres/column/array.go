package column

import (
	"bytes"
	"fmt"

	"github.com/leat-project/leat/connect/data"
)

// arrayDecoder reads PostgreSQL's array text. As in Debezium only the outermost
// dimension is kept: each sub-array shows as null.
func arrayDecoder(elem Decoder, delimiter byte) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) {
		text := raw
		if len(text) > 0 && text[0] == '[' { // [0:1]={...}: other lower bounds
			if i := bytes.IndexByte(text, '='); i > 0 {
				text = text[i+1:]
			}
		}
		if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
			return data.Null, fmt.Errorf("%q is no array", raw)
		}
		text = text[1 : len(text)-1]
		if len(text) == 0 {
			return data.Array(nil), nil
		}
		values := sp.Arena.Values(countElements(text, delimiter))
		for i := range values {
			var item []byte
			var null bool
			item, text, null = nextElement(sp, text, delimiter)
			if null {
				continue
			}
			v, err := elem(sp, item)
			if err != nil {
				return data.Null, err
			}
			values[i] = v
		}
		return data.Array(values), nil
	}
}

// countElements counts the elements of the outermost dimension.
func countElements(text []byte, delimiter byte) int {
	n := 1
	for i := skipElement(text, delimiter); i < len(text); i += 1 + skipElement(text[i+1:], delimiter) {
		n++
	}
	return n
}

// skipElement returns the length of the first element.
func skipElement(text []byte, delimiter byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == delimiter && depth == 0:
			return i
		}
	}
	return len(text)
}

// nextElement cuts the first element off, without quotes and escapes.
func nextElement(sp Space, text []byte, delimiter byte) (item, rest []byte, null bool) {
	n := skipElement(text, delimiter)
	item, rest = text[:n:n], text[min(n+1, len(text)):]
	switch {
	case len(item) == 4 && string(item) == "NULL":
		return nil, rest, true
	case len(item) > 0 && item[0] == '{':
		return nil, rest, true
	case len(item) < 2 || item[0] != '"':
		return item, rest, false
	}
	item = item[1 : len(item)-1]
	if bytes.IndexByte(item, '\\') < 0 {
		return item, rest, false
	}
	b := sp.Bytes.Start(len(item))
	for i := 0; i < len(item); i++ {
		if item[i] == '\\' && i+1 < len(item) {
			i++
		}
		b = append(b, item[i])
	}
	return sp.Bytes.Keep(b), rest, false
}
