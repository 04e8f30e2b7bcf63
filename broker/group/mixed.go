package group

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// joinMixed handles JoinGroup to a KIP-848 group with members: the member is
// taken in or updated, moved one step towards its target, and told the epoch as
// its generation. Nobody is the leader. SyncGroup then fetches the assignment.
func (s *Shard) joinMixed(tx *coordinator.Tx, g *Group, req *kmsg.JoinGroupRequest, client Client, reply func(*kmsg.JoinGroupResponse)) int16 {
	c := g.consumer
	protocols := protocolsOf(req)
	switch {
	case c.members[req.MemberID] == nil && len(c.members) >= s.cfg.ConsumerMaxSize:
		return kerr.GroupMaxSizeReached.Code
	case req.ProtocolType != ConsumerProtocol || !c.supports(protocols):
		return kerr.InconsistentGroupProtocol.Code
	}
	sub, err := subscriptionOf(protocols)
	if err != nil {
		return kerr.InconsistentGroupProtocol.Code
	}
	unnamed := req.MemberID == ""
	if unnamed {
		req.MemberID = uuid.NewString()
		if req.InstanceID == nil && req.Version >= 4 {
			return kerr.MemberIDRequired.Code
		}
	}
	m, code := s.mixedMember(tx, g, req, client, unnamed)
	if code != 0 {
		return code
	}
	changed := m.updateClassic(tx, g, req, sub, protocols, client)
	s.refresh(tx, g, changed)
	was := *m
	owned := parts{}
	for _, t := range sub.OwnedPartitions {
		addParts(owned, s.cfg.Topics(), t.Topic, t.Partitions)
	}
	c.reconcile(m, owned)
	if m.moved(&was) {
		tx.Write(currentRecord(g.id, m))
	}
	r := kmsg.NewPtrJoinGroupResponse()
	r.MemberID, r.Generation = m.id, m.epoch
	r.ProtocolType, r.Protocol = kmsg.StringPtr(ConsumerProtocol), kmsg.StringPtr(protocols[0].name)
	answerJoin(tx, reply, r)
	if s.mayDowngrade(c, nil, len(c.members)) {
		s.downgrade(tx, g, nil, m)
		return 0
	}
	s.armConsumer(tx, g, m)
	tx.Disarm(&m.classic.join)
	tx.Arm(&m.classic.sync, m.rebalanceTimeout, func(tx *coordinator.Tx) { s.gone(tx, g, m) })
	return 0
}

func protocolsOf(req *kmsg.JoinGroupRequest) []protocol {
	out := make([]protocol, len(req.Protocols))
	for i, p := range req.Protocols {
		out[i] = protocol{p.Name, p.Metadata}
	}
	return out
}

// supports says whether all classic members know one of the protocols.
func (c *consumerGroup) supports(protocols []protocol) bool {
	return slices.ContainsFunc(protocols, func(p protocol) bool {
		for _, m := range c.members {
			if m.classic != nil && !slices.ContainsFunc(m.classic.protocols, func(o protocol) bool { return o.name == p.name }) {
				return false
			}
		}
		return true
	})
}

// mixedMember finds or makes the member of a JoinGroup. A static member that
// comes without its id takes over from the holder of its instance id.
func (s *Shard) mixedMember(tx *coordinator.Tx, g *Group, req *kmsg.JoinGroupRequest, client Client, unnamed bool) (*consumer, int16) {
	c := g.consumer
	if req.InstanceID == nil {
		m := c.members[req.MemberID]
		if m == nil {
			m = c.add(&consumer{id: req.MemberID, client: client, previous: -1, assigned: parts{}})
		}
		return m, 0
	}
	holder := c.members[c.static[*req.InstanceID]]
	switch {
	case unnamed && holder == nil:
		return c.add(&consumer{id: req.MemberID, instance: req.InstanceID, client: client, previous: -1, assigned: parts{}}), 0
	case unnamed:
		return s.succeed(tx, g, holder, req.MemberID, client), 0
	case holder == nil:
		return nil, kerr.UnknownMemberID.Code
	case holder.id != req.MemberID:
		return nil, kerr.FencedInstanceID.Code
	}
	return holder, 0
}

// updateClassic takes over what a JoinGroup says and reports whether the
// subscription changed.
func (m *consumer) updateClassic(tx *coordinator.Tx, g *Group, req *kmsg.JoinGroupRequest, sub kmsg.ConsumerMemberMetadata, protocols []protocol, client Client) bool {
	names := sortedNames(sub.Topics)
	changed := !slices.Equal(names, m.names) || m.regex != nil
	session := time.Duration(req.SessionTimeoutMillis) * time.Millisecond
	write := changed || m.classic == nil || m.classic.session != session || m.client != client ||
		!slices.EqualFunc(m.classic.protocols, protocols, func(a, b protocol) bool { return a.name == b.name && bytes.Equal(a.metadata, b.metadata) })
	m.names, m.regex, m.client = names, nil, client
	if sub.Rack != nil {
		m.rack = sub.Rack
	}
	if req.RebalanceTimeoutMillis != -1 {
		m.rebalanceTimeout = time.Duration(req.RebalanceTimeoutMillis) * time.Millisecond
	}
	if req.Version < 1 {
		m.rebalanceTimeout = session
	}
	if m.classic == nil {
		m.classic = &classicPart{}
		tx.Disarm(&m.revoke)
	}
	m.classic.session, m.classic.protocols = session, protocols
	if write {
		tx.Write(g.memberRecord(m))
	}
	return changed
}

// classicMember finds the member of a SyncGroup, Heartbeat or LeaveGroup.
func (c *consumerGroup) classicMember(id string, instance *string) (*consumer, int16) {
	if instance != nil {
		holder, ok := c.static[*instance]
		switch {
		case !ok:
			return nil, kerr.UnknownMemberID.Code
		case holder != id:
			return nil, kerr.FencedInstanceID.Code
		}
	}
	m := c.members[id]
	if m == nil || m.classic == nil {
		return nil, kerr.UnknownMemberID.Code
	}
	return m, 0
}

// syncMixed handles SyncGroup to a KIP-848 group.
func (s *Shard) syncMixed(tx *coordinator.Tx, g *Group, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) int16 {
	m, code := g.consumer.classicMember(req.MemberID, req.InstanceID)
	if code != 0 {
		return code
	}
	name := m.classic.protocols[0].name
	switch {
	case m.epoch != req.Generation:
		return kerr.IllegalGeneration.Code
	case req.ProtocolType != nil && *req.ProtocolType != ConsumerProtocol, req.Protocol != nil && *req.Protocol != name:
		return kerr.InconsistentGroupProtocol.Code
	case g.consumer.epoch > m.epoch && m.step != stepUnrevoked:
		s.awaitRejoin(tx, g, m)
		return kerr.RebalanceInProgress.Code
	}
	tx.Disarm(&m.classic.sync)
	s.armConsumer(tx, g, m)
	r := kmsg.NewPtrSyncGroupResponse()
	r.ProtocolType, r.Protocol = kmsg.StringPtr(ConsumerProtocol), kmsg.StringPtr(name)
	r.MemberAssignment = wireClassic(m.assigned, s.cfg.Topics(), m.classic.protocols)
	answerSync(tx, reply, r)
	return 0
}

// heartbeatMixed handles Heartbeat to a KIP-848 group: a member is told to
// rejoin when there is a new epoch, when it has partitions to give up, and when
// partitions that it waited for are free.
func (s *Shard) heartbeatMixed(tx *coordinator.Tx, g *Group, req *kmsg.HeartbeatRequest) int16 {
	c := g.consumer
	m, code := c.classicMember(req.MemberID, req.InstanceID)
	if code != 0 {
		return code
	}
	if m.epoch != req.Generation {
		return kerr.IllegalGeneration.Code
	}
	s.armConsumer(tx, g, m)
	s.refresh(tx, g, false) // topics may have changed since the last request
	if m.epoch < c.epoch || m.step == stepUnrevoked || m.step == stepUnreleased && !c.waiting(m) {
		s.awaitRejoin(tx, g, m)
		return kerr.RebalanceInProgress.Code
	}
	return 0
}

// waiting says whether others hold partitions of a member's target.
func (c *consumerGroup) waiting(m *consumer) bool {
	for p := range c.target[m.id] {
		if !m.assigned[p] && c.owner(p, m) {
			return true
		}
	}
	return false
}

// awaitRejoin gives a member that was told to rejoin its rebalance timeout.
func (s *Shard) awaitRejoin(tx *coordinator.Tx, g *Group, m *consumer) {
	if !m.classic.join.Armed() {
		tx.Arm(&m.classic.join, m.rebalanceTimeout, func(tx *coordinator.Tx) { s.gone(tx, g, m) })
	}
}

// leaveMixed handles one member of a LeaveGroup to a KIP-848 group.
func (s *Shard) leaveMixed(tx *coordinator.Tx, g *Group, lm kmsg.LeaveGroupRequestMember) int16 {
	id := lm.MemberID
	if id == "" && lm.InstanceID != nil {
		id = g.consumer.static[*lm.InstanceID]
	}
	m, code := g.consumer.classicMember(id, lm.InstanceID)
	if code == 0 {
		s.dropConsumer(tx, g, m)
	}
	return code
}
