package txn

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/coordinator"
)

// Init asks for the producer id and epoch of a transactional id.
type Init struct {
	ID      string
	Timeout time.Duration
	// ProducerID and Epoch are what the producer has (KIP-360), -1 for none.
	ProducerID int64
	Epoch      int16
	// Fresh is a producer id never used before, -1 for none: if one turns out
	// to be needed, the result says so and nothing is done.
	Fresh int64
}

// Producer is a producer id with its epoch.
type Producer struct {
	ID    int64
	Epoch int16
	// NeedFresh asks to call again with a fresh producer id.
	NeedFresh bool
}

// InitProducer hands a transactional id to a producer and fences the one that
// had it. An open transaction is aborted first: CONCURRENT_TRANSACTIONS then
// tells the client to come back.
func (s *Shard) InitProducer(tx *coordinator.Tx, in Init) (Producer, error) {
	if in.Timeout <= 0 || in.Timeout > s.cfg.MaxTimeout {
		return Producer{}, kerr.InvalidTransactionTimeout
	}
	t := s.txns[in.ID]
	if t == nil {
		return s.create(tx, in)
	}
	if in.ProducerID >= 0 && !t.expects(in) {
		return Producer{}, kerr.ProducerFenced
	}
	switch t.state {
	case PrepareCommit, PrepareAbort:
		return Producer{}, kerr.ConcurrentTransactions
	case Ongoing:
		s.fence(tx, t)
		return Producer{}, kerr.ConcurrentTransactions
	case Empty, CompleteCommit, CompleteAbort, Dead:
	}
	return s.bump(tx, t, in)
}

// expects says whether the id that a producer claims to have can be its own.
func (t *txn) expects(in Init) bool {
	return t.epoch == noEpoch || in.ProducerID == t.producerID || in.ProducerID == t.prevID && in.Epoch >= exhausted
}

func (s *Shard) create(tx *coordinator.Tx, in Init) (Producer, error) {
	if in.Fresh < 0 {
		return Producer{NeedFresh: true}, nil
	}
	t := &txn{
		id: in.ID, producerID: in.Fresh, prevID: -1, nextID: -1, epoch: 0, lastEpoch: noEpoch,
		timeout: in.Timeout, state: Empty, start: -1,
	}
	s.txns[in.ID] = t
	s.write(tx, t)
	return Producer{ID: t.producerID, Epoch: t.epoch}, nil
}

// bump gives an idle transactional id its next epoch.
func (s *Shard) bump(tx *coordinator.Tx, t *txn, in Init) (Producer, error) {
	claimed := in.ProducerID >= 0
	current := !claimed || t.epoch == noEpoch || in.Epoch == t.epoch && in.ProducerID == t.producerID
	switch {
	case !current && in.Epoch == t.lastEpoch:
		// A retry of the request that was answered with the present epoch.
		return Producer{ID: t.producerID, Epoch: t.epoch}, nil
	case !current:
		return Producer{}, kerr.ProducerFenced
	case t.epoch >= exhausted && in.Fresh < 0:
		return Producer{NeedFresh: true}, nil
	}
	t.lastEpoch = noEpoch
	if claimed {
		t.lastEpoch = t.epoch
	}
	if t.epoch >= exhausted {
		t.prevID, t.producerID, t.epoch = t.producerID, in.Fresh, 0
	} else {
		t.epoch++
	}
	t.state, t.timeout, t.partitions, t.start = Empty, in.Timeout, nil, -1
	s.write(tx, t)
	return Producer{ID: t.producerID, Epoch: t.epoch}, nil
}
