package javavalues

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javadate"
)

// maxDepth bounds the nesting of containers.
const maxDepth = 1000

var dateSchema, timeSchema, timestampSchema = data.NewDate().Build(), data.NewTime().Build(), data.NewTimestamp().Build()

// Parse returns the schema and value of a text (Values.parseString). Null has no
// schema. Whatever is nothing else is a string.
func Parse(text string) (*data.Schema, data.Value) {
	if text == "" {
		return data.StringSchema, data.String(text)
	}
	p := parser{tokens: tokens{text: text}}
	v, err := p.value(false)
	if err != nil {
		return data.StringSchema, data.String(text)
	}
	return v.schema, v.value
}

// parsed is a value with its schema; no schema is null.
type parsed struct {
	schema *data.Schema
	value  data.Value
}

type parser struct {
	tokens
	depth int
}

// literal consumes a word that is the whole text or, embedded, a whole token.
func (p *parser) literal(word string, embedded bool) bool {
	start := p.mark()
	if p.consume(word) && (embedded || !p.more()) {
		return true
	}
	p.rewind(start)
	return false
}

func (p *parser) value(embedded bool) (parsed, error) {
	switch {
	case !p.more():
		return parsed{}, nil
	case embedded && p.consume(`"`):
		return p.quoted(), nil
	case p.literal("null", embedded):
		return parsed{}, nil
	case p.literal("true", embedded):
		return parsed{data.BoolSchema, data.Bool(true)}, nil
	case p.literal("false", embedded):
		return parsed{data.BoolSchema, data.Bool(false)}, nil
	}
	start := p.mark()
	if v, ok := p.container(); ok {
		return v, nil
	}
	p.rewind(start)
	token := p.take()
	if strings.TrimSpace(token) == "" {
		return parsed{data.StringSchema, data.String(token)}, nil
	}
	return p.scalar(trim(token), embedded)
}

// container reads an array or a map; false where there is none or a malformed one.
func (p *parser) container() (parsed, bool) {
	if p.depth++; p.depth > maxDepth {
		return parsed{}, false
	}
	defer func() { p.depth-- }()
	var v parsed
	var err error
	switch {
	case p.consume("["):
		v, err = p.array()
	case p.consume("{"):
		v, err = p.mapping()
	default:
		return parsed{}, false
	}
	return v, err == nil
}

func (p *parser) quoted() parsed {
	var sb strings.Builder
	for p.more() && !p.consume(`"`) {
		sb.WriteString(p.take())
	}
	if v, ok := temporal(sb.String()); ok {
		return v
	}
	return parsed{data.StringSchema, data.String(sb.String())}
}

func (p *parser) array() (parsed, error) {
	elems := []data.Value{}
	var elem merger
	for p.more() {
		if p.consume("]") {
			if elem.common != nil {
				if err := align(elem.common, elems); err != nil {
					return parsed{}, err
				}
			}
			return parsed{data.NewArray(elem.common).Build(), data.Array(elems)}, nil
		}
		if p.consume(",") {
			return parsed{}, dataErrorf("Unable to parse an empty array element: %s", p.text)
		}
		v, err := p.value(true)
		if err != nil {
			return parsed{}, err
		}
		elem.merge(v.schema)
		elems = append(elems, v.value)
		at := p.mark()
		if p.consume("]") {
			p.rewind(at)
		} else if !p.consume(",") {
			return parsed{}, dataErrorf("Array elements missing ',' delimiter")
		}
	}
	return parsed{}, dataErrorf("Array is missing terminating ']': %s", p.text)
}

func (p *parser) mapping() (parsed, error) {
	var keys, values []data.Value
	var key, value merger
	for p.more() {
		if p.consume("}") {
			return newMap(key.common, value.common, keys, values)
		}
		if p.consume(",") {
			return parsed{}, dataErrorf("Unable to parse a map entry with no key or value: %s", p.text)
		}
		k, err := p.value(true)
		if err != nil {
			return parsed{}, err
		}
		if k.value.IsNull() {
			return parsed{}, dataErrorf("Map entry may not have a null key: %s", p.text)
		}
		if !p.consume(":") {
			return parsed{}, dataErrorf("Map entry is missing ':' at %d in %s", p.i, p.text)
		}
		v, err := p.value(true)
		if err != nil {
			return parsed{}, err
		}
		keys, values = append(keys, k.value), append(values, v.value)
		p.consume(",")
		key.merge(k.schema)
		value.merge(v.schema)
	}
	return parsed{}, dataErrorf("Map is missing terminating '}': %s", p.text)
}

func newMap(key, value *data.Schema, keys, values []data.Value) (parsed, error) {
	if key == nil {
		value = nil
	}
	// The last of equal keys counts before types are aligned.
	raw := data.NewMapSize(len(keys))
	for i := range keys {
		raw.Put(keys[i], values[i])
	}
	keys, values = keys[:0], values[:0]
	for _, e := range raw.Entries() {
		keys, values = append(keys, e.Key), append(values, e.Value)
	}
	if key != nil {
		if err := align(key, keys); err != nil {
			return parsed{}, err
		}
	}
	if value != nil {
		if err := align(value, values); err != nil {
			return parsed{}, err
		}
	}
	m := data.NewMapSize(len(keys))
	for i := range keys {
		m.Put(keys[i], values[i])
	}
	return parsed{data.NewMap(key, value).Build(), data.MapOf(m)}, nil
}

func (p *parser) scalar(token string, embedded bool) (parsed, error) {
	first, _ := utf8.DecodeRuneInString(token)
	digit := unicode.IsDigit(first)
	if digit {
		// A colon splits a time or timestamp into five tokens.
		at := p.mark()
		if rest, ok := p.takeN(4); ok {
			if v, ok := temporal(token + rest); ok {
				return v, nil
			}
		}
		p.rewind(at)
		if v, ok := temporal(token); ok {
			return v, nil
		}
	}
	if digit || first == '+' || first == '-' {
		if v, ok := number(token); ok {
			return v, nil
		}
	}
	if embedded {
		return parsed{}, dataErrorf("Failed to parse embedded value")
	}
	return parsed{data.StringSchema, data.String(p.text)}, nil
}

// temporal reads a date, time or timestamp; its kind follows from the length.
func temporal(token string) (parsed, bool) {
	token = strings.ReplaceAll(token, `\:`, ":")
	var f *javadate.Format
	var s *data.Schema
	switch utf8.RuneCountInString(token) {
	case len("HH:mm:ss.SSSZ"):
		f, s = timeFormat, timeSchema
	case len("yyyy-MM-ddTHH:mm:ss.SSSZ"):
		f, s = timestampFormat, timestampSchema
	case len("yyyy-MM-dd"):
		f, s = dateFormat, dateSchema
	default:
		return parsed{}, false
	}
	ms, ok := f.Parse(token)
	return parsed{s, data.Date(ms)}, ok
}
