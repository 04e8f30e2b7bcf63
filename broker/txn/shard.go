package txn

import (
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/coordinator"
)

// State is the state of a transactional id, with the numbers and names of
// Kafka's TransactionState.
type State int8

// The states that are stored.
const (
	Empty          State = 0
	Ongoing        State = 1
	PrepareCommit  State = 2
	PrepareAbort   State = 3
	CompleteCommit State = 4
	CompleteAbort  State = 5
	Dead           State = 6
)

var stateNames = [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead"}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "Unknown"
	}
	return stateNames[s]
}

// KnownState says whether a client's filter names a state.
func KnownState(name string) bool { return slices.Contains(stateNames[:], name) }

// Partition is a partition of a transaction.
type Partition struct {
	Topic     string
	Partition int32
}

// Markers asks for the markers of an ended transaction.
type Markers struct {
	ID         string
	ProducerID int64
	Epoch      int16
	Commit     bool
	V2         bool // transaction version 2: the epoch is above that of the data
	Partitions []Partition
	// CoordinatorEpoch is the leader epoch of the transaction's partition of
	// __transaction_state.
	CoordinatorEpoch int32
}

// Config is the coordinator's part of server.properties.
type Config struct {
	MaxTimeout   time.Duration // transaction.max.timeout.ms
	AbortCheck   time.Duration // transaction.abort.timed.out.transaction.cleanup.interval.ms
	IDExpiration time.Duration // transactional.id.expiration.ms
	ExpireCheck  time.Duration // transaction.remove.expired.transaction.cleanup.interval.ms
	// WriteMarkers writes markers and then calls Shard.Completed on the loop.
	// It must not block.
	WriteMarkers func(Markers)
}

// Shard is the state of one partition of __transaction_state.
type Shard struct {
	cfg    Config
	txns   map[string]*txn
	abort  coordinator.Timer
	expiry coordinator.Timer
}

var _ coordinator.State = (*Shard)(nil)

// NewShard returns an empty shard.
func NewShard(cfg Config) *Shard { return &Shard{cfg: cfg, txns: map[string]*txn{}} }

// txn is one transactional id.
type txn struct {
	id         string
	producerID int64
	prevID     int64 // -1 none: the id before the epochs ran out
	nextID     int64 // -1 none: the id to use once this transaction is complete
	epoch      int16
	lastEpoch  int16 // -1 none: a retry may still carry it
	timeout    time.Duration
	state      State
	partitions map[Partition]bool
	start      int64 // ms, -1 none
	updated    int64 // ms
	version    int16 // of the client that began the transaction
}

// noEpoch is the epoch of nothing; exhausted is the last one a producer is
// given, as the one above is kept for fencing it.
const (
	noEpoch   = -1
	exhausted = math.MaxInt16 - 1
)

// Loaded finishes what was decided and arms the timers.
func (s *Shard) Loaded(tx *coordinator.Tx) {
	for _, t := range s.txns {
		if t.state == PrepareCommit || t.state == PrepareAbort {
			s.sendMarkers(tx, t)
		}
	}
	s.scheduleAbort(tx)
	s.scheduleExpiry(tx)
}

// Abandon ends the shard; nothing is parked here.
func (s *Shard) Abandon(error) {}

// find returns the transaction of a producer, or what is wrong with the claim.
func (s *Shard) find(id string, producerID int64, epoch int16) (*txn, error) {
	t := s.txns[id]
	switch {
	case t == nil || t.producerID != producerID:
		return nil, kerr.InvalidProducerIDMapping
	case t.epoch != epoch:
		return nil, kerr.ProducerFenced
	case t.state == PrepareCommit || t.state == PrepareAbort:
		return nil, kerr.ConcurrentTransactions
	}
	return t, nil
}

// Add puts partitions into a producer's transaction, beginning it if need be.
// version is the transaction version of the client.
func (s *Shard) Add(tx *coordinator.Tx, id string, producerID int64, epoch, version int16, partitions []Partition) error {
	t, err := s.find(id, producerID, epoch)
	if err != nil {
		return err
	}
	if t.state == Ongoing && !slices.ContainsFunc(partitions, func(p Partition) bool { return !t.partitions[p] }) {
		return nil
	}
	if t.state != Ongoing {
		t.state, t.start, t.partitions = Ongoing, tx.Now.UnixMilli(), map[Partition]bool{}
	}
	t.version = version
	for _, p := range partitions {
		t.partitions[p] = true
	}
	s.write(tx, t)
	return nil
}

// Verify returns those of partitions that are not in a producer's open
// transaction, for clients that add them with requests of their own (KIP-890
// part 1). The error is about the producer.
func (s *Shard) Verify(id string, producerID int64, epoch int16, partitions []Partition) ([]Partition, error) {
	t, err := s.find(id, producerID, epoch)
	if err != nil {
		return nil, err
	}
	var missing []Partition
	for _, p := range partitions {
		if t.state != Ongoing || !t.partitions[p] {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// prepare decides how an open (or empty, for an abort) transaction ends.
func (s *Shard) prepare(tx *coordinator.Tx, t *txn, commit bool) {
	t.state = PrepareAbort
	if commit {
		t.state = PrepareCommit
	}
	if t.partitions == nil {
		t.partitions = map[Partition]bool{}
	}
	s.write(tx, t)
	s.sendMarkers(tx, t)
}

// sendMarkers asks for the markers once the decision is durable.
func (s *Shard) sendMarkers(tx *coordinator.Tx, t *txn) {
	m := Markers{ID: t.id, ProducerID: t.producerID, Epoch: t.epoch, Commit: t.state == PrepareCommit, V2: t.version >= 2}
	for p := range t.partitions {
		m.Partitions = append(m.Partitions, p)
	}
	tx.After(func(err error) {
		if err == nil {
			s.cfg.WriteMarkers(m)
		}
	})
}

// Completed records that all markers of a transaction are written.
func (s *Shard) Completed(tx *coordinator.Tx, m Markers) {
	t := s.txns[m.ID]
	if t == nil || t.producerID != m.ProducerID || t.epoch != m.Epoch || t.state != PrepareCommit && t.state != PrepareAbort {
		return // ended by an earlier attempt
	}
	t.state = CompleteAbort
	if m.Commit {
		t.state = CompleteCommit
	}
	t.partitions, t.start = nil, -1
	if t.nextID >= 0 {
		// lastEpoch stays: it is the last one that the producer was given.
		t.prevID, t.producerID, t.nextID = t.producerID, t.nextID, -1
		t.epoch = 0
	}
	s.write(tx, t)
}

// fence bumps the epoch of an open transaction and aborts it: the producer
// that has it open can do nothing more.
func (s *Shard) fence(tx *coordinator.Tx, t *txn) {
	if t.epoch < math.MaxInt16 {
		t.epoch++
	}
	t.lastEpoch = noEpoch
	if t.version >= 2 && t.epoch < math.MaxInt16 {
		t.epoch++ // a completed transaction of version 2 always has a new epoch
	}
	s.prepare(tx, t, false)
}

func (s *Shard) scheduleAbort(tx *coordinator.Tx) {
	tx.Arm(&s.abort, s.cfg.AbortCheck, func(tx *coordinator.Tx) {
		now := tx.Now.UnixMilli()
		for _, t := range s.txns {
			if t.state == Ongoing && now-t.start >= t.timeout.Milliseconds() {
				s.fence(tx, t)
			}
		}
		s.scheduleAbort(tx)
	})
}

func (s *Shard) scheduleExpiry(tx *coordinator.Tx) {
	tx.Arm(&s.expiry, s.cfg.ExpireCheck, func(tx *coordinator.Tx) {
		now := tx.Now.UnixMilli()
		for id, t := range s.txns {
			idle := t.state == Empty || t.state == CompleteCommit || t.state == CompleteAbort
			if idle && now-t.updated >= s.cfg.IDExpiration.Milliseconds() {
				tx.Write(coordinator.Record{Key: key(id)})
				delete(s.txns, id)
			}
		}
		s.scheduleExpiry(tx)
	})
}
