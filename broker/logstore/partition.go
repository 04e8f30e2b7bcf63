package logstore

import "context"

// Partition is one log. All methods are safe for concurrent use.
type Partition struct{}

// TopicPartition is the name.
func (p *Partition) TopicPartition() TopicPartition { return TopicPartition{} }

// TopicID is the id in partition.metadata.
func (p *Partition) TopicID() TopicID { return TopicID{} }

// Dir is the index of the log dir in Store.Dirs.
func (p *Partition) Dir() int { return 0 }

// Config is the configuration in force; SetConfig replaces it at once.
func (p *Partition) Config() LogConfig       { return LogConfig{} }
func (p *Partition) SetConfig(cfg LogConfig) {}

// Err is nil, or ErrClosed, or ErrDirOffline.
func (p *Partition) Err() error { return nil }

// Append checks batches, assigns offsets, and writes them. It changes the bytes in place and does not keep them.
//
// On return the batches are in the log and in its page cache; if info.MustFlush, wait for the flush before the
// acknowledgement. Errors: *recordbatch.Error (bad batch), the producer errors (ErrOutOfOrderSequence,
// ErrInvalidProducerEpoch, ErrInvalidTxnState, ErrCoordinatorFenced), ErrStorage (nothing of it is in the log),
// ErrDirOffline, ErrClosed, ErrFencedLeaderEpoch, and ErrUnexpectedOffset for replicas. A duplicate is no error.
func (p *Partition) Append(batches []byte, o AppendOptions) (AppendInfo, error) {
	return AppendInfo{}, errSkeleton
}

// AfterFlush calls done once everything below offset is flushed, at once if it is already; with an error
// (ErrDirOffline, ErrClosed) if that will not happen. It starts the flush; it does not block. done is called
// without locks held, after the high watermark moved, and must not block; on one goroutine of the store a flush,
// or on the caller's.
func (p *Partition) AfterFlush(offset int64, done func(error)) {}

// WaitFlushed is AfterFlush for callers that can wait.
func (p *Partition) WaitFlushed(ctx context.Context, offset int64) error { return errSkeleton }

// LogStartOffset, LogEndOffset, HighWatermark, LastStableOffset and FlushedOffset are the offsets of the log;
// each is the first offset that is not (any more, yet) in the range it bounds.
func (p *Partition) LogStartOffset() int64   { return 0 }
func (p *Partition) LogEndOffset() int64     { return 0 }
func (p *Partition) HighWatermark() int64    { return 0 }
func (p *Partition) LastStableOffset() int64 { return 0 }
func (p *Partition) FlushedOffset() int64    { return 0 }

// SetReplicated hands the high watermark to replication: with on it moves only by SetHighWatermark. Off (the
// default) it follows the log end, or the flushed offset with FlushBeforeAck.
func (p *Partition) SetReplicated(on bool) {}

// SetHighWatermark moves the high watermark of a replicated partition forward to hw, at most to what is
// appended (flushed, with FlushBeforeAck), and returns where it is.
func (p *Partition) SetHighWatermark(hw int64) int64 { return 0 }

// LeaderEpoch is the last epoch in the log's epoch list, -1 if there is none.
func (p *Partition) LeaderEpoch() int32 { return -1 }

// AssignLeaderEpoch records that epoch starts at the log end: a new leader calls it before it appends.
// ErrFencedLeaderEpoch if a later epoch is recorded.
func (p *Partition) AssignLeaderEpoch(epoch int32) error { return errSkeleton }

// EpochEndOffset answers OffsetsForLeaderEpoch (KIP-101, KIP-279).
func (p *Partition) EpochEndOffset(epoch int32) EpochEnd { return EpochEnd{} }

// EpochAt is the leader epoch of an offset, -1 if unknown.
func (p *Partition) EpochAt(offset int64) int32 { return -1 }

// Read finds stored batches from an offset on, within one segment. Nothing below the log start or above the log
// end is an error: ErrOffsetOutOfRange; between bound and log end the result is empty.
func (p *Partition) Read(o ReadOptions) (ReadResult, error) { return ReadResult{}, errSkeleton }

// Release gives the file back. The zero ReadResult may be released.
func (r *ReadResult) Release() {}

// OffsetForTimestamp finds the first record with a timestamp of at least ms, at or after the log start and below
// bound.
func (p *Partition) OffsetForTimestamp(ms int64, bound Bound) (TimestampOffset, error) {
	return TimestampOffset{}, errSkeleton
}

// MaxTimestampOffset finds the first record with the largest timestamp below the high watermark.
func (p *Partition) MaxTimestampOffset() (TimestampOffset, error) {
	return TimestampOffset{}, errSkeleton
}

// DeleteRecordsBefore moves the log start up to offset, at most to the high watermark (ErrOffsetOutOfRange
// beyond), removes segments wholly below it, and returns the log start.
func (p *Partition) DeleteRecordsBefore(offset int64) (int64, error) { return 0, errSkeleton }

// Truncate drops everything from offset on: for followers that diverged from their leader.
func (p *Partition) Truncate(offset int64) error { return errSkeleton }

// TruncateFully drops everything and starts over at offset.
func (p *Partition) TruncateFully(offset int64) error { return errSkeleton }

// ActiveProducers lists the producers whose state is kept, sorted by id.
func (p *Partition) ActiveProducers() []ActiveProducer { return nil }

// HasOngoingTransaction says whether a producer with this epoch has a transaction open here.
func (p *Partition) HasOngoingTransaction(producerID int64, epoch int16) bool { return false }

// Size is the length of all segments in bytes.
func (p *Partition) Size() int64 { return 0 }

// Watch registers w for the events in mask until Unwatch. To park without missing an event: Watch, look at the
// offsets again, then wait.
func (p *Partition) Watch(w Watcher, mask Event) {}

// Unwatch ends Watch. A call of LogChanged that has begun may still be running.
func (p *Partition) Unwatch(w Watcher) {}

// ApplyRetention runs the retention rules and the removal of segments below the log start now. Store.Run calls
// it regularly.
func (p *Partition) ApplyRetention() (deleted int, err error) { return 0, errSkeleton }
