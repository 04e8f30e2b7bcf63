package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicDescription is one topic of topic describe.
type topicDescription struct {
	Name       string             `json:"name"`
	ID         string             `json:"id"` // as Kafka writes it: base64 for URLs
	Internal   bool               `json:"internal"`
	Configs    map[string]string  `json:"configs"` // those that differ from the defaults
	Partitions []partitionDetails `json:"partitions"`
	minISR     int
}

// partitionDetails is one partition; the offsets are null where no broker
// answered for them.
type partitionDetails struct {
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"` // -1: none
	Epoch     int32   `json:"leader_epoch"`
	Replicas  []int32 `json:"replicas"`
	ISR       []int32 `json:"isr"`
	Offline   []int32 `json:"offline_replicas"`
	Start     *int64  `json:"start_offset"`
	End       *int64  `json:"end_offset"`
}

// topicProblems are filters of topic describe: partitions of which one holds.
var topicProblems = []struct {
	flag, help string
	holds      func(p partitionDetails, minISR int) bool
}{
	{"under-replicated", "only partitions with replicas that are not in sync",
		func(p partitionDetails, _ int) bool { return len(p.ISR) < len(p.Replicas) }},
	{"unavailable", "only partitions without a leader",
		func(p partitionDetails, _ int) bool { return p.Leader < 0 }},
	{"under-min-isr", "only partitions with fewer replicas in sync than min.insync.replicas",
		func(p partitionDetails, minISR int) bool { return len(p.ISR) < minISR }},
	{"at-min-isr", "only partitions with just min.insync.replicas replicas in sync",
		func(p partitionDetails, minISR int) bool { return len(p.ISR) == minISR }},
}

func (k *cluster) describeCommand() *cobra.Command {
	f := &topicFilter{}
	asked := make([]bool, len(topicProblems))
	var overrides bool
	var ids []string
	c := &cobra.Command{Use: "describe [TOPIC...]", Short: "Show partitions, offsets and settings of topics", ValidArgsFunction: k.topics,
		Long: "Show partitions, offsets and own settings of the topics named, or of all.",
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, names []string) error {
			details, err := f.described(ctx, kadm.NewClient(cl), names, ids)
			if err != nil {
				return err
			}
			all, err := describeTopics(ctx, cl, details)
			if err != nil {
				return err
			}
			filtered := slices.Contains(asked, true)
			described := []topicDescription{}
			for _, d := range all {
				d.Partitions = slices.DeleteFunc(d.Partitions, func(p partitionDetails) bool {
					for i, problem := range topicProblems {
						if asked[i] && problem.holds(p, d.minISR) {
							return false
						}
					}
					return filtered
				})
				if filtered && len(d.Partitions) == 0 || overrides && len(d.Configs) == 0 {
					continue
				}
				described = append(described, d)
			}
			return show(k.Out, k.output, described, topicTable(described, overrides))
		})}
	f.bind(c)
	c.Flags().StringArrayVar(&ids, "topic-id", nil, "the topic with this id, instead of names; may be repeated")
	for i, problem := range topicProblems {
		c.Flags().BoolVar(&asked[i], problem.flag, false, problem.help)
	}
	c.Flags().BoolVar(&overrides, "with-overrides", false, "only topics with settings of their own, and only these settings")
	return c
}

// described chooses the topics of topic describe: by id, or as every command does.
func (f *topicFilter) described(ctx context.Context, adm *kadm.Client, names, ids []string) ([]kadm.TopicDetail, error) {
	if len(ids) == 0 {
		return f.topics(ctx, adm, names)
	}
	if len(names) > 0 || f.match != "" {
		return nil, usagef("give --topic-id, or name topics, or give --match")
	}
	return byID(ctx, adm, ids)
}

func topicTable(described []topicDescription, overrides bool) table {
	t := table{header: []string{"TOPIC", "PARTITION", "LEADER", "REPLICAS", "ISR", "START", "END"}}
	for _, d := range described {
		for _, p := range d.Partitions {
			leader := strconv.Itoa(int(p.Leader))
			if p.Leader < 0 {
				leader = "none"
			}
			if !overrides {
				t.add(d.Name, strconv.Itoa(int(p.Partition)), leader, join(p.Replicas), join(p.ISR), number(p.Start), number(p.End))
			}
		}
		if !overrides {
			t.after += d.Name + ": topic id " + d.ID + "\n"
		}
		for _, name := range slices.Sorted(maps.Keys(d.Configs)) {
			t.after += d.Name + ": " + name + "=" + d.Configs[name] + "\n"
		}
	}
	return t
}

func join(ids []int32) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.Itoa(int(id))
	}
	return strings.Join(texts, ",")
}

func describeTopics(ctx context.Context, cl *kgo.Client, details []kadm.TopicDetail) ([]topicDescription, error) {
	var partitions []partition
	var topics []resource
	for _, d := range details {
		topics = append(topics, resource{resourceKinds[0], d.Topic})
		for id := range d.Partitions {
			partitions = append(partitions, partition{d.Topic, id})
		}
	}
	configs, err := describeConfigs(ctx, cl, topics, nil, false)
	if err != nil {
		return nil, err
	}
	starts := listOffsets(ctx, cl, partitions, earliestOffset, false)
	ends := listOffsets(ctx, cl, partitions, latestOffset, false)
	var all []topicDescription
	for i, d := range details {
		t := topicDescription{Name: d.Topic, ID: topicID(d), Internal: d.IsInternal, Configs: map[string]string{}, Partitions: []partitionDetails{}}
		for _, c := range configs[i].Configs {
			if c.own {
				t.Configs[c.Key] = c.text(c.Value)
			}
			if c.Key == "min.insync.replicas" {
				if t.minISR, err = strconv.Atoi(deref(c.Value)); err != nil {
					return nil, fmt.Errorf("topic %s: min.insync.replicas is %s", d.Topic, deref(c.Value))
				}
			}
		}
		for _, p := range d.Partitions.Sorted() {
			at := partition{d.Topic, p.Partition}
			t.Partitions = append(t.Partitions, partitionDetails{p.Partition, p.Leader, p.LeaderEpoch, list(p.Replicas), list(p.ISR), list(p.OfflineReplicas),
				offsetOf(starts[at]), offsetOf(ends[at])})
		}
		all = append(all, t)
	}
	return all, nil
}

// list is never null in JSON.
func list(ids []int32) []int32 {
	if ids == nil {
		return []int32{}
	}
	return ids
}

func offsetOf(l listed) *int64 {
	if l.Err != nil || l.Offset < 0 {
		return nil
	}
	return &l.Offset
}
