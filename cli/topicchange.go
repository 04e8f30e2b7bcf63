package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicTimeout is how long the controller may take to create or change topics.
const topicTimeout = 30_000 // ms

// parseAssignment reads replicas of partitions: brokers of a partition are
// separated by colons, partitions by commas. "": none.
func parseAssignment(text string) ([][]int32, error) {
	if text == "" {
		return nil, nil
	}
	var all [][]int32
	for _, brokers := range strings.Split(text, ",") {
		var ids []int32
		for _, id := range strings.Split(brokers, ":") {
			n, err := strconv.ParseInt(strings.TrimSpace(id), 10, 32)
			if err != nil || n < 0 {
				return nil, usagef("--replica-assignment %s: %q is not the id of a broker; expected for instance 1:2,2:3 for two partitions", text, id)
			}
			if slices.Contains(ids, int32(n)) {
				return nil, usagef("--replica-assignment %s: broker %d twice in one partition", text, n)
			}
			ids = append(ids, int32(n))
		}
		if len(all) > 0 && len(ids) != len(all[0]) {
			return nil, usagef("--replica-assignment %s: partitions differ in their number of replicas", text)
		}
		all = append(all, ids)
	}
	return all, nil
}

func (k *cluster) createCommand() *cobra.Command {
	var partitions int32
	var replicas int16
	var configs []string
	var assignment string
	var exists, dryRun bool
	c := &cobra.Command{Use: "create TOPIC...", Short: "Create topics", Args: args(cobra.MinimumNArgs(1)),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, names []string) error {
			req := kmsg.NewPtrCreateTopicsRequest()
			req.TimeoutMillis, req.ValidateOnly = topicTimeout, dryRun
			assigned, err := parseAssignment(assignment)
			if err != nil {
				return err
			}
			for _, name := range names {
				t := kmsg.NewCreateTopicsRequestTopic()
				t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replicas
				for i, brokers := range assigned {
					a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
					a.Partition, a.Replicas = int32(i), brokers
					t.ReplicaAssignment = append(t.ReplicaAssignment, a)
				}
				for _, text := range configs {
					key, value, ok := strings.Cut(text, "=")
					if !ok {
						return usagef("--config %s: expected NAME=VALUE", text)
					}
					setting := kmsg.NewCreateTopicsRequestTopicConfig()
					setting.Name, setting.Value = key, &value
					t.Configs = append(t.Configs, setting)
				}
				req.Topics = append(req.Topics, t)
			}
			resp, err := req.RequestWith(ctx, cl)
			if err != nil {
				return fmt.Errorf("creating topics: %w", err)
			}
			there := map[string]bool{}
			failed := map[string]error{}
			for _, t := range resp.Topics {
				err := kerr.ErrorForCode(t.ErrorCode)
				there[t.Topic] = errors.Is(err, kerr.TopicAlreadyExists)
				if !there[t.Topic] || !exists {
					failed[t.Topic] = withDetail(err, deref(t.ErrorMessage))
				}
			}
			if exists {
				if names, err = k.skip(names, there, "exists already"); err != nil {
					return err
				}
			}
			return k.results("topic", names, planned("created", dryRun), func(name string) error { return failed[name] })
		})}
	f := c.Flags()
	f.Int32VarP(&partitions, "partitions", "p", -1, "number of partitions, -1: the broker's default")
	f.Int16VarP(&replicas, "replication-factor", "r", -1, "number of replicas, -1: the broker's default")
	f.StringVar(&assignment, "replica-assignment", "", "brokers of each partition, as in 1:2,2:3")
	f.StringArrayVarP(&configs, "config", "c", nil, "topic setting NAME=VALUE; may be repeated")
	f.BoolVar(&exists, "if-not-exists", false, "a topic that exists is no error")
	f.BoolVar(&dryRun, "dry-run", false, "let the broker check, and create nothing")
	c.MarkFlagsMutuallyExclusive("replica-assignment", "partitions")
	c.MarkFlagsMutuallyExclusive("replica-assignment", "replication-factor")
	return c
}

// planned is what is done, or would be.
func planned(done string, dryRun bool) string {
	if dryRun {
		return "would be " + done + "; dry run, nothing is"
	}
	return done
}

// skip reports on and leaves out the names in skipped.
func (k *cluster) skip(names []string, skipped map[string]bool, why string) (rest []string, err error) {
	for _, name := range names {
		if !skipped[name] {
			rest = append(rest, name)
			continue
		}
		if _, err := fmt.Fprintf(k.Err, "topic %s %s\n", name, why); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func (k *cluster) alterTopicCommand() *cobra.Command {
	var count int32
	var assignment string
	var exists, dryRun bool
	c := &cobra.Command{Use: "alter TOPIC... --partitions N", Short: "Add partitions to topics", Args: args(cobra.MinimumNArgs(1)), ValidArgsFunction: k.topics,
		Long: "Give topics more partitions; the number can only grow. Records keep their partitions, but keys may go to others from now on. " +
			"Settings are changed by leat config set topic.",
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, names []string) error {
			assigned, err := parseAssignment(assignment)
			if err != nil {
				return err
			}
			if names, err = k.present(ctx, cl, names, exists); err != nil || len(names) == 0 {
				return err
			}
			details, err := (&topicFilter{}).topics(ctx, kadm.NewClient(cl), names)
			if err != nil {
				return err
			}
			req := kmsg.NewPtrCreatePartitionsRequest()
			req.TimeoutMillis, req.ValidateOnly = topicTimeout, dryRun
			for _, d := range details {
				t := kmsg.NewCreatePartitionsRequestTopic()
				t.Topic, t.Count = d.Topic, count
				// The list is of all partitions, as in Java's tool; the request has the new ones only.
				for _, brokers := range assigned[min(len(d.Partitions), len(assigned)):] {
					a := kmsg.NewCreatePartitionsRequestTopicAssignment()
					a.Replicas = brokers
					t.Assignment = append(t.Assignment, a)
				}
				req.Topics = append(req.Topics, t)
			}
			resp, err := req.RequestWith(ctx, cl)
			if err != nil {
				return fmt.Errorf("adding partitions: %w", err)
			}
			failed := map[string]error{}
			for _, t := range resp.Topics {
				failed[t.Topic] = withDetail(kerr.ErrorForCode(t.ErrorCode), deref(t.ErrorMessage))
			}
			return k.results("topic", names, planned(fmt.Sprintf("altered: %d partitions", count), dryRun), func(name string) error { return failed[name] })
		})}
	f := c.Flags()
	f.Int32VarP(&count, "partitions", "p", 0, "number of partitions that the topics have then")
	f.StringVar(&assignment, "replica-assignment", "", "brokers of each partition, the present ones first, as in 1:2,2:3")
	f.BoolVar(&exists, "if-exists", false, "a topic that is not there is no error")
	f.BoolVar(&dryRun, "dry-run", false, "let the broker check, and change nothing")
	if err := c.MarkFlagRequired("partitions"); err != nil {
		panic("cli: " + err.Error())
	}
	return c
}

// present leaves out topics that are not there, if that is no error.
func (k *cluster) present(ctx context.Context, cl *kgo.Client, names []string, missingOK bool) ([]string, error) {
	details, err := kadm.NewClient(cl).ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	missing := map[string]bool{}
	for _, name := range names {
		var none *notFoundError
		switch _, err := lookUp(details, name); {
		case errors.As(err, &none) && missingOK:
			missing[name] = true
		case err != nil:
			return nil, err
		}
	}
	return k.skip(names, missing, "is not there")
}

func (k *cluster) deleteCommand() *cobra.Command {
	f := &topicFilter{}
	var exists, dryRun bool
	c := &cobra.Command{Use: "delete TOPIC...", Aliases: []string{"rm"}, Short: "Delete topics and their records", ValidArgsFunction: k.topics,
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, names []string) error {
			if (len(names) == 0) == (f.match == "") {
				return usagef("name topics or give --match")
			}
			adm := kadm.NewClient(cl)
			if f.match != "" {
				details, err := f.topics(ctx, adm, nil)
				if err != nil {
					return err
				}
				for _, d := range details {
					names = append(names, d.Topic)
				}
				if len(names) == 0 && !exists {
					return &notFoundError{"no topic matches " + f.match}
				}
			}
			names, err := k.present(ctx, cl, names, exists)
			if err != nil || len(names) == 0 {
				return err
			}
			if dryRun {
				return k.dryDelete(ctx, cl, names)
			}
			res, err := adm.DeleteTopics(ctx, names...)
			if err != nil {
				return fmt.Errorf("deleting topics: %w", err)
			}
			return k.results("topic", names, "deleted", func(name string) error { return withDetail(res[name].Err, res[name].ErrMessage) })
		})}
	f.bind(c)
	c.Flags().BoolVar(&exists, "if-exists", false, "a topic that is not there is no error")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be deleted")
	return c
}

// deletedTopic is one row of topic delete --dry-run.
type deletedTopic struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Offsets    int64  `json:"offsets"` // from the start to the end of the logs: at most so many records
}

func (k *cluster) dryDelete(ctx context.Context, cl *kgo.Client, names []string) error {
	details, err := (&topicFilter{}).topics(ctx, kadm.NewClient(cl), names)
	if err != nil {
		return err
	}
	described, err := describeTopics(ctx, cl, details)
	if err != nil {
		return err
	}
	rows := []deletedTopic{}
	t := table{header: []string{"TOPIC", "PARTITIONS", "RECORDS (AT MOST)"}}
	for _, d := range described {
		row := deletedTopic{Name: d.Name, Partitions: len(d.Partitions)}
		for _, p := range d.Partitions {
			if p.Start != nil && p.End != nil {
				row.Offsets += *p.End - *p.Start
			}
		}
		rows = append(rows, row)
		t.add(row.Name, strconv.Itoa(row.Partitions), strconv.FormatInt(row.Offsets, 10))
	}
	if _, err := fmt.Fprintln(k.Err, "these would be deleted; dry run, nothing is"); err != nil {
		return err
	}
	return show(k.Out, k.output, rows, t)
}
