package task

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	// coverageFirst and coverageMost bound the time between two looks at the
	// group's assignment; it doubles while a look changes nothing.
	coverageFirst = 2 * time.Second
	coverageMost  = time.Minute
)

// coverage makes sure that every partition of the subscribed topics has a reader.
//
// A static member that comes back gets the assignment of before, without a
// rebalance, even when its subscription has grown meanwhile (KIP-345, and KIP-814
// for a leader that comes back): a topic that was created just before all
// members were killed would never be read. Nothing in the protocol tells a member
// so; the coordinator's description of the group does.
type coverage struct {
	next    time.Time
	pause   time.Duration
	missing string // the partition without a reader at the last look
}

// check asks for a rebalance when at two looks the group was stable and a
// partition had no reader: a topic that is new takes a moment anyway. All members
// ask, since only the leader's asking counts.
func (c *consumer) check(ctx context.Context, topics kadm.TopicDetails) {
	v := &c.coverage
	if c.client == nil || c.member == "" || !v.due() {
		return
	}
	v.pause = min(max(2*v.pause, coverageFirst), coverageMost)
	v.next = time.Now().Add(v.pause)
	before := v.missing
	v.missing = ""
	described, err := kadm.NewClient(c.admin).DescribeGroups(ctx, c.group)
	if err != nil {
		c.log.Debug("describing the group", "group", c.group, "err", err)
		return
	}
	group := described[c.group]
	if group.Err != nil || group.State != "Stable" {
		v.soon()
		return
	}
	v.missing = c.uncovered(topics, group.AssignedPartitions())
	switch {
	case v.missing == "":
	case v.missing != before:
		v.soon()
	default:
		c.log.Info("a partition has no reader, asking for a rebalance", "group", c.group, "partition", v.missing)
		v.missing = ""
		c.client.ForceRebalance()
	}
}

func (v *coverage) due() bool { return !time.Now().Before(v.next) }

// soon makes the next look an early one.
func (v *coverage) soon() { v.next, v.pause = time.Now().Add(coverageFirst), 0 }

// uncovered returns the first partition of a subscribed topic that nobody reads,
// "" if there is none.
func (c *consumer) uncovered(topics kadm.TopicDetails, assigned kadm.TopicsSet) string {
	for _, name := range c.client.GetConsumeTopics() {
		d, ok := topics[name]
		if !ok || d.Err != nil {
			continue
		}
		for p := range int32(len(d.Partitions)) {
			if !assigned.Lookup(name, p) {
				return fmt.Sprintf("%s-%d", name, p)
			}
		}
	}
	return ""
}
