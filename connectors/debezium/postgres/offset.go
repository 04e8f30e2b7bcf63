package postgres

import (
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// position is a source offset: what is stored with a record. See the offsets
// chapter of Debezium's PostgresOffsetContext for the keys. It is immutable once
// its batch was returned from Poll.
type position struct {
	seq       uint64 // rises with every record of a run
	lsn       wire.LSN
	lsnCommit wire.LSN // end of the last transaction that is complete with this record; 0: none yet
	txID      uint64   // 0: none
	micros    int64    // of the event
	message   string   // messageType, "" for snapshot rows
	snapshot  snapshotState
	txKey     string // transaction_id, "" without transaction metadata
	txCounts  map[string]int64
}

type snapshotState uint8

const (
	notSnapshot       snapshotState = iota
	snapshotRunning                 // an initial snapshot is not completed
	snapshotCompleted               // its last row
)

// OffsetMap returns the offset as Debezium stores it.
func (p *position) OffsetMap() map[string]any {
	m := make(map[string]any, 8)
	if p.micros != 0 {
		m["ts_usec"] = p.micros
	}
	if p.txID != 0 {
		m["txId"] = int64(p.txID)
	}
	if p.lsn != 0 {
		m["lsn"] = int64(p.lsn)
	}
	if p.snapshot != notSnapshot {
		done := p.snapshot == snapshotCompleted
		m["snapshot"], m["last_snapshot_record"], m["snapshot_completed"] = "INITIAL", done, done
	}
	if p.message != "" {
		m["messageType"] = p.message
		m["lsn_proc"] = int64(p.lsn)
	}
	if p.lsnCommit != 0 {
		m["lsn_commit"] = int64(p.lsnCommit)
	}
	if p.txKey != "" {
		m["transaction_id"] = p.txKey
		for table, n := range p.txCounts {
			m["transaction_data_collection_order_"+table] = n
		}
	}
	return m
}

// stored is an offset that was read back, ours or Debezium's.
type stored struct {
	lsn       wire.LSN
	lsnProc   wire.LSN
	lsnCommit wire.LSN
	snapshot  snapshotState
}

// readOffset takes a stored offset apart; nil for none.
func readOffset(m map[string]any) *stored {
	if len(m) == 0 {
		return nil
	}
	s := &stored{lsn: lsnOf(m["lsn"]), lsnProc: lsnOf(m["lsn_proc"]), lsnCommit: lsnOf(m["lsn_commit"])}
	switch kind := m["snapshot"].(type) {
	case string:
		if kind != "" && kind != "INCREMENTAL" {
			s.snapshot = snapshotRunning
		}
	case bool:
		if kind {
			s.snapshot = snapshotRunning
		}
	}
	if s.snapshot == snapshotRunning && (m["last_snapshot_record"] == true || m["snapshot_completed"] == true) {
		s.snapshot = snapshotCompleted
	}
	return s
}

func lsnOf(v any) wire.LSN {
	switch v := v.(type) {
	case int64:
		return wire.LSN(v)
	case float64:
		return wire.LSN(v)
	}
	return 0
}

// start is where the stream goes on: behind everything that is stored as done. 0
// means where the slot stands.
func (s *stored) start() wire.LSN {
	switch {
	case s == nil:
		return 0
	case s.lsnCommit != 0:
		return s.lsnCommit
	case s.lsnProc == 0:
		return s.lsn // the snapshot's own position
	}
	return 0
}

// last is the furthest position that the offset speaks of; 0 if there is none, as
// in the mark of a first start.
func (s *stored) last() wire.LSN {
	if s == nil {
		return 0
	}
	return max(s.lsn, s.lsnProc, s.lsnCommit)
}

const positionBlock = 1024

// positions hands out positions from blocks, one allocation for many.
type positions struct {
	block []position
	seq   uint64
}

func (ps *positions) next() *position {
	if len(ps.block) == 0 {
		ps.block = make([]position, positionBlock)
	}
	p := &ps.block[0]
	ps.block = ps.block[1:]
	ps.seq++
	p.seq = ps.seq
	return p
}
