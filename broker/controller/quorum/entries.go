package quorum

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/leat-project/leat/broker/recordbatch"
)

// The data of an entry is
//
//	left uvarint | value
//
// with left the number of entries of the same group that follow. An entry
// without data is the first of a leader's epoch.

// groupEntries makes the entries of one group; the last has left = 0.
func groupEntries(values [][]byte) []*raftpb.Entry {
	entries := make([]*raftpb.Entry, len(values))
	for i, v := range values {
		entries[i] = &raftpb.Entry{Data: entryData(len(values)-1-i, v)}
	}
	return entries
}

func entryData(left int, value []byte) []byte {
	data := make([]byte, 0, binary.MaxVarintLen32+len(value))
	return append(binary.AppendUvarint(data, uint64(left)), value...)
}

// splitData is the inverse of entryData. The value aliases data.
func splitData(e *raftpb.Entry) (left int, value []byte, err error) {
	n, size := binary.Uvarint(e.GetData())
	if size <= 0 || n > maxGroup {
		return 0, nil, fmt.Errorf("raft entry %d has no valid group length", e.GetIndex())
	}
	return int(n), e.GetData()[size:], nil
}

// maxGroup bounds the records of one group.
const maxGroup = 1 << 20

// moreHeader is the header of the last record in a batch that does not end its
// group. Its value is the number of records that follow, uvarint.
const moreHeader = "more"

// cutBatches calls fn with runs of entries that are one batch each: an empty
// entry, or entries of one group.
func cutBatches(entries []*raftpb.Entry, fn func([]*raftpb.Entry) error) error {
	for start := 0; start < len(entries); {
		end := start
		for {
			e := entries[end]
			end++
			if len(e.GetData()) == 0 {
				break
			}
			left, _, err := splitData(e)
			if err != nil {
				return err
			}
			if left == 0 || end == len(entries) || len(entries[end].GetData()) == 0 {
				break
			}
		}
		if err := fn(entries[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// appendBatch encodes one run of cutBatches. Offsets and epoch are assigned
// when the batch is appended to the log.
func (s *storage) appendBatch(dst []byte, run []*raftpb.Entry, timestamp int64) ([]byte, error) {
	if len(run[0].GetData()) == 0 {
		return appendControl(dst, leaderChange, timestamp, leaderChangeValue(s.leader, s.cfg.Voters))
	}
	var b recordbatch.Builder
	for i, e := range run {
		left, value, err := splitData(e)
		if err != nil {
			return nil, err
		}
		if i == len(run)-1 && left > 0 {
			b.Add(timestamp, nil, value, recordbatch.Header{Key: moreHeader, Value: binary.AppendUvarint(nil, uint64(left))})
			break
		}
		b.Add(timestamp, nil, value)
	}
	return b.Build(dst)
}

// readBatch appends the entries of a batch, from index first on, to dst.
func readBatch(dst []*raftpb.Entry, b recordbatch.Batch, first uint64, rd *recordbatch.Reader) ([]*raftpb.Entry, error) {
	if err := rd.Reset(b); err != nil {
		return dst, err
	}
	start := len(dst)
	more := 0
	for rd.Next() {
		r := rd.Record()
		e := &raftpb.Entry{Term: new(uint64(b.LeaderEpoch())), Index: new(uint64(r.Offset) + 1)}
		if !b.Control() {
			e.Data = r.Value // replaced below, when the number of records is known
			if e.Data == nil {
				e.Data = []byte{}
			}
		} else if kind := controlKind(r.Key); kind != leaderChange {
			return dst, fmt.Errorf("control record at offset %d has type %d, expected %d (leader change)", r.Offset, kind, leaderChange)
		}
		for _, h := range r.ParseHeaders() {
			if h.Key != moreHeader {
				return dst, fmt.Errorf("record at offset %d has the unknown header %q", r.Offset, h.Key)
			}
			n, size := binary.Uvarint(h.Value)
			if size <= 0 || n > maxGroup {
				return dst, fmt.Errorf("record at offset %d has a bad header %q", r.Offset, moreHeader)
			}
			more = int(n)
		}
		dst = append(dst, e)
	}
	if rd.Err() != nil {
		return dst[:start], rd.Err()
	}
	got := dst[start:]
	if int64(len(got)) != int64(b.LastOffsetDelta())+1 {
		return dst[:start], fmt.Errorf("batch at offset %d has %d records for %d offsets", b.BaseOffset(), len(got), b.LastOffsetDelta()+1)
	}
	for i, e := range got {
		if e.Data != nil {
			e.Data = entryData(len(got)-1-i+more, e.Data)
		}
	}
	if skip := int64(first) - 1 - b.BaseOffset(); skip > 0 {
		dst = append(dst[:start], got[skip:]...)
	}
	return dst, nil
}
