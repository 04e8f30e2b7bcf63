package jdbc

import (
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// readColumns lists the columns of a mapping: the key's first, then the fields of
// the row that are not in the key.
func (m *mapping) readColumns(s *settings, r *connect.Record) error {
	var err error
	switch s.key {
	case keyKafka:
		m.kafkaKey(s)
	case keyRecord:
		err = m.recordKey(s)
	case keyValue:
		err = m.valueKey(s)
	case keyHeader:
		err = m.headerKey(s, r)
	}
	if err != nil {
		return err
	}
	m.keys = len(m.columns)
	if m.row == nil {
		return nil
	}
	inKey := map[string]bool{}
	for _, c := range m.columns {
		inKey[c.field], inKey[c.name] = true, true
	}
	for _, f := range m.row.Fields() {
		if !inKey[f.Name] && !inKey[s.column(f.Name)] && s.fields.keeps(m.topic, f.Name) {
			m.add(s, f.Name, f.Schema, false, fromRow, f.Index)
		}
	}
	if len(m.columns) == 0 {
		return connect.ConnectErrorf("No fields found using key and value schemas for table: %s", m.name.join(nil))
	}
	return nil
}

func (m *mapping) add(s *settings, field string, schema *data.Schema, key bool, from origin, index int) {
	m.columns = append(m.columns, column{name: s.column(field), field: field, schema: schema, key: key, from: from, index: index})
}

func (m *mapping) kafkaKey(s *settings) {
	names := kafkaColumns
	if len(s.keyFields) == 3 {
		names = s.keyFields
	}
	m.add(s, names[0], data.StringSchema, true, fromTopic, 0)
	m.add(s, names[1], data.Int32Schema, true, fromPartition, 0)
	m.add(s, names[2], data.Int64Schema, true, fromOffset, 0)
}

func (m *mapping) recordKey(s *settings) error {
	k := m.key
	switch {
	case k == nil && s.confluent:
		return connect.ConnectErrorf("PK mode for table '%s' is RECORD_KEY, but record key schema is missing", m.name.join(nil))
	case k == nil:
		return connect.ConnectErrorf("Configured primary key mode 'record_key' cannot have null schema for topic %s", m.topic)
	case k.Type().IsPrimitive():
		if len(s.keyFields) != 1 {
			return connect.ConnectErrorf("Need exactly one PK column defined since the key schema for records is a primitive type, defined columns are: %s",
				javaList(s.keyFields))
		}
		m.add(s, s.keyFields[0], k, true, fromKey, 0)
		return nil
	case k.Type() != data.TypeStruct && s.confluent:
		return connect.ConnectErrorf("Key schema must be primitive type or Struct, but is of type: %s", k.Type())
	case k.Type() != data.TypeStruct:
		return connect.ConnectErrorf("An unsupported record key schema type detected: %s for topic %s. The record key schema must be either a primitive or struct type.", k.Type(), m.topic)
	}
	return m.structKey(s, k, fromKeyField, "key")
}

// structKey takes the configured fields of a struct, or all of them.
func (m *mapping) structKey(s *settings, st *data.Schema, from origin, what string) error {
	if s.confluent {
		return m.namedKey(s, st, from, what)
	}
	for _, f := range st.Fields() {
		if (len(s.keyFields) == 0 || slices.Contains(s.keyFields, f.Name)) && s.fields.keeps(m.topic, f.Name) {
			m.add(s, f.Name, f.Schema, true, from, f.Index)
		}
	}
	if len(m.columns) == 0 {
		return connect.ConnectErrorf("none of the fields %s of primary.key.fields is in the record %s of topic %s, which has schema %s",
			javaList(s.keyFields), what, m.topic, st)
	}
	return nil
}

// namedKey is Confluent's way: the order of pk.fields, and every field must exist.
func (m *mapping) namedKey(s *settings, st *data.Schema, from origin, what string) error {
	names := s.keyFields
	if len(names) == 0 {
		for _, f := range st.Fields() {
			names = append(names, f.Name)
		}
	}
	for _, n := range names {
		i := st.FieldIndex(n)
		if i < 0 {
			return connect.ConnectErrorf("PK mode for table '%s' is %s with configured PK fields %s, but record %s schema does not contain field: %s",
				m.name.join(nil), strings.ToUpper(string(s.key)), javaList(s.keyFields), what, n)
		}
		m.add(s, n, st.Fields()[i].Schema, true, from, i)
	}
	return nil
}

func (m *mapping) valueKey(s *settings) error {
	if m.row == nil {
		if s.confluent {
			return connect.ConnectErrorf("PK mode for table '%s' is RECORD_VALUE, but record value schema is missing", m.name.join(nil))
		}
		return connect.ConnectErrorf("Configured primary key mode 'record_value' cannot have null schema for topic %s", m.topic)
	}
	return m.structKey(s, m.row, fromRow, "value")
}

func (m *mapping) headerKey(s *settings, r *connect.Record) error {
	for i, h := range r.Headers {
		if h.Schema != nil && (len(s.keyFields) == 0 || slices.Contains(s.keyFields, h.Key)) {
			m.add(s, h.Key, h.Schema, true, fromHeader, i)
		}
	}
	if len(m.columns) == 0 {
		return connect.ConnectErrorf("Configured primary key mode 'record_header' cannot have null or empty schema for topic %s", m.topic)
	}
	return nil
}

// javaList is Java's List.toString.
func javaList(l []string) string { return "[" + strings.Join(l, ", ") + "]" }

// valueOf returns what record r has for column c; row is the struct of its row.
func (c *column) valueOf(r *connect.Record, row *data.Struct) data.Value {
	switch c.from {
	case fromRow:
		if row == nil {
			return data.Null
		}
		return row.At(c.index)
	case fromKeyField:
		if r.Key.Kind() != data.KindStruct {
			return data.Null
		}
		return r.Key.Struct().At(c.index)
	case fromKey:
		return r.Key
	case fromTopic:
		return data.String(r.Topic)
	case fromPartition:
		return data.Int32(r.Partition)
	case fromOffset:
		return data.Int64(r.Offset)
	}
	if h, ok := r.Header(c.field); ok {
		return h.Value
	}
	return data.Null
}

// requireValue is Confluent's complaint about a record without a struct for a
// value, and ours.
func requireValue(s *settings, r *connect.Record) error {
	if !s.confluent {
		return connect.DataErrorf("the value is a %s without a schema, but the JDBC sink needs one: use a converter that carries schemas (JsonConverter with schemas.enable=true, Avro, Protobuf)", r.Value.Kind())
	}
	what := "and therefore requires non-null record values that are structs, "
	if !r.Value.IsNull() && r.ValueSchema != nil {
		what = "and therefore requires record values to be structs, "
	}
	return complaint(s, r, what, "value", r.Value, r.ValueSchema)
}

// requireKey refuses a record whose key the key mode cannot use.
func requireKey(s *settings, r *connect.Record) error {
	switch {
	case !s.confluent && r.KeySchema == nil:
		return connect.ConnectErrorf("Configured primary key mode 'record_key' cannot have null schema for topic %s", r.Topic)
	case !s.confluent && r.Key.IsNull():
		return connect.DataErrorf("the record has no key, which primary.key.mode=record_key needs")
	case r.Key.IsNull():
		return complaint(s, r, "and therefore requires non-null record keys, ", "key", r.Key, r.KeySchema)
	case r.KeySchema == nil:
		return complaint(s, r, "and therefore requires non-null record keys with schemas, ", "key", r.Key, r.KeySchema)
	}
	return nil
}

func complaint(s *settings, r *connect.Record, what, part string, v data.Value, schema *data.Schema) error {
	kind, typ := "null", "null"
	if !v.IsNull() {
		kind = v.Kind().JavaClass()
		kind = kind[strings.LastIndexByte(kind, '.')+1:]
	}
	if schema != nil {
		typ = schema.Type().Name()
	}
	return connect.ConnectErrorf("The JDBC sink connector '%s' is configured with 'delete.enabled=%v' and 'pk.mode=%s' %s"+
		"but found record at (topic='%s',partition=%d,offset=%d,timestamp=%d) with a %s %s and %s %s schema.",
		s.connector, s.delete, s.key, what, r.Topic, r.Partition, r.Offset, r.Timestamp, kind, part, typ, part)
}
