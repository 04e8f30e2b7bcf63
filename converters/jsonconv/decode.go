package jsonconv

import (
	"bytes"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// topics bounds the topics whose last schema is remembered.
const topics = 4096

// recent is how many schema texts are tried by comparing bytes before the text is
// delimited and looked up.
const recent = 4

// readEntry is a schema text and what was made of it.
type readEntry struct {
	text   []byte
	schema *data.Schema
	plan   *readPlan
}

// decoder reads messages. Its schema texts are bounded by limit.
type decoder struct {
	slow
	limit   int
	fixed   *readEntry // schema.content
	entries map[string]*readEntry
	byTopic map[string]*readEntry // the last one of each topic
	recent  [recent]*readEntry    // most recent first
	fast    fast
}

const envelopeHelp = "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain additional fields. " +
	"If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration."

func (d *decoder) message(a *data.Arena, topic string, envelope bool, b []byte) (*data.Schema, data.Value, error) {
	switch {
	case d.fixed != nil:
		if v, ok := d.fast.bare(a, d.fixed.plan, b); ok {
			return d.fixed.schema, v, nil
		}
	case envelope:
		if s, v, ok := d.envelope(a, topic, b); ok {
			return s, v, nil
		}
	default:
		if v, ok := d.fast.bare(a, nil, b); ok {
			return nil, v, nil
		}
	}
	return d.slowMessage(envelope, b)
}

// slowMessage is message by way of the tree.
func (d *decoder) slowMessage(envelope bool, b []byte) (*data.Schema, data.Value, error) {
	n, err := parse(b)
	if err != nil {
		return nil, data.Null, err
	}
	if d.fixed != nil {
		v, err := d.value(d.fixed.schema, n)
		return d.fixed.schema, v, err
	}
	if !envelope {
		v, err := d.schemaless(n)
		return nil, v, err
	}
	schema, payload := n.get("schema"), n.get("payload")
	if n.kind != nodeObject || len(n.names) != 2 || schema == nil || payload == nil {
		return nil, data.Null, connect.DataErrorf("%s", envelopeHelp)
	}
	s, err := d.schema(schema)
	if err != nil {
		return nil, data.Null, err
	}
	v, err := d.value(s, payload)
	return s, v, err
}

var (
	envelopeHead    = []byte(`{"schema":`)
	envelopeNull    = []byte(`null,"payload":`)
	envelopePayload = []byte(`,"payload":`)
)

// envelope reads the layout {"schema":S,"payload":P}; ok is false for any other.
func (d *decoder) envelope(a *data.Arena, topic string, b []byte) (*data.Schema, data.Value, bool) {
	if !bytes.HasPrefix(b, envelopeHead) {
		return nil, data.Null, false
	}
	rest := b[len(envelopeHead):]
	if bytes.HasPrefix(rest, envelopeNull) {
		v, ok := d.fast.member(a, nil, rest[len(envelopeNull):])
		return nil, v, ok
	}
	// Whole objects only are kept, so a text that is a prefix is the value.
	e := d.byTopic[topic]
	if e == nil || !bytes.HasPrefix(rest, e.text) {
		if e = d.entry(rest); e == nil {
			return nil, data.Null, false
		}
		if d.byTopic == nil || len(d.byTopic) >= topics {
			d.byTopic = map[string]*readEntry{}
		}
		d.byTopic[strings.Clone(topic)] = e
	}
	rest = rest[len(e.text):]
	if !bytes.HasPrefix(rest, envelopePayload) {
		return nil, data.Null, false
	}
	v, ok := d.fast.member(a, e.plan, rest[len(envelopePayload):])
	return e.schema, v, ok
}

// entry returns the entry of the schema text at the start of rest, nil when it is
// none that the fast way can use.
func (d *decoder) entry(rest []byte) *readEntry {
	for i, e := range d.recent {
		if e != nil && bytes.HasPrefix(rest, e.text) {
			if i > 0 {
				copy(d.recent[1:i+1], d.recent[:i])
				d.recent[0] = e
			}
			return e
		}
	}
	end := objectEnd(rest)
	if end < 0 {
		return nil
	}
	e := d.entries[string(rest[:end])]
	if e == nil {
		if e = d.learn(rest[:end]); e == nil {
			return nil
		}
	}
	copy(d.recent[1:], d.recent[:recent-1])
	d.recent[0] = e
	return e
}

func (d *decoder) learn(text []byte) *readEntry {
	n, err := parse(text)
	if err != nil {
		return nil
	}
	s, err := d.schema(n)
	if err != nil || s == nil {
		return nil
	}
	if len(d.entries) >= d.limit {
		clear(d.entries)
		clear(d.byTopic)
		d.recent = [recent]*readEntry{}
	}
	e := &readEntry{text: bytes.Clone(text), schema: s, plan: d.compile(s)}
	d.entries[string(e.text)] = e
	return e
}

// objectEnd returns where the object at the start of b ends, -1 if it is none. It
// only counts braces outside of strings; the parser checks the rest.
func objectEnd(b []byte) int {
	if len(b) == 0 || b[0] != '{' {
		return -1
	}
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\' && inString:
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
