package group

import (
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// Join handles JoinGroup. reply is called once, possibly much later.
func (s *Shard) Join(tx *coordinator.Tx, req *kmsg.JoinGroupRequest, client Client, reply func(*kmsg.JoinGroupResponse)) {
	if code := s.join(tx, req, client, reply); code != 0 {
		answerJoin(tx, reply, joinError(req.MemberID, code))
	}
}

// join returns an error code, or 0 when reply was or will be called.
func (s *Shard) join(tx *coordinator.Tx, req *kmsg.JoinGroupRequest, client Client, reply func(*kmsg.JoinGroupResponse)) int16 {
	if req.Group == "" {
		return kerr.InvalidGroupID.Code
	}
	session := time.Duration(req.SessionTimeoutMillis) * time.Millisecond
	if session < s.cfg.MinSessionTimeout || session > s.cfg.MaxSessionTimeout {
		return kerr.InvalidSessionTimeout.Code
	}
	if s.groups[req.Group] == nil && req.MemberID != "" {
		return kerr.UnknownMemberID.Code
	}
	g := s.group(tx, req.Group)
	if g.consumer != nil {
		if len(g.consumer.members) > 0 {
			return s.joinMixed(tx, g, req, client, reply)
		}
		g.dropConsumerState(tx)
	}
	if !s.accepts(g, req.MemberID) {
		return kerr.GroupMaxSizeReached.Code
	}
	protocols := protocolsOf(req)
	if !g.supports(req.ProtocolType, protocols) {
		return kerr.InconsistentGroupProtocol.Code
	}
	m := &member{
		id: req.MemberID, instance: req.InstanceID, client: client, sessionTimeout: session,
		rebalanceTimeout: time.Duration(req.RebalanceTimeoutMillis) * time.Millisecond, protocols: protocols, join: reply,
	}
	if req.Version < 1 {
		m.rebalanceTimeout = session
	}
	if req.MemberID == "" {
		return s.joinUnnamed(tx, g, m, req)
	}
	return s.joinNamed(tx, g, m, req)
}

// accepts enforces group.max.size; members that are in already may rejoin.
func (s *Shard) accepts(g *Group, memberID string) bool {
	switch g.state {
	case PreparingRebalance:
		if m := g.members[memberID]; m != nil && m.join != nil {
			return true
		}
		return g.awaitingJoin() < s.cfg.MaxSize
	case CompletingRebalance, Stable:
		return g.members[memberID] != nil || len(g.members) < s.cfg.MaxSize
	case Unknown, Empty, Dead:
	}
	return true
}

// joinUnnamed handles a join without member id: a new dynamic member, a new
// static one, or the successor of a static one.
func (s *Shard) joinUnnamed(tx *coordinator.Tx, g *Group, m *member, req *kmsg.JoinGroupRequest) int16 {
	prefix := m.client.ID
	if m.instance != nil {
		prefix = *m.instance
	}
	m.id = prefix + "-" + uuid.NewString()
	if m.instance != nil {
		if old, ok := g.static[*m.instance]; ok {
			s.replaceStatic(tx, g, g.members[old], m, req)
			return 0
		}
		s.addAndRebalance(tx, g, m, req.ProtocolType)
		return 0
	}
	if req.Version >= 4 {
		// KIP-394: the client must come back with the id, so that a lost
		// answer leaves no ghost member behind.
		s.reserve(tx, g, m)
		req.MemberID = m.id
		return kerr.MemberIDRequired.Code
	}
	s.addAndRebalance(tx, g, m, req.ProtocolType)
	return 0
}

func (s *Shard) reserve(tx *coordinator.Tx, g *Group, m *member) {
	t := &coordinator.Timer{}
	g.reserved[m.id] = t
	id := m.id
	tx.Arm(t, m.sessionTimeout, func(tx *coordinator.Tx) {
		delete(g.reserved, id)
		s.maybeCompleteJoin(tx, g)
	})
}

// joinNamed handles a join of a member that names itself.
func (s *Shard) joinNamed(tx *coordinator.Tx, g *Group, m *member, req *kmsg.JoinGroupRequest) int16 {
	if t, ok := g.reserved[m.id]; ok && m.instance == nil {
		tx.Disarm(t)
		delete(g.reserved, m.id)
		s.addAndRebalance(tx, g, m, req.ProtocolType)
		return 0
	}
	known, code := g.check(m.id, m.instance)
	if code != 0 {
		return code
	}
	same := known.matches(m.protocols)
	switch {
	case g.state == Empty:
		return kerr.UnknownMemberID.Code
	case g.state == CompletingRebalance && same, g.state == Stable && same && m.id != g.leader:
		// Nothing changed: the answer to the last join may have been lost.
		r := g.joined(known)
		if g.state == Stable {
			r.Members = nil
		}
		answerJoin(tx, m.join, r)
		return 0
	}
	known.update(tx, m)
	s.rebalance(tx, g)
	return 0
}

// update takes over what a new join says. A join that was parked is answered:
// its client has sent another.
func (m *member) update(tx *coordinator.Tx, from *member) {
	if m.join != nil {
		answerJoin(tx, m.join, joinError(m.id, kerr.RebalanceInProgress.Code))
	}
	m.protocols, m.client, m.join = from.protocols, from.client, from.join
	m.rebalanceTimeout, m.sessionTimeout = from.rebalanceTimeout, from.sessionTimeout
}

func (s *Shard) addAndRebalance(tx *coordinator.Tx, g *Group, m *member, protocolType string) {
	m.isNew = true
	if len(g.members) == 0 {
		g.protocolType = protocolType
	}
	g.newMember = g.newMember || g.state == PreparingRebalance && g.before == Empty
	g.add(m)
	tx.Arm(&m.session, newMemberJoinTimeout, func(tx *coordinator.Tx) { s.expire(tx, g, m) })
	s.rebalance(tx, g)
}

// replaceStatic lets a restarted client take its predecessor's place
// (KIP-345). The old member id is fenced from here on. A stable group whose
// protocol choice stays the same goes on without a rebalance.
func (s *Shard) replaceStatic(tx *coordinator.Tx, g *Group, old, m *member, req *kmsg.JoinGroupRequest) {
	leaderBefore := g.leader
	old.reply(tx, kerr.FencedInstanceID.Code)
	tx.Disarm(&old.session)
	delete(g.members, old.id)
	delete(g.pendingSync, old.id)
	m.assignment, m.order, m.isNew = old.assignment, old.order, old.isNew
	g.members[m.id] = m
	g.static[*m.instance] = m.id
	if g.leader == old.id {
		g.leader = m.id
	}
	s.resetSession(tx, g, m)
	if g.state != Stable || g.selectProtocol() != g.protocol {
		s.rebalance(tx, g)
		return
	}
	tx.Write(g.metadataRecord(tx.Now))
	r := g.joined(m)
	if req.Version >= 9 {
		r.SkipAssignment = g.leader == m.id
	} else {
		// Naming the old leader keeps the member from assigning.
		r.LeaderID, r.Members = leaderBefore, nil
	}
	answerJoin(tx, m.join, r)
	m.join = nil
}

// rebalance starts a rebalance, or lets the running one end when this was the
// last member it waited for.
func (s *Shard) rebalance(tx *coordinator.Tx, g *Group) {
	if g.state == PreparingRebalance {
		s.maybeCompleteJoin(tx, g)
		return
	}
	if g.state == CompletingRebalance {
		for _, m := range g.ordered() {
			m.assignment = nil
			if m.sync != nil {
				answerSync(tx, m.sync, syncError(kerr.RebalanceInProgress.Code))
				m.sync = nil
				s.resetSession(tx, g, m)
			}
		}
	}
	tx.Disarm(&g.syncTimer)
	clear(g.pendingSync)
	first := g.state == Empty
	g.enter(PreparingRebalance, tx.Now)
	if first {
		g.newMember = false
		g.remaining = max(g.rebalanceTimeout()-s.cfg.InitialRebalanceDelay, 0)
		s.delayFirst(tx, g, s.cfg.InitialRebalanceDelay)
		return
	}
	tx.Arm(&g.joinTimer, g.rebalanceTimeout(), func(tx *coordinator.Tx) { s.completeJoin(tx, g) })
	s.maybeCompleteJoin(tx, g)
}

// delayFirst holds the first rebalance of an empty group back while members
// keep arriving, up to the rebalance timeout.
func (s *Shard) delayFirst(tx *coordinator.Tx, g *Group, d time.Duration) {
	tx.Arm(&g.joinTimer, d, func(tx *coordinator.Tx) {
		if !g.newMember || g.remaining <= 0 {
			s.completeJoin(tx, g)
			return
		}
		g.newMember = false
		next := min(s.cfg.InitialRebalanceDelay, g.remaining)
		g.remaining -= next
		s.delayFirst(tx, g, next)
	})
}

func (s *Shard) maybeCompleteJoin(tx *coordinator.Tx, g *Group) {
	if g.state == PreparingRebalance && g.before != Empty && g.awaitingJoin() == len(g.members) && len(g.reserved) == 0 {
		s.completeJoin(tx, g)
	}
}

// completeJoin ends the join phase: dynamic members that did not join are out,
// the others get their generation.
func (s *Shard) completeJoin(tx *coordinator.Tx, g *Group) {
	tx.Disarm(&g.joinTimer)
	for _, m := range g.ordered() {
		if m.join == nil && m.instance == nil {
			g.remove(tx, m, kerr.UnknownMemberID.Code)
		}
	}
	if len(g.members) == 0 {
		s.becomeEmpty(tx, g)
		return
	}
	if !g.electJoined() {
		// Only static members, none of them back yet: wait on.
		tx.Arm(&g.joinTimer, g.rebalanceTimeout(), func(tx *coordinator.Tx) { s.completeJoin(tx, g) })
		return
	}
	g.generation++
	g.protocol = g.selectProtocol()
	g.enter(CompletingRebalance, tx.Now)
	for _, m := range g.ordered() {
		g.pendingSync[m.id] = true
		if m.join != nil {
			answerJoin(tx, m.join, g.joined(m))
			m.join = nil
		}
		m.isNew = false
		s.resetSession(tx, g, m)
	}
	generation := g.generation
	tx.Arm(&g.syncTimer, g.rebalanceTimeout(), func(tx *coordinator.Tx) { s.expireSync(tx, g, generation) })
}

func (s *Shard) becomeEmpty(tx *coordinator.Tx, g *Group) {
	g.generation++
	g.protocol, g.leader = "", ""
	tx.Disarm(&g.syncTimer)
	g.enter(Empty, tx.Now)
	tx.Write(g.metadataRecord(tx.Now))
}

// joined is the answer to a completed join. Only the leader learns of the
// other members.
func (g *Group) joined(m *member) *kmsg.JoinGroupResponse {
	r := kmsg.NewPtrJoinGroupResponse()
	r.Generation, r.MemberID, r.LeaderID = g.generation, m.id, g.leader
	r.ProtocolType, r.Protocol = kmsg.StringPtr(g.protocolType), kmsg.StringPtr(g.protocol)
	if m.id != g.leader {
		return r
	}
	for _, o := range g.ordered() {
		rm := kmsg.NewJoinGroupResponseMember()
		rm.MemberID, rm.InstanceID, rm.ProtocolMetadata = o.id, o.instance, o.metadata(g.protocol)
		r.Members = append(r.Members, rm)
	}
	return r
}
