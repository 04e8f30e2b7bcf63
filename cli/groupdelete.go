package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func (k *cluster) groupDeleteCommand() *cobra.Command {
	g := &groupArgs{cluster: k}
	var dryRun bool
	c := &cobra.Command{Use: "delete GROUP...", Aliases: []string{"rm"}, Short: "Delete groups and their offsets", ValidArgsFunction: k.groups,
		Long: "Delete groups that have no members, and the offsets that they have committed.",
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, named []string) error {
			names, err := g.names(ctx, cl, named)
			if err != nil {
				return err
			}
			if dryRun {
				return g.dryDelete(ctx, cl, names)
			}
			deleted, err := kadm.NewClient(cl).DeleteGroups(ctx, names...)
			if err != nil {
				return fmt.Errorf("deleting groups: %w", err)
			}
			return k.results("group", names, "deleted", func(name string) error {
				r := deleted[name]
				switch {
				case errors.Is(r.Err, kerr.GroupIDNotFound):
					return noGroup(name)
				case errors.Is(r.Err, kerr.NonEmptyGroup):
					return &activeError{"the group is not empty: stop its consumers first (leat group members shows them)"}
				}
				return withDetail(r.Err, r.ErrMessage)
			})
		})}
	g.bindAll(c, true)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be deleted")
	return c
}

// activeError refuses a change of a group that is in use.
type activeError struct{ msg string }

func (e *activeError) Error() string { return e.msg }

func (g *groupArgs) dryDelete(ctx context.Context, cl *kgo.Client, names []string) error {
	views, missing := describeGroups(ctx, cl, names)
	if views == nil {
		return missing
	}
	if err := addOffsets(ctx, cl, views); err != nil {
		return err
	}
	errs := []error{missing}
	t := table{header: []string{"GROUP", "STATE", "OFFSETS"}}
	for _, v := range views {
		t.add(v.Group, v.State, strconv.Itoa(len(v.Offsets)))
		if v.active() {
			errs = append(errs, &activeError{fmt.Sprintf("group %s would be refused: it is %s and has %d members", v.Group, v.State, len(v.Members))})
		}
	}
	return errors.Join(append([]error{show(g.Out, g.output, views, t)}, errs...)...)
}

// deletedOffset is one partition of group delete-offsets.
type deletedOffset struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Status    string `json:"status"`
}

func (k *cluster) groupDeleteOffsetsCommand() *cobra.Command {
	var topics []string
	var dryRun bool
	c := &cobra.Command{Use: "delete-offsets GROUP --topic TOPIC[:0,1]...", Short: "Delete a group's offsets of topics that it does not read",
		Args: args(cobra.ExactArgs(1)), ValidArgsFunction: k.groups,
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, names []string) error {
			if len(topics) == 0 {
				return usagef("name the topics: --topic TOPIC or --topic TOPIC:0,1")
			}
			asked, err := parseTopicArgs("--topic", topics)
			if err != nil {
				return err
			}
			if err := awaitCoordinators(ctx, cl, names); err != nil {
				return err
			}
			committed, err := committedOffsets(ctx, cl, names)
			if err != nil {
				return err
			}
			if _, err := describeGroups(ctx, cl, names); err != nil {
				return err
			}
			partitions, err := committedPartitions(ctx, cl, asked, committed[names[0]])
			if err != nil {
				return err
			}
			if dryRun {
				return k.showDeleted(partitions, func(partition) (string, error) { return "would be deleted", nil })
			}
			return k.deleteOffsets(ctx, cl, names[0], partitions)
		})}
	c.Flags().StringArrayVar(&topics, "topic", nil, "topic, or topic and partitions as in orders:0,1; may be repeated")
	completeFlag(c, "topic", k.topics)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be deleted")
	return c
}

// committedPartitions is what the arguments name: partitions of a topic that is
// gone are those that the group still has offsets of.
func committedPartitions(ctx context.Context, cl *kgo.Client, asked []topicArg, committed map[partition]kadm.Offset) ([]partition, error) {
	var there []topicArg
	var partitions []partition
	for _, a := range asked {
		if a.all() {
			n := len(partitions)
			for p := range committed {
				if p.topic == a.topic {
					partitions = append(partitions, p)
				}
			}
			if len(partitions) > n {
				continue
			}
		}
		there = append(there, a)
	}
	more, err := resolve(ctx, cl, there)
	return append(partitions, more...), err
}

func (k *cluster) deleteOffsets(ctx context.Context, cl *kgo.Client, group string, partitions []partition) error {
	set := kadm.TopicsSet{}
	for _, p := range partitions {
		set.Add(p.topic, p.id)
	}
	deleted, err := kadm.NewClient(cl).DeleteOffsets(ctx, group, set)
	if err != nil {
		return fmt.Errorf("deleting offsets of group %s: %w", group, err)
	}
	return k.showDeleted(partitions, func(p partition) (string, error) {
		err, answered := deleted.Lookup(p.topic, p.id)
		switch {
		case !answered:
			return "no answer", fmt.Errorf("%s: the broker did not answer for it", p)
		case errors.Is(err, kerr.GroupSubscribedToTopic):
			return "refused", &activeError{fmt.Sprintf("%s: a member of the group reads the topic: stop the consumers first", p)}
		case err != nil:
			return "failed", fmt.Errorf("%s: %w", p, err)
		}
		return "deleted", nil
	})
}

func (k *cluster) showDeleted(partitions []partition, status func(partition) (string, error)) error {
	var errs []error
	rows := []deletedOffset{}
	t := table{header: []string{"TOPIC", "PARTITION", "STATUS"}}
	for _, p := range partitions {
		s, err := status(p)
		errs = append(errs, err)
		rows = append(rows, deletedOffset{p.topic, p.id, s})
		t.add(p.topic, strconv.Itoa(int(p.id)), s)
	}
	return errors.Join(show(k.Out, k.output, rows, t), errors.Join(errs...))
}
