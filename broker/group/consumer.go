package group

import (
	"cmp"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/coordinator"
)

// Topics is the metadata that KIP-848 groups are assigned from. Values that
// are equal describe the same metadata.
type Topics interface {
	// Topic finds a topic by name.
	Topic(name string) (id [16]byte, partitions int32, ok bool)
	// Name finds a topic's name.
	Name(id [16]byte) (string, bool)
	// Match lists the topics whose whole name matches.
	Match(re *regexp.Regexp) []string
}

// consumerGroup is the KIP-848 part of a group: the members subscribe, the
// coordinator assigns, and every heartbeat brings a member one step nearer to
// its target. Kafka: ConsumerGroup, CurrentAssignmentBuilder.
type consumerGroup struct {
	epoch       int32 // of subscriptions, members and topics
	targetEpoch int32 // of the epoch that target was computed for
	hash        int64 // of the metadata of the topics subscribed to
	members     map[string]*consumer
	static      map[string]string // instance id to member id
	target      map[string]parts
	seen        Topics // what hash was last computed from
	resolved    time.Time
}

// parts is a set of partitions.
type parts map[part]bool

type part struct {
	topic     [16]byte
	partition int32
}

// step is where a member is on its way to the target, with Kafka's numbers.
type step int8

const (
	stepStable     step = 0
	stepUnrevoked  step = 1 // told to give partitions up, has not yet
	stepUnreleased step = 2 // waits for partitions that others hold
)

// consumer is one member of a KIP-848 group.
type consumer struct {
	id               string
	instance         *string
	rack             *string
	client           Client
	rebalanceTimeout time.Duration
	names            []string // sorted
	regex            *string
	assignor         *string

	epoch    int32
	previous int32
	step     step
	assigned parts
	revoking parts
	session  coordinator.Timer
	revoke   coordinator.Timer

	classic *classicPart // set for members that speak the classic protocol
}

// leftStatic is the epoch of a static member that said it will be back.
const leftStatic = -2

func newConsumerGroup() *consumerGroup {
	return &consumerGroup{members: map[string]*consumer{}, static: map[string]string{}, target: map[string]parts{}}
}

// add takes a member in.
func (c *consumerGroup) add(m *consumer) *consumer {
	c.members[m.id] = m
	if m.instance != nil {
		c.static[*m.instance] = m.id
	}
	return m
}

// moved says whether what is stored of a member's assignment changed.
func (m *consumer) moved(was *consumer) bool {
	return m.epoch != was.epoch || m.step != was.step || !equalParts(m.assigned, was.assigned) || !equalParts(m.revoking, was.revoking)
}

func (c *consumerGroup) state() string {
	switch {
	case len(c.members) == 0:
		return "Empty"
	case c.epoch > c.targetEpoch:
		return "Assigning"
	}
	for _, m := range c.members {
		if m.step != stepStable || m.epoch != c.targetEpoch && m.epoch != leftStatic {
			return "Reconciling"
		}
	}
	return "Stable"
}

// sorted returns the members by id.
func (c *consumerGroup) sorted() []*consumer {
	return slices.SortedFunc(maps.Values(c.members), func(a, b *consumer) int { return cmp.Compare(a.id, b.id) })
}

// subscription resolves a member's names and regular expression.
func (m *consumer) subscription(topics Topics) []string {
	names := slices.Clone(m.names)
	if m.regex != nil && *m.regex != "" {
		if re, err := compile(*m.regex); err == nil { // refused on arrival otherwise
			names = append(names, topics.Match(re)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func compile(expr string) (*regexp.Regexp, error) {
	re, err := regexp.Compile("^(?:" + expr + ")$")
	if err != nil {
		return nil, kerr.InvalidRegularExpression
	}
	return re, nil
}

// metadataHash changes when a topic that the group subscribes to does.
func (c *consumerGroup) metadataHash(topics Topics) int64 {
	var names []string
	for _, m := range c.members {
		names = append(names, m.subscription(topics)...)
	}
	slices.Sort(names)
	h := fnv.New64a()
	for _, name := range slices.Compact(names) {
		if id, n, ok := topics.Topic(name); ok {
			h.Write(id[:])
			h.Write([]byte(name))
			h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
	}
	return int64(h.Sum64())
}

// refresh bumps the group epoch when topics changed, and computes a target for
// the newest epoch.
func (s *Shard) refresh(tx *coordinator.Tx, g *Group, changed bool) {
	c, topics := g.consumer, s.cfg.Topics()
	if changed || c.seen != topics || tx.Now.Sub(c.resolved) >= s.cfg.RegexRefresh {
		c.seen, c.resolved = topics, tx.Now
		hash := c.metadataHash(topics)
		changed = changed || hash != c.hash
		c.hash = hash
	}
	if changed {
		c.epoch++
		s.cfg.Counters.ConsumerRebalances.Add(1)
		tx.Write(g.epochRecord())
	}
	if c.epoch == c.targetEpoch {
		return
	}
	next := c.assign(topics, s.cfg.Assignors)
	for _, m := range c.sorted() {
		if !maps.Equal(next[m.id], c.target[m.id]) {
			tx.Write(targetRecord(g.id, m.id, next[m.id]))
		}
	}
	for id := range c.target {
		if c.members[id] == nil {
			tx.Write(tombstone(targetMemberKey, g.id, id))
		}
	}
	c.target, c.targetEpoch = next, c.epoch
	tx.Write(g.targetEpochRecord())
}

// owner returns the member that holds a partition, or has yet to give it up.
func (c *consumerGroup) owner(p part, except *consumer) bool {
	for _, m := range c.members {
		if m != except && (m.assigned[p] || m.revoking[p]) {
			return true
		}
	}
	return false
}

// reconcile moves a member one step towards its target. owned is what the
// member says it has, nil when it did not say.
func (c *consumerGroup) reconcile(m *consumer, owned parts) {
	if m.step == stepStable && m.epoch == c.targetEpoch {
		return
	}
	if m.step == stepUnrevoked && (owned == nil || overlap(owned, m.revoking)) {
		return // not given up yet
	}
	target := c.target[m.id]
	kept, revoke, add, waits := parts{}, parts{}, parts{}, false
	for p := range m.assigned {
		if target[p] {
			kept[p] = true
		} else {
			revoke[p] = true
		}
	}
	for p := range target {
		switch {
		case kept[p]:
		case c.owner(p, m):
			waits = true
		default:
			add[p] = true
		}
	}
	if len(revoke) > 0 && (owned == nil || overlap(owned, revoke)) {
		m.step, m.assigned, m.revoking = stepUnrevoked, kept, revoke
		return
	}
	maps.Copy(kept, add)
	m.assigned, m.revoking = kept, nil
	if m.epoch != c.targetEpoch {
		m.previous, m.epoch = m.epoch, c.targetEpoch
	}
	m.step = stepStable
	if waits {
		m.step = stepUnreleased
	}
}

func overlap(a, b parts) bool {
	for p := range a {
		if b[p] {
			return true
		}
	}
	return false
}
