package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/internal/kafka"
)

// TopicConfig describes the compacted topic of a KafkaLog.
type TopicConfig struct {
	Topic      string
	Partitions int32 // when created; -1 is the broker's default
	// Replication is the replication factor when created; -1 is the broker's.
	Replication int16
	// Settings are topic settings when created, without cleanup.policy.
	Settings map[string]string
	// OnePartition refuses an existing topic with more (the config topic).
	OnePartition bool
	// Property is the worker property that names the topic, for messages.
	Property string
	// Client holds the client properties, with bootstrap.servers and client.id.
	Client map[string]string
}

// KafkaLog is a Log in a compacted topic, which Start creates if it is missing
// (KafkaBasedLog). It reads uncommitted, without a group.
type KafkaLog struct {
	cfg    TopicConfig
	log    *slog.Logger
	client *kgo.Client
	admin  *kadm.Client
	cancel context.CancelFunc
	done   chan struct{} // closed when the reader has ended

	mu       sync.Mutex      // guards the fields below
	position map[int32]int64 // next offset to read of each partition that is read
	moved    chan struct{}   // closed and replaced when position changes
}

var _ Log = (*KafkaLog)(nil)

// NewKafkaLog returns a log that is not connected yet.
func NewKafkaLog(cfg TopicConfig, log *slog.Logger) (*KafkaLog, error) {
	props := maps.Clone(cfg.Client)
	// As Java's KafkaBasedLog, but without the wait for more records: a
	// request waits for each of these writes.
	maps.Copy(props, map[string]string{"acks": "all", "enable.idempotence": "false", "linger.ms": "0",
		"max.in.flight.requests.per.connection": "1", "delivery.timeout.ms": "2147483647",
		"auto.offset.reset": "earliest", "isolation.level": "read_uncommitted", "allow.auto.create.topics": "false"})
	delete(props, "group.id")
	delete(props, "transactional.id")
	opts, err := kafka.Options(props, kafka.Producer, log)
	if err != nil {
		return nil, err
	}
	consume, err := kafka.Options(props, kafka.Consumer, log)
	if err != nil {
		return nil, err
	}
	// Markers of transactions count for the position.
	opts = append(append(opts, consume...), kgo.KeepControlRecords(), kgo.UnknownTopicRetries(-1))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	return &KafkaLog{cfg: cfg, log: log, client: client, admin: kadm.NewClient(client),
		position: map[int32]int64{}, moved: make(chan struct{}), done: make(chan struct{})}, nil
}

// Start implements Log.
func (l *KafkaLog) Start(ctx context.Context, apply func(Record)) error {
	partitions, err := l.ensure(ctx)
	if err != nil {
		close(l.done)
		l.cancel = func() {}
		return err
	}
	l.consume(slices.Collect(maps.Keys(partitions)))
	// The reader outlives ctx, which bounds the start only; Close ends it.
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	go l.read(run, apply)
	return l.Sync(ctx)
}

// consume begins to read partitions that are not read yet. A topic may grow: records
// whose partition nobody reads would be lost.
func (l *KafkaLog) consume(partitions []int32) {
	from := map[int32]kgo.Offset{}
	l.mu.Lock()
	for _, p := range partitions {
		if _, known := l.position[p]; !known {
			l.position[p] = 0
			from[p] = kgo.NewOffset().AtStart()
		}
	}
	l.mu.Unlock()
	if len(from) > 0 {
		l.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{l.cfg.Topic: from})
	}
}

// read applies records until ctx ends.
func (l *KafkaLog) read(ctx context.Context, apply func(Record)) {
	defer close(l.done)
	warned := time.Time{}
	for {
		fetches := l.client.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(topic string, p int32, err error) {
			if time.Since(warned) > time.Minute {
				warned = time.Now()
				l.log.Warn("reading an internal topic, trying on", "topic", topic, "partition", p, "err", err)
			}
		})
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Attrs.IsControl() {
				return
			}
			apply(Record{Key: r.Key, Value: r.Value, Offset: r.Offset, Time: r.Timestamp})
		})
		l.advance(fetches)
	}
}

func (l *KafkaLog) advance(fetches kgo.Fetches) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if n := len(p.Records); n > 0 {
			l.position[p.Partition] = p.Records[n-1].Offset + 1
		}
	})
	close(l.moved)
	l.moved = make(chan struct{})
}

// Append implements Log.
func (l *KafkaLog) Append(ctx context.Context, recs ...Record) error {
	out := make([]*kgo.Record, len(recs))
	for i, r := range recs {
		out[i] = &kgo.Record{Topic: l.cfg.Topic, Key: r.Key, Value: r.Value}
	}
	if err := l.client.ProduceSync(ctx, out...).FirstErr(); err != nil {
		return fmt.Errorf("writing to topic %s: %w", l.cfg.Topic, err)
	}
	return nil
}

// AppendAsync implements Log.
func (l *KafkaLog) AppendAsync(rec Record, done func(error)) {
	out := &kgo.Record{Topic: l.cfg.Topic, Key: rec.Key, Value: rec.Value}
	l.client.Produce(context.Background(), out, func(_ *kgo.Record, err error) {
		if done != nil {
			done(err)
		}
	})
}

// Sync implements Log.
func (l *KafkaLog) Sync(ctx context.Context) error {
	ends, err := l.admin.ListEndOffsets(ctx, l.cfg.Topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("reading the end offsets of topic %s: %w", l.cfg.Topic, err)
	}
	starts, err := l.admin.ListStartOffsets(ctx, l.cfg.Topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return fmt.Errorf("reading the start offsets of topic %s: %w", l.cfg.Topic, err)
	}
	l.consume(slices.Collect(maps.Keys(ends[l.cfg.Topic])))
	for {
		l.mu.Lock()
		behind, moved := false, l.moved
		ends.Each(func(end kadm.ListedOffset) {
			start, _ := starts.Lookup(end.Topic, end.Partition)
			behind = behind || end.Offset > start.Offset && l.position[end.Partition] < end.Offset
		})
		l.mu.Unlock()
		if !behind {
			return nil
		}
		select {
		case <-moved:
		case <-l.done:
			return fmt.Errorf("reading topic %s: the log is closed", l.cfg.Topic)
		case <-ctx.Done():
			return fmt.Errorf("reading topic %s to its end: %w", l.cfg.Topic, ctx.Err())
		}
	}
}

// Close implements Log.
func (l *KafkaLog) Close() {
	flush, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := l.client.Flush(flush); err != nil {
		l.log.Warn("closing with records not written", "topic", l.cfg.Topic, "err", err)
	}
	if l.cancel != nil {
		l.cancel()
		<-l.done
	}
	l.client.Close()
}

// ensure creates the topic if it is missing, checks it, and returns its
// partitions. Brokers that are too few yet are waited for as long as ctx lasts.
func (l *KafkaLog) ensure(ctx context.Context) (map[int32]bool, error) {
	settings := map[string]*string{}
	for k, v := range l.cfg.Settings {
		settings[k] = &v
	}
	compact := "compact"
	settings["cleanup.policy"] = &compact
	pause, warned := 50*time.Millisecond, time.Time{}
	for {
		partitions, err := l.describe(ctx)
		if err == nil && len(partitions) > 0 {
			return partitions, l.check(ctx, partitions)
		}
		if err == nil {
			_, err = l.admin.CreateTopic(ctx, l.cfg.Partitions, l.cfg.Replication, settings, l.cfg.Topic)
		}
		var refused *kerr.Error
		switch {
		case err == nil || errors.Is(err, kerr.TopicAlreadyExists):
			err = nil
		case errors.As(err, &refused) && !refused.Retriable && !errors.Is(err, kerr.InvalidReplicationFactor):
			return nil, fmt.Errorf("creating topic %s (%s): %w", l.cfg.Topic, l.cfg.Property, err)
		default: // Kafka is not there yet, or not all of it
			if time.Since(warned) > time.Minute {
				warned = time.Now()
				l.log.Warn("creating an internal topic, trying on", "topic", l.cfg.Topic, "err", err)
			}
			pause = min(2*pause, time.Second)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("creating topic %s (%s): %w", l.cfg.Topic, l.cfg.Property, errors.Join(ctx.Err(), err))
		case <-time.After(pause):
		}
	}
}

// describe returns the partitions, none when the topic does not exist.
func (l *KafkaLog) describe(ctx context.Context) (map[int32]bool, error) {
	details, err := l.admin.ListTopics(ctx, l.cfg.Topic)
	if err != nil {
		return nil, fmt.Errorf("looking for topic %s: %w", l.cfg.Topic, err)
	}
	d := details[l.cfg.Topic]
	if errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
		return nil, nil
	}
	partitions := map[int32]bool{}
	for _, p := range d.Partitions {
		partitions[p.Partition] = true
	}
	return partitions, d.Err
}

func (l *KafkaLog) check(ctx context.Context, partitions map[int32]bool) error {
	if l.cfg.OnePartition && len(partitions) != 1 {
		return fmt.Errorf("Topic '%s' supplied via the '%s' property is required to have a single partition in order to "+
			"guarantee consistency of connector configurations, but found %d partitions.", l.cfg.Topic, l.cfg.Property, len(partitions))
	}
	configs, err := l.admin.DescribeTopicConfigs(ctx, l.cfg.Topic)
	if err == nil && len(configs) == 1 {
		err = configs[0].Err
	}
	if err != nil || len(configs) != 1 {
		l.log.Warn("the cleanup policy of an internal topic cannot be read", "topic", l.cfg.Topic, "err", err)
		return nil
	}
	for _, c := range configs[0].Configs {
		if c.Key == "cleanup.policy" && c.MaybeValue() != "compact" {
			return fmt.Errorf("Topic '%s' supplied via the '%s' property is required to have 'cleanup.policy=compact' to guarantee "+
				"consistency and durability of the data, but found the topic currently has 'cleanup.policy=%s'. Continuing would likely "+
				"result in eventually losing data. Change this property to use a topic with 'cleanup.policy=compact'.",
				l.cfg.Topic, l.cfg.Property, c.MaybeValue())
		}
	}
	return nil
}

// ClusterID returns the id of the Kafka cluster.
func (l *KafkaLog) ClusterID(ctx context.Context) (string, error) {
	m, err := l.admin.BrokerMetadata(ctx)
	if err != nil {
		return "", fmt.Errorf("asking for the cluster id: %w", err)
	}
	return m.Cluster, nil
}

// Request sends a request of the worker's own to Kafka. It implements kmsg.Requestor.
func (l *KafkaLog) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return l.client.Request(ctx, req)
}
