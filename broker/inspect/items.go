package inspect

import "fmt"

// What File hands out, besides *Problem: pointers to these structs, each with a
// Type that tells them apart in JSON. Times are in ms since 1970, -1 for none;
// ids, epochs and sequences are -1 where there is none.

// Opened announces a file.
type Opened struct {
	Type string `json:"type"` // file
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	Size int64  `json:"size"` // bytes
}

// Batch is the header of a record batch.
type Batch struct {
	Type          string `json:"type"` // batch
	Position      int64  `json:"position"`
	Size          int    `json:"size"` // bytes, header included
	BaseOffset    int64  `json:"base_offset"`
	LastOffset    int64  `json:"last_offset"`
	Count         int32  `json:"count"`
	LeaderEpoch   int32  `json:"leader_epoch"`
	Codec         string `json:"codec"`
	TimestampType string `json:"timestamp_type"` // CreateTime or LogAppendTime
	MaxTimestamp  int64  `json:"max_timestamp"`
	DeleteHorizon int64  `json:"delete_horizon"`
	ProducerID    int64  `json:"producer_id"`
	ProducerEpoch int16  `json:"producer_epoch"`
	BaseSequence  int32  `json:"base_sequence"`
	LastSequence  int32  `json:"last_sequence"`
	Transactional bool   `json:"transactional"`
	Control       bool   `json:"control"`
	CRC           uint32 `json:"crc"`
	Valid         bool   `json:"valid"` // the CRC matches
}

// Record is one record of the batch before it.
type Record struct {
	Type      string   `json:"type"` // record
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Sequence  int32    `json:"sequence"`
	KeySize   int      `json:"key_size"`   // bytes, -1 null
	ValueSize int      `json:"value_size"` // bytes, -1 null
	Headers   []Header `json:"headers,omitempty"`
	Control   bool     `json:"-"` // its batch says so
	// Key and Value are set with Options.Data, and for control records.
	Key   *Payload `json:"key,omitempty"`
	Value *Payload `json:"value,omitempty"`
}

// Header is one header of a record.
type Header struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

// IndexEntry is an entry of an .index file.
type IndexEntry struct {
	Type     string `json:"type"` // index
	Offset   int64  `json:"offset"`
	Position int32  `json:"position"`
}

// TimeIndexEntry is an entry of a .timeindex file.
type TimeIndexEntry struct {
	Type      string `json:"type"` // timeindex
	Timestamp int64  `json:"timestamp"`
	Offset    int64  `json:"offset"`
}

// AbortedTxn is an entry of a .txnindex file.
type AbortedTxn struct {
	Type             string `json:"type"` // aborted
	ProducerID       int64  `json:"producer_id"`
	FirstOffset      int64  `json:"first_offset"`
	LastOffset       int64  `json:"last_offset"`
	LastStableOffset int64  `json:"last_stable_offset"`
}

// Producer is an entry of a .snapshot file.
type Producer struct {
	Type             string `json:"type"` // producer
	ProducerID       int64  `json:"producer_id"`
	ProducerEpoch    int16  `json:"producer_epoch"`
	CoordinatorEpoch int32  `json:"coordinator_epoch"`
	TxnFirstOffset   int64  `json:"txn_first_offset"`
	FirstSequence    int32  `json:"first_sequence"`
	LastSequence     int32  `json:"last_sequence"`
	LastOffset       int64  `json:"last_offset"`
	LastTimestamp    int64  `json:"last_timestamp"`
}

// Epoch is a line of a leader-epoch-checkpoint.
type Epoch struct {
	Type        string `json:"type"` // epoch
	Epoch       int32  `json:"epoch"`
	StartOffset int64  `json:"start_offset"`
}

// Mark is a line of an offset checkpoint of a log dir.
type Mark struct {
	Type      string `json:"type"` // mark
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Property is a line of meta.properties or partition.metadata.
type Property struct {
	Type  string `json:"type"` // property
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Problem is something that is not as it must be.
type Problem struct {
	Type string `json:"type"` // problem
	File string `json:"file"`
	// Position is the byte where it is, -1 where Message names the place.
	Position int64  `json:"position"`
	Message  string `json:"message"`
}

// Error names file, position and what was expected.
func (p *Problem) Error() string {
	if p.Position < 0 {
		return p.Message
	}
	return fmt.Sprintf("%s at byte %d: %s", p.File, p.Position, p.Message)
}
