package connect

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// SinkTask writes batches to a system.
type SinkTask interface {
	// Start is called once before the first batch.
	Start(ctx SinkContext, props map[string]string) error
	// Put takes a batch, which may be empty (a chance to do timed work). Records
	// of one partition are in offset order. nil: taken over, written now or
	// by the next PreCommit. A retriable error offers the identical batch
	// again after a pause; *BatchError says which records failed; any other
	// error fails the task.
	Put(ctx context.Context, b *Batch) error
	// Stop ends the task after the last PreCommit and Close.
	Stop() error
}

// SinkContext is what the runtime offers a sink task. Assignment, Seek, Pause,
// Resume, RequestCommit and Timeout may be called only inside a call of the task.
type SinkContext interface {
	Context() context.Context
	Connector() string
	Task() int
	Logger() *slog.Logger
	// Assignment returns the partitions the task has now.
	Assignment() []TopicPartition
	// Seek rewinds consumption (Java's offset).
	Seek(offsets map[TopicPartition]int64)
	// Pause and Resume stop and restart delivery of partitions.
	Pause(tps ...TopicPartition)
	Resume(tps ...TopicPartition)
	// RequestCommit asks for an offset commit as soon as possible.
	RequestCommit()
	// Timeout sets the pause before the next retry.
	Timeout(d time.Duration)
	// ErrantReporter returns where bad records go, nil where they go nowhere: without
	// errors.log.enable and without a dead letter queue.
	ErrantReporter() ErrantReporter
	// Go runs fn on a goroutine that is waited for when the task stops; a panic
	// or an error other than the context's fails the task.
	Go(fn func(ctx context.Context) error)
	// ByteBudget is about how many bytes the task may buffer.
	ByteBudget() int
}

// ErrantReporter takes records that the target refuses (KIP-610).
type ErrantReporter interface {
	// Report hands over a record. The framework commits no offset past it
	// before the report is durable. It returns an error when tolerance does
	// not allow it, which the task returns from Put or PreCommit, the calls in which
	// it may report.
	Report(r *Record, err error) error
}

// PartitionHandler is told of partitions that come and go.
type PartitionHandler interface {
	// Open is called before the first record of new partitions.
	Open(ctx context.Context, tps []TopicPartition) error
	// Close is called after the last PreCommit of partitions that go.
	Close(ctx context.Context, tps []TopicPartition) error
}

// PreCommitter decides what is committed. A task without it has flushed all it
// was given when Put returned.
type PreCommitter interface {
	// PreCommit flushes and returns the offsets that are safe: the next offset
	// to read for each partition. offsets holds what was delivered; leave
	// partitions out to commit nothing for them.
	PreCommit(ctx context.Context, offsets map[TopicPartition]int64) (map[TopicPartition]int64, error)
}

// OffsetOwner is a sink task that keeps its offsets in the target's own
// transaction (exactly once): where it answers, that position is used instead of
// the consumer group's.
type OffsetOwner interface {
	// StoredOffsets returns the next offset to read of the partitions it knows.
	StoredOffsets(ctx context.Context, tps []TopicPartition) (map[TopicPartition]int64, error)
}

// BatchError is returned by Put when single records failed: the others of the
// batch are written. The framework reports each failed record and goes on, or
// fails the task, as errors.tolerance says.
type BatchError struct {
	Failed []RecordError // ascending by Index
}

// RecordError is one failed record of a batch.
type RecordError struct {
	Index int // into Batch.Records
	Err   error
}

func (e *BatchError) Error() string {
	if len(e.Failed) == 0 {
		return "no record failed"
	}
	return fmt.Sprintf("%d of the batch's records failed, the first: %v", len(e.Failed), e.Failed[0].Err)
}

// Unwrap returns the errors of the records.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, len(e.Failed))
	for i, f := range e.Failed {
		errs[i] = f.Err
	}
	return errs
}
