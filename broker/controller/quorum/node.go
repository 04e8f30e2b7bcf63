package quorum

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// Config describes one voter.
type Config struct {
	NodeID int32
	// Voters are the ids of all voters, this one among them.
	Voters []int32
	// DirectoryID is the id of the log dir, as text.
	DirectoryID string
	// Log is the partition __cluster_metadata-0, FS the file system it is on.
	Log *logstore.Partition
	FS  vfs.FS
	// Transport reaches the other voters; nil when there are none.
	Transport Transport
	// A snapshot is written when the log behind the last one has
	// SnapshotBytes bytes, at least 1, and every SnapshotInterval if anything
	// changed; an interval of 0 is never.
	SnapshotBytes    int64
	SnapshotInterval time.Duration
	// Tick is raft's unit of time; unused with one voter.
	Tick   time.Duration
	Logger *slog.Logger
}

// Ticks between a leader's heartbeats and before a voter without a leader
// calls an election.
const (
	heartbeatTicks = 1
	electionTicks  = 10
)

// Transport carries messages to other voters. Send must not block; it may lose
// messages. The receiving side hands them to Node.Receive.
type Transport interface {
	Send(messages []*raftpb.Message)
}

// StateMachine is what the log is applied to. Apply and Restore are called in
// the order of the log, one at a time: by Start on its caller's goroutine, then
// by Run on one of its own. Their error is fatal.
type StateMachine interface {
	// Restore replaces the state by that of a snapshot. records yields them in
	// order; a value is valid during the call only.
	Restore(at Position, records func(fn func(value []byte) error) error) error
	// Apply takes a committed group.
	Apply(Commit) error
	// Snapshot returns the state and the position it belongs to, as of the
	// last Apply. The sequence is used later, on another goroutine.
	Snapshot() (Position, iter.Seq[[]byte])
}

// Commit is a group of records that is committed: it will not be lost.
type Commit struct {
	Position
	// Values are the records; none for the first entry of a leader's epoch.
	Values [][]byte
	// Tag is what the proposer gave to Append on this node, nil for a group
	// of another leader or of an earlier run.
	Tag any
}

// ErrNotLeader answers who wants to append where this node does not lead, or
// has stopped to lead: whether the group is committed is then unknown.
var ErrNotLeader = errors.New("this node does not lead the metadata quorum")

// ErrStopped answers who wants to append to a node that has ended.
var ErrStopped = errors.New("metadata quorum has stopped")

// Node is one voter.
type Node struct {
	cfg  Config
	st   *storage
	raw  *raft.RawNode // nil after a failed write
	sm   StateMachine
	apps applier

	requests chan any // *proposal, *leadRequest
	inbox    chan *raftpb.Message
	written  chan written
	done     chan struct{}

	// What follows belongs to the loop.
	waiting  []*proposal
	group    [][]byte // values of a group whose end is not committed yet
	handed   uint64   // index of the last entry that was given to the applier
	writing  bool     // a snapshot is being written
	contacts map[int32]time.Time

	// fresh: this node leads and the state machine has all of the log, so
	// that Lead need not ask the loop.
	fresh  atomic.Bool
	status atomic.Pointer[Status]
}

// proposal is a group on its way.
type proposal struct {
	base   int64 // offset of the last record that the group was planned on
	values [][]byte
	tag    any
	last   uint64 // index of its last entry
	term   uint64
	result chan error
}

type leadRequest struct{ result chan error }

// written is a snapshot that a goroutine has written.
type written struct {
	at      Position
	covered int64 // bytes of the log that it stands for
	err     error
}

// Open reads the files of a voter and checks them. Start must follow.
func Open(cfg Config) (*Node, error) {
	if !slices.Contains(cfg.Voters, cfg.NodeID) {
		return nil, fmt.Errorf("node %d is not among the voters %v", cfg.NodeID, cfg.Voters)
	}
	if len(cfg.Voters) > 1 && cfg.Transport == nil {
		return nil, fmt.Errorf("%d voters but no transport", len(cfg.Voters))
	}
	n := &Node{
		cfg: cfg, requests: make(chan any), inbox: make(chan *raftpb.Message, 1024), written: make(chan written, 1),
		done: make(chan struct{}), contacts: map[int32]time.Time{},
	}
	n.apps.wake = make(chan struct{}, 1)
	st, err := openStorage(&n.cfg)
	if err != nil {
		return nil, err
	}
	n.st = st
	return n, nil
}

// sole says whether this node is the only voter.
func (n *Node) sole() bool { return len(n.cfg.Voters) == 1 }

// Start gives the state machine what this node knows to be committed: the
// newest snapshot and, with one voter, all of the log, after which it leads.
func (n *Node) Start(sm StateMachine) error {
	n.sm = sm
	if n.st.snap.End > 0 {
		data, err := readSnapshot(n.cfg.FS, n.st.log.Path(), n.st.snap)
		if err == nil {
			err = restore(sm, n.st.snap, data)
		}
		if err != nil {
			return err
		}
	}
	n.handed = uint64(n.st.snap.End)
	err := n.restart()
	if IsStorage(err) {
		// On a full disk there is no new epoch, but what is in the log can be
		// served. The next proposal tries again.
		n.cfg.Logger.Error("cannot write to the metadata log; metadata cannot be changed", "err", err)
		err = nil
	}
	if err = errors.Join(err, n.apps.drain(n.sm)); err != nil {
		return err
	}
	if err := n.st.prune(); err != nil { // of a snapshot that the end of the last run came upon
		n.cfg.Logger.Error("compacting the metadata log", "err", err)
	}
	return nil
}

// IsStorage says whether an error is that of a disk, full or failing: the next
// attempt may succeed.
func IsStorage(err error) bool { return errors.Is(err, logstore.ErrStorage) || vfs.IsNoSpace(err) }

func restore(sm StateMachine, at Position, data []byte) error {
	err := sm.Restore(at, func(fn func([]byte) error) error { return eachInSnapshot(data, fn) })
	if err != nil {
		return fmt.Errorf("loading metadata snapshot %s: %w", snapshotName(at), err)
	}
	return nil
}

// restart makes a raft instance from the files, and with one voter its leader.
func (n *Node) restart() error {
	// What a failed flush left in the page cache only is no part of the log
	// until it is durable.
	if err := n.st.flush(); err != nil {
		return fmt.Errorf("flushing the metadata log: %w", err)
	}
	n.st.commit = n.handed
	if n.sole() {
		n.st.commit = n.st.lastIndex() // a majority has it
	}
	raw, err := raft.NewRawNode(&raft.Config{
		ID: raftID(n.cfg.NodeID), ElectionTick: electionTicks, HeartbeatTick: heartbeatTicks,
		Storage: n.st, Applied: n.handed,
		MaxSizePerMsg: 1 << 20, MaxCommittedSizePerReady: 4 << 20, MaxInflightMsgs: 64,
		CheckQuorum: !n.sole(), PreVote: !n.sole(), DisableProposalForwarding: true,
		Logger: raftLog{n.cfg.Logger},
	})
	if err != nil {
		return fmt.Errorf("starting raft: %w", err)
	}
	n.raw, n.group, n.st.failed = raw, nil, nil
	if err := n.process(); err != nil {
		return err
	}
	if !n.sole() {
		return nil
	}
	if err := n.raw.Campaign(); err != nil {
		return fmt.Errorf("electing the only voter: %w", err)
	}
	return n.process()
}

// Run serves until ctx ends. Nothing runs when it has returned.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.apps.run(ctx, n.sm) })
	g.Go(func() error { return n.loop(ctx, g) })
	err := g.Wait()
	close(n.done)
	return err
}

// loop is the one goroutine that touches the RawNode.
func (n *Node) loop(ctx context.Context, g *errgroup.Group) error {
	var tick <-chan time.Time
	if !n.sole() {
		t := time.NewTicker(n.cfg.Tick)
		defer t.Stop()
		tick = t.C
	}
	var hourly <-chan time.Time
	if n.cfg.SnapshotInterval > 0 {
		t := time.NewTicker(n.cfg.SnapshotInterval)
		defer t.Stop()
		hourly = t.C
	}
	due := n.st.sinceSnapshot >= n.cfg.SnapshotBytes
	for {
		if due && !n.writing {
			n.takeSnapshot(ctx, g)
		}
		due = false
		var err error
		select {
		case <-ctx.Done():
			n.failWaiting(ErrStopped)
			return nil
		case <-tick:
			if err = n.revive(); err == nil {
				n.raw.Tick()
			}
		case m := <-n.inbox:
			err = n.step(m)
		case r := <-n.requests:
			n.serve(r)
		case w := <-n.written:
			n.writing = false
			if w.err == nil {
				if err := n.st.compact(w.at, w.covered); err != nil {
					n.cfg.Logger.Error("compacting the metadata log", "err", err)
				}
			}
		case <-hourly:
			due = true
		}
		if err == nil && n.raw != nil {
			err = n.process()
		}
		// Without a raft instance a write failed, which the proposer was told
		// and the next change tries again.
		if err != nil && n.raw != nil {
			return err
		}
		due = due || n.st.sinceSnapshot >= n.cfg.SnapshotBytes
	}
}

// revive starts raft again after a failed write.
func (n *Node) revive() error {
	if n.raw != nil {
		return nil
	}
	return n.restart()
}

// serve takes a request of Append or Lead.
func (n *Node) serve(r any) {
	switch r := r.(type) {
	case *proposal:
		if err := n.propose(r); err != nil {
			r.result <- err
		}
	case *leadRequest:
		if err := n.checkLead(); err != nil {
			r.result <- err
			return
		}
		n.apps.add(item{then: func() { n.fresh.Store(true); r.result <- nil }})
	}
}

// checkLead says whether this node leads and all of its log is committed.
func (n *Node) checkLead() error {
	if err := n.revive(); err != nil {
		return err
	}
	st := n.raw.BasicStatus()
	if st.RaftState != raft.StateLeader || n.handed != n.st.lastIndex() {
		return ErrNotLeader
	}
	return nil
}

func (n *Node) propose(p *proposal) error {
	if n.raw == nil {
		return ErrNotLeader
	}
	st := n.raw.BasicStatus()
	if st.RaftState != raft.StateLeader || uint64(p.base)+1 != n.st.lastIndex() {
		return ErrNotLeader
	}
	entries := groupEntries(p.values)
	p.last, p.term = n.st.lastIndex()+uint64(len(entries)), st.GetTerm()
	n.waiting = append(n.waiting, p)
	err := n.raw.Step(&raftpb.Message{Type: raftpb.MsgProp.Enum(), From: new(raftID(n.cfg.NodeID)), Entries: entries})
	if err != nil {
		n.waiting = n.waiting[:len(n.waiting)-1]
		return fmt.Errorf("proposing to the metadata quorum: %w", err)
	}
	return nil
}

// Lead returns when this node leads and its state machine has everything that
// is in the log: what is planned then may be appended. Otherwise ErrNotLeader,
// or why the log cannot be written.
func (n *Node) Lead(ctx context.Context) error {
	if n.fresh.Load() {
		return nil
	}
	r := &leadRequest{make(chan error, 1)}
	return n.ask(ctx, r, r.result)
}

// Append commits values as one group and returns when the state machine has
// applied it. base is the offset of the last record that the state had when
// the group was planned; a log that has moved on since is ErrNotLeader. One
// Append at a time.
func (n *Node) Append(ctx context.Context, base int64, values [][]byte, tag any) error {
	p := &proposal{base: base, values: values, tag: tag, result: make(chan error, 1)}
	return n.ask(ctx, p, p.result)
}

func (n *Node) ask(ctx context.Context, r any, result chan error) error {
	select {
	case n.requests <- r:
	case <-n.done:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// What was taken up has an outcome, which the caller must learn.
	select {
	case err := <-result:
		return err
	case <-n.done:
	}
	select {
	case err := <-result:
		return err
	default:
		return ErrStopped
	}
}

// Do runs fn on the goroutine of the state machine, between two calls of Apply,
// and waits for it.
func (n *Node) Do(ctx context.Context, fn func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	finished := make(chan struct{})
	n.apps.add(item{then: func() { fn(); close(finished) }})
	select {
	case <-finished:
		return nil
	case <-n.done:
		return ErrStopped
	}
}

// Receive takes a message of another voter. It drops it when this node is
// behind: raft sends again.
func (n *Node) Receive(m *raftpb.Message) {
	select {
	case n.inbox <- m:
	default:
	}
}

func (n *Node) step(m *raftpb.Message) error {
	if err := n.revive(); err != nil {
		return err
	}
	n.contacts[nodeID(m.GetFrom())] = time.Now()
	if err := n.raw.Step(m); err != nil && !errors.Is(err, raft.ErrProposalDropped) {
		n.cfg.Logger.Debug("raft message refused", "from", nodeID(m.GetFrom()), "type", m.GetType().String(), "err", err)
	}
	return nil
}
