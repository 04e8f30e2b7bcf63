package postgres

import (
	"strconv"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/event"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// Fields of the source block.
const (
	sourceTsMs      = 3
	sourceSnapshot  = 4
	sourceSequence  = 6
	sourceTsUs      = 7
	sourceTsNs      = 8
	sourceTxID      = 11
	sourceLSN       = 12
	sourceOrigin    = 14
	sourceOriginLSN = 15
	sourceFields    = 16
)

// sourceSchema is PostgresSourceInfoStructMaker's schema.
var sourceSchema = data.NewStruct("io.debezium.connector.postgresql.Source").Version(1).
	Field("version", data.StringSchema).Field("connector", data.StringSchema).Field("name", data.StringSchema).
	Field("ts_ms", data.Int64Schema).Field("snapshot", event.SnapshotField).Field("db", data.StringSchema).
	Field("sequence", data.OptionalStringSchema).
	Field("ts_us", data.OptionalInt64Schema).Field("ts_ns", data.OptionalInt64Schema).
	Field("schema", data.StringSchema).Field("table", data.StringSchema).
	Field("txId", data.OptionalInt64Schema).Field("lsn", data.OptionalInt64Schema).Field("xmin", data.OptionalInt64Schema).
	Field("origin", data.OptionalStringSchema).Field("origin_lsn", data.OptionalInt64Schema).Build()

// sourceTemplate holds the fields that are the same for all rows of a table.
func sourceTemplate(cfg *settings, schema, table string) (s [sourceFields]data.Value) {
	s[0], s[1], s[2] = data.String(event.Version), data.String("postgresql"), data.String(cfg.Prefix)
	s[5], s[9], s[10] = data.String(cfg.Database), data.String(schema), data.String(table)
	return s
}

// fillSource writes the fields that differ from event to event.
func fillSource(values []data.Value, micros int64, txID uint64, lsn wire.LSN, sequence data.Value) {
	values[sourceTsMs] = data.Int64(micros / 1000)
	values[sourceTsUs] = data.Int64(micros)
	values[sourceTsNs] = data.Int64(micros * 1000)
	values[sourceSequence] = sequence
	values[sourceLSN] = data.Int64(int64(lsn))
	if txID != 0 {
		values[sourceTxID] = data.Int64(int64(txID))
	}
}

// appendSequence writes source.sequence: the end of the last transaction and the
// position of the change, as JSON.
func appendSequence(b []byte, commit, lsn wire.LSN) []byte {
	if commit == 0 {
		b = append(b, "[null,"...)
	} else {
		b = strconv.AppendUint(append(b, `["`...), uint64(commit), 10)
		b = append(b, `",`...)
	}
	b = strconv.AppendUint(append(b, '"'), uint64(lsn), 10)
	return append(b, `"]`...)
}
