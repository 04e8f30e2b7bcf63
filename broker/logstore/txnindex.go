package logstore

import (
	"encoding/binary"
	"fmt"

	"github.com/leat-project/leat/internal/vfs"
)

// txnEntrySize is the length in bytes of an entry of a .txnindex file (Kafka: AbortedTxn), big endian:
//
//	 0  version           int16  0
//	 2  producerId        int64
//	10  firstOffset       int64  of the transaction on this partition
//	18  lastOffset        int64  of its abort marker
//	26  lastStableOffset  int64  as it was once the marker was written
const txnEntrySize = 34

// abortedEntry is one aborted transaction whose marker lies in the segment.
type abortedEntry struct {
	producerID       int64
	first, last, lso int64
}

func (e abortedEntry) appendTo(dst []byte) []byte {
	dst = append(dst, 0, 0)
	for _, v := range [...]int64{e.producerID, e.first, e.last, e.lso} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(v))
	}
	return dst
}

func encodeTxnIndex(entries []abortedEntry) []byte {
	out := make([]byte, 0, len(entries)*txnEntrySize)
	for _, e := range entries {
		out = e.appendTo(out)
	}
	return out
}

// decodeTxnIndex reads the content of the .txnindex of the segment at base.
func decodeTxnIndex(data []byte, path string, base int64) ([]abortedEntry, error) {
	if len(data)%txnEntrySize != 0 {
		return nil, fmt.Errorf("%s: length %d is no multiple of %d: %w", path, len(data), txnEntrySize, ErrCorrupt)
	}
	out := make([]abortedEntry, 0, len(data)/txnEntrySize)
	for at := 0; at < len(data); at += txnEntrySize {
		d := data[at:]
		if v := binary.BigEndian.Uint16(d); v != 0 {
			return nil, fmt.Errorf("%s at byte %d: version %d, want 0: %w", path, at, v, ErrCorrupt)
		}
		num := func(i int) int64 { return int64(binary.BigEndian.Uint64(d[2+8*i:])) }
		e := abortedEntry{num(0), num(1), num(2), num(3)}
		if e.producerID < 0 || e.first > e.last || e.last < base {
			return nil, fmt.Errorf("%s at byte %d: impossible entry %+v: %w", path, at, e, ErrCorrupt)
		}
		// Readers search by the offset of the marker.
		if n := len(out); n > 0 && e.last <= out[n-1].last {
			return nil, fmt.Errorf("%s at byte %d: entry %+v does not follow %+v: %w", path, at, e, out[n-1], ErrCorrupt)
		}
		out = append(out, e)
	}
	return out, nil
}

// readTxnIndex reads a .txnindex file; a missing one is empty.
func readTxnIndex(fsys vfs.FS, path string, base int64) ([]abortedEntry, error) {
	there, err := vfs.Exists(fsys, path)
	if err != nil || !there {
		return nil, err
	}
	data, err := vfs.ReadFile(fsys, path, 1<<31)
	if err != nil {
		return nil, err
	}
	return decodeTxnIndex(data, path, base)
}
