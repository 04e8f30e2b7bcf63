package group

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/fault"
)

// ConsumerHeartbeat handles ConsumerGroupHeartbeat (KIP-848): member epoch 0
// joins, -1 leaves, -2 leaves for a moment, others go on.
func (s *Shard) ConsumerHeartbeat(tx *coordinator.Tx, req *kmsg.ConsumerGroupHeartbeatRequest, client Client, reply func(*kmsg.ConsumerGroupHeartbeatResponse)) {
	resp, err := s.consumerHeartbeat(tx, req, client)
	if err != nil {
		resp = kmsg.NewPtrConsumerGroupHeartbeatResponse()
		resp.ErrorCode, resp.ErrorMessage = fault.Code(err), fault.Message(err)
	}
	tx.After(func(err error) {
		if err != nil {
			resp = kmsg.NewPtrConsumerGroupHeartbeatResponse()
			resp.ErrorCode = errorCode(err)
		}
		reply(resp)
	})
}

func (s *Shard) consumerHeartbeat(tx *coordinator.Tx, req *kmsg.ConsumerGroupHeartbeatRequest, client Client) (*kmsg.ConsumerGroupHeartbeatResponse, error) {
	if err := s.checkHeartbeat(req); err != nil {
		return nil, err
	}
	g, err := s.consumerGroup(tx, req)
	if err != nil {
		return nil, err
	}
	if req.MemberEpoch < 0 {
		return s.consumerLeave(tx, g, req)
	}
	m, joined, err := s.consumerMember(tx, g, req, client)
	if err != nil {
		return nil, err
	}
	changed, stored := m.update(req, client)
	if joined || stored {
		tx.Write(g.memberRecord(m))
	}
	s.refresh(tx, g, joined || changed)
	before, was := m.assigned, *m
	g.consumer.reconcile(m, ownedParts(req))
	if joined || m.moved(&was) {
		tx.Write(currentRecord(g.id, m))
	}
	s.armConsumer(tx, g, m)
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	resp.MemberID, resp.MemberEpoch = &m.id, m.epoch
	resp.HeartbeatIntervalMillis = int32(s.cfg.ConsumerHeartbeat(g.id).Milliseconds())
	full := req.MemberEpoch == 0 || req.RebalanceTimeoutMillis != -1 && (req.SubscribedTopicNames != nil || req.SubscribedTopicRegex != nil) && req.Topics != nil
	if full || !equalParts(before, m.assigned) {
		resp.Assignment = wireAssignment(m.assigned)
	}
	return resp, nil
}

func (s *Shard) checkHeartbeat(req *kmsg.ConsumerGroupHeartbeatRequest) error {
	empty := func(p *string) bool { return p != nil && *p == "" }
	switch {
	case req.Group == "":
		return fault.New(kerr.InvalidRequest, "GroupId can't be empty.")
	case empty(req.InstanceID):
		return fault.New(kerr.InvalidRequest, "InstanceId can't be empty.")
	case empty(req.RackID):
		return fault.New(kerr.InvalidRequest, "RackId can't be empty.")
	case req.MemberID == "" && (req.Version >= 1 || req.MemberEpoch != 0):
		return fault.New(kerr.InvalidRequest, "MemberId can't be empty.")
	case req.MemberEpoch < leftStatic:
		return fault.New(kerr.InvalidRequest, "MemberEpoch is invalid.")
	case req.MemberEpoch == leftStatic && req.InstanceID == nil:
		return fault.New(kerr.InvalidRequest, "InstanceId can't be null.")
	case req.ServerAssignor != nil && !slices.Contains(s.cfg.Assignors, *req.ServerAssignor):
		return fault.New(kerr.UnsupportedAssignor, "ServerAssignor %s is not supported. Supported assignors: %s.", *req.ServerAssignor, strings.Join(s.cfg.Assignors, ", "))
	}
	if req.SubscribedTopicRegex != nil && *req.SubscribedTopicRegex != "" {
		if _, err := compile(*req.SubscribedTopicRegex); err != nil {
			return err
		}
	}
	if req.MemberEpoch != 0 {
		return nil
	}
	switch {
	case req.RebalanceTimeoutMillis == -1:
		return fault.New(kerr.InvalidRequest, "RebalanceTimeoutMs must be provided in first request.")
	case req.Topics == nil || len(req.Topics) > 0:
		return fault.New(kerr.InvalidRequest, "TopicPartitions must be empty when (re-)joining.")
	case req.SubscribedTopicNames == nil && req.SubscribedTopicRegex == nil: // empty ones: a member without topics
		return fault.New(kerr.InvalidRequest, "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
	}
	return nil
}

// consumerGroup finds the group of a heartbeat; a join makes it, also out of
// an empty classic group.
func (s *Shard) consumerGroup(tx *coordinator.Tx, req *kmsg.ConsumerGroupHeartbeatRequest) (*Group, error) {
	g := s.groups[req.Group]
	if g != nil && g.consumer != nil {
		return g, nil
	}
	if req.MemberEpoch != 0 {
		return nil, fault.New(kerr.GroupIDNotFound, "%s", notKind(g, req.Group, "consumer"))
	}
	if g != nil && g.state != Empty {
		return g, s.upgrade(tx, g, req.InstanceID)
	}
	if g == nil {
		g = s.group(tx, req.Group)
	} else if g.generation > 0 {
		tx.Write(coordinator.Record{Key: groupKey(g.id)})
		g.generation, g.protocol, g.leader = 0, "", ""
	}
	g.consumer, g.protocolType = newConsumerGroup(), ConsumerProtocol
	return g, nil
}

// consumerMember finds the member of a heartbeat, or makes it when it joins.
func (s *Shard) consumerMember(tx *coordinator.Tx, g *Group, req *kmsg.ConsumerGroupHeartbeatRequest, client Client) (m *consumer, joined bool, err error) {
	c := g.consumer
	m = c.members[req.MemberID]
	if req.InstanceID != nil {
		if id, ok := c.static[*req.InstanceID]; ok && id != req.MemberID {
			return s.replaceConsumer(tx, g, c.members[id], req, client)
		}
	}
	switch {
	case m == nil && req.MemberEpoch != 0:
		return nil, false, fault.New(kerr.UnknownMemberID, "Member %s is not a member of group %s.", req.MemberID, g.id)
	case m == nil:
		if len(c.members) >= s.cfg.ConsumerMaxSize {
			return nil, false, kerr.GroupMaxSizeReached
		}
		m = s.newConsumer(g, req, client)
		return m, true, nil
	}
	if err := m.checkEpoch(req.MemberEpoch, ownedParts(req)); err != nil {
		return nil, false, err
	}
	if m.classic != nil && req.MemberEpoch != 0 {
		return nil, false, fault.New(kerr.UnknownMemberID, "Member %s uses the classic protocol.", m.id)
	}
	if m.classic != nil {
		s.dropTimers(tx, m)
		m.classic, joined = nil, true
	}
	if req.MemberEpoch == 0 { // joins anew: it has nothing
		joined = joined || m.epoch != 0
		m.assigned, m.revoking, m.step, m.previous, m.epoch = parts{}, nil, stepStable, -1, 0
	}
	return m, joined, nil
}

func (s *Shard) newConsumer(g *Group, req *kmsg.ConsumerGroupHeartbeatRequest, client Client) *consumer {
	m := &consumer{id: req.MemberID, instance: req.InstanceID, client: client, previous: -1, assigned: parts{}}
	if m.id == "" {
		m.id = uuid.NewString()
	}
	return g.consumer.add(m)
}

// replaceConsumer lets a static member come back under a new id, if the old
// one said that it left or spoke the classic protocol.
func (s *Shard) replaceConsumer(tx *coordinator.Tx, g *Group, old *consumer, req *kmsg.ConsumerGroupHeartbeatRequest, client Client) (*consumer, bool, error) {
	switch {
	case req.MemberEpoch != 0:
		return nil, false, kerr.FencedInstanceID
	case old.epoch != leftStatic && old.classic == nil:
		return nil, false, kerr.UnreleasedInstanceID
	}
	id := req.MemberID
	if id == "" {
		id = uuid.NewString()
	}
	return s.succeed(tx, g, old, id, client), false, nil
}

// succeed puts a new member in the place of a static one: it has its
// subscription and assignment, and starts at epoch 0.
func (s *Shard) succeed(tx *coordinator.Tx, g *Group, old *consumer, id string, client Client) *consumer {
	c := g.consumer
	m := &consumer{
		id: id, instance: old.instance, rack: old.rack, client: client, rebalanceTimeout: old.rebalanceTimeout,
		names: old.names, regex: old.regex, assignor: old.assignor, assigned: old.assigned,
	}
	target := c.target[old.id]
	s.dropConsumer(tx, g, old)
	c.add(m)
	c.target[m.id] = target
	tx.Write(g.memberRecord(m), targetRecord(g.id, m.id, target), currentRecord(g.id, m))
	return m
}

// checkEpoch fences a member whose epoch is not ours. The one before is
// accepted from a member that still has nothing we do not know of: our last
// answer was lost.
func (m *consumer) checkEpoch(epoch int32, owned parts) error {
	if epoch == 0 || epoch == m.epoch {
		return nil
	}
	subset := owned != nil
	for p := range owned {
		subset = subset && m.assigned[p]
	}
	if epoch < m.epoch && epoch == m.previous && subset {
		return nil
	}
	return fault.New(kerr.FencedMemberEpoch, "The consumer group member has epoch %d, but the coordinator knows epoch %d.", epoch, m.epoch)
}

// update takes over what a heartbeat says; unset fields keep their values. It
// reports whether the subscription changed, and whether anything that is stored
// did.
func (m *consumer) update(req *kmsg.ConsumerGroupHeartbeatRequest, client Client) (changed, stored bool) {
	if req.RackID != nil && (m.rack == nil || *m.rack != *req.RackID) {
		m.rack, stored = req.RackID, true
	}
	if d := time.Duration(req.RebalanceTimeoutMillis) * time.Millisecond; req.RebalanceTimeoutMillis != -1 && d != m.rebalanceTimeout {
		m.rebalanceTimeout, stored = d, true
	}
	if m.client != client {
		m.client, stored = client, true
	}
	if req.ServerAssignor != nil && (m.assignor == nil || *m.assignor != *req.ServerAssignor) {
		m.assignor, changed = req.ServerAssignor, true
	}
	if req.SubscribedTopicNames != nil {
		names := slices.Compact(slices.Sorted(slices.Values(req.SubscribedTopicNames)))
		changed = changed || !slices.Equal(names, m.names)
		m.names = names
	}
	if req.SubscribedTopicRegex != nil && (m.regex == nil || *m.regex != *req.SubscribedTopicRegex) {
		m.regex, changed = req.SubscribedTopicRegex, true
	}
	return changed, changed || stored
}

func (s *Shard) consumerLeave(tx *coordinator.Tx, g *Group, req *kmsg.ConsumerGroupHeartbeatRequest) (*kmsg.ConsumerGroupHeartbeatResponse, error) {
	c := g.consumer
	m := c.members[req.MemberID]
	if req.InstanceID != nil {
		holder, ok := c.static[*req.InstanceID]
		switch {
		case !ok:
			return nil, fault.New(kerr.UnknownMemberID, "Instance id %s is unknown.", *req.InstanceID)
		case holder != req.MemberID:
			return nil, fault.New(kerr.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", req.MemberID, *req.InstanceID, holder)
		}
	}
	if m == nil {
		return nil, fault.New(kerr.UnknownMemberID, "Member %s is not a member of group %s.", req.MemberID, g.id)
	}
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	resp.MemberID, resp.MemberEpoch = &m.id, req.MemberEpoch
	if req.MemberEpoch == leftStatic {
		m.epoch, m.previous, m.step, m.revoking = leftStatic, -1, stepStable, nil
		tx.Disarm(&m.revoke)
		tx.Write(currentRecord(g.id, m))
		return resp, nil // its session timer decides how long it may be gone
	}
	s.removeConsumer(tx, g, m)
	return resp, nil
}

// removeConsumer takes a member out for good.
func (s *Shard) removeConsumer(tx *coordinator.Tx, g *Group, m *consumer) {
	if s.mayDowngrade(g.consumer, m, len(g.consumer.members)-1) {
		s.downgrade(tx, g, m, nil)
		return
	}
	s.dropConsumer(tx, g, m)
	g.since = tx.Now
	s.refresh(tx, g, true)
}

func (s *Shard) dropConsumer(tx *coordinator.Tx, g *Group, m *consumer) {
	c := g.consumer
	s.dropTimers(tx, m)
	delete(c.members, m.id)
	delete(c.target, m.id)
	if m.instance != nil && c.static[*m.instance] == m.id {
		delete(c.static, *m.instance)
	}
	tx.Write(tombstone(currentMemberKey, g.id, m.id), tombstone(targetMemberKey, g.id, m.id), tombstone(memberMetadataKey, g.id, m.id))
}

func (s *Shard) dropTimers(tx *coordinator.Tx, m *consumer) {
	tx.Disarm(&m.session)
	tx.Disarm(&m.revoke)
	if m.classic != nil {
		tx.Disarm(&m.classic.join)
		tx.Disarm(&m.classic.sync)
	}
}

// gone removes a member whose time is up.
func (s *Shard) gone(tx *coordinator.Tx, g *Group, m *consumer) {
	if g.consumer != nil && g.consumer.members[m.id] == m {
		s.removeConsumer(tx, g, m)
	}
}

// armConsumer gives a member a session to the next heartbeat, and while it has
// partitions to give up, its rebalance timeout to do so. Classic members have
// their own session timeout, and their own timers for rejoining.
func (s *Shard) armConsumer(tx *coordinator.Tx, g *Group, m *consumer) {
	gone := func(tx *coordinator.Tx) { s.gone(tx, g, m) }
	if m.classic != nil {
		tx.Arm(&m.session, m.classic.session, gone)
		return
	}
	tx.Arm(&m.session, s.cfg.ConsumerSession(g.id), gone)
	switch {
	case m.step != stepUnrevoked:
		tx.Disarm(&m.revoke)
	case !m.revoke.Armed():
		tx.Arm(&m.revoke, m.rebalanceTimeout, gone)
	}
}

func ownedParts(req *kmsg.ConsumerGroupHeartbeatRequest) parts {
	if req.Topics == nil {
		return nil
	}
	out := parts{}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			out[part{t.TopicID, p}] = true
		}
	}
	return out
}

func wireAssignment(p parts) *kmsg.ConsumerGroupHeartbeatResponseAssignment {
	out := kmsg.NewConsumerGroupHeartbeatResponseAssignment()
	out.Topics = []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{}
	for _, t := range byTopic(p) {
		wt := kmsg.NewConsumerGroupHeartbeatResponseAssignmentTopic()
		wt.TopicID, wt.Partitions = t.id, t.partitions
		out.Topics = append(out.Topics, wt)
	}
	return &out
}
