package quorum

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"
)

// Status is the state of the quorum as this node sees it.
type Status struct {
	LeaderID      int32 // -1 unknown
	Epoch         int32
	HighWatermark int64 // offset behind the last committed record
	Voters        []VoterStatus
}

// VoterStatus is how far one voter is.
type VoterStatus struct {
	NodeID       int32
	LogEndOffset int64 // -1 unknown
	// LastContact is when the leader last heard of the voter; zero if never,
	// and for the leader itself.
	LastContact time.Time
}

// Status is safe for concurrent use.
func (n *Node) Status() Status { return *n.status.Load() }

// publish makes the state visible to Status.
func (n *Node) publish() {
	st := &Status{LeaderID: n.st.leader, Epoch: n.st.hard.LeaderEpoch, HighWatermark: int64(n.handed)}
	leading := false
	if n.raw != nil {
		b := n.raw.BasicStatus()
		st.Epoch, st.HighWatermark = int32(b.GetTerm()), int64(b.GetCommit())
		leading = b.RaftState == raft.StateLeader
	}
	for _, id := range n.cfg.Voters {
		v := VoterStatus{NodeID: id, LogEndOffset: -1, LastContact: n.contacts[id]}
		if id == n.cfg.NodeID {
			v.LogEndOffset = n.st.log.LogEndOffset()
		}
		st.Voters = append(st.Voters, v)
	}
	if leading && !n.sole() {
		n.raw.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
			i := slices.IndexFunc(st.Voters, func(v VoterStatus) bool { return v.NodeID == nodeID(id) })
			if i >= 0 && nodeID(id) != n.cfg.NodeID {
				st.Voters[i].LogEndOffset = int64(pr.Match)
			}
		})
	}
	n.status.Store(st)
}
