package group

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// assignors are the server-side assignors that can be enabled by
// group.consumer.assignors, by name or Java class.
var assignors = map[string]string{
	"uniform": "uniform", "org.apache.kafka.coordinator.group.assignor.UniformAssignor": "uniform",
	"range": "range", "org.apache.kafka.coordinator.group.assignor.RangeAssignor": "range",
}

// ParseAssignors reads group.consumer.assignors: the enabled assignors, the
// default one first.
func ParseAssignors(list []string) ([]string, error) {
	var out []string
	for _, name := range list {
		a, ok := assignors[name]
		if !ok {
			return nil, fmt.Errorf("group.consumer.assignors names %q: only uniform and range are built in", name)
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("group.consumer.assignors is empty: name uniform, range or both")
	}
	return out, nil
}

// assign computes who should have what. The assignor is the one most members
// ask for.
func (c *consumerGroup) assign(topics Topics, enabled []string) map[string]parts {
	members := c.sorted()
	next := make(map[string]parts, len(members))
	subscribed := map[string][]*consumer{} // by topic, members in order
	for _, m := range members {
		next[m.id] = parts{}
		for _, name := range m.subscription(topics) {
			subscribed[name] = append(subscribed[name], m)
		}
	}
	if c.assignor(enabled) == "range" {
		assignRange(topics, subscribed, next)
		return next
	}
	c.assignUniform(topics, subscribed, next)
	return next
}

// assignor is the vote of the members.
func (c *consumerGroup) assignor(enabled []string) string {
	votes := map[string]int{}
	for _, m := range c.members {
		if m.assignor != nil {
			votes[*m.assignor]++
		}
	}
	best := enabled[0]
	for _, name := range enabled {
		if votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// assignRange gives each subscriber of a topic a contiguous run, so that
// members have the same numbers of topics with as many partitions.
func assignRange(topics Topics, subscribed map[string][]*consumer, next map[string]parts) {
	for name, members := range subscribed {
		id, n, ok := topics.Topic(name)
		if !ok {
			continue
		}
		from, count := int32(0), int32(len(members))
		for i, m := range members {
			size := n / count
			if int32(i) < n%count {
				size++
			}
			for p := from; p < from+size; p++ {
				next[m.id][part{id, p}] = true
			}
			from += size
		}
	}
}

// assignUniform keeps what members have, hands the rest to whoever has least,
// and then moves single partitions until no member has two more than another
// that could take one of them.
func (c *consumerGroup) assignUniform(topics Topics, subscribed map[string][]*consumer, next map[string]parts) {
	able := map[part][]*consumer{}
	var all []part
	for name, members := range subscribed {
		id, n, ok := topics.Topic(name)
		for p := int32(0); ok && p < n; p++ {
			all = append(all, part{id, p})
			able[part{id, p}] = members
		}
	}
	slices.SortFunc(all, func(a, b part) int {
		return cmp.Or(bytes.Compare(a.topic[:], b.topic[:]), cmp.Compare(a.partition, b.partition))
	})
	for _, p := range all {
		to := c.holder(p, able[p])
		if to == nil {
			to = least(able[p], next)
		}
		next[to.id][p] = true
	}
	for moved := true; moved; {
		moved = false
		for _, p := range all {
			from, to := holderIn(p, able[p], next), least(able[p], next)
			if len(next[from.id]) > len(next[to.id])+1 {
				delete(next[from.id], p)
				next[to.id][p] = true
				moved = true
			}
		}
	}
}

// holder is the member whose present target has the partition.
func (c *consumerGroup) holder(p part, able []*consumer) *consumer {
	for _, m := range able {
		if c.target[m.id][p] {
			return m
		}
	}
	return nil
}

func holderIn(p part, able []*consumer, next map[string]parts) *consumer {
	for _, m := range able {
		if next[m.id][p] {
			return m
		}
	}
	panic("group: partition without holder")
}

func least(able []*consumer, next map[string]parts) *consumer {
	best := able[0]
	for _, m := range able[1:] {
		if len(next[m.id]) < len(next[best.id]) {
			best = m
		}
	}
	return best
}
