package event

import (
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// Version is the Debezium release whose events these are (source.version).
const Version = "3.5.0.Final"

// The operations of an envelope.
var (
	Read     = data.String("r")
	Create   = data.String("c")
	Update   = data.String("u")
	Delete   = data.String("d")
	Truncate = data.String("t")
	Message  = data.String("m")
)

// TransactionSchema is the envelope's transaction block.
var TransactionSchema = data.NewStruct("event.block").Version(1).Optional().
	Field("id", data.StringSchema).
	Field("total_order", data.Int64Schema).
	Field("data_collection_order", data.Int64Schema).Build()

// SnapshotField is the schema of source.snapshot; it is left null in a stream.
var SnapshotField = data.NewSchema(data.TypeString).Name("io.debezium.data.Enum").Version(1).Optional().
	Param("allowed", "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental").
	Default(data.String("false")).Build()

// Table is a captured table's topic and schemas.
type Table struct {
	Topic    string
	Key      *data.Schema // nil: no key
	Row      *data.Schema // optional struct of the captured columns
	Envelope *data.Schema
}

// NewTable compiles the schemas of a table. keyFields and rowFields are in order;
// no keyFields mean no key. adjust changes schema names, nil leaves them.
func NewTable(topic string, keyFields, rowFields []data.Field, source *data.Schema, adjust func(string) string) (*Table, error) {
	if adjust == nil {
		adjust = func(s string) string { return s }
	}
	t := &Table{Topic: topic}
	var err error
	if len(keyFields) > 0 {
		if t.Key, err = structOf(data.NewStruct(adjust(topic+".Key")), keyFields); err != nil {
			return nil, err
		}
	}
	if t.Row, err = structOf(data.NewStruct(adjust(topic+".Value")).Optional(), rowFields); err != nil {
		return nil, err
	}
	t.Envelope, err = data.NewStruct(adjust(topic+".Envelope")).Version(2).
		Field("before", t.Row).Field("after", t.Row).
		Field("source", source).Field("transaction", TransactionSchema).
		Field("op", data.StringSchema).
		Field("ts_ms", data.OptionalInt64Schema).Field("ts_us", data.OptionalInt64Schema).Field("ts_ns", data.OptionalInt64Schema).
		TryBuild()
	return t, err
}

func structOf(b *data.Builder, fields []data.Field) (*data.Schema, error) {
	for _, f := range fields {
		b.Field(f.Name, f.Schema)
	}
	return b.TryBuild()
}

// Change is what an envelope says. Null values are left null.
type Change struct {
	Op            data.Value
	Before, After data.Value // rows, or null
	Source        data.Value
	Transaction   data.Value
	Now           time.Time // processing time
}

// Fill sets topic and value of r. The key and the rest are the caller's.
func (t *Table) Fill(r *connect.Record, c *Change) {
	values := r.Arena().Values(8)
	values[0], values[1], values[2], values[3], values[4] = c.Before, c.After, c.Source, c.Transaction, c.Op
	ns := c.Now.UnixNano()
	values[5], values[6], values[7] = data.Int64(ns/1e6), data.Int64(ns/1e3), data.Int64(ns)
	r.Topic = t.Topic
	r.ValueSchema, r.Value = t.Envelope, data.StructOf(r.Arena().Row(t.Envelope, values))
}
