package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javaregex"
	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/worker/conf"
)

// topicCreator creates topics before the first record to them, as the connector's
// topic.creation groups say (KIP-158). Without such keys, or where the worker
// forbids it, it does nothing and the broker creates topics. It is used by one
// goroutine.
type topicCreator struct {
	groups []creationGroup // default last; none: inactive
	client *kgo.Client
	admin  *kadm.Client
	known  map[string]bool
	last   string
	log    *slog.Logger
}

// creationGroup is one of topic.creation.groups.
type creationGroup struct {
	name             string
	include, exclude []*javaregex.Regexp
	partitions       int32
	replication      int16
	settings         map[string]*string
}

const creationPrefix = "topic.creation."

func newTopicCreator(deps *Deps, spec *Spec, log *slog.Logger) (*topicCreator, error) {
	c := &topicCreator{known: map[string]bool{}, log: log}
	if !deps.Conf.TopicCreation || len(config.Sub(spec.Connector, creationPrefix)) == 0 {
		return c, nil
	}
	if err := c.parse(spec.Connector); err != nil {
		return nil, err
	}
	props := deps.Conf.Admin(conf.TaskAdminID(spec.ID.Connector, spec.ID.Task), spec.Connector)
	opts, err := kafka.Options(props, kafka.Admin, log)
	if err != nil {
		return nil, fmt.Errorf("admin client of the task: %w", err)
	}
	if c.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("admin client of the task: %w", err)
	}
	c.admin = kadm.NewClient(c.client)
	return c, nil
}

func (c *topicCreator) close() {
	if c != nil && c.client != nil {
		c.client.Close()
	}
}

type creationConfig struct{ groups []string }

func (g *creationConfig) Define(d *config.Def) {
	d.List(&g.groups, "topic.creation.groups").Default("")
}

func (c *topicCreator) parse(props map[string]string) error {
	var cfg creationConfig
	if err := config.Parse(&cfg, props); err != nil {
		return err
	}
	base := creationGroup{name: "default", include: []*javaregex.Regexp{javaregex.MustCompile(".*")}}
	if err := base.parse(config.Sub(props, creationPrefix+"default."), true); err != nil {
		return err
	}
	for _, name := range cfg.groups {
		if name == "default" {
			continue
		}
		// A group inherits numbers from default, topic settings it does not.
		g := creationGroup{name: name, partitions: base.partitions, replication: base.replication}
		if err := g.parse(config.Sub(props, creationPrefix+name+"."), false); err != nil {
			return err
		}
		c.groups = append(c.groups, g)
	}
	c.groups = append(c.groups, base)
	return nil
}

func (g *creationGroup) parse(props map[string]string, isDefault bool) error {
	props = maps.Clone(props)
	number := func(key string, bits int, current int64) (int64, error) {
		text, ok := props[key]
		delete(props, key)
		name := creationPrefix + g.name + "." + key
		if !ok {
			if isDefault {
				return 0, connect.ConfigErrorf("Missing required configuration %q which has no default value.", name)
			}
			return current, nil
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, bits)
		if err != nil || n == 0 || n < -1 {
			return 0, config.Invalid(name, text, "expected a positive number, or -1 for the broker's default")
		}
		return n, nil
	}
	rf, err := number("replication.factor", 16, int64(g.replication))
	if err != nil {
		return err
	}
	ps, err := number("partitions", 32, int64(g.partitions))
	if err != nil {
		return err
	}
	g.replication, g.partitions = int16(rf), int32(ps)
	for key, into := range map[string]*[]*javaregex.Regexp{"include": &g.include, "exclude": &g.exclude} {
		text := props[key]
		delete(props, key)
		if isDefault || text == "" {
			continue
		}
		if *into, err = wholeNames(creationPrefix+g.name+"."+key, text); err != nil {
			return err
		}
	}
	g.settings = map[string]*string{}
	for k, v := range props {
		g.settings[k] = &v
	}
	return nil
}

// ensure creates the topic of a record unless it is known to exist.
func (c *topicCreator) ensure(ctx context.Context, topic string) error {
	if len(c.groups) == 0 || topic == c.last {
		return nil
	}
	if c.known[topic] {
		c.last = topic
		return nil
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := c.create(ctx, topic)
		if err == nil {
			c.known[topic], c.last = true, topic
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !kerr.IsRetriable(err) && !kgo.IsRetryableBrokerErr(err) {
			return connect.Cause(connect.ClassConnect, fmt.Sprintf("Task failed to create new topic %s. Ensure that the task is "+
				"authorized to create topics or that the topic exists and restart the task", topic), err)
		}
		c.log.Warn("creating a topic, trying again", "topic", topic, "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (c *topicCreator) create(ctx context.Context, topic string) error {
	details, err := c.admin.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	if d := details[topic]; d.Err == nil && len(d.Partitions) > 0 {
		return nil
	} else if d.Err != nil && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
		return d.Err
	}
	g := c.group(topic)
	_, err = c.admin.CreateTopic(ctx, g.partitions, g.replication, g.settings, topic)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	if err == nil {
		c.log.Info("created a topic", "topic", topic, "group", g.name)
	}
	return err
}

func (c *topicCreator) group(topic string) *creationGroup {
	for i := range c.groups[:len(c.groups)-1] {
		g := &c.groups[i]
		if matchesAny(g.include, topic) && !matchesAny(g.exclude, topic) {
			return g
		}
	}
	return &c.groups[len(c.groups)-1]
}
