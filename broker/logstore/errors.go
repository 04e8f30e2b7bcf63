package logstore

import (
	"errors"
	"fmt"
)

// Errors that callers branch on, with the Kafka error code each stands for. What Append finds wrong in a batch
// is a *recordbatch.Error instead.
var (
	// ErrStorage is a failed read or write (KAFKA_STORAGE_ERROR). The partition stays usable; try again.
	ErrStorage = errors.New("storage error")
	// ErrDirOffline is a log dir that failed and stays offline until restart. It matches ErrStorage.
	ErrDirOffline = fmt.Errorf("log dir is offline: %w", ErrStorage)
	// ErrClosed is a partition that was deleted or a store that was closed (NOT_LEADER_OR_FOLLOWER).
	ErrClosed = errors.New("log is closed")
	// ErrExists is a Create of a partition that is there already.
	ErrExists = errors.New("log exists already")
	// ErrUnknown is a partition that is not in the store (UNKNOWN_TOPIC_OR_PARTITION).
	ErrUnknown = errors.New("unknown partition")
	// ErrOffsetOutOfRange is an offset below the log start or above the log end (OFFSET_OUT_OF_RANGE).
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrOutOfOrderSequence is OUT_OF_ORDER_SEQUENCE_NUMBER.
	ErrOutOfOrderSequence = errors.New("out of order sequence number")
	// ErrInvalidProducerEpoch is INVALID_PRODUCER_EPOCH.
	ErrInvalidProducerEpoch = errors.New("invalid producer epoch")
	// ErrInvalidTxnState is INVALID_TXN_STATE.
	ErrInvalidTxnState = errors.New("invalid transaction state")
	// ErrCoordinatorFenced is TRANSACTION_COORDINATOR_FENCED.
	ErrCoordinatorFenced = errors.New("transaction coordinator fenced")
	// ErrFencedLeaderEpoch is an append with a leader epoch below the log's (FENCED_LEADER_EPOCH).
	ErrFencedLeaderEpoch = errors.New("fenced leader epoch")
	// ErrUnexpectedOffset is a replica append that does not continue the log.
	ErrUnexpectedOffset = errors.New("unexpected append offset")
	// ErrCorrupt is a damaged file; the text names file and position.
	ErrCorrupt = errors.New("corrupt log file")
)
