package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func topicCommand(d *Deps) *cobra.Command {
	k := &cluster{Deps: d}
	c := group("topic", "Manage topics, read and write records, on any Kafka",
		k.listCommand(), k.describeCommand(), k.createCommand(), k.deleteCommand(), k.consumeCommand(), k.produceCommand())
	c.Aliases = []string{"topics"}
	return k.bind(c)
}

// topicInfo is one topic of topic list.
type topicInfo struct {
	Name              string `json:"name"`
	Partitions        int    `json:"partitions"`
	ReplicationFactor int    `json:"replication_factor"`
	Internal          bool   `json:"internal"`
}

func (k *cluster) listCommand() *cobra.Command {
	var internal bool
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List topics", Args: args(cobra.NoArgs),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
			details, err := adm.ListTopicsWithInternal(ctx)
			if err != nil {
				return err
			}
			infos := []topicInfo{}
			t := table{header: []string{"NAME", "PARTITIONS", "REPLICAS"}}
			for _, d := range details.Sorted() {
				if d.IsInternal && !internal {
					continue
				}
				i := topicInfo{d.Topic, len(d.Partitions), d.Partitions.NumReplicas(), d.IsInternal}
				infos = append(infos, i)
				t.add(i.Name, strconv.Itoa(i.Partitions), strconv.Itoa(i.ReplicationFactor))
			}
			return show(k.Out, k.output, infos, t)
		})}
	c.Flags().BoolVar(&internal, "internal", false, "internal topics too")
	return c
}

// topicDescription is topic describe.
type topicDescription struct {
	Name       string             `json:"name"`
	ID         string             `json:"id"`
	Configs    map[string]string  `json:"configs"` // those that differ from the defaults
	Partitions []partitionDetails `json:"partitions"`
}

type partitionDetails struct {
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"`
	Replicas  []int32 `json:"replicas"`
	ISR       []int32 `json:"isr"`
	Start     int64   `json:"start_offset"`
	End       int64   `json:"end_offset"`
}

func (k *cluster) describeCommand() *cobra.Command {
	return &cobra.Command{Use: "describe TOPIC", Short: "Show a topic's partitions, offsets and settings", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.topics,
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, names []string) error {
			d, err := describe(ctx, adm, names[0])
			if err != nil {
				return err
			}
			t := table{header: []string{"PARTITION", "LEADER", "REPLICAS", "ISR", "START", "END"}}
			for _, p := range d.Partitions {
				t.add(fmt.Sprint(p.Partition), fmt.Sprint(p.Leader), join(p.Replicas), join(p.ISR), fmt.Sprint(p.Start), fmt.Sprint(p.End))
			}
			for _, name := range slices.Sorted(maps.Keys(d.Configs)) {
				t.after += name + "=" + d.Configs[name] + "\n"
			}
			return show(k.Out, k.output, d, t)
		})}
}

func join(ids []int32) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.Itoa(int(id))
	}
	return strings.Join(texts, ",")
}

func describe(ctx context.Context, adm *kadm.Client, name string) (*topicDescription, error) {
	topic, err := find(ctx, adm, name)
	if err != nil {
		return nil, err
	}
	starts, err := adm.ListStartOffsets(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("reading start offsets of %s: %w", name, err)
	}
	ends, err := adm.ListEndOffsets(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("reading end offsets of %s: %w", name, err)
	}
	d := &topicDescription{Name: name, ID: topic.ID.String(), Configs: map[string]string{}}
	for _, p := range topic.Partitions.Sorted() {
		start, _ := starts.Lookup(name, p.Partition)
		end, _ := ends.Lookup(name, p.Partition)
		d.Partitions = append(d.Partitions, partitionDetails{p.Partition, p.Leader, p.Replicas, p.ISR, start.Offset, end.Offset})
	}
	configs, err := adm.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of %s: %w", name, err)
	}
	for _, r := range configs {
		for _, c := range r.Configs {
			if c.Source.String() == "DYNAMIC_TOPIC_CONFIG" {
				d.Configs[c.Key] = c.MaybeValue()
			}
		}
	}
	return d, nil
}

func (k *cluster) createCommand() *cobra.Command {
	var partitions int32
	var replicas int16
	var configs []string
	var exists bool
	c := &cobra.Command{Use: "create TOPIC...", Short: "Create topics", Args: args(cobra.MinimumNArgs(1)),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, names []string) error {
			settings := map[string]*string{}
			for _, c := range configs {
				name, v, ok := strings.Cut(c, "=")
				if !ok {
					return usagef("--config %s: expected NAME=VALUE", c)
				}
				settings[name] = &v
			}
			res, err := adm.CreateTopics(ctx, partitions, replicas, settings, names...)
			if err != nil {
				return err
			}
			return k.results("topic", names, "created", func(name string) error {
				r := res[name]
				if exists && errors.Is(r.Err, kerr.TopicAlreadyExists) {
					return nil
				}
				return withDetail(r.Err, r.ErrMessage)
			})
		})}
	c.Flags().Int32VarP(&partitions, "partitions", "p", -1, "number of partitions, -1: the broker's default")
	c.Flags().Int16VarP(&replicas, "replication-factor", "r", -1, "number of replicas, -1: the broker's default")
	c.Flags().StringArrayVarP(&configs, "config", "c", nil, "topic setting NAME=VALUE; may be repeated")
	c.Flags().BoolVar(&exists, "if-not-exists", false, "a topic that exists is no error")
	return c
}

func (k *cluster) deleteCommand() *cobra.Command {
	return &cobra.Command{Use: "delete TOPIC...", Aliases: []string{"rm"}, Short: "Delete topics and their records", Args: args(cobra.MinimumNArgs(1)), ValidArgsFunction: k.topics,
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, names []string) error {
			res, err := adm.DeleteTopics(ctx, names...)
			if err != nil {
				return err
			}
			return k.results("topic", names, "deleted", func(name string) error { return withDetail(res[name].Err, res[name].ErrMessage) })
		})}
}
