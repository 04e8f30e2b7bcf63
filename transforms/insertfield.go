package transforms

import (
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// InsertField adds fields with a record's metadata or a fixed text.
type InsertField struct {
	closer
	side
	names       [5]string // keys' values, in the order of insertions
	staticValue string
	defaults    bool
	inserted    []insertion
	plans       planner[*data.Schema]
}

// insertion is a field to add.
type insertion struct {
	name     string
	optional bool
	what     int // index in insertions
}

const purposeInsert = "field insertion"

var optionalTimestamp, requiredTimestamp = data.NewTimestamp().Optional().Build(), data.NewTimestamp().Build()

// insertions are what can be added.
var insertions = [5]struct {
	key, doc           string
	optional, required *data.Schema
}{
	{"topic.field", "the topic", data.OptionalStringSchema, data.StringSchema},
	{"partition.field", "the Kafka partition", data.OptionalInt32Schema, data.Int32Schema},
	{"offset.field", "the Kafka offset (sink connectors only)", data.OptionalInt64Schema, data.Int64Schema},
	{"timestamp.field", "the record's timestamp", optionalTimestamp, requiredTimestamp},
	{"static.field", "the text of static.value", data.OptionalStringSchema, data.StringSchema},
}

const (
	insertTopic = iota
	insertPartition
	insertOffset
	insertTimestamp
	insertStatic
)

// Define declares the keys.
func (t *InsertField) Define(d *config.Def) {
	for i, in := range insertions {
		d.String(&t.names[i], in.key).Default(nil).Importance(config.Medium).
			Doc("Name of a field for " + in.doc + ". The suffix ! makes it required, ? or none optional.")
	}
	d.String(&t.staticValue, "static.value").Default(nil).Importance(config.Medium).
		Doc("Text of the field that static.field names.")
	defineDefaults(d, &t.defaults)
}

// Configure applies the properties.
func (t *InsertField) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	t.inserted = nil
	for i, in := range insertions {
		if _, ok := props[in.key]; !ok {
			continue
		}
		ins := insertion{name: t.names[i], optional: true, what: i}
		if name, ok := strings.CutSuffix(ins.name, "?"); ok {
			ins.name = name
		} else if name, ok := strings.CutSuffix(ins.name, "!"); ok {
			ins.name, ins.optional = name, false
		}
		t.inserted = append(t.inserted, ins)
	}
	if len(t.inserted) == 0 {
		return connect.ConfigErrorf("No field insertion configured")
	}
	_, hasField := props["static.field"]
	if _, hasValue := props["static.value"]; hasField && !hasValue {
		// The identity is Java's: the message shows an object without a text.
		return config.Invalid("static.value", nil,
			"No value specified for static field: "+pkg+"InsertField$InsertionSpec@0")
	}
	return nil
}

// Apply adds the fields.
func (t *InsertField) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if v.IsNull() {
		return true, nil
	}
	if s == nil {
		return t.applyMap(r, v)
	}
	st, err := requireStruct(v, purposeInsert)
	if err != nil {
		return false, err
	}
	schema, err := t.plans.get(st.Schema(), t.plan)
	if err != nil {
		return false, err
	}
	old := st.Schema().NumFields()
	values := r.Arena().Values(old + len(t.inserted))
	for i := range old {
		values[i] = fieldValue(st, i, t.defaults)
		f := &schema.Fields()[i]
		if err := checkedNull(f.Name, f.Schema, values[i]); err != nil {
			return false, err
		}
	}
	for i, in := range t.inserted {
		if values[old+i], err = t.value(r, in, true); err != nil {
			return false, err
		}
	}
	t.set(r, schema, data.StructOf(r.Arena().Row(schema, values)))
	return true, nil
}

func (t *InsertField) applyMap(r *connect.Record, v data.Value) (bool, error) {
	m, err := requireMap(v, purposeInsert)
	if err != nil {
		return false, err
	}
	out := copyMap(m, len(t.inserted))
	for _, in := range t.inserted {
		v, err := t.value(r, in, false)
		if err != nil {
			return false, err
		}
		if !v.IsNull() {
			out.PutString(in.name, v)
		}
	}
	t.set(r, nil, data.MapOf(out))
	return true, nil
}

// value returns what is inserted, null where the record does not have it.
func (t *InsertField) value(r *connect.Record, in insertion, withSchema bool) (data.Value, error) {
	switch in.what {
	case insertTopic:
		return data.String(r.Topic), nil
	case insertPartition:
		if r.Partition == connect.NoPartition {
			return data.Null, nil
		}
		return data.Int32(r.Partition), nil
	case insertOffset:
		if !isSink(r) {
			return data.Null, connect.DataErrorf("Only SinkRecord supported for [%s], found: org.apache.kafka.connect.source.SourceRecord", purposeInsert)
		}
		return data.Int64(r.Offset), nil
	case insertTimestamp:
		switch {
		case r.Timestamp == connect.NoTimestamp:
			return data.Null, nil
		case withSchema:
			return data.Date(r.Timestamp), nil
		}
		return data.Int64(r.Timestamp), nil
	}
	return data.String(t.staticValue), nil
}

func (t *InsertField) plan(s *data.Schema) (*data.Schema, error) {
	b := basics(s)
	for _, f := range s.Fields() {
		b.Field(f.Name, f.Schema)
	}
	for _, in := range t.inserted {
		schema := insertions[in.what].required
		if in.optional {
			schema = insertions[in.what].optional
		}
		b.Field(in.name, schema)
	}
	return build(b)
}
