package group

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/fault"
)

// Migration is group.consumer.migration.policy: in which direction a group
// with members may change its protocol.
type Migration struct{ Upgrade, Downgrade bool }

// ParseMigration reads the policy's name: disabled, upgrade, downgrade,
// bidirectional.
func ParseMigration(policy string) Migration {
	both := policy == "bidirectional"
	return Migration{Upgrade: both || policy == "upgrade", Downgrade: both || policy == "downgrade"}
}

// A classic group of consumers becomes a KIP-848 group when the first member
// joins with the consumer protocol; its classic members go on with JoinGroup,
// SyncGroup and Heartbeat, and are served from the target assignment (mixed.go).
// It becomes classic again when the last member of the consumer protocol is
// gone. The generation of the one is the epoch of the other, and assignments
// are carried over, so that nobody loses more partitions than the rebalance
// that follows would take.

// upgrade turns a classic group with members into a KIP-848 group, for a member
// that joins with the instance id, if any.
func (s *Shard) upgrade(tx *coordinator.Tx, g *Group, instance *string) error {
	refuse := func(why string) error {
		return fault.New(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because %s.", g.id, why)
	}
	switch {
	case !s.cfg.Migration.Upgrade:
		return refuse("online upgrade is disabled")
	case g.protocolType != ConsumerProtocol:
		return refuse("the group does not use the consumer embedded protocol")
	case len(g.members) > s.cfg.ConsumerMaxSize:
		return refuse("the group size exceeds the consumer group maximum size")
	case len(g.members) == s.cfg.ConsumerMaxSize && (instance == nil || g.static[*instance] == ""):
		return kerr.GroupMaxSizeReached // there would be no room for who asks
	}
	c, topics := newConsumerGroup(), s.cfg.Topics()
	c.epoch, c.targetEpoch = g.generation, g.generation
	for _, m := range g.ordered() {
		next, err := g.upgraded(m, topics)
		if err != nil {
			return err
		}
		c.members[next.id], c.target[next.id] = next, next.assigned
		if next.instance != nil {
			c.static[*next.instance] = next.id
		}
	}
	for _, m := range g.ordered() {
		// Who waits is told to come back, and finds the new protocol.
		m.reply(tx, kerr.RebalanceInProgress.Code)
		tx.Disarm(&m.session)
	}
	g.stopClassic(tx)
	tx.Write(coordinator.Record{Key: groupKey(g.id)})
	g.consumer = c
	c.hash = c.metadataHash(topics)
	for _, m := range c.sorted() {
		tx.Write(g.memberRecord(m))
	}
	tx.Write(g.epochRecord())
	for _, m := range c.sorted() {
		tx.Write(targetRecord(g.id, m.id, c.target[m.id]))
	}
	tx.Write(g.targetEpochRecord())
	for _, m := range c.sorted() {
		tx.Write(currentRecord(g.id, m))
		s.armConsumer(tx, g, m)
	}
	return nil
}

// upgraded is a classic member as one of a KIP-848 group.
func (g *Group) upgraded(m *member, topics Topics) (*consumer, error) {
	bad := func(what string) error {
		return fault.New(kerr.GroupIDNotFound, "Cannot upgrade classic group %s to consumer group because %s.", g.id, what)
	}
	protocols := slices.Clone(m.protocols)
	if i := slices.IndexFunc(protocols, func(p protocol) bool { return p.name == g.protocol }); i > 0 {
		protocols[0], protocols[i] = protocols[i], protocols[0] // the one in use speaks for the member
	}
	sub, err := subscriptionOf(protocols)
	if err != nil {
		return nil, bad("the embedded consumer protocol is malformed")
	}
	assigned := parts{}
	if len(m.assignment) > 0 {
		var a kmsg.ConsumerMemberAssignment
		if err := a.ReadFrom(m.assignment); err != nil {
			return nil, bad("the embedded consumer protocol is malformed")
		}
		if len(a.UserData) > 0 {
			return nil, bad("an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor before re-attempting the upgrade")
		}
		for _, t := range a.Topics {
			addParts(assigned, topics, t.Topic, t.Partitions)
		}
	}
	return &consumer{
		id: m.id, instance: m.instance, rack: sub.Rack, client: m.client, rebalanceTimeout: m.rebalanceTimeout,
		names: sortedNames(sub.Topics), epoch: g.generation, previous: g.generation, step: stepStable, assigned: assigned,
		classic: &classicPart{session: m.sessionTimeout, protocols: protocols},
	}, nil
}

// stopClassic leaves nothing of the classic protocol behind.
func (g *Group) stopClassic(tx *coordinator.Tx) {
	tx.Disarm(&g.joinTimer)
	tx.Disarm(&g.syncTimer)
	for _, t := range g.reserved {
		tx.Disarm(t)
	}
	clear(g.members)
	clear(g.static)
	clear(g.reserved)
	clear(g.pendingSync)
	g.generation, g.protocol, g.leader, g.newMember = 0, "", "", false
	g.enter(Empty, tx.Now)
}

// mayDowngrade says whether the group can be classic without a member of the
// consumer protocol; others is how many remain.
func (s *Shard) mayDowngrade(c *consumerGroup, without *consumer, others int) bool {
	for _, m := range c.members {
		if m != without && m.classic == nil {
			return false
		}
	}
	return others > 0 && s.cfg.Migration.Downgrade && others <= s.cfg.MaxSize
}

// downgrade turns a group of which only classic members are left into a
// classic group. leaving takes no part any more; joining, when set, has taken
// its place as a static member. Without a successor there is a rebalance.
func (s *Shard) downgrade(tx *coordinator.Tx, g *Group, leaving, joining *consumer) {
	c, topics := g.consumer, s.cfg.Topics()
	members := c.sorted()
	for _, m := range members {
		s.dropTimers(tx, m)
		tx.Write(tombstone(currentMemberKey, g.id, m.id), tombstone(targetMemberKey, g.id, m.id), tombstone(memberMetadataKey, g.id, m.id))
	}
	tx.Write(tombstone(targetEpochKey, g.id), tombstone(epochKey, g.id))
	g.consumer, g.protocolType, g.generation = nil, ConsumerProtocol, c.epoch
	for _, m := range members {
		if m == leaving {
			continue
		}
		g.add(&member{
			id: m.id, instance: m.instance, client: m.client, rebalanceTimeout: m.rebalanceTimeout,
			sessionTimeout: m.classic.session, protocols: m.classic.protocols,
			assignment: wireClassic(c.target[m.id], topics, m.classic.protocols),
		})
	}
	g.protocol = g.selectProtocol()
	g.enter(Stable, tx.Now)
	tx.Write(g.metadataRecord(tx.Now))
	for _, m := range g.members {
		s.resetSession(tx, g, m)
	}
	if joining == nil {
		s.rebalance(tx, g)
	}
}

func subscriptionOf(protocols []protocol) (kmsg.ConsumerMemberMetadata, error) {
	// All protocols of a consumer carry the same subscription.
	sub := kmsg.NewConsumerMemberMetadata()
	err := sub.ReadFrom(protocols[0].metadata)
	return sub, err
}

func sortedNames(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// addParts adds partitions of a topic, unless it is gone.
func addParts(to parts, topics Topics, topic string, partitions []int32) {
	id, _, ok := topics.Topic(topic)
	if !ok {
		return
	}
	for _, n := range partitions {
		to[part{id, n}] = true
	}
}

// wireClassic is an assignment in the embedded consumer protocol, in the
// version that the member speaks.
func wireClassic(p parts, topics Topics, protocols []protocol) []byte {
	a := kmsg.NewConsumerMemberAssignment()
	if sub, err := subscriptionOf(protocols); err == nil { // refused on arrival otherwise
		a.Version = sub.Version
	}
	for _, t := range byTopic(p) {
		if name, ok := topics.Name(t.id); ok {
			wt := kmsg.NewConsumerMemberAssignmentTopic()
			wt.Topic, wt.Partitions = name, t.partitions
			a.Topics = append(a.Topics, wt)
		}
	}
	return a.AppendTo(nil)
}

// classicPart is what a member of a KIP-848 group has that speaks the classic
// protocol.
type classicPart struct {
	session   time.Duration
	protocols []protocol
	// join runs while the member has been told to rejoin, sync from its
	// JoinGroup to its SyncGroup; both for its rebalance timeout.
	join coordinator.Timer
	sync coordinator.Timer
}
