package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// Sync handles SyncGroup. reply is called once, possibly much later.
func (s *Shard) Sync(tx *coordinator.Tx, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {
	if code := s.sync(tx, req, reply); code != 0 {
		answerSync(tx, reply, syncError(code))
	}
}

func (s *Shard) sync(tx *coordinator.Tx, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) int16 {
	if req.Group == "" {
		return kerr.InvalidGroupID.Code
	}
	if req.Version >= 5 && (req.ProtocolType == nil || req.Protocol == nil) {
		return kerr.InconsistentGroupProtocol.Code // mandatory since KIP-559
	}
	g := s.groups[req.Group]
	if g != nil && g.consumer != nil {
		return s.syncMixed(tx, g, req, reply)
	}
	if g == nil || g.state == Empty {
		return kerr.UnknownMemberID.Code
	}
	m, code := g.checkGeneration(req.MemberID, req.InstanceID, req.Generation)
	if code != 0 {
		return code
	}
	if req.ProtocolType != nil && *req.ProtocolType != g.protocolType || req.Protocol != nil && *req.Protocol != g.protocol {
		return kerr.InconsistentGroupProtocol.Code
	}
	if g.state == PreparingRebalance {
		return kerr.RebalanceInProgress.Code
	}
	delete(g.pendingSync, m.id)
	if len(g.pendingSync) == 0 {
		tx.Disarm(&g.syncTimer)
	}
	if g.state == Stable {
		answerSync(tx, reply, g.synced(m))
		s.resetSession(tx, g, m)
		return 0
	}
	if m.sync != nil {
		answerSync(tx, m.sync, syncError(kerr.RebalanceInProgress.Code))
	}
	m.sync = reply
	if m.id == g.leader {
		s.assign(tx, g, req.GroupAssignment)
	}
	return 0
}

// assign takes the leader's assignment: members it leaves out get nothing.
// The answers wait for the record.
func (s *Shard) assign(tx *coordinator.Tx, g *Group, assignment []kmsg.SyncGroupRequestGroupAssignment) {
	for _, m := range g.members {
		m.assignment = []byte{}
	}
	for _, a := range assignment {
		if m := g.members[a.MemberID]; m != nil {
			m.assignment = a.MemberAssignment
		}
	}
	g.enter(Stable, tx.Now)
	s.cfg.Counters.Rebalances.Add(1)
	tx.Write(g.metadataRecord(tx.Now))
	for _, m := range g.ordered() {
		if m.sync == nil {
			continue
		}
		answerSync(tx, m.sync, g.synced(m))
		m.sync = nil
		s.resetSession(tx, g, m)
	}
}

func (g *Group) synced(m *member) *kmsg.SyncGroupResponse {
	r := kmsg.NewPtrSyncGroupResponse()
	r.ProtocolType, r.Protocol = kmsg.StringPtr(g.protocolType), kmsg.StringPtr(g.protocol)
	r.MemberAssignment = m.assignment
	return r
}

// expireSync removes members that joined but did not fetch their assignment
// within the rebalance timeout.
func (s *Shard) expireSync(tx *coordinator.Tx, g *Group, generation int32) {
	if g.generation != generation || len(g.pendingSync) == 0 || g.state != CompletingRebalance && g.state != Stable {
		return
	}
	for _, m := range g.ordered() {
		if g.pendingSync[m.id] {
			g.remove(tx, m, kerr.UnknownMemberID.Code)
		}
	}
	s.rebalance(tx, g)
}

// Heartbeat handles Heartbeat.
func (s *Shard) Heartbeat(tx *coordinator.Tx, req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) {
	r := kmsg.NewPtrHeartbeatResponse()
	r.ErrorCode = s.heartbeat(tx, req)
	tx.After(func(err error) {
		if err != nil {
			r.ErrorCode = errorCode(err)
		}
		reply(r)
	})
}

func (s *Shard) heartbeat(tx *coordinator.Tx, req *kmsg.HeartbeatRequest) int16 {
	if req.Group == "" {
		return kerr.InvalidGroupID.Code
	}
	g := s.groups[req.Group]
	if g != nil && g.consumer != nil {
		return s.heartbeatMixed(tx, g, req)
	}
	if g == nil || g.state == Empty {
		return kerr.UnknownMemberID.Code
	}
	m, code := g.checkGeneration(req.MemberID, req.InstanceID, req.Generation)
	if code != 0 {
		return code
	}
	s.resetSession(tx, g, m)
	if g.state == PreparingRebalance {
		return kerr.RebalanceInProgress.Code
	}
	return 0
}

func (s *Shard) resetSession(tx *coordinator.Tx, g *Group, m *member) {
	tx.Arm(&m.session, m.sessionTimeout, func(tx *coordinator.Tx) { s.expire(tx, g, m) })
}

// expire removes a member that was silent for its session timeout. One that
// waits for an answer of ours cannot send heartbeats and stays; its timer is
// armed again with the answer.
func (s *Shard) expire(tx *coordinator.Tx, g *Group, m *member) {
	if g.members[m.id] != m || !m.isNew && (m.join != nil || m.sync != nil) {
		return
	}
	g.remove(tx, m, kerr.UnknownMemberID.Code)
	s.removed(tx, g)
}

// removed goes on after members left.
func (s *Shard) removed(tx *coordinator.Tx, g *Group) {
	switch g.state {
	case Stable, CompletingRebalance, PreparingRebalance:
		s.rebalance(tx, g)
	case Unknown, Empty, Dead:
	}
}
