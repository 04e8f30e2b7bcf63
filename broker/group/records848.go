package group

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"

	"github.com/leat-project/leat/broker/coordinator"
)

// Kinds of the records of KIP-848 groups. A key is the kind as int16 and then
// strings with int16 lengths: the group, and for member records the member.
// Values start with an int16 version 0 and are in the flexible encoding.
const (
	epochKey            = 3
	subscribedTopicsKey = 4 // of Kafka 4.0
	memberMetadataKey   = 5
	targetEpochKey      = 6
	targetMemberKey     = 7
	currentMemberKey    = 8
	regexKey            = 16
)

func key848(kind int16, names ...string) []byte {
	k := kbin.AppendInt16(nil, kind)
	for _, n := range names {
		k = kbin.AppendString(k, n)
	}
	return k
}

func tombstone(kind int16, names ...string) coordinator.Record {
	return coordinator.Record{Key: key848(kind, names...)}
}

// epochRecord: epoch int32, tag 0 metadata hash int64.
func (g *Group) epochRecord() coordinator.Record {
	v := kbin.AppendInt32([]byte{0, 0}, g.consumer.epoch)
	v = append(v, 1, 0, 8)
	return coordinator.Record{Key: key848(epochKey, g.id), Value: kbin.AppendInt64(v, g.consumer.hash)}
}

// targetEpochRecord: epoch int32.
func (g *Group) targetEpochRecord() coordinator.Record {
	v := kbin.AppendInt32([]byte{0, 0}, g.consumer.targetEpoch)
	return coordinator.Record{Key: key848(targetEpochKey, g.id), Value: append(v, 0)}
}

// memberRecord: instance, rack, client id, client host, names, regex,
// rebalance timeout ms int32, assignor.
func (g *Group) memberRecord(m *consumer) coordinator.Record {
	v := kbin.AppendCompactNullableString([]byte{0, 0}, m.instance)
	v = kbin.AppendCompactNullableString(v, m.rack)
	v = kbin.AppendCompactString(v, m.client.ID)
	v = kbin.AppendCompactString(v, m.client.Host)
	v = kbin.AppendCompactArrayLen(v, len(m.names))
	for _, n := range m.names {
		v = kbin.AppendCompactString(v, n)
	}
	v = kbin.AppendCompactNullableString(v, m.regex)
	v = kbin.AppendInt32(v, int32(m.rebalanceTimeout.Milliseconds()))
	v = kbin.AppendCompactNullableString(v, m.assignor)
	if m.classic == nil {
		v = append(v, 0)
	} else {
		v = m.classic.appendTag(append(v, 1))
	}
	return coordinator.Record{Key: key848(memberMetadataKey, g.id, m.id), Value: v}
}

// appendTag appends tag 0 of a member: its length, 1 for "not null", session
// timeout ms int32, protocols (name, metadata), no tags.
func (c *classicPart) appendTag(dst []byte) []byte {
	v := kbin.AppendInt32([]byte{1}, int32(c.session.Milliseconds()))
	v = kbin.AppendCompactArrayLen(v, len(c.protocols))
	for _, p := range c.protocols {
		v = kbin.AppendCompactString(v, p.name)
		v = append(kbin.AppendCompactBytes(v, p.metadata), 0)
	}
	v = append(v, 0)
	return append(kbin.AppendUvarint(append(dst, 0), uint32(len(v))), v...)
}

// readClassic reads tag 0 of a member, or nothing.
func readClassic(b *kbin.Reader) (c *classicPart) {
	for range b.Uvarint() {
		tag, size := b.Uvarint(), b.Uvarint()
		v := &kbin.Reader{Src: b.Span(int(size))}
		if !b.Ok() {
			return nil
		}
		if tag != 0 || v.Uvarint() == 0 {
			continue
		}
		c = &classicPart{session: time.Duration(v.Int32()) * time.Millisecond}
		for range max(v.CompactArrayLen(), 0) {
			c.protocols = append(c.protocols, protocol{v.CompactString(), clone(v.CompactBytes())})
			skipTags(v)
		}
		if !v.Ok() || len(c.protocols) == 0 {
			b.Src = nil
			b.Int8() // marks the record as cut short
			return nil
		}
	}
	return c
}

// targetRecord: an assignment.
func targetRecord(group, member string, p parts) coordinator.Record {
	v := appendParts([]byte{0, 0}, p)
	return coordinator.Record{Key: key848(targetMemberKey, group, member), Value: append(v, 0)}
}

// currentRecord: epoch int32, previous epoch int32, step int8, assigned,
// revoking.
func currentRecord(group string, m *consumer) coordinator.Record {
	v := kbin.AppendInt32([]byte{0, 0}, m.epoch)
	v = kbin.AppendInt32(v, m.previous)
	v = kbin.AppendInt8(v, int8(m.step))
	v = appendParts(v, m.assigned)
	v = appendParts(v, m.revoking)
	return coordinator.Record{Key: key848(currentMemberKey, group, m.id), Value: append(v, 0)}
}

// topicParts are a topic's partitions in order.
type topicParts struct {
	id         [16]byte
	partitions []int32
}

func byTopic(p parts) []topicParts {
	grouped := map[[16]byte][]int32{}
	for k := range p {
		grouped[k.topic] = append(grouped[k.topic], k.partition)
	}
	var out []topicParts
	for id, list := range grouped {
		slices.Sort(list)
		out = append(out, topicParts{id, list})
	}
	slices.SortFunc(out, func(a, b topicParts) int { return bytes.Compare(a.id[:], b.id[:]) })
	return out
}

func appendParts(dst []byte, p parts) []byte {
	topics := byTopic(p)
	dst = kbin.AppendCompactArrayLen(dst, len(topics))
	for _, t := range topics {
		dst = kbin.AppendUuid(dst, t.id)
		dst = kbin.AppendCompactArrayLen(dst, len(t.partitions))
		for _, n := range t.partitions {
			dst = kbin.AppendInt32(dst, n)
		}
		dst = append(dst, 0)
	}
	return dst
}

func readParts(b *kbin.Reader) parts {
	out := parts{}
	for range max(b.CompactArrayLen(), 0) {
		id := b.Uuid()
		for range max(b.CompactArrayLen(), 0) {
			out[part{id, b.Int32()}] = true
		}
		skipTags(b)
	}
	return out
}

func skipTags(b *kbin.Reader) {
	for range b.Uvarint() {
		b.Uvarint()
		b.Span(int(b.Uvarint()))
		if !b.Ok() {
			return
		}
	}
}

func equalParts(a, b parts) bool { return len(a) == len(b) && maps.Equal(a, b) }

// replay848 takes in a record of a KIP-848 group.
func (s *Shard) replay848(kind int16, e coordinator.Entry) error {
	k := &kbin.Reader{Src: e.Key[2:]}
	group := k.String()
	member := ""
	if kind == memberMetadataKey || kind == targetMemberKey || kind == currentMemberKey {
		member = k.String()
	}
	if !k.Ok() {
		return fmt.Errorf("group record of kind %d has a key that is cut short", kind)
	}
	if e.Value == nil {
		s.forget848(kind, group, member)
		return nil
	}
	g := s.replayed(group)
	if g.consumer == nil {
		g.consumer, g.protocolType = newConsumerGroup(), ConsumerProtocol
	}
	v := &kbin.Reader{Src: e.Value}
	if version := v.Int16(); version != 0 {
		return fmt.Errorf("group record of kind %d of group %s has version %d, want 0", kind, group, version)
	}
	g.since = time.UnixMilli(e.Timestamp)
	g.consumer.replay(kind, member, v)
	if !v.Ok() {
		return fmt.Errorf("group record of kind %d of group %s is cut short", kind, group)
	}
	return nil
}

func (c *consumerGroup) replay(kind int16, member string, v *kbin.Reader) {
	switch kind {
	case epochKey:
		c.epoch = v.Int32()
		for range v.Uvarint() {
			tag, size := v.Uvarint(), v.Uvarint()
			field := &kbin.Reader{Src: v.Span(int(size))}
			if tag == 0 {
				c.hash = field.Int64()
			}
			if !v.Ok() {
				return
			}
		}
	case targetEpochKey:
		c.targetEpoch = v.Int32()
	case memberMetadataKey:
		m := c.replayed(member)
		m.instance, m.rack = v.CompactNullableString(), v.CompactNullableString()
		m.client = Client{ID: v.CompactString(), Host: v.CompactString()}
		m.names = nil
		for range max(v.CompactArrayLen(), 0) {
			m.names = append(m.names, v.CompactString())
		}
		m.regex = v.CompactNullableString()
		m.rebalanceTimeout = time.Duration(v.Int32()) * time.Millisecond
		m.assignor = v.CompactNullableString()
		m.classic = readClassic(v)
		if m.instance != nil {
			c.static[*m.instance] = m.id
		}
	case targetMemberKey:
		c.target[member] = readParts(v)
	case currentMemberKey:
		m := c.replayed(member)
		m.epoch, m.previous, m.step = v.Int32(), v.Int32(), step(v.Int8())
		m.assigned, m.revoking = readParts(v), readParts(v)
	}
}

func (c *consumerGroup) replayed(id string) *consumer {
	m := c.members[id]
	if m == nil {
		m = &consumer{id: id, previous: -1, assigned: parts{}}
		c.members[id] = m
	}
	return m
}

// forget848 takes in a tombstone.
func (s *Shard) forget848(kind int16, group, member string) {
	g := s.groups[group]
	if g == nil || g.consumer == nil {
		return
	}
	c := g.consumer
	switch kind {
	case memberMetadataKey:
		if m := c.members[member]; m != nil {
			if m.instance != nil && c.static[*m.instance] == member {
				delete(c.static, *m.instance)
			}
			delete(c.members, member)
		}
	case targetMemberKey:
		delete(c.target, member)
	case epochKey:
		g.consumer, g.protocolType = nil, ""
		if len(g.offsets) == 0 && len(g.txnOffsets) == 0 {
			delete(s.groups, group)
		}
	}
}
