package group

import (
	"maps"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// inUse says whether the group has members, of either kind.
func (g *Group) inUse() bool {
	if g.consumer != nil {
		return len(g.consumer.members) > 0
	}
	return g.state != Empty
}

// dropConsumerState turns an empty KIP-848 group into one of no kind.
func (g *Group) dropConsumerState(tx *coordinator.Tx) {
	for id := range g.consumer.target {
		tx.Write(tombstone(targetMemberKey, g.id, id))
	}
	tx.Write(tombstone(targetEpochKey, g.id), tombstone(epochKey, g.id))
	g.consumer, g.protocolType = nil, ""
}

// mayCommit checks the member epoch of a commit (KIP-848). From outside only
// an empty group's offsets can be committed; a transactional commit need not
// name a member.
func (c *consumerGroup) mayCommit(memberID string, instance *string, epoch int32, version int16, transactional bool) int16 {
	if epoch < 0 && len(c.members) == 0 || transactional && epoch < 0 && memberID == "" && instance == nil {
		return 0
	}
	m := c.members[memberID]
	switch {
	case m == nil:
		return kerr.UnknownMemberID.Code
	case !transactional && m.classic == nil && version < 9:
		return kerr.UnsupportedVersion.Code
	}
	return m.checkGeneration(epoch)
}

// checkGeneration compares the epoch of a commit or of an offset fetch.
func (m *consumer) checkGeneration(epoch int32) int16 {
	switch {
	case m.epoch == epoch:
		return 0
	case m.classic != nil:
		return kerr.IllegalGeneration.Code
	}
	return kerr.StaleMemberEpoch.Code
}

// CheckReader checks the member that OffsetFetch names from version 9 on.
func (s *Shard) CheckReader(group string, memberID *string, epoch int32) int16 {
	g := s.groups[group]
	if g == nil || g.consumer == nil || memberID == nil || epoch < 0 {
		return 0
	}
	m := g.consumer.members[*memberID]
	if m == nil {
		return kerr.UnknownMemberID.Code
	}
	return m.checkGeneration(epoch)
}

func (c *consumerGroup) subscriptions(topics Topics) map[string]bool {
	out := map[string]bool{}
	for _, m := range c.members {
		for _, name := range m.subscription(topics) {
			out[name] = true
		}
	}
	return out
}

// DescribeConsumer answers ConsumerGroupDescribe for one group. Classic and
// missing groups are GROUP_ID_NOT_FOUND, upon which clients ask DescribeGroups.
func (s *Shard) DescribeConsumer(id string) kmsg.ConsumerGroupDescribeResponseGroup {
	out := kmsg.NewConsumerGroupDescribeResponseGroup()
	out.Group = id
	g := s.groups[id]
	if g == nil || g.consumer == nil {
		out.ErrorCode = kerr.GroupIDNotFound.Code
		out.ErrorMessage = kmsg.StringPtr(notKind(g, id, "consumer"))
		return out
	}
	c, topics := g.consumer, s.cfg.Topics()
	out.State, out.Epoch, out.AssignmentEpoch, out.AssignorName = c.state(), c.epoch, c.targetEpoch, c.assignor(s.cfg.Assignors)
	for _, m := range c.sorted() {
		dm := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		dm.MemberID, dm.InstanceID, dm.RackID, dm.MemberEpoch = m.id, m.instance, m.rack, m.epoch
		dm.ClientID, dm.ClientHost, dm.SubscribedTopics, dm.SubscribedTopicRegex = m.client.ID, m.client.Host, m.names, m.regex
		held := maps.Clone(m.assigned)
		maps.Copy(held, m.revoking)
		dm.Assignment, dm.TargetAssignment = named(held, topics), named(c.target[m.id], topics)
		dm.MemberType = 1
		if m.classic != nil {
			dm.MemberType = 0
		}
		out.Members = append(out.Members, dm)
	}
	return out
}

// notKind is Kafka's text for a group that is missing or of another kind.
func notKind(g *Group, id, kind string) string {
	if g == nil {
		return "Group " + id + " not found."
	}
	return "Group " + id + " is not a " + kind + " group."
}

func named(p parts, topics Topics) kmsg.Assignment {
	out := kmsg.NewAssignment()
	for _, t := range byTopic(p) {
		if name, ok := topics.Name(t.id); ok {
			tp := kmsg.NewAssignmentTopicPartition()
			tp.TopicID, tp.Topic, tp.Partitions = t.id, name, t.partitions
			out.TopicPartitions = append(out.TopicPartitions, tp)
		}
	}
	return out
}
