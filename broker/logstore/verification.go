package logstore

import (
	"fmt"

	"github.com/leat-project/leat/broker/recordbatch"
)

// Guard stands for one verification of a producer's transaction with the
// transaction coordinator (KIP-890, Kafka: VerificationGuard). The zero Guard
// is "none needed": the transaction was open here when it was asked for.
//
// Why a token and not a flag: the coordinator's yes travels for a while. In
// that time the transaction may be aborted, its marker written here, and the
// next one begun that does not have this partition. A batch admitted by the
// stale yes would open a transaction that nobody ever ends. The marker takes
// the guard away, so that the yes is worth nothing.
type Guard uint64

// verification is a producer whose transaction is being verified.
type verification struct {
	guard  Guard
	epoch  int16
	lowest int32 // sequence seen; higher ones must wait for it
	since  int64 // ms
}

// StartVerification is called before the coordinator is asked. Requests of the same producer and epoch share a
// guard. sequence is that of the batch, -1 for records without.
func (p *Partition) StartVerification(producerID int64, epoch int16, sequence int32) Guard {
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.prod.ongoingOf(producerID, epoch) {
		return 0
	}
	v := p.prod.verifying[producerID]
	switch {
	case v == nil || epoch > v.epoch:
		p.prod.guards++
		if p.prod.verifying == nil {
			p.prod.verifying = map[int64]*verification{}
		}
		v = &verification{guard: p.prod.guards, epoch: epoch, lowest: sequence}
		p.prod.verifying[producerID] = v
	case epoch == v.epoch:
		v.lowest = min(v.lowest, sequence)
	}
	v.since = p.store.nowMs()
	return v.guard
}

// Verified says whether a batch with this guard could be appended now.
func (p *Partition) Verified(producerID int64, epoch int16, g Guard) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.prod.verified(producerID, epoch, g)
}

// CheckMarker says whether a marker would be accepted now.
func (p *Partition) CheckMarker(producerID int64, epoch int16, coordinatorEpoch int32, txnV2 bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.prod.checkMarker(producerID, epoch, coordinatorEpoch, txnV2)
}

func (s *producers) ongoingOf(id int64, epoch int16) bool {
	e := s.byID[id]
	return e != nil && e.epoch == epoch && e.txnStart >= 0
}

func (s *producers) verified(id int64, epoch int16, g Guard) bool {
	if s.ongoingOf(id, epoch) {
		return true
	}
	v := s.verifying[id]
	return v != nil && g != 0 && v.guard == g
}

// checkVerified refuses transactional batches that the coordinator does not know of, and sequences above one
// that is still being verified: appended first, they would make that one look out of order for ever.
func (s *producers) checkVerified(b recordbatch.Batch, o AppendOptions) error {
	if v := s.verifying[b.ProducerID()]; v != nil && o.Origin == OriginClient && v.epoch == b.ProducerEpoch() && b.BaseSequence() > v.lowest {
		return fmt.Errorf("sequence %d of producer %d comes before %d, whose transaction is being verified: %w", b.BaseSequence(), b.ProducerID(), v.lowest, ErrOutOfOrderSequence)
	}
	if o.Guarded && b.Transactional() && !s.verified(b.ProducerID(), b.ProducerEpoch(), o.Guard) {
		return fmt.Errorf("the batch of producer %d is not part of an ongoing transaction: %w", b.ProducerID(), ErrInvalidTxnState)
	}
	return nil
}
