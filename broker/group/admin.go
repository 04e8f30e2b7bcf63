package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// ConsumerProtocol is the protocol type of ordinary consumers.
const ConsumerProtocol = "consumer"

// Describe answers DescribeGroups for one group. A group that does not exist
// is Dead; from version 6 on with an error.
func (s *Shard) Describe(id string, version int16) kmsg.DescribeGroupsResponseGroup {
	out := kmsg.NewDescribeGroupsResponseGroup()
	out.Group = id
	g := s.groups[id]
	if g == nil || g.consumer != nil {
		out.State = Dead.String()
		if version >= 6 {
			out.ErrorCode = kerr.GroupIDNotFound.Code
			out.ErrorMessage = kmsg.StringPtr(notKind(g, id, "classic"))
		}
		return out
	}
	out.State, out.ProtocolType = g.state.String(), g.protocolType
	stable := g.state == Stable
	if stable {
		out.Protocol = g.protocol
	}
	for _, m := range g.ordered() {
		dm := kmsg.NewDescribeGroupsResponseGroupMember()
		dm.MemberID, dm.InstanceID, dm.ClientID, dm.ClientHost = m.id, m.instance, m.client.ID, m.client.Host
		if stable {
			dm.ProtocolMetadata, dm.MemberAssignment = m.metadata(g.protocol), m.assignment
		}
		out.Members = append(out.Members, dm)
	}
	return out
}

// List answers ListGroups for the groups of the shard.
func (s *Shard) List() []kmsg.ListGroupsResponseGroup {
	var out []kmsg.ListGroupsResponseGroup
	for _, g := range s.groups {
		lg := kmsg.NewListGroupsResponseGroup()
		lg.Group, lg.ProtocolType, lg.GroupState, lg.GroupType = g.id, g.protocolType, g.state.String(), "classic"
		if g.consumer != nil {
			lg.GroupState, lg.GroupType = g.consumer.state(), "consumer"
		}
		out = append(out, lg)
	}
	return out
}

// Delete handles DeleteGroups for one group.
func (s *Shard) Delete(tx *coordinator.Tx, id string) int16 {
	g := s.groups[id]
	switch {
	case id == "":
		return kerr.InvalidGroupID.Code
	case g == nil:
		return kerr.GroupIDNotFound.Code
	case g.inUse():
		return kerr.NonEmptyGroup.Code
	}
	s.erase(tx, g)
	return 0
}

// erase removes a group with all its records.
func (s *Shard) erase(tx *coordinator.Tx, g *Group) {
	g.stored(func(topic string, p int32) { tx.Write(offsetTombstone(g.id, topic, p)) })
	if g.generation > 0 {
		tx.Write(coordinator.Record{Key: groupKey(g.id)})
	}
	if g.consumer != nil {
		g.dropConsumerState(tx)
	}
	for _, t := range g.reserved {
		tx.Disarm(t)
	}
	tx.Disarm(&g.joinTimer)
	tx.Disarm(&g.syncTimer)
	for pid := range g.txnOffsets {
		delete(s.pending[pid], g.id)
	}
	delete(s.groups, g.id)
}

// DeleteOffsets handles OffsetDelete for one group: the code of the whole, or
// one for each partition.
func (s *Shard) DeleteOffsets(tx *coordinator.Tx, id string, topics []kmsg.OffsetDeleteRequestTopic) (int16, []kmsg.OffsetDeleteResponseTopic) {
	g := s.groups[id]
	switch {
	case id == "":
		return kerr.InvalidGroupID.Code, nil
	case g == nil:
		return kerr.GroupIDNotFound.Code, nil
	case g.inUse() && g.protocolType != ConsumerProtocol:
		return kerr.NonEmptyGroup.Code, nil
	}
	subscribed := s.subscriptions(g)
	out := make([]kmsg.OffsetDeleteResponseTopic, 0, len(topics))
	for _, t := range topics {
		rt := kmsg.NewOffsetDeleteResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition = p.Partition
			if g.inUse() && (subscribed == nil || subscribed[t.Topic]) {
				rp.ErrorCode = kerr.GroupSubscribedToTopic.Code
			} else if g.has(t.Topic, p.Partition) {
				g.forget(t.Topic, p.Partition)
				s.cfg.Counters.Deleted.Add(1)
				tx.Write(offsetTombstone(g.id, t.Topic, p.Partition))
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		out = append(out, rt)
	}
	return 0, out
}

// subscriptions are the topics that members of a consumer group subscribe to;
// nil when that cannot be told.
func (s *Shard) subscriptions(g *Group) map[string]bool {
	if g.consumer != nil {
		return g.consumer.subscriptions(s.cfg.Topics())
	}
	if g.protocolType != ConsumerProtocol {
		return nil
	}
	out := map[string]bool{}
	for _, m := range g.members {
		for _, p := range m.protocols[:min(1, len(m.protocols))] {
			var meta kmsg.ConsumerMemberMetadata
			if err := meta.ReadFrom(p.metadata); err != nil {
				return nil // not what the protocol type promises: be careful
			}
			for _, t := range meta.Topics {
				out[t] = true
			}
		}
	}
	return out
}

// TopicDeleted drops the offsets of a topic that is gone, but not those of one
// that has its name since.
func (s *Shard) TopicDeleted(tx *coordinator.Tx, topic string, id [16]byte) {
	for _, g := range s.groups {
		g.stored(func(of string, p int32) {
			if of == topic && !g.followed(topic, p, id) {
				g.forget(topic, p)
				tx.Write(offsetTombstone(g.id, topic, p))
			}
		})
	}
}

func (s *Shard) scheduleCleanup(tx *coordinator.Tx) {
	tx.Arm(&s.cleanup, s.cfg.RetentionCheck, func(tx *coordinator.Tx) {
		s.expireOffsets(tx)
		s.scheduleCleanup(tx)
	})
}

// expireOffsets drops offsets nobody needs any more, and groups that are left
// with nothing (KIP-211).
func (s *Shard) expireOffsets(tx *coordinator.Tx) {
	now := tx.Now.UnixMilli()
	for _, g := range s.groups {
		subscribed := s.subscriptions(g)
		for topic, ps := range g.offsets {
			for p, v := range ps {
				if g.unstable(topic, p) || !s.expired(g, topic, v, subscribed, now) {
					continue
				}
				g.offsets.remove(topic, p)
				s.cfg.Counters.Expired.Add(1)
				tx.Write(offsetTombstone(g.id, topic, p))
			}
		}
		if !g.inUse() && len(g.offsets) == 0 && len(g.txnOffsets) == 0 && len(g.reserved) == 0 {
			s.erase(tx, g)
		}
	}
}

func (s *Shard) expired(g *Group, topic string, v offset, subscribed map[string]bool, now int64) bool {
	retention := s.cfg.OffsetRetention.Milliseconds()
	switch {
	case v.expires >= 0:
		return now >= v.expires
	case g.protocolType == "": // a simple consumer's
		return now-v.committed >= retention
	case !g.inUse():
		return now-max(g.since.UnixMilli(), v.committed) >= retention
	case (g.state == Stable || g.consumer != nil) && subscribed != nil && !subscribed[topic]:
		return now-v.committed >= retention
	}
	return false
}
