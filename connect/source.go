package connect

import (
	"context"
	"log/slog"

	"github.com/leat-project/leat/connect/config"
)

// Connector is what source and sink connectors have in common. A connector
// plans; its tasks copy.
type Connector interface {
	// Define declares the configuration keys; see config.Def.
	Define(d *config.Def)
	// Start is called once before TaskConfigs. props is the connector's whole
	// configuration as posted, after config providers.
	Start(ctx ConnectorContext, props map[string]string) error
	// TaskConfigs returns one configuration a task, at most maxTasks; never
	// the same map twice.
	TaskConfigs(maxTasks int) ([]map[string]string, error)
	// Stop releases what Start took. It is called once, also after a failed Start.
	Stop() error
}

// SourceConnector plans source tasks.
type SourceConnector interface {
	Connector
	NewTask() SourceTask
}

// SinkConnector plans sink tasks.
type SinkConnector interface {
	Connector
	NewTask() SinkTask
}

// ConnectorContext is what the runtime offers a connector. Its methods are safe
// for concurrent use.
type ConnectorContext interface {
	// Context ends when the connector stops.
	Context() context.Context
	Name() string
	Logger() *slog.Logger
	// RequestTaskReconfiguration asks for TaskConfigs to be called again.
	RequestTaskReconfiguration()
	// RaiseError fails the connector.
	RaiseError(err error)
	// Offsets reads stored source offsets (source connectors only, else nil).
	Offsets() OffsetReader
	// Go runs fn on a goroutine that is waited for; a panic or an error other
	// than the context's fails the connector.
	Go(fn func(ctx context.Context) error)
}

// Validator is a connector that checks more than single keys: called by
// PUT .../config/validate and on create after every key was parsed; it adds error
// messages to the keys of r.
type Validator interface {
	Validate(ctx context.Context, props map[string]string, r *config.Result)
}

// ExactlyOnceConnector answers for exactly.once.support (KIP-618).
type ExactlyOnceConnector interface {
	// ExactlyOnceSupport reports whether the configuration gives exactly-once.
	ExactlyOnceSupport(props map[string]string) bool
	// DefinesBoundaries reports whether tasks set Batch.Boundaries.
	DefinesBoundaries(props map[string]string) bool
}

// OffsetAlterer lets a connector check and carry out the offset requests of the
// REST API. A source connector is given source partitions, a sink connector maps
// with kafka_topic and kafka_partition; a nil offset deletes.
type OffsetAlterer interface {
	// AlterOffsets returns false when the connector does not know the
	// operation, true when the offsets are all right.
	AlterOffsets(ctx context.Context, props map[string]string, offsets []PartitionOffset) (bool, error)
}

// PartitionOffset is a pair of maps as the REST API carries them.
type PartitionOffset struct {
	Partition map[string]any
	Offset    map[string]any // nil: delete
}

// OffsetReader reads stored source offsets.
type OffsetReader interface {
	// Offsets returns one map a partition, nil where none is stored.
	// Numbers are int64 or float64.
	Offsets(ctx context.Context, partitions ...*Partition) ([]map[string]any, error)
}

// SourceTask copies from a system into batches.
type SourceTask interface {
	// Start is called once before Poll with the task's configuration. It may
	// block until ctx.Context ends.
	Start(ctx SourceContext, props map[string]string) error
	// Poll adds records to b, in the order in which they go to a partition. It
	// returns when b is Full, when it has some and no more are at hand, when
	// ctx ends or after about a second with none. After an error b is
	// discarded; a retriable error (see Retriable) is retried with the same task.
	Poll(ctx context.Context, b *Batch) error
	// Stop ends the task. Poll's context has ended before; Poll may still run.
	Stop() error
}

// SourceContext is what the runtime offers a source task. Its methods are safe
// for concurrent use.
type SourceContext interface {
	// Context ends when the task stops.
	Context() context.Context
	Connector() string // connector name
	Task() int         // task number
	Logger() *slog.Logger
	Offsets() OffsetReader
	// RequestCommit asks for an offset commit as soon as possible instead of
	// after offset.flush.interval.ms.
	RequestCommit()
	// Fail fails the task from any goroutine.
	Fail(err error)
	// Go runs fn on a goroutine that is waited for when the task stops; a panic
	// or an error other than the context's fails the task.
	Go(fn func(ctx context.Context) error)
	// ByteBudget is about how many bytes the task may keep in its own queues.
	ByteBudget() int
}

// RecordCommitter is told, in the order of the records, what is done. acks is
// valid during the call.
type RecordCommitter interface {
	CommitRecords(acks []Ack)
}

// OffsetCommitter is told which offsets are durable in the offset store: the
// moment to acknowledge positions to the source system. All records up to each
// offset are done.
type OffsetCommitter interface {
	OffsetsCommitted(offsets []CommittedOffset)
}
