package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// partition names one partition of a topic.
type partition struct {
	topic string
	id    int32
}

func (p partition) String() string { return p.topic + "-" + strconv.Itoa(int(p.id)) }

func byPartition(a, b partition) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.id, b.id))
}

// topicArg is TOPIC or TOPIC:0,1,4-7,9- of a flag.
type topicArg struct {
	topic string
	partitionList
}

// partitionList is which partitions of a topic are meant; zero: all.
type partitionList struct {
	ids  []int32
	open bool // those from from on, too
	from int32
}

func (l partitionList) all() bool { return l.ids == nil && !l.open }

// of returns those of the partitions that there are which the list names, and those
// which it names and are not there.
func (l partitionList) of(there []int32) (found, missing []int32) {
	if l.all() {
		return there, nil
	}
	for _, id := range l.ids {
		if slices.Contains(there, id) {
			found = append(found, id)
		} else {
			missing = append(missing, id)
		}
	}
	if !l.open {
		return found, missing
	}
	n := len(found)
	for _, id := range there {
		if id >= l.from {
			found = append(found, id)
		}
	}
	if len(found) == n {
		missing = append(missing, l.from)
	}
	return found, missing
}

func parseTopicArgs(flag string, texts []string) ([]topicArg, error) {
	var topics []topicArg
	for _, text := range texts {
		name, list, some := strings.Cut(text, ":")
		arg := topicArg{topic: name}
		if name == "" {
			return nil, usagef("%s %s: expected TOPIC or TOPIC:0,1,4-7", flag, text)
		}
		if some {
			var err error
			if arg.partitionList, err = parsePartitions(list); err != nil {
				return nil, usagef("%s %s: %v; expected TOPIC or TOPIC:0,1,4-7 (7-: from 7 on)", flag, text, err)
			}
		}
		topics = append(topics, arg)
	}
	return topics, nil
}

// maxPartitions bounds a range of partitions, so that a slip of the keyboard does
// not fill the memory.
const maxPartitions = 1_000_000

// parsePartitions reads a list such as 0,1,4-7. Of a range either end may be left
// out; both ends belong to it.
func parsePartitions(list string) (l partitionList, err error) {
	for _, item := range strings.Split(list, ",") {
		first, last, isRange := strings.Cut(item, "-")
		switch {
		case !isRange:
			last = first
		case first == "" && last != "":
			first = "0"
		}
		from, err := strconv.ParseInt(first, 10, 32)
		if err == nil && isRange && last == "" && from >= 0 {
			if !l.open || int32(from) < l.from {
				l.open, l.from = true, int32(from)
			}
			continue
		}
		to, err2 := strconv.ParseInt(last, 10, 32)
		if err != nil || err2 != nil || from < 0 || from > to || to-from > maxPartitions {
			return partitionList{}, fmt.Errorf("%q is not a partition number", item)
		}
		for ; from <= to; from++ {
			l.ids = append(l.ids, int32(from))
		}
	}
	return l, nil
}

// resolve returns the partitions that arguments name, sorted, each once. One that
// is not there is a notFoundError.
func resolve(ctx context.Context, cl *kgo.Client, topics []topicArg) ([]partition, error) {
	var names []string
	for _, t := range topics {
		names = append(names, t.topic)
	}
	if len(names) == 0 {
		return nil, nil
	}
	details, err := kadm.NewClient(cl).ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	var found []partition
	for _, t := range topics {
		d, err := lookUp(details, t.topic)
		if err != nil {
			return nil, err
		}
		ids, missing := t.of(d.Partitions.Numbers())
		if len(missing) > 0 {
			return nil, noPartition(t.topic, missing[0], len(d.Partitions))
		}
		for _, id := range ids {
			found = append(found, partition{t.topic, id})
		}
	}
	slices.SortFunc(found, byPartition)
	return slices.Compact(found), nil
}

// lookUp returns a topic's metadata; one that is not there is a notFoundError.
func lookUp(details kadm.TopicDetails, name string) (kadm.TopicDetail, error) {
	d := details[name]
	switch {
	case !details.Has(name), errors.Is(d.Err, kerr.UnknownTopicOrPartition):
		return d, noTopic(name)
	case d.Err != nil:
		return d, fmt.Errorf("reading metadata of %s: %w", name, d.Err)
	}
	return d, nil
}

func noTopic(name string) error {
	return &notFoundError{"there is no topic " + name + "; leat topic list shows those that are"}
}

func noPartition(topic string, id int32, of int) error {
	return &notFoundError{fmt.Sprintf("topic %s has no partition %d, it has %d", topic, id, of)}
}

// Timestamps that stand for a place in the log (ListOffsets).
const (
	latestOffset    = -1
	earliestOffset  = -2
	maxTimestamp    = -3
	earliestLocal   = -4
	latestTiered    = -5
	earliestPending = -6
)

// listed is what a broker answers about one partition; Offset is -1 if there is
// none.
type listed = kadm.ListedOffset

// listOffsets asks where a timestamp is in each partition. committed asks for the
// last stable offset instead of the end. Errors of single partitions are in the
// answers.
func listOffsets(ctx context.Context, cl *kgo.Client, partitions []partition, timestamp int64, committed bool) map[partition]listed {
	answers := map[partition]listed{}
	if len(partitions) == 0 {
		return answers
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	if committed {
		req.IsolationLevel = 1
	}
	topics := map[string]int{}
	for _, p := range partitions {
		i, there := topics[p.topic]
		if !there {
			i = len(req.Topics)
			topics[p.topic] = i
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = p.topic
			req.Topics = append(req.Topics, t)
		}
		asked := kmsg.NewListOffsetsRequestTopicPartition()
		asked.Partition, asked.Timestamp = p.id, timestamp
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, asked)
	}
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil {
			// Partitions without a leader come back as a part of their own.
			for _, t := range shard.Req.(*kmsg.ListOffsetsRequest).Topics {
				for _, p := range t.Partitions {
					answers[partition{t.Topic, p.Partition}] = listed{Topic: t.Topic, Partition: p.Partition, Offset: -1, Err: shard.Err}
				}
			}
			continue
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				answers[partition{t.Topic, p.Partition}] = listed{Topic: t.Topic, Partition: p.Partition, Timestamp: p.Timestamp,
					Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Err: kerr.ErrorForCode(p.ErrorCode)}
			}
		}
	}
	return answers
}

// places looks up one place in every partition; all must answer.
func places(ctx context.Context, cl *kgo.Client, partitions []partition, timestamp int64, committed bool) (map[partition]int64, error) {
	offsets := map[partition]int64{}
	answers := listOffsets(ctx, cl, partitions, timestamp, committed)
	for _, p := range partitions {
		l, answered := answers[p]
		if !answered {
			return nil, fmt.Errorf("reading offsets of %s: the broker did not answer for it", p)
		}
		if l.Err != nil {
			return nil, fmt.Errorf("reading offsets of %s: %w", p, l.Err)
		}
		offsets[p] = l.Offset
	}
	return offsets, nil
}
