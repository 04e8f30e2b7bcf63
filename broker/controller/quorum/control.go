package quorum

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kbin"

	"github.com/leat-project/leat/broker/recordbatch"
)

// Control records of the metadata log and its snapshots. Their key is
//
//	version int16 = 0 | type int16
//
// and their value, in the flexible encoding (trailing tags):
//
//	type 2, leader change     version int16 | leader int32 | voters [] | granting voters []
//	                          with a voter as id int32, tags
//	type 3, snapshot header   version int16 | timestamp of the last record int64
//	type 4, snapshot footer   version int16
const (
	leaderChange   = 2
	snapshotHeader = 3
	snapshotFooter = 4
)

// appendControl appends a batch with one control record to dst.
func appendControl(dst []byte, kind uint16, timestamp int64, value []byte) ([]byte, error) {
	b := recordbatch.Builder{Control: true}
	b.Add(timestamp, binary.BigEndian.AppendUint16([]byte{0, 0}, kind), value)
	return b.Build(dst)
}

// controlKind is the type in the key of a control record, -1 if there is none.
func controlKind(key []byte) int {
	if len(key) < 4 {
		return -1
	}
	return int(binary.BigEndian.Uint16(key[2:]))
}

// leaderChangeValue names the leader of a new epoch, who is among the voters.
func leaderChangeValue(leader int32, voters []int32) []byte {
	v := kbin.AppendInt32(kbin.AppendInt16(nil, 0), leader)
	v = appendVoters(v, voters)
	v = appendVoters(v, []int32{leader})
	return append(v, 0)
}

func appendVoters(dst []byte, ids []int32) []byte {
	dst = kbin.AppendCompactArrayLen(dst, len(ids))
	for _, id := range ids {
		dst = append(kbin.AppendInt32(dst, id), 0)
	}
	return dst
}

func snapshotHeaderValue(lastTimestamp int64) []byte {
	return append(kbin.AppendInt64(kbin.AppendInt16(nil, 0), lastTimestamp), 0)
}

func snapshotFooterValue() []byte { return append(kbin.AppendInt16(nil, 0), 0) }
