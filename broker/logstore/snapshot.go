package logstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// A producer snapshot (Kafka: ProducerSnapshot.json version 1), big endian:
//
//	0  version  int16   1
//	2  crc      uint32  CRC-32C of everything from byte 6 on
//	6  count    int32
//	   count times, 46 bytes each:
//	   producerId int64 | producerEpoch int16 | lastSequence int32 | lastOffset int64 (-1 none) |
//	   offsetDelta int32 | timestamp int64 | coordinatorEpoch int32 | currentTxnFirstOffset int64 (-1 none)
//
// A producer that has several batches in flight may repeat any of them after a crash, so each remembered batch has an
// entry, the oldest first. Kafka keeps the last of the entries of one producer, which is the state that it wants; of
// its own snapshots, with one entry a producer, only the last batch is recognised when repeated. As Kafka leaves out
// entries that have expired before it looks for the last one, none is younger than the last one.
const (
	snapshotVersion    = 1
	snapshotHeader     = 10
	snapshotEntry      = 46
	snapshotCRCCovered = 6
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeSnapshot writes the state of all producers.
func (s *producers) encodeSnapshot() []byte {
	be := binary.BigEndian
	out := make([]byte, snapshotHeader, snapshotHeader+len(s.byID)*snapshotEntry)
	be.PutUint16(out, snapshotVersion)
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		p := s.byID[id]
		for _, m := range p.batches[:max(p.count-1, 0)] {
			out = p.appendEntry(out, m, min(m.timestamp, p.lastTimestamp))
		}
		last, _ := p.last()
		out = p.appendEntry(out, last, p.lastTimestamp)
	}
	be.PutUint32(out[6:], uint32((len(out)-snapshotHeader)/snapshotEntry))
	be.PutUint32(out[2:], crc32.Checksum(out[snapshotCRCCovered:], castagnoli))
	return out
}

func (p *producer) appendEntry(out []byte, m batchMeta, timestamp int64) []byte {
	be := binary.BigEndian
	out = be.AppendUint64(out, uint64(p.id))
	out = be.AppendUint16(out, uint16(p.epoch))
	out = be.AppendUint32(out, uint32(m.lastSeq))
	out = be.AppendUint64(out, uint64(m.lastOffset))
	out = be.AppendUint32(out, uint32(m.delta))
	out = be.AppendUint64(out, uint64(timestamp))
	out = be.AppendUint32(out, uint32(p.coordEpoch))
	return be.AppendUint64(out, uint64(p.txnStart))
}

// decodeSnapshot reads a snapshot file; errors name the file.
func decodeSnapshot(data []byte, path string) (producers, error) {
	be := binary.BigEndian
	s := newProducers()
	if len(data) < snapshotHeader {
		return s, fmt.Errorf("%s: %d bytes, want at least %d: %w", path, len(data), snapshotHeader, ErrCorrupt)
	}
	if v := be.Uint16(data); v != snapshotVersion {
		return s, fmt.Errorf("%s: version %d, want %d: %w", path, v, snapshotVersion, ErrCorrupt)
	}
	if got, want := crc32.Checksum(data[snapshotCRCCovered:], castagnoli), be.Uint32(data[2:]); got != want {
		return s, fmt.Errorf("%s: crc is %d, stored is %d: %w", path, got, want, ErrCorrupt)
	}
	n := int(be.Uint32(data[6:]))
	if rest := len(data) - snapshotHeader; rest%snapshotEntry != 0 || n != rest/snapshotEntry {
		return s, fmt.Errorf("%s: %d entries do not fill %d bytes: %w", path, n, rest, ErrCorrupt)
	}
	for d := data[snapshotHeader:]; len(d) > 0; d = d[snapshotEntry:] {
		p := s.entry(int64(be.Uint64(d)))
		p.setEpoch(int16(be.Uint16(d[8:])))
		m := batchMeta{
			lastSeq:    int32(be.Uint32(d[10:])),
			lastOffset: int64(be.Uint64(d[14:])),
			delta:      int32(be.Uint32(d[22:])),
			timestamp:  int64(be.Uint64(d[26:])),
		}
		p.lastTimestamp = m.timestamp
		p.coordEpoch = int32(be.Uint32(d[34:]))
		if m.lastOffset >= 0 {
			p.add(m)
		}
		if start := int64(be.Uint64(d[38:])); start >= 0 && p.txnStart < 0 {
			p.txnStart = start
			s.addOngoing(openTxn{p.id, start, -1})
		}
	}
	return s, nil
}
