package broker

import (
	"context"
	"errors"
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
	id      controller.TopicID // of the topic that the loops are of
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

// resign ends the coordinators of a topic that is about to be deleted: what they
// know goes with it. Clients are told NOT_COORDINATOR, look for it, and so have
// the topic made anew.
func (s *shards[S]) resign(id controller.TopicID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id != id {
		return
	}
	for _, loop := range s.loops {
		if loop != nil {
			loop.Stop()
		}
	}
	s.loops, s.missing, s.count, s.id = nil, 0, 0, controller.TopicID{}
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
		s.count, s.id = len(t.Partitions), t.ID
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
		if part == nil || !sameTopic(part, t) {
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

// loadPatience is how long a request waits for a coordinator that is loading,
// before its client is told to come back: after a restart most are there in a
// moment.
const loadPatience = time.Second

// call runs fn on a coordinator and waits until fn's done function was called,
// which fn hands on to tx.After or keeps for later. It fails with the code that
// clients look the coordinator up again for, or try again; fn may then still
// run, so that nothing it writes to may be touched.
func call[S coordinator.State](ctx context.Context, loop *coordinator.Loop[S], fn func(t *tx, s S, done func())) error {
	defer waitedSince(ctx, time.Now())
	if err := loop.Ready(ctx, loadPatience); errors.Is(err, coordinator.ErrLoading) {
		return kerr.CoordinatorLoadInProgress
	} else if err != nil {
		return kerr.NotCoordinator
	}
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

// read runs fn on the coordinator and returns what it returned, once what it
// wrote is durable.
func read[S coordinator.State, R any](ctx context.Context, loop *coordinator.Loop[S], fn func(t *tx, s S) R) (R, error) {
	var out, none R
	var failed error
	err := call(ctx, loop, func(t *tx, s S, done func()) {
		result := fn(t, s)
		t.After(func(err error) { out, failed = result, err; done() })
	})
	if err != nil {
		return none, err // out may be written yet
	}
	if failed != nil {
		return none, kerr.CoordinatorNotAvailable
	}
	return out, nil
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

// internalPatience is how long a request waits for an internal topic to be
// made. Its partitions are made in far less, unless the disk is stuck.
const internalPatience = 2 * time.Second

// ensureInternal creates an internal topic on first need. The request that needs
// it waits for a moment, so that its client finds the coordinator at once; after
// that the client is told to come back, while the creation goes on.
func (b *Broker) ensureInternal(ctx context.Context, topic string) error {
	if b.ctl.Image().Topic(topic) != nil {
		return nil
	}
	made, mine := b.creations.begin(topic)
	if mine {
		b.tasks(func(ctx context.Context) error {
			defer b.creations.end(topic)
			if err := b.createInternal(ctx, topic); err != nil && ctx.Err() == nil {
				b.log.Error("creating an internal topic", "topic", topic, "err", err)
			}
			return nil
		})
	}
	limit := time.NewTimer(internalPatience)
	defer limit.Stop()
	select {
	case <-made:
	case <-limit.C:
	case <-ctx.Done():
	}
	if b.ctl.Image().Topic(topic) != nil {
		return nil
	}
	return kerr.CoordinatorNotAvailable
}

// createInternal creates an internal topic, if it is not there.
func (b *Broker) createInternal(ctx context.Context, topic string) error {
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
	return err
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
