package group

import "sync/atomic"

// Counters count what groups do. They outlive a reload of the shards that share
// them.
type Counters struct {
	Commits, Expired, Deleted      atomic.Int64 // offsets
	Rebalances, ConsumerRebalances atomic.Int64 // completed; begun by a new epoch
}

// Stats are the figures of one shard.
type Stats struct {
	Classic  map[State]int
	Consumer map[string]int // by state
	Offsets  int
	Parked   int // joins and syncs that wait
}

// ConsumerStates are the states that KIP-848 groups can be in.
var ConsumerStates = []string{"Empty", "Assigning", "Reconciling", "Stable", "Dead"}

// Stats counts the shard's groups and offsets.
func (s *Shard) Stats() Stats {
	out := Stats{Classic: map[State]int{}, Consumer: map[string]int{}}
	for _, g := range s.groups {
		for _, ps := range g.offsets {
			out.Offsets += len(ps)
		}
		if g.consumer != nil {
			out.Consumer[g.consumer.state()]++
			continue
		}
		out.Classic[g.state]++
		for _, m := range g.members {
			if m.join != nil || m.sync != nil {
				out.Parked++
			}
		}
	}
	return out
}
