package broker

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/loglevel"
)

type tx = coordinator.Tx

// shards are the coordinators of one internal topic, one for each partition
// that this broker leads.
type shards[S coordinator.State] struct {
	broker *Broker
	topic  string
	fresh  func() S

	mu      sync.Mutex // guards what follows
	started bool
	// loops are those of the partitions by number, nil for one whose log is
	// missing: it is in a log dir that is offline, or its creation failed.
	loops   []*coordinator.Loop[S]
	missing int // loops that are nil
	// count is the number of partitions by which keys are spread: those the
	// topic had when it was first seen. One that grows is spread anew by the
	// next start only, as in Kafka.
	count int
}

func newShards[S coordinator.State](b *Broker, topic string, fresh func() S) *shards[S] {
	return &shards[S]{broker: b, topic: topic, fresh: fresh}
}

// start runs the coordinators of the partitions there are. Those of partitions
// created later follow with topicChanged.
func (s *shards[S]) start() {
	s.mu.Lock()
	s.started = true
	s.mu.Unlock()
	s.topicChanged(s.broker.ctl.Image())
}

// topicChanged starts coordinators for partitions that have none.
func (s *shards[S]) topicChanged(img *controller.Image) {
	t := img.Topic(s.topic)
	if t == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		return
	}
	if s.count == 0 {
		s.count = len(t.Partitions)
	}
	for len(s.loops) < len(t.Partitions) {
		s.loops = append(s.loops, nil)
		s.missing++
	}
	if s.missing == 0 {
		return
	}
	for n, loop := range s.loops {
		if loop != nil {
			continue
		}
		part := s.broker.store.Get(logstore.TopicPartition{Topic: s.topic, Partition: int32(n)})
		if part == nil {
			continue // which was reported
		}
		loop = coordinator.NewLoop(&stateLog{part}, s.fresh, s.broker.baseLog.With(loglevel.NameKey, logCoordinator, "topic", s.topic, "partition", n))
		s.loops[n] = loop
		s.missing--
		s.broker.tasks(loop.Run)
	}
}

// find returns the coordinator of a group or transactional id. Without one,
// clients are told to look for it, which creates the topic.
func (s *shards[S]) find(key string) (*coordinator.Loop[S], error) {
	n, ok := s.partition(key)
	if !ok {
		return nil, kerr.NotCoordinator
	}
	if loop := s.at(n); loop != nil {
		return loop, nil
	}
	if t := s.broker.ctl.Image().Topic(s.topic); t != nil {
		s.broker.revive(t.ID)
	}
	return nil, kerr.NotCoordinator
}

// at is the coordinator of a partition, nil if there is none.
func (s *shards[S]) at(n int32) *coordinator.Loop[S] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(n) >= len(s.loops) {
		return nil
	}
	return s.loops[n]
}

// partition is the partition of the topic that has a key's records; false
// while there is no topic.
func (s *shards[S]) partition(key string) (int32, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return 0, false
	}
	return int32(partitionFor(key, s.count)), true
}

// all returns the coordinators there are.
func (s *shards[S]) all() []*coordinator.Loop[S] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.loops), func(l *coordinator.Loop[S]) bool { return l == nil })
}

// each queues an event on all coordinators without waiting for it.
func (s *shards[S]) each(fn func(*tx, S)) {
	for _, loop := range s.all() {
		s.broker.tasks(func(ctx context.Context) error {
			// A loop that has ended has no state to tell.
			_ = loop.Do(ctx, fn)
			return nil
		})
	}
}

// call runs fn on the coordinator of key and waits until fn's done function
// was called, which fn hands on to tx.After or keeps for later. It fails with
// the code clients look the coordinator up again for.
func call[S coordinator.State](ctx context.Context, loop *coordinator.Loop[S], fn func(t *tx, s S, done func())) error {
	finished := make(chan struct{})
	if err := loop.Do(ctx, func(t *tx, s S) { fn(t, s, func() { close(finished) }) }); err != nil {
		return kerr.NotCoordinator
	}
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		return kerr.NotCoordinator
	case <-loop.Done():
	}
	select {
	case <-finished: // answered on its way out
		return nil
	default:
		return kerr.NotCoordinator
	}
}

// coordinatorWrite is call for what a client waits for while records are
// written: offsets.commit.timeout.ms bounds it. Clients are told to try again
// (Kafka maps REQUEST_TIMED_OUT so).
func (b *Broker) coordinatorWrite(ctx context.Context, loop *coordinator.Loop[*group.Shard], fn func(t *tx, s *group.Shard, done func())) error {
	bounded, cancel := context.WithTimeout(ctx, b.cfg.ms("offsets.commit.timeout.ms"))
	defer cancel()
	err := call(bounded, loop, fn)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return kerr.CoordinatorNotAvailable
	}
	return err
}

// read runs fn on the coordinator and waits for it.
func read[S coordinator.State](ctx context.Context, loop *coordinator.Loop[S], fn func(t *tx, s S)) error {
	var failed error
	err := call(ctx, loop, func(t *tx, s S, done func()) {
		fn(t, s)
		t.After(func(err error) { failed = err; done() })
	})
	if err == nil && failed != nil {
		return kerr.CoordinatorNotAvailable
	}
	return err
}

// partitionFor is Kafka's mapping of a group or transactional id to a
// partition: Java's String.hashCode without its sign.
func partitionFor(key string, count int) int {
	var h int32
	for _, unit := range utf16.Encode([]rune(key)) {
		h = 31*h + int32(unit)
	}
	return int(h&(1<<31-1)) % count
}

// internalKeys are the broker keys that say how an internal topic is made.
type internalKeys struct{ partitions, replicationFactor, segmentBytes string }

// ensureInternal creates an internal topic on first need.
func (b *Broker) ensureInternal(ctx context.Context, topic string) error {
	if b.ctl.Image().Topic(topic) != nil {
		return nil
	}
	keys := internalKeys{"offsets.topic.num.partitions", "offsets.topic.replication.factor", "offsets.topic.segment.bytes"}
	configs := map[string]string{"cleanup.policy": "compact", "compression.type": "producer"}
	if topic == controller.TxnStateTopic {
		keys = internalKeys{"transaction.state.log.num.partitions", "transaction.state.log.replication.factor", "transaction.state.log.segment.bytes"}
		configs = map[string]string{"cleanup.policy": "compact", "compression.type": "uncompressed", "min.insync.replicas": b.cfg.str("transaction.state.log.min.isr"), "unclean.leader.election.enable": "false"}
	}
	configs["segment.bytes"] = strconv.FormatInt(max(b.cfg.int(keys.segmentBytes), 1<<20), 10)
	t := controller.NewTopic{Name: topic, Partitions: int32(b.cfg.int(keys.partitions)), ReplicationFactor: int16(b.cfg.int(keys.replicationFactor))}
	for _, k := range []string{"cleanup.policy", "compression.type", "min.insync.replicas", "segment.bytes", "unclean.leader.election.enable"} {
		if v, ok := configs[k]; ok {
			t.Configs = append(t.Configs, controller.ConfigEntry{Name: k, Value: &v})
		}
	}
	_, err := b.ctl.CreateTopic(ctx, t, false)
	if err == nil || fault.Code(err) == kerr.TopicAlreadyExists.Code {
		return nil
	}
	b.log.Error("creating an internal topic", "topic", topic, "err", err)
	return kerr.CoordinatorNotAvailable
}

// stateLog is one partition of an internal topic as a coordinator sees it.
type stateLog struct{ part *logstore.Partition }

// stateBatchBytes bounds one batch of coordinator records.
const stateBatchBytes = 512 << 10

// Append implements coordinator.Log.
func (l *stateLog) Append(ctx context.Context, batches []coordinator.Batch) error {
	var buf []byte
	var err error
	for _, b := range batches {
		if buf, err = appendState(buf, b); err != nil {
			return err
		}
	}
	info, err := l.part.Append(buf, logstore.AppendOptions{Origin: logstore.OriginCoordinator, LeaderEpoch: max(l.part.LeaderEpoch(), 0)})
	if err != nil || !info.MustFlush {
		return err
	}
	return l.part.WaitFlushed(ctx, info.LastOffset+1)
}

// appendState encodes records as one batch, or several when they are large.
func appendState(dst []byte, b coordinator.Batch) ([]byte, error) {
	if m := b.Marker; m != nil {
		return recordbatch.AppendMarker(dst, b.ProducerID, b.ProducerEpoch, recordbatch.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch}, time.Now().UnixMilli()), nil
	}
	var batch recordbatch.Builder
	begin := func() {
		batch.Reset()
		if b.ProducerID >= 0 {
			batch.Transactional, batch.ProducerID, batch.ProducerEpoch, batch.BaseSequence = true, b.ProducerID, b.ProducerEpoch, -1
		}
	}
	begin()
	now := time.Now().UnixMilli()
	var err error
	for _, r := range b.Records {
		if batch.Count() > 0 && batch.Size()+len(r.Key)+len(r.Value) > stateBatchBytes {
			if dst, err = batch.Build(dst); err != nil {
				return nil, err
			}
			begin()
		}
		batch.Add(now, r.Key, r.Value)
	}
	return batch.Build(dst)
}

// Replay implements coordinator.Log.
func (l *stateLog) Replay(ctx context.Context, fn func(coordinator.Entry) error) error {
	return replay(l.part, func(b recordbatch.Batch, r *recordbatch.Record) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e := coordinator.Entry{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp, ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(), Transactional: b.Transactional()}
		if b.Control() {
			m, ok, err := recordbatch.ReadMarker(b)
			if err != nil || !ok {
				return err
			}
			e.Marker, e.Commit = true, m.Commit
		}
		return fn(e)
	})
}
