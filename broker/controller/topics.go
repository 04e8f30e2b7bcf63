package controller

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/settings"
)

// maxPartitions bounds the partitions one request may create, so that a
// change stays within one record batch.
const maxPartitions = 10000

// maxTopicName is the longest topic name: with "-<partition>" it still is a
// folder name.
const maxTopicName = 249

// NewTopic asks for a topic. Partitions and ReplicationFactor of -1 mean the
// broker's default. Assignment, when given, lists the replicas of every
// partition and excludes the two numbers.
type NewTopic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	Assignment        map[int32][]int32
	Configs           []ConfigEntry
}

// ConfigEntry is one key with its value.
type ConfigEntry struct {
	Name  string
	Value *string
}

// CreateTopic creates one topic, or with validateOnly only checks that it
// could. It returns the topic as created (or as it would be, with a zero id).
func (c *Controller) CreateTopic(ctx context.Context, t NewTopic, validateOnly bool) (*Topic, error) {
	var made *Topic
	err := c.propose(ctx, func(img *Image) ([]Record, error) {
		records, topic, err := c.planTopic(img, t)
		made = topic
		if err != nil || validateOnly {
			return nil, err
		}
		return records, nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (c *Controller) planTopic(img *Image, t NewTopic) ([]Record, *Topic, error) {
	if img.Topic(t.Name) != nil {
		return nil, nil, fault.New(kerr.TopicAlreadyExists, "Topic '%s' already exists.", t.Name)
	}
	if err := CheckTopicName(t.Name); err != nil {
		return nil, nil, err
	}
	if other := img.collision(t.Name); other != "" {
		return nil, nil, fault.New(kerr.InvalidTopicException, "Topic '%s' collides with existing topic: %s", t.Name, other)
	}
	replicas, err := c.planReplicas(t)
	if err != nil {
		return nil, nil, err
	}
	configs, err := c.planTopicConfigs(img, t)
	if err == nil {
		err = c.room()
	}
	if err != nil {
		return nil, nil, err
	}
	topic := &Topic{Name: t.Name, ID: newTopicID()}
	records := []Record{&TopicRecord{Name: t.Name, ID: topic.ID}}
	for i, r := range replicas {
		topic.Partitions = append(topic.Partitions, Partition{Leader: r[0], Replicas: r, ISR: r})
		records = append(records, newPartition(topic.ID, int32(i), r))
	}
	return append(records, configs...), topic, nil
}

func (c *Controller) room() error {
	if c.cfg.Room == nil {
		return nil
	}
	return c.cfg.Room()
}

func newPartition(id TopicID, partition int32, replicas []int32) *PartitionRecord {
	return &PartitionRecord{Partition: partition, Topic: id, Replicas: replicas, ISR: replicas, Leader: replicas[0]}
}

// planReplicas resolves counts or the manual assignment to replica lists.
func (c *Controller) planReplicas(t NewTopic) ([][]int32, error) {
	if len(t.Assignment) > 0 {
		if t.Partitions != -1 {
			return nil, fault.New(kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
		}
		if t.ReplicationFactor != -1 {
			return nil, fault.New(kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
		}
		return c.checkAssignment(t.Assignment, 0)
	}
	n, rf := t.Partitions, t.ReplicationFactor
	if n == -1 {
		n = c.cfg.NumPartitions
	}
	if rf == -1 {
		rf = c.cfg.ReplicationFactor
	}
	if n <= 0 {
		return nil, fault.New(kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	if n > maxPartitions {
		return nil, fault.New(kerr.InvalidPartitions, "Number of partitions %d is above the %d that one request may create.", n, maxPartitions)
	}
	if rf <= 0 {
		return nil, fault.New(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	}
	if rf > 1 {
		return nil, fault.New(kerr.InvalidReplicationFactor, "Unable to replicate the partition %d time(s): The target replication factor of %d cannot be reached because only 1 broker(s) are registered.", rf, rf)
	}
	out := make([][]int32, n)
	for i := range out {
		out[i] = []int32{c.cfg.NodeID}
	}
	return out, nil
}

// checkAssignment validates a manual assignment whose partitions must be
// numbered from first on without gaps.
func (c *Controller) checkAssignment(a map[int32][]int32, first int32) ([][]int32, error) {
	out := make([][]int32, len(a))
	for i := range out {
		p := first + int32(i)
		replicas, ok := a[p]
		if !ok {
			return nil, fault.New(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
		if len(replicas) == 0 {
			return nil, fault.New(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
		}
		if len(replicas) != len(slices.Compact(slices.Sorted(slices.Values(replicas)))) {
			return nil, fault.New(kerr.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", replicas[0])
		}
		for _, r := range replicas {
			if r != c.cfg.NodeID {
				return nil, fault.New(kerr.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", r)
			}
		}
		out[i] = replicas
	}
	return out, nil
}

func (c *Controller) planTopicConfigs(img *Image, t NewTopic) ([]Record, error) {
	resource := Resource{TopicResource, t.Name}
	overrides := map[string]string{}
	var records []Record
	for _, e := range t.Configs {
		value, err := settings.ParseTopic(e.Name, e.Value)
		if err != nil {
			return nil, fault.New(kerr.InvalidConfig, "%s", err)
		}
		overrides[e.Name] = value
		records = append(records, &ConfigRecord{Resource: resource, Name: e.Name, Value: &value})
	}
	return records, c.checkTogether(img, overrides)
}

func (c *Controller) checkTogether(img *Image, overrides map[string]string) error {
	err := settings.CheckTopicTogether(func(name string) string { return c.cfg.TopicConfig(img, overrides, name) })
	if err != nil {
		return fault.New(kerr.InvalidConfig, "%s", err)
	}
	return nil
}

// DeleteTopic deletes a topic by id.
func (c *Controller) DeleteTopic(ctx context.Context, id TopicID) error {
	return c.propose(ctx, func(img *Image) ([]Record, error) {
		if img.TopicByID(id) == nil {
			return nil, fault.New(kerr.UnknownTopicID, "This server does not host this topic ID.")
		}
		return []Record{&RemoveTopicRecord{ID: id}}, nil
	})
}

// CreatePartitions grows a topic to count partitions. assignment, when given,
// lists the replicas of the new partitions in order.
func (c *Controller) CreatePartitions(ctx context.Context, name string, count int32, assignment [][]int32, validateOnly bool) error {
	return c.propose(ctx, func(img *Image) ([]Record, error) {
		t := img.Topic(name)
		if t == nil {
			return nil, kerr.UnknownTopicOrPartition
		}
		records, err := c.planPartitions(t, count, assignment)
		if validateOnly {
			return nil, err
		}
		return records, err
	})
}

func (c *Controller) planPartitions(t *Topic, count int32, assignment [][]int32) ([]Record, error) {
	have := int32(len(t.Partitions))
	switch {
	case count == have:
		return nil, fault.New(kerr.InvalidPartitions, "Topic already has %d partition(s).", have)
	case count < have:
		return nil, fault.New(kerr.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, have, count)
	case count-have > maxPartitions:
		return nil, fault.New(kerr.InvalidPartitions, "Adding %d partitions is above the %d that one request may create.", count-have, maxPartitions)
	case assignment != nil && int32(len(assignment)) != count-have:
		return nil, fault.New(kerr.InvalidReplicaAssignment, "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", count-have, len(assignment))
	}
	manual := map[int32][]int32{}
	for i := range count - have {
		manual[have+i] = []int32{c.cfg.NodeID}
		if assignment != nil {
			manual[have+i] = assignment[i]
		}
	}
	replicas, err := c.checkAssignment(manual, have)
	if err == nil {
		err = c.room()
	}
	if err != nil {
		return nil, err
	}
	var records []Record
	for i, r := range replicas {
		records = append(records, newPartition(t.ID, have+int32(i), r))
	}
	return records, nil
}

// BumpLeaderEpochs begins a new leader epoch on the partitions that this node
// leads and that affected names.
func (c *Controller) BumpLeaderEpochs(ctx context.Context, affected func(topic string, partition int32) bool) error {
	var all []Record
	for _, t := range c.Image().Topics() {
		for i, p := range t.Partitions {
			if p.Leader == c.cfg.NodeID && affected(t.Name, int32(i)) {
				all = append(all, &PartitionChangeRecord{Partition: int32(i), Topic: t.ID, Leader: c.cfg.NodeID})
			}
		}
	}
	for some := range slices.Chunk(all, maxPartitions) {
		err := c.propose(ctx, func(img *Image) ([]Record, error) {
			// Of topics that are still there.
			return slices.DeleteFunc(slices.Clone(some), func(r Record) bool {
				change, ok := r.(*PartitionChangeRecord)
				return !ok || img.TopicByID(change.Topic) == nil
			}), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// CheckTopicName refuses names that Kafka refuses (Topic.validate).
func CheckTopicName(name string) error {
	switch {
	case name == "":
		return fault.New(kerr.InvalidTopicException, "Topic name is invalid: the empty string is not allowed")
	case name == "." || name == "..":
		return fault.New(kerr.InvalidTopicException, "Topic name is invalid: '%s' is not allowed", name)
	case len(name) > maxTopicName:
		return fault.New(kerr.InvalidTopicException, "Topic name is invalid: the length of '%s' is longer than the max allowed length %d", name, maxTopicName)
	}
	for i := range len(name) {
		if !topicNameByte(name[i]) {
			return fault.New(kerr.InvalidTopicException, "Topic name is invalid: '%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name)
		}
	}
	return nil
}

func topicNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}

// newTopicID draws a version 4 UUID whose text form does not start with "-",
// as command line tools would take that for a flag (Kafka's Uuid.randomUuid).
func newTopicID() TopicID {
	for {
		var id TopicID
		rand.Read(id[:])
		id[6] = id[6]&0x0f | 0x40
		id[8] = id[8]&0x3f | 0x80
		if !strings.HasPrefix(id.String(), "-") {
			return id
		}
	}
}
