package group

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/shape"
)

// The versions of keys and values that are written. A key's version is also
// its kind: 0 and 1 are offset commits, 2 is the metadata of a classic group.
// Big endian; a string is its length int16 (-1 null) and its bytes, an array
// its length int32 and its elements, bytes their length int32 and themselves:
//
//	key 1     version int16 | group string | topic string | partition int32
//	value 3   version int16 | offset int64 | leaderEpoch int32 | metadata string | committed ms int64
//	value 1   version int16 | offset int64 | metadata string | committed ms int64 | expires ms int64
//
//	key 2     version int16 | group string
//	value 3   version int16 | protocolType string | generation int32 | protocol string or null |
//	          leader string or null | since ms int64 | members [], each
//	            id string | instance string or null | client id string | client host string |
//	            rebalance timeout ms int32 | session timeout ms int32 | subscription bytes | assignment bytes
//
// The kinds of KIP-848 are in records848.go. A key without a value is a tombstone.
const (
	offsetKeyVersion   = 1
	groupKeyVersion    = 2
	offsetValueVersion = 3
	groupValueVersion  = 3
)

func offsetKey(group, topic string, partition int32) []byte {
	k := kmsg.OffsetCommitKey{Version: offsetKeyVersion, Group: group, Topic: topic, Partition: partition}
	return k.AppendTo(nil)
}

func offsetRecord(group, topic string, partition int32, v offset) coordinator.Record {
	val := kmsg.NewOffsetCommitValue()
	val.Version = offsetValueVersion
	val.Offset, val.LeaderEpoch, val.Metadata, val.CommitTimestamp = v.offset, v.leaderEpoch, v.metadata, v.committed
	if v.expires >= 0 {
		// Only version 1 carries an explicit expiry.
		val.Version, val.ExpireTimestamp = 1, v.expires
	}
	return coordinator.Record{Key: offsetKey(group, topic, partition), Value: val.AppendTo(nil)}
}

func offsetTombstone(group, topic string, partition int32) coordinator.Record {
	return coordinator.Record{Key: offsetKey(group, topic, partition)}
}

func groupKey(group string) []byte {
	k := kmsg.GroupMetadataKey{Version: groupKeyVersion, Group: group}
	return k.AppendTo(nil)
}

// metadataRecord is the group as it stands.
func (g *Group) metadataRecord(now time.Time) coordinator.Record {
	v := kmsg.NewGroupMetadataValue()
	v.Version, v.ProtocolType, v.Generation = groupValueVersion, g.protocolType, g.generation
	v.CurrentStateTimestamp = now.UnixMilli()
	if len(g.members) > 0 {
		v.Protocol, v.Leader = kmsg.StringPtr(g.protocol), kmsg.StringPtr(g.leader)
	}
	for _, m := range g.ordered() {
		vm := kmsg.NewGroupMetadataValueMember()
		vm.MemberID, vm.InstanceID, vm.ClientID, vm.ClientHost = m.id, m.instance, m.client.ID, m.client.Host
		vm.RebalanceTimeoutMillis = int32(m.rebalanceTimeout.Milliseconds())
		vm.SessionTimeoutMillis = int32(m.sessionTimeout.Milliseconds())
		vm.Subscription, vm.Assignment = m.metadata(g.protocol), m.assignment
		if vm.Subscription == nil {
			vm.Subscription = []byte{}
		}
		if vm.Assignment == nil {
			vm.Assignment = []byte{}
		}
		v.Members = append(v.Members, vm)
	}
	return coordinator.Record{Key: groupKey(g.id), Value: v.AppendTo(nil)}
}

// Replay takes in one record of the partition.
func (s *Shard) Replay(e coordinator.Entry) error {
	if e.Marker {
		s.endTxn(e.ProducerID, e.Commit)
		return nil
	}
	if len(e.Key) < 2 {
		return fmt.Errorf("group record has a key of %d bytes", len(e.Key))
	}
	switch kind := int16(binary.BigEndian.Uint16(e.Key)); kind {
	case 0, 1:
		return s.replayOffset(e)
	case 2:
		return s.replayGroup(e)
	case epochKey, memberMetadataKey, targetEpochKey, targetMemberKey, currentMemberKey:
		return s.replay848(kind, e)
	case subscribedTopicsKey, regexKey:
		return nil // found out anew
	default:
		return coordinator.UnknownKind(kind)
	}
}

func (s *Shard) replayOffset(e coordinator.Entry) error {
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(e.Key); err != nil {
		return fmt.Errorf("decoding key of an offset record: %w", err)
	}
	if e.Value == nil {
		if g := s.groups[k.Group]; g != nil {
			g.forget(k.Topic, k.Partition)
			s.dropBare(g)
		}
		return nil
	}
	g := s.replayed(k.Group)
	val := kmsg.NewOffsetCommitValue()
	if err := coordinator.CheckValue(e.Value, newestValue, offsetLayout); err != nil {
		return fmt.Errorf("offset of group %s for %s-%d: %w", k.Group, k.Topic, k.Partition, err)
	}
	if err := val.ReadFrom(e.Value); err != nil {
		return fmt.Errorf("decoding the offset of group %s for %s-%d: %w", k.Group, k.Topic, k.Partition, err)
	}
	v := offset{offset: val.Offset, leaderEpoch: -1, metadata: val.Metadata, committed: val.CommitTimestamp, expires: -1, topicID: val.TopicID, seq: s.nextSeq()}
	if val.Version >= 3 {
		v.leaderEpoch = val.LeaderEpoch
	}
	if val.Version == 1 {
		v.expires = val.ExpireTimestamp
	}
	if e.Transactional {
		s.pend(g, e.ProducerID, k.Topic, k.Partition, v)
		return nil
	}
	g.offsets.put(k.Topic, k.Partition, v)
	return nil
}

// newestValue is the newest version of offset and group values, in Kafka 4, and
// the first flexible one of both.
const newestValue = 4

// The layouts of values of the newest version.
var (
	offsetLayout = sync.OnceValue(func() *shape.Layout { return shape.Of(&kmsg.OffsetCommitValue{Version: newestValue}, true) })
	groupLayout  = sync.OnceValue(func() *shape.Layout { return shape.Of(&kmsg.GroupMetadataValue{Version: newestValue}, true) })
)

// replayed is group without a clock: the state time comes with the metadata.
func (s *Shard) replayed(id string) *Group {
	g := s.groups[id]
	if g == nil {
		g = newGroup(id, time.Time{})
		s.groups[id] = g
	}
	return g
}

func (s *Shard) replayGroup(e coordinator.Entry) error {
	var k kmsg.GroupMetadataKey
	if err := k.ReadFrom(e.Key); err != nil {
		return fmt.Errorf("decoding key of a group record: %w", err)
	}
	if e.Value == nil {
		s.dropMetadata(k.Group)
		return nil
	}
	v := kmsg.NewGroupMetadataValue()
	if err := coordinator.CheckValue(e.Value, newestValue, groupLayout); err != nil {
		return fmt.Errorf("metadata of group %s: %w", k.Group, err)
	}
	if err := v.ReadFrom(e.Value); err != nil {
		return fmt.Errorf("decoding the metadata of group %s: %w", k.Group, err)
	}
	old := s.replayed(k.Group)
	g := newGroup(k.Group, time.UnixMilli(v.CurrentStateTimestamp))
	g.offsets, g.txnOffsets = old.offsets, old.txnOffsets
	s.groups[k.Group] = g // a KIP-848 group that became classic again leaves nothing behind
	g.protocolType, g.generation = v.ProtocolType, v.Generation
	if v.Protocol != nil {
		g.protocol = *v.Protocol
	}
	for _, vm := range v.Members {
		g.add(&member{
			id: vm.MemberID, instance: vm.InstanceID, client: Client{ID: vm.ClientID, Host: vm.ClientHost},
			rebalanceTimeout: time.Duration(vm.RebalanceTimeoutMillis) * time.Millisecond,
			sessionTimeout:   time.Duration(vm.SessionTimeoutMillis) * time.Millisecond,
			protocols:        []protocol{{g.protocol, clone(vm.Subscription)}}, assignment: clone(vm.Assignment),
		})
	}
	if v.Leader != nil {
		g.leader = *v.Leader
	}
	if len(g.members) > 0 {
		g.state = Stable
	}
	return nil
}

// dropBare removes a group of which the log has nothing any more: one without
// metadata lives as long as its offsets.
func (s *Shard) dropBare(g *Group) {
	if g.consumer == nil && g.state == Empty && g.generation == 0 && len(g.reserved) == 0 && len(g.offsets) == 0 && len(g.txnOffsets) == 0 {
		delete(s.groups, g.id)
	}
}

// dropMetadata is the tombstone of a group; offsets have tombstones of their
// own.
func (s *Shard) dropMetadata(id string) {
	g := s.groups[id]
	if g == nil {
		return
	}
	if len(g.offsets) == 0 && len(g.txnOffsets) == 0 {
		delete(s.groups, id)
		return
	}
	fresh := newGroup(id, g.since)
	fresh.offsets, fresh.txnOffsets = g.offsets, g.txnOffsets
	s.groups[id] = fresh
}

// clone copies bytes that are valid during replay only.
func clone(b []byte) []byte { return append([]byte{}, b...) }
