package txn

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/coordinator"
)

// End asks to commit or abort.
type End struct {
	ID         string
	ProducerID int64
	Epoch      int16
	Commit     bool
	// V2 is set for EndTxn from version 5 on: the epoch moves on, and an
	// abort is allowed even where nothing was begun.
	V2 bool
	// Fresh is as in Init.
	Fresh int64
}

// EndTxn ends a transaction. It returns once the decision is durable, and for
// V2 tells the producer id and epoch to go on with.
func (s *Shard) EndTxn(tx *coordinator.Tx, e End) (Producer, error) {
	t := s.txns[e.ID]
	if t == nil {
		return Producer{}, kerr.InvalidProducerIDMapping
	}
	if e.V2 {
		return s.endV2(tx, t, e)
	}
	switch {
	case t.producerID != e.ProducerID:
		return Producer{}, kerr.InvalidProducerIDMapping
	case t.epoch != e.Epoch:
		return Producer{}, kerr.ProducerFenced
	}
	done, prepared := CompleteAbort, PrepareAbort
	if e.Commit {
		done, prepared = CompleteCommit, PrepareCommit
	}
	switch t.state {
	case Ongoing:
		t.version = min(t.version, 1)
		s.prepare(tx, t, e.Commit)
		return Producer{ID: t.producerID, Epoch: t.epoch}, nil
	case done:
		return Producer{ID: t.producerID, Epoch: t.epoch}, nil
	case prepared:
		return Producer{}, kerr.ConcurrentTransactions
	case Empty, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort, Dead:
	}
	return Producer{}, kerr.InvalidTxnState
}

// endV2 is the table of KIP-890: what a request does depends on the state and
// on whether it repeats the one that led there.
func (s *Shard) endV2(tx *coordinator.Tx, t *txn, e End) (Producer, error) {
	// After the epochs ran out, the retry still carries the old id.
	overflow := e.ProducerID == t.prevID && e.Epoch == exhausted && t.epoch == 0
	retry := overflow || t.producerID == e.ProducerID && e.Epoch == t.epoch-1
	now := t.producerID == e.ProducerID && e.Epoch == t.epoch
	switch {
	case t.producerID != e.ProducerID && !overflow:
		return Producer{}, kerr.InvalidProducerIDMapping
	case !retry && !now:
		return Producer{}, kerr.ProducerFenced
	}
	same := Producer{ID: t.producerID, Epoch: t.epoch}
	switch t.state {
	case Ongoing:
		if !now {
			return Producer{}, kerr.ProducerFenced
		}
		return s.complete(tx, t, e)
	case PrepareCommit, PrepareAbort:
		switch {
		case !retry:
			return Producer{}, kerr.ProducerFenced
		case e.Commit == (t.state == PrepareCommit):
			return Producer{}, kerr.ConcurrentTransactions
		}
	case CompleteCommit, CompleteAbort:
		if retry && e.Commit == (t.state == CompleteCommit) {
			return same, nil
		}
		if now && !e.Commit {
			return s.complete(tx, t, e)
		}
	case Empty:
		switch {
		case !now:
			return Producer{}, kerr.ProducerFenced
		case !e.Commit:
			return s.complete(tx, t, e)
		}
	case Dead:
	}
	return Producer{}, kerr.InvalidTxnState
}

// complete decides with a new epoch, or with a new producer id when the epochs
// have run out: that one is reserved in the Prepare record and becomes current
// with the Complete record.
func (s *Shard) complete(tx *coordinator.Tx, t *txn, e End) (Producer, error) {
	if t.epoch > exhausted {
		return Producer{}, kerr.ProducerFenced // nobody was given that one
	}
	if t.epoch == exhausted && e.Fresh < 0 {
		return Producer{NeedFresh: true}, nil
	}
	next := Producer{ID: t.producerID, Epoch: t.epoch + 1}
	if t.epoch == exhausted {
		t.nextID = e.Fresh
		next = Producer{ID: e.Fresh, Epoch: 0}
	}
	t.lastEpoch = t.epoch
	t.epoch++
	t.version = 2
	if t.state != Ongoing {
		t.partitions, t.start = nil, tx.Now.UnixMilli()
	}
	s.prepare(tx, t, e.Commit)
	return next, nil
}
