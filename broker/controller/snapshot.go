package controller

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// records yields the records that make up the image, encoded, in an order in
// which apply takes them: features, topics each with its partitions,
// configurations, producer ids. The order is fixed, so that equal images have
// equal snapshots.
func (i *Image) records() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for r := range i.contents() {
			if !yield(AppendRecord(nil, r)) {
				return
			}
		}
	}
}

func (i *Image) contents() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, name := range slices.Sorted(maps.Keys(i.features)) {
			if !yield(&FeatureLevelRecord{Name: name, Level: i.features[name]}) {
				return
			}
		}
		for _, t := range i.Topics() {
			if !yieldTopic(t, yield) {
				return
			}
		}
		if !i.yieldConfigs(yield) {
			return
		}
		if i.nextProducer > 0 {
			yield(&ProducerIDsRecord{Broker: -1, BrokerEpoch: -1, Next: i.nextProducer})
		}
	}
}

func yieldTopic(t *Topic, yield func(Record) bool) bool {
	if !yield(&TopicRecord{Name: t.Name, ID: t.ID}) {
		return false
	}
	for n, p := range t.Partitions {
		if !yield(&PartitionRecord{
			Partition: int32(n), Topic: t.ID, Replicas: p.Replicas, ISR: p.ISR,
			Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
		}) {
			return false
		}
	}
	return true
}

func (i *Image) yieldConfigs(yield func(Record) bool) bool {
	resources := make([]Resource, 0, i.configs.size)
	for r := range i.configs.all() {
		resources = append(resources, r)
	}
	slices.SortFunc(resources, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	for _, r := range resources {
		keys := i.configs.get(r)
		for _, name := range slices.Sorted(maps.Keys(keys)) {
			value := keys[name]
			if !yield(&ConfigRecord{Resource: r, Name: name, Value: &value}) {
				return false
			}
		}
	}
	return true
}

// difference returns records that lead from one image to another, for who
// looks at the records of a Delta.
func difference(from, to *Image) []Record {
	var out []Record
	for _, t := range from.Topics() {
		if to.TopicByID(t.ID) == nil {
			out = append(out, &RemoveTopicRecord{ID: t.ID})
		}
	}
	for r := range to.contents() {
		out = append(out, r)
	}
	return out
}
