package controller

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// TopicID is a topic's UUID.
type TopicID [16]byte

// String is Kafka's form: base64url without padding.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ResourceType is the kind of thing a configuration belongs to, with the
// numbers of the protocol.
type ResourceType int8

// The resource types that can hold configuration.
const (
	TopicResource  ResourceType = 2
	BrokerResource ResourceType = 4
	GroupResource  ResourceType = 32
)

// Resource names what a configuration belongs to. The broker resource with an
// empty name is the cluster-wide default.
type Resource struct {
	Type ResourceType
	Name string
}

// Partition is the state of one partition. Its slices are shared and must not
// be changed.
type Partition struct {
	Leader         int32
	LeaderEpoch    int32
	PartitionEpoch int32
	Replicas       []int32
	ISR            []int32
}

// Topic is one topic of an Image.
type Topic struct {
	Name       string
	ID         TopicID
	Partitions []Partition
}

// Names of the topics the broker itself keeps.
const (
	OffsetsTopic  = "__consumer_offsets"
	TxnStateTopic = "__transaction_state"
	MetadataTopic = "__cluster_metadata"
)

// IsInternal says whether clients may not write to the topic.
func IsInternal(name string) bool { return name == OffsetsTopic || name == TxnStateTopic }

// Image is the metadata at one offset of the metadata log. It never changes
// once published.
type Image struct {
	offset       int64
	epoch        int32
	topics       cow[string, *Topic]
	byID         cow[TopicID, *Topic]
	collisions   cow[string, string] // "a_b" for the topic a.b or a_b
	configs      cow[Resource, map[string]string]
	features     map[string]int16
	nextProducer int64
	// fresh are the topics that only this draft knows, so that their
	// partitions are changed in place. nil once it is published.
	fresh map[TopicID]bool
	// removed are the ids of deleted topics; filled only in the image that
	// Open replays.
	removed map[TopicID]bool

	sortOnce sync.Once
	sorted   []*Topic
}

func newImage() *Image {
	return &Image{offset: -1, features: map[string]int16{}, fresh: map[TopicID]bool{}, removed: map[TopicID]bool{}}
}

// Removed says whether a topic of that id was deleted, so that what is left of
// it may go. Only the first image, that of Open, knows, and only of what was
// deleted after the snapshot it began with: a snapshot is taken of what has
// been applied, when the logs of removed topics are gone.
func (i *Image) Removed(id TopicID) bool { return i.removed[id] }

// Offset is the offset of the last metadata record in the image, -1 for none.
func (i *Image) Offset() int64 { return i.offset }

// Topic finds a topic by name; nil when there is none.
func (i *Image) Topic(name string) *Topic { return i.topics.get(name) }

// TopicByID finds a topic by id; nil when there is none.
func (i *Image) TopicByID(id TopicID) *Topic { return i.byID.get(id) }

// Topics returns all topics in the order of their names. The slice is shared.
func (i *Image) Topics() []*Topic {
	i.sortOnce.Do(func() {
		i.sorted = make([]*Topic, 0, i.topics.size)
		for _, t := range i.topics.all() {
			i.sorted = append(i.sorted, t)
		}
		slices.SortFunc(i.sorted, func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
	})
	return i.sorted
}

// Config returns the overrides of a resource; nil when there are none. The
// map is shared and must not be changed.
func (i *Image) Config(r Resource) map[string]string { return i.configs.get(r) }

// Resources lists the names of the resources of one type that have overrides.
func (i *Image) Resources(t ResourceType) []string {
	var names []string
	for r := range i.configs.all() {
		if r.Type == t {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Features returns the finalized feature levels. The map is shared.
func (i *Image) Features() map[string]int16 { return i.features }

// collision returns the name of an existing topic whose metric name would
// equal that of name ("." and "_" are the same there); "" when there is none.
func (i *Image) collision(name string) string {
	return i.collisions.get(strings.ReplaceAll(name, ".", "_"))
}

// draft returns a copy of i that apply may change. What the maps point to is
// replaced on change.
func (i *Image) draft() *Image {
	return &Image{
		offset: i.offset, epoch: i.epoch, topics: i.topics.copied(), byID: i.byID.copied(), collisions: i.collisions.copied(),
		configs: i.configs.copied(), features: maps.Clone(i.features), nextProducer: i.nextProducer, fresh: map[TopicID]bool{},
	}
}

// apply changes a draft by one committed record.
func (i *Image) apply(r Record) error {
	switch r := r.(type) {
	case *TopicRecord:
		i.put(&Topic{Name: r.Name, ID: r.ID})
		i.collisions.put(strings.ReplaceAll(r.Name, ".", "_"), r.Name)
	case *PartitionRecord:
		return i.applyPartition(r)
	case *PartitionChangeRecord:
		return i.applyPartitionChange(r)
	case *ConfigRecord:
		i.applyConfig(r)
	case *RemoveTopicRecord:
		return i.applyRemove(r)
	case *FeatureLevelRecord:
		if r.Level == 0 {
			delete(i.features, r.Name)
			return nil
		}
		i.features[r.Name] = r.Level
	case *ProducerIDsRecord:
		i.nextProducer = r.Next
	}
	return nil
}

// put takes in a topic that nobody else knows yet.
func (i *Image) put(t *Topic) {
	i.topics.put(t.Name, t)
	i.byID.put(t.ID, t)
	i.fresh[t.ID] = true
}

// own returns a topic for changing its partitions; nil when there is none.
func (i *Image) own(id TopicID) *Topic {
	t := i.byID.get(id)
	if t == nil || i.fresh[id] {
		return t
	}
	t = &Topic{Name: t.Name, ID: t.ID, Partitions: slices.Clone(t.Partitions)}
	i.put(t)
	return t
}

func (i *Image) applyPartition(r *PartitionRecord) error {
	t := i.own(r.Topic)
	if t == nil || int(r.Partition) != len(t.Partitions) {
		return fmt.Errorf("partition record %d of topic id %s does not follow its topic", r.Partition, r.Topic)
	}
	t.Partitions = append(t.Partitions, Partition{
		Leader: r.Leader, LeaderEpoch: r.LeaderEpoch, PartitionEpoch: r.PartitionEpoch, Replicas: r.Replicas, ISR: r.ISR,
	})
	return nil
}

func (i *Image) applyPartitionChange(r *PartitionChangeRecord) error {
	t := i.own(r.Topic)
	if t == nil || r.Partition < 0 || int(r.Partition) >= len(t.Partitions) {
		return fmt.Errorf("change of unknown partition %d of topic id %s", r.Partition, r.Topic)
	}
	p := &t.Partitions[r.Partition]
	p.PartitionEpoch++
	if r.ISR != nil {
		p.ISR = r.ISR
	}
	if r.Leader != NoLeaderChange {
		p.Leader = r.Leader
		p.LeaderEpoch++
	}
	return nil
}

func (i *Image) applyConfig(r *ConfigRecord) {
	m := maps.Clone(i.configs.get(r.Resource))
	if m == nil {
		m = map[string]string{}
	}
	if r.Value == nil {
		delete(m, r.Name)
	} else {
		m[r.Name] = *r.Value
	}
	if len(m) == 0 {
		i.configs.remove(r.Resource)
		return
	}
	i.configs.put(r.Resource, m)
}

func (i *Image) applyRemove(r *RemoveTopicRecord) error {
	t := i.byID.get(r.ID)
	if t == nil {
		return fmt.Errorf("removal of unknown topic id %s", r.ID)
	}
	if i.removed != nil {
		i.removed[r.ID] = true
	}
	i.byID.remove(r.ID)
	i.topics.remove(t.Name)
	i.collisions.remove(strings.ReplaceAll(t.Name, ".", "_"))
	i.configs.remove(Resource{TopicResource, t.Name})
	return nil
}
