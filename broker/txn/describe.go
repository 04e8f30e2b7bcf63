package txn

import "time"

// Description is a transactional id as tools see it.
type Description struct {
	ID         string
	State      State
	ProducerID int64
	Epoch      int16
	Timeout    time.Duration
	Start      int64 // ms, -1 none
	Partitions []Partition
}

func (t *txn) describe() Description {
	return Description{
		ID: t.id, State: t.state, ProducerID: t.producerID, Epoch: t.epoch, Timeout: t.timeout, Start: t.start,
		Partitions: sortedPartitions(t.partitions),
	}
}

// Describe finds one transactional id.
func (s *Shard) Describe(id string) (Description, bool) {
	t := s.txns[id]
	if t == nil {
		return Description{}, false
	}
	return t.describe(), true
}

// List returns all transactional ids of the shard, in no order.
func (s *Shard) List() []Description {
	out := make([]Description, 0, len(s.txns))
	for _, t := range s.txns {
		out = append(out, t.describe())
	}
	return out
}

// Count counts transactional ids by state.
func (s *Shard) Count() map[State]int {
	out := map[State]int{}
	for _, t := range s.txns {
		out[t.state]++
	}
	return out
}
