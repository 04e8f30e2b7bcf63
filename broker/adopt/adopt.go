// Package adopt takes topics out of the log dirs of another cluster, Apache
// Kafka's for one, into those of a broker of ours that is not running.
//
// [Read] finds the topics and checks their files; [Plan.Run] has the broker say
// whether it would take them, or take them: all or none. The source is only
// read, and must not be in use. Beyond records, what makes clients go on is
// taken along: topic ids, leader epochs, producers with their open transactions,
// log starts, settings (where the source has the metadata), and, if asked for,
// committed offsets.
package adopt

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/leat-project/leat/broker"
	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/inspect"
	"github.com/leat-project/leat/broker/logstore"
)

// Options say which topics are adopted, and how.
type Options struct {
	// Topics are their names; none means all but internal ones.
	Topics []string
	// Internal takes __consumer_offsets and __transaction_state, too.
	Internal bool
	// Partitions is how many partitions each topic is to have; those that are
	// not in the source begin empty. 0: as many as there are, without gaps.
	Partitions int32
	// Configs replace settings of the topics. A nil value removes one.
	Configs map[string]*string
}

// Plan is what is to be adopted.
type Plan struct {
	*inspect.Source
	opts Options
}

// never are topics that make sense in their own cluster only.
var never = []string{controller.MetadataTopic, "__share_group_state"}

// Read finds and checks what log dirs, or single partition folders, hold.
func Read(paths []string, opts Options) (*Plan, error) {
	src, err := inspect.Topics(paths, opts.wants)
	if err != nil {
		return nil, err
	}
	for _, name := range opts.Topics {
		if !slices.ContainsFunc(src.Topics, func(t *inspect.Topic) bool { return t.Name == name }) {
			return nil, fmt.Errorf("topic %s is not in %s", name, strings.Join(paths, ", "))
		}
	}
	if len(src.Topics) == 0 {
		return nil, fmt.Errorf("no topics to adopt in %s", strings.Join(paths, ", "))
	}
	for _, t := range src.Topics {
		for key, value := range opts.Configs {
			delete(t.Configs, key)
			if value != nil {
				t.Configs[key] = *value
			}
		}
		if _, err := opts.count(t); err != nil {
			return nil, err
		}
	}
	return &Plan{src, opts}, nil
}

func (o Options) wants(topic string) bool {
	switch {
	case slices.Contains(never, topic):
		return false
	case len(o.Topics) > 0:
		return slices.Contains(o.Topics, topic) || o.Internal && controller.IsInternal(topic)
	}
	return o.Internal || !controller.IsInternal(topic)
}

// count is the number of partitions that a topic gets.
func (o Options) count(t *inspect.Topic) (int32, error) {
	last := t.Partitions[len(t.Partitions)-1].Partition
	if o.Partitions > 0 {
		if last >= o.Partitions {
			return 0, fmt.Errorf("topic %s has partition %d, which is beyond the %d partitions asked for", t.Name, last, o.Partitions)
		}
		return o.Partitions, nil
	}
	for i, p := range t.Partitions {
		if p.Partition != int32(i) {
			return 0, fmt.Errorf("partition %d of topic %s is missing: give the log dirs that have the rest of it, too, or the number of partitions, so that the missing ones begin empty", i, t.Name)
		}
	}
	return last + 1, nil
}

// Run has the broker of these keys (those of server.properties) adopt the plan,
// or with dryRun say whether it would.
func (p *Plan) Run(ctx context.Context, keys map[string]string, dryRun bool, log *slog.Logger) error {
	cfg, err := broker.ParseConfig(keys, log)
	if err != nil {
		return err
	}
	return broker.Adopt(ctx, cfg, p.adoption(), dryRun, log)
}

func (p *Plan) adoption() broker.Adoption {
	var a broker.Adoption
	for _, t := range p.Topics {
		n, _ := p.opts.count(t) // checked by Read
		topic := controller.AdoptedTopic{
			NewTopic: controller.NewTopic{Name: t.Name, Partitions: n, ReplicationFactor: 1},
			ID:       controller.TopicID(t.ID), LeaderEpochs: make([]int32, n),
		}
		for _, key := range slices.Sorted(maps.Keys(t.Configs)) {
			value := t.Configs[key]
			topic.Configs = append(topic.Configs, controller.ConfigEntry{Name: key, Value: &value})
		}
		for _, part := range t.Partitions {
			topic.LeaderEpochs[part.Partition] = part.LeaderEpoch + 1
			if part.Segments == 0 {
				continue // without records there is nothing to copy
			}
			a.NextProducerID = max(a.NextProducerID, part.MaxProducerID+1)
			a.Folders = append(a.Folders, logstore.Adoption{
				TopicPartition: logstore.TopicPartition{Topic: t.Name, Partition: part.Partition}, ID: t.ID,
				Source: os.DirFS(part.Folder), Files: part.Files, LogStart: part.Start,
			})
		}
		a.Topics = append(a.Topics, topic)
	}
	return a
}
