// Package event builds what every Debezium connector emits: the envelope of a row
// change with its key, tombstones, headers, heartbeats and transaction metadata,
// in the schemas of io.debezium 3.5 (io.debezium.data.Envelope and its like).
//
// A [Table] holds the schemas of one captured table, compiled once; filling a
// record from it does not allocate outside the batch's arena and slabs that are
// never reused. The package knows nothing of a particular database.
package event
