package logstore

import (
	"encoding/base64"
	"fmt"
	"io"
	"strconv"

	"github.com/leat-project/leat/internal/vfs"
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns topic-partition, which is also the folder's name.
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.Itoa(int(tp.Partition))
}

// TopicID is the random id of a topic. The zero TopicID is "none": a folder without partition.metadata.
type TopicID [16]byte

// String returns the id as Kafka prints it: 22 characters of base64url.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// Origin says who appends, which decides what is checked.
type Origin int8

const (
	// OriginClient is a Produce request: one batch, checked by recordbatch.Validate, sequences checked.
	OriginClient Origin = iota
	// OriginCoordinator is the broker itself (group and transaction coordinators, markers, controller): any
	// number of well-formed batches, producer epochs checked, sequences not.
	OriginCoordinator
	// OriginReplica is data of the leader with offsets and leader epochs assigned: it must continue the log, and
	// nothing else is refused.
	OriginReplica
)

// AppendOptions qualifies one Append.
type AppendOptions struct {
	Origin Origin
	// LeaderEpoch is stamped into the batches. Ignored for OriginReplica.
	LeaderEpoch int32
	// NoZstd is set for Produce requests below version 7.
	NoZstd bool
	// TxnV2 is set for markers of transaction version 2 (WriteTxnMarkers version 2): the marker's producer epoch
	// must be greater than that of the data (KIP-1228).
	TxnV2 bool
	// Guarded asks for a transactional batch to be in an open transaction or to carry the Guard of a verification
	// that nothing has overtaken.
	Guarded bool
	Guard   Guard
	// OwnFlush says that the caller goes on to AfterFlush or FlushHere, so that Append need not start the flush.
	OwnFlush bool
}

// AppendInfo is the outcome of an Append.
type AppendInfo struct {
	BaseOffset int64
	LastOffset int64
	// LogAppendTime in ms, -1 if the topic uses CreateTime.
	LogAppendTime  int64
	LogStartOffset int64
	// Duplicate says that an idempotent producer's batch was there already: offsets and time are the original's.
	Duplicate bool
	// MustFlush says that the acknowledgement (acks 1 and -1) waits until everything below LastOffset+1 is
	// flushed: see WaitFlushed and AfterFlush.
	MustFlush bool
}

// Bound is the end up to which a Read may see.
type Bound int8

const (
	// BoundHighWatermark is for consumers with read_uncommitted.
	BoundHighWatermark Bound = iota
	// BoundLastStable is for consumers with read_committed: ReadResult.Aborted is filled.
	BoundLastStable
	// BoundLogEnd is for replicas, coordinators that load, and tools.
	BoundLogEnd
)

// ReadOptions says what to read.
type ReadOptions struct {
	// Offset is the first wanted; the data may begin with a batch that starts before it.
	Offset int64
	// MaxBytes bounds the data; the last batch may be cut by it.
	MaxBytes int
	// MinOneBatch returns the first batch whole even if it exceeds MaxBytes.
	MinOneBatch bool
	Bound       Bound
}

// AbortedTxn is an aborted transaction that overlaps a read: records of the producer from FirstOffset up to its
// abort marker are to be dropped by the reader.
type AbortedTxn struct {
	ProducerID  int64
	FirstOffset int64
}

// ReadResult is a range of stored batches. Release it, also when it is empty.
type ReadResult struct {
	// HighWatermark, LastStableOffset, LogStartOffset and LogEndOffset as of the read. They are set also with
	// ErrOffsetOutOfRange.
	HighWatermark    int64
	LastStableOffset int64
	LogStartOffset   int64
	LogEndOffset     int64
	// Aborted is for BoundLastStable: non-nil, sorted by FirstOffset.
	Aborted []AbortedTxn

	seg    *segment
	file   vfs.File
	pos, n int64
}

// Len is the number of bytes of data, 0 if nothing is there to read yet.
func (r *ReadResult) Len() int { return int(r.n) }

// File returns the open file and the position of the data in it, for sendfile. The file belongs to the store and
// is valid until Release. It is nil if Len is 0.
func (r *ReadResult) File() (f vfs.File, pos int64) { return r.file, r.pos }

// Path names the file that holds the data, for messages. It is empty if Len is 0.
func (r *ReadResult) Path() string {
	if r.seg == nil {
		return ""
	}
	return r.seg.path(logSuffix)
}

// WriteTo sends the data to w, by sendfile where w is a TCP connection.
func (r *ReadResult) WriteTo(w io.Writer) (int64, error) {
	if r.n == 0 {
		return 0, nil
	}
	return vfs.Send(w, r.file, r.pos, r.n)
}

// AppendTo appends the data to dst: the way for TLS and for small results.
func (r *ReadResult) AppendTo(dst []byte) ([]byte, error) {
	if r.n == 0 {
		return dst, nil
	}
	old := len(dst)
	dst = append(dst, make([]byte, r.n)...)
	if k, err := r.file.ReadAt(dst[old:], r.pos); int64(k) < r.n {
		return dst[:old], fmt.Errorf("reading %d bytes at %d: %w: %w", r.n, r.pos, ErrStorage, err)
	}
	return dst, nil
}

// TimestampOffset is the answer of a time look-up. Offset -1 means that there is none.
type TimestampOffset struct {
	Offset      int64
	Timestamp   int64 // ms
	LeaderEpoch int32 // -1 unknown
}

// EpochEnd is the answer of EpochEndOffset.
type EpochEnd struct {
	Epoch     int32 // the largest epoch of the log not above the one asked for, -1 if unknown
	EndOffset int64 // first offset after it, -1 if unknown
}

// ActiveProducer is the state of one producer, as DescribeProducers reports it.
type ActiveProducer struct {
	ProducerID       int64
	Epoch            int16
	LastSequence     int32
	LastTimestamp    int64 // ms
	CoordinatorEpoch int32 // -1 none
	TxnStartOffset   int64 // -1 none
}

// Event is a set of things that happened to a partition.
type Event uint8

const (
	// EventHighWatermark: the high watermark moved (or a truncation changed it).
	EventHighWatermark Event = 1 << iota
	// EventLastStable: the last stable offset moved.
	EventLastStable
	// EventAppend: the log end moved.
	EventAppend
	// EventLogStart: the log start moved.
	EventLogStart
	// EventClosed: the partition was deleted, closed, or its log dir went offline.
	EventClosed
	// EventLeader: the leader or its epoch changed, and requests can see it.
	EventLeader
)

// Watcher is told of events. LogChanged is called without locks held, possibly from many goroutines at once, on
// the path of append and flush: it must be quick and must not block. It may call methods of p that do not append
// or truncate.
type Watcher interface {
	LogChanged(p *Partition, what Event)
}
