// Package connect is the plugin contract: records and batches, the interfaces of
// source and sink connectors, transforms, predicates and converters, and the
// kinds of errors. It is what the Java Connect API is to a Kafka Connect plugin,
// shaped for batches. It imports the standard library, connect/data and
// connect/config only, and third parties can compile plugins against it into
// their own main.
//
// A plugin is a value with a Define method that declares its configuration and a
// Configure or Start method that is given the properties. It is made anew for
// every use: a fresh one is asked for its Define when a configuration is
// validated or documented.
//
// Optional abilities are small interfaces found by type assertion:
//
//	implemented by     interface               what for
//	SourceConnector,   Validator               checks beyond single keys (dials the database)
//	SinkConnector      OffsetAlterer           PATCH/DELETE /connectors/{name}/offsets
//	SourceConnector    ExactlyOnceConnector    exactly-once support, transaction boundaries
//	SourceTask         RecordCommitter         told what was acknowledged
//	                   OffsetCommitter         told which offsets are durable
//	SinkTask           PartitionHandler        Open and Close of partitions
//	                   PreCommitter            decides which offsets may be committed
//	                   OffsetOwner             keeps its offsets in the target's own transaction
//
// # Lifetime of a batch
//
// Source: the framework owns the batch that Poll fills and recycles it when its
// records are encoded; the task must not keep the batch, a record, a struct or a
// slice of it, but may keep Partition and Offset values. Sink: the batch lives
// until Put returns nil or a non-retriable error and every errant record handed
// to the reporter is done; a task that needs it longer calls Batch.Retain, or
// Record.Clone for one record. After a retriable error the identical batch is
// offered again.
//
// # Concurrency
//
// Poll of the next batch runs while the previous one is encoded and produced.
// Commit callbacks and Stop may be called while Poll runs, nothing else may. Put,
// PreCommit, Open and Close are never concurrent. Plugins start goroutines only
// through the Go method of their context.
package connect
