package quorum

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sync/errgroup"
)

// process does what raft has ready, in the order that doc.go gives, until
// there is nothing left. After an error the raft instance is gone.
func (n *Node) process() (err error) {
	defer n.publish()
	defer func() {
		if r := recover(); r != nil {
			if n.st.failed == nil {
				panic(r)
			}
			err = n.fail(n.st.failed) // raft panics when its log cannot be read
		}
	}()
	for n.raw.HasReady() {
		rd := n.raw.Ready()
		if rd.SoftState != nil {
			n.st.leader = nodeID(rd.SoftState.Lead) // raft's 0, nobody, is our -1
		}
		if err := n.persist(&rd); err != nil {
			return n.fail(err)
		}
		if n.cfg.Transport != nil && len(rd.Messages) > 0 {
			n.cfg.Transport.Send(rd.Messages)
			n.reportSnapshots(rd.Messages)
		}
		if len(rd.CommittedEntries) > 0 {
			n.publish() // whoever is told that a change is in looks at a status that has it
		}
		if err := n.handOver(rd.CommittedEntries); err != nil {
			return err
		}
		n.raw.Advance(rd)
	}
	if n.raw.BasicStatus().RaftState != raft.StateLeader {
		n.fresh.Store(false)
		n.failWaiting(ErrNotLeader)
	}
	return nil
}

// fail ends the raft instance after a failed write or read. As after a crash,
// what raft believed beyond the files is void; no message or answer told
// anybody of it.
func (n *Node) fail(err error) error {
	n.cfg.Logger.Error("the metadata log failed; the next change tries again", "err", err)
	n.raw, n.st.leader = nil, -1
	n.fresh.Store(false)
	n.failWaiting(err)
	return err
}

// persist makes durable what must be before anybody is told.
func (n *Node) persist(rd *raft.Ready) error {
	if rd.Snapshot != nil && !raft.IsEmptySnap(rd.Snapshot) {
		at, err := n.st.install(rd.Snapshot)
		if err != nil {
			return err
		}
		data := rd.Snapshot.GetData()
		n.handed, n.group = uint64(at.End), nil
		n.apps.add(item{snapshot: data, commit: Commit{Position: at}})
	}
	if hs := rd.HardState; hs != nil && rd.MustSync && (int32(hs.GetTerm()) != n.st.hard.LeaderEpoch || hs.GetVote() != n.vote()) {
		if err := n.st.save(hs); err != nil {
			return err
		}
	}
	if len(rd.Entries) > 0 {
		return n.st.append(rd.Entries)
	}
	return nil
}

func (n *Node) vote() uint64 {
	if n.st.hard.VotedID < 0 {
		return 0
	}
	return raftID(n.st.hard.VotedID)
}

// reportSnapshots tells raft that snapshots were sent: whether they arrived it
// learns from the answers.
func (n *Node) reportSnapshots(sent []*raftpb.Message) {
	for _, m := range sent {
		if m.GetType() == raftpb.MsgSnap {
			n.raw.ReportSnapshot(m.GetTo(), raft.SnapshotFinish)
		}
	}
}

// handOver gives committed entries to the applier, in whole groups.
func (n *Node) handOver(entries []*raftpb.Entry) error {
	for _, e := range entries {
		at := Position{int64(e.GetIndex()), int32(e.GetTerm())}
		n.handed = e.GetIndex()
		if e.GetType() != raftpb.EntryNormal {
			return fmt.Errorf("metadata log at offset %d: a change of voters, which this program does not support", at.End-1)
		}
		if len(e.GetData()) == 0 {
			// A new leader: what is missing of a group before it never comes.
			n.group = nil
			n.apps.add(item{commit: Commit{Position: at}})
			continue
		}
		left, value, err := splitData(e)
		if err != nil {
			return err
		}
		n.group = append(n.group, value)
		if left > 0 {
			continue
		}
		it := item{commit: Commit{Position: at, Values: n.group}}
		if i := slices.IndexFunc(n.waiting, func(p *proposal) bool { return p.last == e.GetIndex() && p.term == e.GetTerm() }); i >= 0 {
			p := n.waiting[i]
			n.waiting = slices.Delete(n.waiting, i, i+1)
			it.commit.Tag = p.tag
			it.result = p.result
		}
		n.group = nil
		n.apps.add(it)
	}
	return nil
}

func (n *Node) failWaiting(err error) {
	for _, p := range n.waiting {
		p.result <- err
	}
	n.waiting = nil
}

// snapshotRetry is how long nothing is tried after a snapshot that could not be
// written.
const snapshotRetry = time.Minute

// takeSnapshot writes the state as it is applied now, on a goroutine of Run.
func (n *Node) takeSnapshot(ctx context.Context, g *errgroup.Group) {
	at, records := n.sm.Snapshot()
	if at.End <= n.st.snap.End {
		n.st.sinceSnapshot = 0
		return
	}
	n.writing = true
	lastTime, covered := n.st.lastTime, n.st.sinceSnapshot
	g.Go(func() error {
		content, err := encodeSnapshot(at, lastTime, records)
		if err == nil {
			err = writeSnapshot(n.cfg.FS, n.st.log.Path(), at, content)
		}
		if err != nil {
			n.cfg.Logger.Error("writing a metadata snapshot; the log is kept until one succeeds", "err", err)
			select { // one is due still: without a pause a full disk would keep the processor busy
			case <-ctx.Done():
			case <-time.After(snapshotRetry):
			}
		}
		n.written <- written{at, covered, err}
		return nil
	})
}
