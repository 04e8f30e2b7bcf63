package event

import (
	"maps"
	"slices"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

var (
	transactionKey = data.NewStruct("io.debezium.connector.common.TransactionMetadataKey").Version(1).
			Field("id", data.StringSchema).Build()
	collectionSchema = data.NewStruct("event.collection").Version(1).Optional().
				Field("data_collection", data.StringSchema).Field("event_count", data.Int64Schema).Build()
	transactionValue = data.NewStruct("io.debezium.connector.common.TransactionMetadataValue").Version(1).
				Field("status", data.StringSchema).Field("id", data.StringSchema).
				Field("event_count", data.OptionalInt64Schema).
				Field("data_collections", data.NewArray(collectionSchema).Optional().Build()).
				Field("ts_ms", data.Int64Schema).Build()
)

// Transactions counts the events of a transaction
// (provide.transaction.metadata). The zero value, apart from Topic, is ready.
type Transactions struct {
	Topic string

	total  int64
	tables map[string]int64
}

// Begin starts counting and makes r the BEGIN record.
func (t *Transactions) Begin(r *connect.Record, id string, at time.Time) {
	t.total, t.tables = 0, map[string]int64{}
	t.fill(r, "BEGIN", id, at)
}

// Event counts an event of a table and returns the block for its envelope.
func (t *Transactions) Event(a *data.Arena, id, table string) data.Value {
	t.total++
	t.tables[table]++
	block := a.Struct(TransactionSchema)
	block.Set(0, data.String(id))
	block.Set(1, data.Int64(t.total))
	block.Set(2, data.Int64(t.tables[table]))
	return data.StructOf(block)
}

// End makes r the END record.
func (t *Transactions) End(r *connect.Record, id string, at time.Time) {
	value := t.fill(r, "END", id, at)
	value.Put("event_count", data.Int64(t.total))
	var list []data.Value
	for _, name := range slices.Sorted(maps.Keys(t.tables)) {
		c := r.Arena().Struct(collectionSchema)
		c.Set(0, data.String(name))
		c.Set(1, data.Int64(t.tables[name]))
		list = append(list, data.StructOf(c))
	}
	value.Put("data_collections", data.Array(list))
}

// Counts returns the events counted so far by table. Do not write.
func (t *Transactions) Counts() map[string]int64 { return t.tables }

func (t *Transactions) fill(r *connect.Record, status, id string, at time.Time) *data.Struct {
	key, value := r.Arena().Struct(transactionKey), r.Arena().Struct(transactionValue)
	key.Set(0, data.String(id))
	value.Put("status", data.String(status)).Put("id", data.String(id)).Put("ts_ms", data.Int64(at.UnixMilli()))
	r.Topic = t.Topic
	r.KeySchema, r.Key = transactionKey, data.StructOf(key)
	r.ValueSchema, r.Value = transactionValue, data.StructOf(value)
	return value
}
