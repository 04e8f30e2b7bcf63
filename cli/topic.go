package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func topicCommand(d *Deps) *cobra.Command {
	k := &cluster{Deps: d}
	c := group("topic", "Manage topics, read and write records, on any Kafka",
		k.listCommand(), k.describeCommand(), k.createCommand(), k.alterTopicCommand(), k.deleteCommand(),
		k.topicOffsetsCommand(), k.deleteRecordsCommand(), k.consumeCommand(), k.produceCommand(), k.perfCommand())
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
	f := &topicFilter{}
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List topics", Args: args(cobra.NoArgs),
		RunE: k.admin(func(ctx context.Context, adm *kadm.Client, _ []string) error {
			details, err := f.topics(ctx, adm, nil)
			if err != nil {
				return err
			}
			infos := []topicInfo{}
			t := table{header: []string{"NAME", "PARTITIONS", "REPLICAS"}}
			for _, d := range details {
				i := topicInfo{d.Topic, len(d.Partitions), d.Partitions.NumReplicas(), d.IsInternal}
				infos = append(infos, i)
				t.add(i.Name, strconv.Itoa(i.Partitions), strconv.Itoa(i.ReplicationFactor))
			}
			return show(k.Out, k.output, infos, t)
		})}
	f.bind(c)
	return c
}

// topicFilter chooses topics: those named, or all that pass.
type topicFilter struct {
	internal bool
	match    string
}

func (f *topicFilter) bind(c *cobra.Command) {
	c.Flags().BoolVar(&f.internal, "internal", false, "internal topics too")
	c.Flags().StringVar(&f.match, "match", "", "only topics whose whole name matches this regular expression")
}

// byID returns metadata of the topics that have these ids, as Kafka writes them.
func byID(ctx context.Context, adm *kadm.Client, ids []string) ([]kadm.TopicDetail, error) {
	all, err := adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	var found []kadm.TopicDetail
	for _, id := range ids {
		if raw, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(raw) != 16 {
			return nil, usagef("--topic-id %s: expected the 22 characters of an id, as leat topic describe shows it", id)
		}
		i := slices.IndexFunc(all.Sorted(), func(d kadm.TopicDetail) bool { return topicID(d) == id })
		if i < 0 {
			return nil, &notFoundError{"there is no topic with the id " + id + "; leat topic describe shows the ids"}
		}
		found = append(found, all.Sorted()[i])
	}
	return found, nil
}

// topicID is the id of a topic as Kafka writes it: base64 for URLs.
func topicID(d kadm.TopicDetail) string { return base64.RawURLEncoding.EncodeToString(d.ID[:]) }

// topics returns metadata of topics sorted by name; one that is named and not
// there is a notFoundError.
func (f *topicFilter) topics(ctx context.Context, adm *kadm.Client, named []string) ([]kadm.TopicDetail, error) {
	pattern, err := f.pattern()
	if err != nil {
		return nil, err
	}
	if len(named) > 0 && pattern != nil {
		return nil, usagef("name topics or give --match, not both")
	}
	details, err := adm.ListTopicsWithInternal(ctx, named...)
	if err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	for _, name := range named {
		if _, err := lookUp(details, name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(details.Sorted(), func(d kadm.TopicDetail) bool {
		return len(named) == 0 && (d.IsInternal && !f.internal || pattern != nil && !pattern.MatchString(d.Topic))
	}), nil
}

func (f *topicFilter) pattern() (*regexp.Regexp, error) {
	if f.match == "" {
		return nil, nil
	}
	pattern, err := regexp.Compile("^(?:" + f.match + ")$")
	if err != nil {
		return nil, usagef("--match: %v", err)
	}
	return pattern, nil
}
