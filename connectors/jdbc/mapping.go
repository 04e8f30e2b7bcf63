package jdbc

import (
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// operation is what a record asks for.
type operation uint8

const (
	opSkip operation = iota
	opWrite
	opDelete
	opTruncate
)

// mapping is what follows from a topic and a pair of schemas: where the parts of
// a record are and which columns they make.
type mapping struct {
	topic      string
	key, value *data.Schema

	envelope bool
	// Fields of a Debezium envelope, -1 if absent.
	op, before, after, source int

	row     *data.Schema // of the row, nil when the record has no value schema
	columns []column     // key columns first
	keys    int
	err     error // why no record of these schemas can be written

	name         nameParts
	sourceFields []int // of the source block, for the placeholders of name
	plans        map[string]*plan
	refusals     map[string]refusal // tables that could not be used
	last         *plan
	lastValues   []string // of the placeholders, for last
}

// refusal is why a table cannot take the records of a mapping. It is looked at
// again after a while, since somebody may have changed the table.
type refusal struct {
	err   error
	until time.Time
}

const refusalTime = time.Second

// column is a column that the records of a mapping fill.
type column struct {
	name   string // of the column
	field  string
	schema *data.Schema
	key    bool
	from   origin
	index  int // of the field
}

// origin is where the value of a column comes from.
type origin uint8

const (
	fromRow origin = iota
	fromKeyField
	fromKey // the key is the value
	fromTopic
	fromPartition
	fromOffset
	fromHeader
)

func newMapping(s *settings, r *connect.Record) *mapping {
	m := &mapping{topic: r.Topic, key: r.KeySchema, value: r.ValueSchema, plans: map[string]*plan{}, refusals: map[string]refusal{},
		name: s.table.forTopic(r.Topic), op: -1, before: -1, after: -1, source: -1}
	m.readValue(s)
	if m.err == nil {
		m.err = m.readSource()
	}
	if m.err == nil {
		m.err = m.readColumns(s, r)
	}
	return m
}

// readValue tells an envelope from a plain row. Only Debezium's class unwraps
// envelopes, as in Java.
func (m *mapping) readValue(s *settings) {
	v := m.value
	if v == nil {
		return
	}
	if v.Type() != data.TypeStruct {
		m.err = connect.ConnectErrorf("Value schema must be of type Struct")
		return
	}
	if !s.confluent && strings.Contains(v.Name(), "Envelope") {
		m.envelope = true
		m.op, m.before, m.after, m.source = v.FieldIndex("op"), v.FieldIndex("before"), v.FieldIndex("after"), v.FieldIndex("source")
		if m.op < 0 || m.after < 0 {
			m.err = connect.DataErrorf("the value's schema %s is named as a Debezium envelope but has no fields op and after", v)
			return
		}
		m.row = v.Fields()[m.after].Schema
		if m.row.Type() != data.TypeStruct {
			m.err = connect.DataErrorf("field after of %s is not a struct", v)
		}
		return
	}
	m.row = v
}

// readSource finds the source fields that the table's name is made of.
func (m *mapping) readSource() error {
	if !m.envelope || len(m.name.fields) == 0 {
		return nil
	}
	if m.source < 0 {
		return connect.DataErrorf("source is not a valid field name")
	}
	block := m.value.Fields()[m.source].Schema
	for _, f := range m.name.fields {
		i := block.FieldIndex(f)
		if i < 0 {
			return connect.DataErrorf("%s is not a valid field name", f)
		}
		m.sourceFields = append(m.sourceFields, i)
	}
	return nil
}

// operation tells what r asks for, and the struct of its row (write) or of the
// old row (delete by value).
func (m *mapping) operation(s *settings, r *connect.Record) (operation, *data.Struct, error) {
	if r.Value.IsNull() {
		switch {
		case !s.delete:
			if s.confluent {
				return opSkip, nil, requireValue(s, r)
			}
			return opSkip, nil, nil
		case s.key == keyRecord, s.key == keyHeader && m.value != nil:
			return opDelete, nil, nil
		}
		return opSkip, nil, nil
	}
	if r.Value.Kind() != data.KindStruct {
		return opSkip, nil, requireValue(s, r)
	}
	st := r.Value.Struct()
	if !m.envelope {
		return opWrite, st, nil
	}
	op := st.At(m.op)
	if op.Kind() != data.KindString {
		return opSkip, nil, connect.DataErrorf("the envelope has no op")
	}
	switch op.Str() {
	case "c", "r", "u":
		row := st.At(m.after)
		if row.Kind() != data.KindStruct {
			return opSkip, nil, connect.DataErrorf("the envelope has op %q but no row in after", op.Str())
		}
		return opWrite, row.Struct(), nil
	case "d":
		if !s.delete {
			return opSkip, nil, nil
		}
		if s.key == keyValue {
			return m.deleteByValue(st)
		}
		return opDelete, nil, nil
	case "t":
		if s.truncate {
			return opTruncate, nil, nil
		}
		return opSkip, nil, nil
	}
	return opSkip, nil, connect.DataErrorf("the envelope has an unknown op %q", op.Str())
}

func (m *mapping) deleteByValue(st *data.Struct) (operation, *data.Struct, error) {
	if m.before < 0 || st.At(m.before).Kind() != data.KindStruct {
		return opSkip, nil, connect.DataErrorf("a delete by record_value needs the old row, but before is null: set REPLICA IDENTITY FULL on the source table or use record_key")
	}
	return opDelete, st.At(m.before).Struct(), nil
}

// tableName returns the full name of the record's table as the format has it; ok is
// false where it cannot be told (a tombstone has no source block).
func (m *mapping) tableName(r *connect.Record) (name string, ok bool) {
	if len(m.name.fields) == 0 {
		return m.name.text[0], true
	}
	if !m.envelope || r.Value.Kind() != data.KindStruct {
		return "", false
	}
	values, ok := m.sourceValues(r, nil)
	if !ok {
		return "", false
	}
	return m.name.join(values), true
}

// sourceValues appends the values of the placeholders to dst.
func (m *mapping) sourceValues(r *connect.Record, dst []string) ([]string, bool) {
	block := r.Value.Struct().At(m.source)
	if block.Kind() != data.KindStruct {
		return dst, false
	}
	for _, i := range m.sourceFields {
		v := block.Struct().Get(i)
		if v.Kind() != data.KindString {
			return dst, false
		}
		dst = append(dst, v.Str())
	}
	return dst, true
}

// sameTable reports whether r goes to the table of m.last.
func (m *mapping) sameTable(r *connect.Record) bool {
	if m.last == nil {
		return false
	}
	if len(m.name.fields) == 0 {
		return true
	}
	if !m.envelope || r.Value.Kind() != data.KindStruct {
		return false
	}
	block := r.Value.Struct().At(m.source)
	if block.Kind() != data.KindStruct {
		return false
	}
	for n, i := range m.sourceFields {
		v := block.Struct().At(i)
		if v.Kind() != data.KindString || v.Str() != m.lastValues[n] {
			return false
		}
	}
	return true
}
