package group

import (
	"bytes"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// State is the state of a classic group.
type State int8

// The states of Kafka's ClassicGroupState.
const (
	Unknown State = iota
	Empty
	PreparingRebalance
	CompletingRebalance
	Stable
	Dead
)

func (s State) String() string {
	switch s {
	case Empty:
		return "Empty"
	case PreparingRebalance:
		return "PreparingRebalance"
	case CompletingRebalance:
		return "CompletingRebalance"
	case Stable:
		return "Stable"
	case Dead:
		return "Dead"
	case Unknown:
	}
	return "Unknown"
}

// Group is one group with its members and offsets.
type Group struct {
	id           string
	state        State
	before       State // the state that PreparingRebalance was entered from
	since        time.Time
	protocolType string // "" until the first join
	generation   int32
	protocol     string
	leader       string
	members      map[string]*member
	joins        uint64 // counts joins, so that members have an order
	static       map[string]string
	reserved     map[string]*coordinator.Timer // ids handed out with MEMBER_ID_REQUIRED
	pendingSync  map[string]bool

	joinTimer coordinator.Timer
	syncTimer coordinator.Timer
	// newMember says that one joined during the initial delay, which then is
	// extended out of what remains.
	newMember bool
	remaining time.Duration

	// consumer is set for KIP-848 groups, whose classic state stays Empty.
	consumer *consumerGroup

	offsets offsets
	// txnOffsets are offsets of open transactions by producer id.
	txnOffsets map[int64]offsets
}

// member is one member. Times are those of its last JoinGroup.
type member struct {
	id               string
	instance         *string
	client           Client
	rebalanceTimeout time.Duration
	sessionTimeout   time.Duration
	protocols        []protocol
	assignment       []byte
	order            uint64
	isNew            bool // has never completed a join
	session          coordinator.Timer
	join             func(*kmsg.JoinGroupResponse)
	sync             func(*kmsg.SyncGroupResponse)
}

type protocol struct {
	name     string
	metadata []byte
}

func newGroup(id string, now time.Time) *Group {
	return &Group{
		id: id, state: Empty, since: now, members: map[string]*member{}, static: map[string]string{},
		reserved: map[string]*coordinator.Timer{}, pendingSync: map[string]bool{}, offsets: offsets{}, txnOffsets: map[int64]offsets{},
	}
}

func (g *Group) enter(s State, now time.Time) {
	g.before, g.state, g.since = g.state, s, now
}

// ordered returns the members in the order in which they joined.
func (g *Group) ordered() []*member {
	list := make([]*member, 0, len(g.members))
	for _, m := range g.members {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *member) int {
		if a.order < b.order {
			return -1
		}
		return 1
	})
	return list
}

func (g *Group) awaitingJoin() int {
	n := 0
	for _, m := range g.members {
		if m.join != nil {
			n++
		}
	}
	return n
}

// supports says whether a member with these protocols can be in the group.
func (g *Group) supports(protocolType string, protocols []protocol) bool {
	if protocolType == "" || len(protocols) == 0 {
		return false
	}
	if g.state == Empty {
		return true
	}
	if protocolType != g.protocolType {
		return false
	}
	for _, p := range protocols {
		if g.commonProtocol(p.name) {
			return true
		}
	}
	return len(g.members) == 0
}

func (g *Group) commonProtocol(name string) bool {
	if len(g.members) == 0 {
		return false
	}
	for _, m := range g.members {
		if m.metadata(name) == nil {
			return false
		}
	}
	return true
}

// selectProtocol is a vote: each member votes for the first of its protocols
// that all members support. Equal votes are decided by the order in which the
// longest-standing member lists them.
func (g *Group) selectProtocol() string {
	votes := map[string]int{}
	var candidates []string
	for _, m := range g.ordered() {
		for _, p := range m.protocols {
			if !g.commonProtocol(p.name) {
				continue
			}
			if votes[p.name] == 0 {
				candidates = append(candidates, p.name)
			}
			votes[p.name]++
			break
		}
	}
	best := ""
	for _, c := range candidates {
		if votes[c] > votes[best] {
			best = c
		}
	}
	return best
}

// rebalanceTimeout is the longest of the members'.
func (g *Group) rebalanceTimeout() time.Duration {
	var d time.Duration
	for _, m := range g.members {
		d = max(d, m.rebalanceTimeout)
	}
	return d
}

// electJoined makes sure that the leader is a member that has joined the
// running rebalance. It fails when none has.
func (g *Group) electJoined() bool {
	if m := g.members[g.leader]; m != nil && m.join != nil {
		return true
	}
	for _, m := range g.ordered() {
		if m.join != nil {
			g.leader = m.id
			return true
		}
	}
	return false
}

func (g *Group) add(m *member) {
	if len(g.members) == 0 && g.state == Empty {
		g.leader = ""
	}
	if g.leader == "" {
		g.leader = m.id
	}
	g.joins++
	m.order = g.joins
	g.members[m.id] = m
	if m.instance != nil {
		g.static[*m.instance] = m.id
	}
}

// remove drops a member with its timers. Parked requests are answered with
// code.
func (g *Group) remove(tx *coordinator.Tx, m *member, code int16) {
	tx.Disarm(&m.session)
	m.reply(tx, code)
	delete(g.members, m.id)
	delete(g.pendingSync, m.id)
	if m.instance != nil && g.static[*m.instance] == m.id {
		delete(g.static, *m.instance)
	}
	if g.leader != m.id {
		return
	}
	g.leader = ""
	for _, o := range g.ordered() {
		if g.leader == "" || o.join != nil {
			g.leader = o.id
			if o.join != nil {
				break
			}
		}
	}
}

// check finds the member of a request, refusing fenced instances.
func (g *Group) check(memberID string, instance *string) (*member, int16) {
	if instance != nil {
		id, ok := g.static[*instance]
		if !ok {
			return nil, kerr.UnknownMemberID.Code
		}
		if id != memberID {
			return nil, kerr.FencedInstanceID.Code
		}
	}
	m := g.members[memberID]
	if m == nil {
		return nil, kerr.UnknownMemberID.Code
	}
	return m, 0
}

// checkGeneration is check for requests that name the generation, too.
func (g *Group) checkGeneration(memberID string, instance *string, generation int32) (*member, int16) {
	m, code := g.check(memberID, instance)
	if code == 0 && generation != g.generation {
		return nil, kerr.IllegalGeneration.Code
	}
	return m, code
}

// metadata returns the member's bytes for a protocol; nil when unsupported.
func (m *member) metadata(name string) []byte {
	for _, p := range m.protocols {
		if p.name == name {
			if p.metadata == nil {
				return []byte{}
			}
			return p.metadata
		}
	}
	return nil
}

func (m *member) matches(protocols []protocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b protocol) bool {
		return a.name == b.name && bytes.Equal(a.metadata, b.metadata)
	})
}

// reply answers what the member has parked with an error.
func (m *member) reply(tx *coordinator.Tx, code int16) {
	join, sync := m.join, m.sync
	m.join, m.sync = nil, nil
	if join != nil {
		answerJoin(tx, join, joinError(m.id, code))
	}
	if sync != nil {
		answerSync(tx, sync, syncError(code))
	}
}

// abandon is reply when there is no round to wait for.
func (m *member) abandon(code int16) {
	if m.join != nil {
		m.join(joinError(m.id, code))
	}
	if m.sync != nil {
		m.sync(syncError(code))
	}
	m.join, m.sync = nil, nil
}

func joinError(memberID string, code int16) *kmsg.JoinGroupResponse {
	r := kmsg.NewPtrJoinGroupResponse()
	r.ErrorCode, r.MemberID, r.Generation = code, memberID, -1
	return r
}

func syncError(code int16) *kmsg.SyncGroupResponse {
	r := kmsg.NewPtrSyncGroupResponse()
	r.ErrorCode = code
	return r
}

func answerJoin(tx *coordinator.Tx, reply func(*kmsg.JoinGroupResponse), r *kmsg.JoinGroupResponse) {
	tx.After(func(err error) {
		if err != nil {
			r = joinError(r.MemberID, errorCode(err))
		}
		reply(r)
	})
}

func answerSync(tx *coordinator.Tx, reply func(*kmsg.SyncGroupResponse), r *kmsg.SyncGroupResponse) {
	tx.After(func(err error) {
		if err != nil {
			r = syncError(errorCode(err))
		}
		reply(r)
	})
}
