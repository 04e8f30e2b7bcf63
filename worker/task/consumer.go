package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javaregex"
	"github.com/leat-project/leat/internal/kafka"
)

// regexInterval is how often topics are matched against topics.regex; a new topic is
// consumed within 5 s.
const regexInterval = 2 * time.Second

// metadataAge bounds how long a topic of the list topics stays unseen after it was
// created.
const metadataAge = "3000"

// consumer is the group member of a sink task.
type consumer struct {
	s       *sink
	log     *slog.Logger
	props   map[string]string
	client  *kgo.Client // nil until there is a topic to consume
	admin   *kgo.Client
	group   string
	member  string // group.instance.id, "" for a dynamic member
	own     bool   // the member id is ours, not the user's
	maxPoll int
	reset   string

	topics   []string          // topics
	regex    *javaregex.Regexp // topics.regex
	matched  map[string]bool
	next     time.Time // of the next match
	coverage coverage
	lastWarn time.Time
}

type topicsConfig struct {
	topics []string
	regex  string
}

func (c *topicsConfig) Define(d *config.Def) {
	d.List(&c.topics, "topics").Default("")
	d.String(&c.regex, "topics.regex").Default("")
}

func newConsumer(s *sink) (*consumer, error) {
	spec, deps := &s.spec, &s.deps
	c := &consumer{s: s, log: s.log, matched: map[string]bool{}}
	var tc topicsConfig
	if err := config.Parse(&tc, spec.Config); err != nil {
		return nil, err
	}
	if len(tc.topics) == 0 && tc.regex == "" {
		return nil, connect.ConfigErrorf("Must configure one of topics or topics.regex")
	}
	c.topics = tc.topics
	if len(tc.topics) == 0 {
		var err error
		if c.regex, err = wholeName("topics.regex", tc.regex); err != nil {
			return nil, err
		}
	}
	c.props = deps.Conf.Consumer(spec.ID.Connector, spec.ID.Task, spec.Connector)
	c.group, c.reset = c.props["group.id"], c.props["auto.offset.reset"]
	if err := deps.Conf.CheckGroup(c.group); err != nil {
		return nil, err
	}
	if c.props["group.instance.id"] == "" {
		c.props["group.instance.id"], c.own = "leat-"+spec.ID.String(), true
	}
	c.member = c.props["group.instance.id"]
	if c.props["metadata.max.age.ms"] == "" {
		c.props["metadata.max.age.ms"] = metadataAge
	}
	c.maxPoll = sinkPollRecords
	if c.props["max.poll.records"] != "" {
		n, err := kafka.MaxPollRecords(c.props)
		if err != nil {
			return nil, fmt.Errorf("consumer of the task: %w", err)
		}
		c.maxPoll = n
	}
	limits, err := kafka.FetchLimitsOf(c.props)
	if err != nil {
		return nil, fmt.Errorf("consumer of the task: %w", err)
	}
	s.pool = kafka.NewBatchPool(limits)
	// Checks the properties; the group is joined with the first topic.
	if _, err := kafka.Options(c.props, kafka.Consumer, c.log); err != nil {
		return nil, fmt.Errorf("consumer of the task: %w", err)
	}
	plain := maps.Clone(c.props)
	delete(plain, "group.id")
	delete(plain, "group.instance.id")
	opts, err := kafka.Options(plain, kafka.Consumer, c.log)
	if err != nil {
		return nil, fmt.Errorf("consumer of the task: %w", err)
	}
	if c.admin, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("consumer of the task: %w", err)
	}
	return c, nil
}

// subscribe joins the group once there are topics, and follows topics.regex.
func (c *consumer) subscribe(ctx context.Context) error {
	if c.regex == nil && c.client == nil {
		return c.join(c.topics)
	}
	if time.Now().Before(c.next) || c.regex == nil && !c.coverage.due() {
		return nil
	}
	c.next = time.Now().Add(regexInterval)
	list, err := kadm.NewClient(c.admin).ListTopics(ctx, c.topics...)
	if err != nil {
		if ctx.Err() == nil {
			c.warn("listing topics, trying again", "err", err)
		}
		return nil
	}
	if c.regex != nil {
		if err := c.match(list); err != nil {
			return err
		}
	}
	c.check(ctx, list)
	return nil
}

// match follows topics.regex.
func (c *consumer) match(list kadm.TopicDetails) error {
	var added, gone []string
	for name, d := range list {
		if d.Err == nil && !d.IsInternal && c.regex.MatchFull(name) && !c.matched[name] {
			added = append(added, name)
			c.matched[name] = true
		}
	}
	for name := range c.matched {
		if d, ok := list[name]; !ok || errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			gone = append(gone, name)
			delete(c.matched, name)
		}
	}
	slices.Sort(added)
	switch {
	case c.client == nil && len(added) > 0:
		return c.join(added)
	case c.client == nil:
		c.log.Debug("no topic matches topics.regex yet")
		return nil
	}
	c.client.AddConsumeTopics(added...)
	if len(gone) > 0 {
		c.client.PurgeTopicsFromConsuming(gone...)
	}
	return nil
}

// join starts the group member. The client is set in turn: a callback, which uses it,
// may come before NewClient has returned.
func (c *consumer) join(topics []string) error {
	opts, err := kafka.Options(c.props, kafka.Consumer, c.log)
	if err != nil {
		return fmt.Errorf("consumer of the task: %w", err)
	}
	opts = append(opts, c.s.pool.Opts()...)
	opts = append(opts,
		kgo.ConsumeTopics(topics...),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(ctx context.Context, _ *kgo.Client, m map[string][]int32) {
			c.callback(func() error { return c.s.opened(ctx, flatten(m)) })
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
			c.callback(func() error { return c.s.closePartitions(c.held(m), true) })
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
			c.callback(func() error { return c.s.closePartitions(c.held(m), false) })
		}),
		kgo.AdjustFetchOffsetsFn(c.startOffsets),
	)
	return c.s.withTurn(func() error {
		if c.client, err = kgo.NewClient(opts...); err != nil {
			return fmt.Errorf("consumer of the task: %w", err)
		}
		return nil
	})
}

// callback runs fn in turn; its error fails the task, as an exception in a
// rebalance listener does.
func (c *consumer) callback(fn func() error) {
	err := c.s.withTurn(fn)
	if err != nil {
		c.s.fail(err)
	}
}

// held keeps of a revocation the partitions that the plugin has open.
func (c *consumer) held(m map[string][]int32) []connect.TopicPartition {
	return slices.DeleteFunc(flatten(m), func(tp connect.TopicPartition) bool { return !c.s.open[tp] })
}

func flatten(m map[string][]int32) []connect.TopicPartition {
	var tps []connect.TopicPartition
	for topic, ps := range m {
		for _, p := range ps {
			tps = append(tps, connect.TopicPartition{Topic: topic, Partition: p})
		}
	}
	slices.SortFunc(tps, compare)
	return tps
}

// startOffsets decides where newly assigned partitions start: where the plugin says,
// else at the committed offset if the log still has it, else as auto.offset.reset
// says. The result is exact, so that a rewind knows where to go.
func (c *consumer) startOffsets(ctx context.Context, m map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	topics := slices.Collect(maps.Keys(m))
	if len(topics) == 0 {
		return m, nil
	}
	adm := kadm.NewClient(c.admin)
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("reading the start offsets of %s: %w", strings.Join(topics, ", "), err)
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("reading the end offsets of %s: %w", strings.Join(topics, ", "), err)
	}
	var out map[string]map[int32]kgo.Offset
	c.callback(func() error {
		out, err = c.chooseStarts(ctx, m, starts, ends)
		return err
	})
	return out, err
}

func (c *consumer) chooseStarts(ctx context.Context, m map[string]map[int32]kgo.Offset, starts, ends kadm.ListedOffsets) (map[string]map[int32]kgo.Offset, error) {
	var tps []connect.TopicPartition
	for topic, ps := range m {
		for p := range ps {
			tps = append(tps, connect.TopicPartition{Topic: topic, Partition: p})
		}
	}
	slices.SortFunc(tps, compare)
	stored := map[connect.TopicPartition]int64{}
	if owner, ok := c.s.task.(connect.OffsetOwner); ok {
		err := c.s.guard(func() (err error) { stored, err = owner.StoredOffsets(ctx, tps); return err })
		if err != nil {
			return nil, unrecoverable(err)
		}
	}
	out := map[string]map[int32]kgo.Offset{}
	for _, tp := range tps {
		start, okStart := starts.Lookup(tp.Topic, tp.Partition)
		end, okEnd := ends.Lookup(tp.Topic, tp.Partition)
		if out[tp.Topic] == nil {
			out[tp.Topic] = map[int32]kgo.Offset{}
		}
		if !okStart || !okEnd || start.Err != nil || end.Err != nil {
			// The leader is not there right now: let the client find out.
			out[tp.Topic][tp.Partition] = m[tp.Topic][tp.Partition]
			continue
		}
		from := m[tp.Topic][tp.Partition].EpochOffset().Offset
		if own, ok := stored[tp]; ok {
			from = own
		}
		at, err := c.inRange(tp, from, start.Offset, end.Offset)
		if err != nil {
			return nil, err
		}
		if off, ok := c.s.rewinds[tp]; ok { // Open asked for it
			at = off
			delete(c.s.rewinds, tp)
		}
		c.s.position[tp], c.s.delivered[tp], c.s.committed[tp] = at, at, at
		out[tp.Topic][tp.Partition] = kgo.NewOffset().At(at)
	}
	return out, nil
}

// inRange returns where to start when the offset to resume at is from (negative:
// none was committed).
func (c *consumer) inRange(tp connect.TopicPartition, from, start, end int64) (int64, error) {
	if from >= start && from <= end {
		return from, nil
	}
	var at int64
	switch c.reset {
	case "earliest":
		at = start
	case "latest":
		at = end
	default:
		return 0, connect.ConnectErrorf("partition %s-%d has no usable committed offset (%d; the log is %d to %d) and "+
			"auto.offset.reset is none: set the offsets through the REST API while the connector is stopped", tp.Topic, tp.Partition, from, start, end)
	}
	switch {
	case from < 0:
	case from < start:
		c.s.lost(tp, from, at, "the committed offset lies below the start of the log: records were removed unread")
	default:
		c.s.lost(tp, from, at, "the committed offset lies above the end of the log: the topic was truncated or made anew")
	}
	return at, nil
}

// poll waits for records. An error is one that the task cannot go on with.
func (c *consumer) poll(ctx context.Context, wait time.Duration, most int) (kgo.Fetches, error) {
	if c.client == nil {
		c.s.sleep(min(wait, 200*time.Millisecond))
		return nil, nil
	}
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	fetches := c.client.PollRecords(bounded, most)
	c.s.pool.Bound(c.client)
	var fatal error
	fetches.EachError(func(topic string, partition int32, err error) {
		fatal = errors.Join(fatal, c.fetchError(bounded, topic, partition, err))
	})
	return fetches, fatal
}

// fetchError decides on an error of the consumer: nil to go on.
func (c *consumer) fetchError(ctx context.Context, topic string, partition int32, err error) error {
	var session *kgo.ErrGroupSession
	var loss *kgo.ErrDataLoss
	switch {
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return nil
	case errors.As(err, &loss):
		c.s.stats.LostRecords.Add(max(loss.ConsumedTo-loss.ResetTo, 0))
		c.log.Error("the log was truncated below what was read", "topic", loss.Topic, "partition", loss.Partition,
			"offset", loss.ConsumedTo, "resumes", loss.ResetTo)
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		// With auto.offset.reset=none only; the client reads the partition no more.
		return connect.Errorf("org.apache.kafka.clients.consumer.OffsetOutOfRangeException",
			"partition %s-%d: the log has not got the next offset to read any more, and auto.offset.reset is none: set the offsets "+
				"through the REST API while the connector is stopped: %w", topic, partition, err)
	case errors.Is(err, kerr.FencedInstanceID):
		member := c.member
		c.member = "" // it is another's, who must not be thrown out
		return connect.Errorf("org.apache.kafka.common.errors.FencedInstanceIdException",
			"another consumer has joined group %s as %s; is this task running twice? %w", c.group, member, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.SaslAuthenticationFailed):
		return connect.Errorf("org.apache.kafka.common.errors.AuthorizationException",
			"consuming topic %q in group %s: %w; grant Read on both", topic, c.group, err)
	case errors.As(err, &session) && c.own && (errors.Is(err, kerr.UnsupportedVersion) || errors.Is(err, kerr.InvalidGroupID)):
		c.dynamic(err)
		return nil
	}
	c.warn("consuming, trying on", "topic", topic, "partition", partition, "err", err)
	return nil
}

// dynamic goes on as a dynamic member, where a broker refuses static ones.
func (c *consumer) dynamic(err error) {
	c.log.Warn("the broker refuses static group membership, going on as a dynamic member: after a crash the tasks wait for "+
		"session.timeout.ms", "err", err)
	topics := c.client.GetConsumeTopics()
	c.client.CloseAllowingRebalance()
	delete(c.props, "group.instance.id")
	c.member = ""
	if jerr := c.join(topics); jerr != nil {
		c.s.fail(jerr)
	}
}

func (c *consumer) warn(msg string, args ...any) {
	if time.Since(c.lastWarn) > time.Minute {
		c.lastWarn = time.Now()
		c.log.Warn(msg, args...)
	}
}

// allow lets rebalances go on.
func (c *consumer) allow() {
	if c.client != nil {
		c.client.AllowRebalance()
	}
}

func (c *consumer) commit(ctx context.Context, offsets map[connect.TopicPartition]int64) error {
	if c.client == nil {
		return nil
	}
	m := map[string]map[int32]kgo.EpochOffset{}
	for tp, off := range offsets {
		if m[tp.Topic] == nil {
			m[tp.Topic] = map[int32]kgo.EpochOffset{}
		}
		m[tp.Topic][tp.Partition] = kgo.EpochOffset{Epoch: -1, Offset: off}
	}
	var failed error
	c.client.CommitOffsetsSync(ctx, m, commitDone(&failed))
	if failed == nil && ctx.Err() != nil {
		failed = ctx.Err()
	}
	return failed
}

func (c *consumer) seek(to map[connect.TopicPartition]int64) {
	m := map[string]map[int32]kgo.EpochOffset{}
	for tp, off := range to {
		if m[tp.Topic] == nil {
			m[tp.Topic] = map[int32]kgo.EpochOffset{}
		}
		m[tp.Topic][tp.Partition] = kgo.EpochOffset{Epoch: -1, Offset: off}
	}
	if c.client != nil && len(m) > 0 {
		c.client.SetOffsets(m)
	}
}

// setPaused stops or restarts delivery of partitions.
func (c *consumer) setPaused(paused bool, tps []connect.TopicPartition) {
	m := map[string][]int32{}
	for _, tp := range tps {
		m[tp.Topic] = append(m[tp.Topic], tp.Partition)
	}
	switch {
	case c.client == nil:
	case paused:
		c.client.PauseFetchPartitions(m)
	default:
		c.client.ResumeFetchPartitions(m)
	}
}

// close ends the membership. leave removes a static member, which otherwise keeps
// its partitions until the task is back or its session ends.
func (c *consumer) close(leave bool) {
	if c.client != nil {
		c.client.CloseAllowingRebalance()
	}
	if leave && c.member != "" && c.client != nil {
		// The task has ended; this must still get through.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.s.hard), 2*time.Second)
		defer cancel()
		_, err := kadm.NewClient(c.admin).LeaveGroup(ctx, kadm.LeaveGroup(c.group).InstanceIDs(c.member))
		if err != nil {
			c.log.Warn("leaving the group, the broker will do it when the session ends", "group", c.group, "err", err)
		}
	}
	c.admin.Close()
}
