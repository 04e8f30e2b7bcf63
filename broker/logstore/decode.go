package logstore

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// What follows reads the content of files for tools (package inspect) by the very code that the store reads them with.
// Errors match ErrCorrupt and name path and place.

// SegmentFile says what a file name in a partition folder stands for: its base offset and its suffix, such as ".log".
func SegmentFile(name string) (base int64, suffix string, ok bool) {
	i := strings.IndexByte(name, '.')
	if i < 0 {
		return 0, "", false
	}
	base, ok = parseSegmentName(name, name[i:])
	return base, name[i:], ok
}

// ParseFolder splits the name of a partition folder, <topic>-<n>; folders with a suffix such as -delete are none.
func ParseFolder(name string) (TopicPartition, bool) { return parsePartitionFolder(name) }

// SnapshotProducer is one producer of a snapshot file.
type SnapshotProducer struct {
	ProducerID       int64
	Epoch            int16
	LastSequence     int32 // -1 none
	LastOffset       int64 // -1 none
	OffsetDelta      int32
	LastTimestamp    int64 // ms
	CoordinatorEpoch int32 // -1 none
	TxnFirstOffset   int64 // of the open transaction, -1 none
}

// DecodeSnapshot reads a .snapshot file. The list is sorted by producer id.
func DecodeSnapshot(data []byte, path string) ([]SnapshotProducer, error) {
	s, err := decodeSnapshot(data, path)
	if err != nil {
		return nil, err
	}
	out := make([]SnapshotProducer, 0, len(s.byID))
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		p := s.byID[id]
		sp := SnapshotProducer{ProducerID: p.id, Epoch: p.epoch, LastSequence: -1, LastOffset: -1,
			LastTimestamp: p.lastTimestamp, CoordinatorEpoch: p.coordEpoch, TxnFirstOffset: p.txnStart}
		if last, ok := p.last(); ok {
			sp.LastSequence, sp.LastOffset, sp.OffsetDelta = last.lastSeq, last.lastOffset, last.delta
		}
		out = append(out, sp)
	}
	return out, nil
}

// AbortedEntry is one entry of a .txnindex file.
type AbortedEntry struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64 // of the abort marker
	LastStableOffset int64
}

// DecodeTxnIndex reads the .txnindex of the segment at base.
func DecodeTxnIndex(data []byte, path string, base int64) ([]AbortedEntry, error) {
	entries, err := decodeTxnIndex(data, path, base)
	out := make([]AbortedEntry, len(entries))
	for i, e := range entries {
		out[i] = AbortedEntry{e.producerID, e.first, e.last, e.lso}
	}
	return out, err
}

// EpochStart says that a leader epoch begins at an offset.
type EpochStart struct {
	Epoch       int32
	StartOffset int64
}

// DecodeEpochs reads a leader-epoch-checkpoint.
func DecodeEpochs(data []byte, path string) ([]EpochStart, error) {
	l, err := parseEpochs(data, path)
	out := make([]EpochStart, len(l))
	for i, e := range l {
		out[i] = EpochStart{e.epoch, e.start}
	}
	return out, err
}

// PartitionOffset is a line of a checkpoint file of a log dir.
type PartitionOffset struct {
	TopicPartition
	Offset int64
}

// DecodeCheckpoint reads one of the offset checkpoints of a log dir, sorted by partition.
func DecodeCheckpoint(data []byte, path string) ([]PartitionOffset, error) {
	c, err := parseCheckpoint(data, path)
	out := make([]PartitionOffset, 0, len(c))
	for tp, off := range c {
		out = append(out, PartitionOffset{tp, off})
	}
	slices.SortFunc(out, func(a, b PartitionOffset) int {
		return cmp.Or(compareTP(a.TopicPartition, b.TopicPartition), cmp.Compare(a.Offset, b.Offset))
	})
	return out, err
}

// DecodeIndexEntry reads one of the 8-byte entries of an .index file.
func DecodeIndexEntry(e []byte) (relativeOffset, position int32) { return offsetEntry(e) }

// DecodeTimeIndexEntry reads one of the 12-byte entries of a .timeindex file.
func DecodeTimeIndexEntry(e []byte) (timestampMs int64, relativeOffset int32) { return timeEntry(e) }
