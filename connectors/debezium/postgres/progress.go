package postgres

import (
	"sync"

	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// progress decides what the slot may be confirmed to: the end of the last
// transaction all of whose records are durable. Poll's goroutine reports ends,
// the framework's reports what is durable; safe for concurrent use.
type progress struct {
	mu        sync.Mutex // guards the fields below
	pending   []mark     // ascending
	durable   uint64     // sequence number of the last durable record
	confirmed wire.LSN
	stream    *wire.Stream // nil while none runs, or nothing is to be confirmed
}

// mark says that everything before lsn was emitted by record seq.
type mark struct {
	seq uint64
	lsn wire.LSN
}

// reached reports that everything before lsn was emitted by record seq, outside
// of any transaction.
func (p *progress) reached(seq uint64, lsn wire.LSN) {
	p.mu.Lock()
	if n := len(p.pending); n > 0 && p.pending[n-1].seq == seq {
		p.pending[n-1].lsn = max(p.pending[n-1].lsn, lsn)
	} else {
		p.pending = append(p.pending, mark{seq, lsn})
	}
	p.confirmLocked()
	confirm, stream := p.confirmed, p.stream
	p.mu.Unlock()
	send(stream, confirm)
}

// waiting reports whether something was reached that is not durable yet.
func (p *progress) waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending) > 0
}

// done reports that all records up to seq are durable.
func (p *progress) done(seq uint64) {
	p.mu.Lock()
	p.durable = max(p.durable, seq)
	p.confirmLocked()
	confirm, stream := p.confirmed, p.stream
	p.mu.Unlock()
	send(stream, confirm)
}

// isDurable reports whether record seq is durable.
func (p *progress) isDurable(seq uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.durable >= seq
}

// attach lets confirmations go to a stream; nil stops that.
func (p *progress) attach(s *wire.Stream) {
	p.mu.Lock()
	p.stream = s
	confirm := p.confirmed
	p.mu.Unlock()
	send(s, confirm)
}

func send(s *wire.Stream, lsn wire.LSN) {
	if s != nil && lsn != 0 {
		s.Confirm(lsn)
	}
}

// confirmLocked drops the marks that are durable. The caller holds mu.
func (p *progress) confirmLocked() {
	n := 0
	for n < len(p.pending) && p.pending[n].seq <= p.durable {
		p.confirmed = max(p.confirmed, p.pending[n].lsn)
		n++
	}
	if n == len(p.pending) {
		p.pending = p.pending[:0]
		return
	}
	p.pending = p.pending[n:]
}
