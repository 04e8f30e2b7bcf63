package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/controller/quorum"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/loglevel"
	"github.com/leat-project/leat/internal/vfs"
)

// metadataTopicID is the fixed id of __cluster_metadata (Kafka's
// Uuid.METADATA_TOPIC_ID).
var metadataTopicID = logstore.TopicID{15: 1}

var metadataPartition = logstore.TopicPartition{Topic: controller.MetadataTopic, Partition: 0}

// openMetadata replays the metadata log and makes the partition folders agree
// with it.
func (b *Broker) openMetadata() error {
	cfg := b.metadataLogConfig()
	part := b.store.Get(metadataPartition)
	if part == nil {
		if err := b.mayStartOver(); err != nil {
			return err
		}
		var err error
		if part, err = b.store.CreateIn(b.cfg.metadataDir(), metadataPartition, metadataTopicID, cfg); err != nil {
			return fmt.Errorf("creating the metadata log: %w", err)
		}
	}
	if want := b.cfg.str("metadata.log.dir"); want != "" && part.Dir() != b.cfg.metadataDir() {
		return fmt.Errorf("metadata.log.dir=%s, but the metadata log is in %s: name that folder's parent, or move the folder while the broker is down", want, part.Path())
	}
	part.SetConfig(cfg)
	node, err := quorum.Open(b.quorumConfig(part))
	if err != nil {
		return err
	}
	ctl, err := controller.Open(controller.Config{
		NodeID: b.cfg.NodeID, NumPartitions: int32(b.cfg.int("num.partitions")),
		ReplicationFactor: int16(b.cfg.int("default.replication.factor")),
		TopicConfig: func(img *controller.Image, overrides map[string]string, name string) string {
			v, _ := b.cfg.topicValue(img, overrides, name)
			return v
		},
		CheckBroker: b.checkBroker, CheckGroup: b.checkGroup, Room: b.roomForTopics, Apply: b.apply, Published: b.published, Log: b.baseLog.With(loglevel.NameKey, logController),
	}, node)
	if err != nil {
		return err
	}
	b.ctl, b.quorum = ctl, node
	b.brokerKeysChanged(ctl.Image())
	return b.reconcile(ctl.Image())
}

// quorumConfig makes this node the only voter.
func (b *Broker) quorumConfig(part *logstore.Partition) quorum.Config {
	c := &b.cfg
	fsys := c.FS
	if fsys == nil {
		fsys = vfs.OS{}
	}
	return quorum.Config{
		NodeID: c.NodeID, Voters: []int32{c.NodeID}, DirectoryID: b.store.Dirs()[part.Dir()].ID.String(), Log: part, FS: fsys,
		SnapshotBytes:    c.int("metadata.log.max.record.bytes.between.snapshots"),
		SnapshotInterval: c.ms("metadata.log.max.snapshot.interval.ms"),
		Logger:           b.log,
	}
}

// metadataLogConfig is that of __cluster_metadata. Nothing is deleted by age
// or size, only what is in a snapshot.
func (b *Broker) metadataLogConfig() logstore.LogConfig {
	cfg := logstore.DefaultLogConfig()
	cfg.Delete, cfg.RetentionMs, cfg.MaxMessageBytes, cfg.FlushBeforeAck = false, logstore.Unlimited, 64<<20, true
	// Segments no longer than the log between two snapshots, so that what
	// recovery reads is bounded, too.
	between := max(b.cfg.int("metadata.log.max.record.bytes.between.snapshots"), minMetadataSegment)
	cfg.SegmentBytes = int32(min(b.cfg.int("metadata.log.segment.bytes"), between))
	cfg.SegmentMs = b.cfg.int("metadata.log.segment.ms")
	return cfg
}

// minMetadataSegment is the least that metadata.log.segment.bytes may be.
const minMetadataSegment = 8 << 20

// mayStartOver refuses to begin a new metadata log where there is data that an
// old one must have described: with a log dir missing or unreadable, every
// partition would look unknown and be set aside.
func (b *Broker) mayStartOver() error {
	for _, d := range b.store.Dirs() {
		if d.Offline != nil {
			return fmt.Errorf("log dir %s cannot be used and no other holds the metadata log: repair it and start again: %w", d.Path, d.Offline)
		}
	}
	there := b.store.Bare()
	for _, p := range b.store.Partitions() {
		there = append(there, p.TopicPartition())
	}
	there = slices.DeleteFunc(there, func(tp logstore.TopicPartition) bool { return tp == metadataPartition })
	if len(there) > 0 {
		return fmt.Errorf("the log dirs hold partitions (%s, %d in all) but not the metadata log (%s): is a directory missing from log.dirs?", there[0], len(there), metadataPartition)
	}
	return nil
}

// leastRoom is how much of a volume must be free for new partitions, in bytes:
// some blocks, in which deletions can still be written to the metadata log.
const leastRoom = 64 << 10

// roomForTopics says why no partition can be begun: the volume of the metadata
// log is full. Its records would go, but none of theirs.
func (b *Broker) roomForTopics() error {
	dir := b.store.Dirs()[b.cfg.metadataDir()].Path
	_, usable, err := b.diskSpace(dir)
	if errors.Is(err, errors.ErrUnsupported) || err == nil && usable >= leastRoom {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return fault.New(kerr.KafkaStorageError, "The disk of %s is full (%d bytes are free); delete something first.", dir, usable)
}

// dirsOnline says whether every log dir is in service.
func (b *Broker) dirsOnline() bool {
	for _, d := range b.store.Dirs() {
		if d.Offline != nil {
			return false
		}
	}
	return true
}

// replayChunk is how much of a log is read at a time.
const replayChunk = 1 << 20

// replay calls fn for every record of a partition in order.
func replay(p *logstore.Partition, fn func(recordbatch.Batch, *recordbatch.Record) error) error {
	var rd recordbatch.Reader
	var buf []byte
	for next, end := p.LogStartOffset(), p.LogEndOffset(); next < end; {
		res, err := p.Read(logstore.ReadOptions{Offset: next, MaxBytes: replayChunk, MinOneBatch: true, Bound: logstore.BoundLogEnd})
		if err != nil {
			return fmt.Errorf("reading %s from offset %d: %w", p.TopicPartition(), next, err)
		}
		buf, err = res.AppendTo(buf[:0])
		res.Release()
		if err != nil {
			return err
		}
		was := next
		if next, err = replayBatches(buf, next, &rd, fn); err != nil {
			return fmt.Errorf("replaying %s: %w", p.TopicPartition(), err)
		}
		if next == was {
			return fmt.Errorf("replaying %s: no batch at offset %d", p.TopicPartition(), next)
		}
	}
	return nil
}

// replayBatches walks over whole batches in buf and returns the next offset.
func replayBatches(buf []byte, next int64, rd *recordbatch.Reader, fn func(recordbatch.Batch, *recordbatch.Record) error) (int64, error) {
	for len(buf) >= recordbatch.HeaderSize && recordbatch.Batch(buf).Size() <= len(buf) {
		batch, rest, err := recordbatch.Next(buf)
		if err != nil {
			return next, err
		}
		buf = rest
		if err := rd.Reset(batch); err != nil {
			return next, err
		}
		for rd.Next() {
			if err := fn(batch, rd.Record()); err != nil {
				return next, err
			}
		}
		if rd.Err() != nil {
			return next, rd.Err()
		}
		next = batch.NextOffset()
	}
	return next, nil
}

// reconcile makes the partition folders agree with the metadata after a
// start: a crash may have come between a committed change and its folders.
func (b *Broker) reconcile(img *controller.Image) error {
	for _, p := range b.store.Partitions() {
		tp := p.TopicPartition()
		if tp == metadataPartition {
			continue
		}
		t := img.Topic(tp.Topic)
		if t != nil && int(tp.Partition) < len(t.Partitions) && sameTopic(p, t) {
			continue
		}
		if img.Removed(controller.TopicID(p.TopicID())) {
			if err := b.store.Delete(tp); err != nil {
				return fmt.Errorf("deleting the log of %s, whose topic is gone: %w", tp, err)
			}
			continue
		}
		b.log.Warn("setting a partition folder aside that the metadata does not know", "partition", tp.String(), "topic id", p.TopicID().String())
		if err := b.store.MarkStray(tp); err != nil {
			return fmt.Errorf("setting %s aside: %w", tp, err)
		}
	}
	for _, t := range img.Topics() {
		if err := b.openTopic(img, t); err != nil {
			return err
		}
	}
	if err := b.store.DropStaged(); err != nil {
		return fmt.Errorf("removing what an adoption left: %w", err)
	}
	if err := b.store.DropBare(); err != nil {
		return fmt.Errorf("removing folders of topics that are gone: %w", err)
	}
	return nil
}

// bumpEpochs begins a new leader epoch on the partitions whose log may have
// lost its end: those in a log dir that was not shut down cleanly. What is
// written from here on is then told apart from what was lost, and a consumer
// that has read beyond the new end learns of it (KIP-320) instead of going on
// with other records at the same offsets. Kafka does so with every restart.
func (b *Broker) bumpEpochs(ctx context.Context) error {
	dirs := b.store.Dirs()
	return b.ctl.BumpLeaderEpochs(ctx, func(topic string, partition int32) bool {
		p := b.store.Get(logstore.TopicPartition{Topic: topic, Partition: partition})
		return p != nil && !dirs[p.Dir()].Clean
	})
}

// openTopic creates the missing logs of a topic and gives all of them their
// configuration and leader epoch.
func (b *Broker) openTopic(img *controller.Image, t *controller.Topic) error {
	cfg := b.cfg.logConfig(img, t)
	var errs []error
	for i, p := range t.Partitions {
		tp := logstore.TopicPartition{Topic: t.Name, Partition: int32(i)}
		if part := b.store.Get(tp); part != nil && sameTopic(part, t) {
			if err := openLog(part, cfg, p.LeaderEpoch); err != nil {
				return err
			}
			continue
		}
		part, err := b.createLog(tp, t, cfg)
		if err == nil && part != nil {
			err = openLog(part, cfg, p.LeaderEpoch)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// createLog makes the log of a partition; nil if it must not be begun now.
func (b *Broker) createLog(tp logstore.TopicPartition, t *controller.Topic, cfg logstore.LogConfig) (*logstore.Partition, error) {
	if b.store.Get(tp) != nil { // of a deleted topic of this name
		if err := b.store.Delete(tp); err != nil {
			return nil, fmt.Errorf("deleting the log of the topic that %s was before: %w", tp, err)
		}
	}
	if !b.dirsOnline() && !b.store.Begun(tp) {
		return nil, nil // it may lie in the dir that is offline: not to be begun anew
	}
	part, err := b.store.Create(tp, logstore.TopicID(t.ID), cfg)
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", tp, err)
	}
	return part, nil
}

// openLog gives a log its configuration and leader epoch.
func openLog(part *logstore.Partition, cfg logstore.LogConfig, epoch int32) error {
	part.SetConfig(cfg)
	if part.LeaderEpoch() >= epoch {
		return nil
	}
	if err := part.AssignLeaderEpoch(epoch); err != nil {
		return fmt.Errorf("starting leader epoch %d of %s: %w", epoch, part.TopicPartition(), err)
	}
	return nil
}

// beginLog creates the log of a partition that is new, and so cannot lie in a
// log dir that is offline.
func (b *Broker) beginLog(img *controller.Image, t *controller.Topic, n int32) error {
	tp := logstore.TopicPartition{Topic: t.Name, Partition: n}
	if b.dirsOnline() || b.store.Get(tp) != nil {
		return nil // openTopic does all
	}
	if _, err := b.store.Create(tp, logstore.TopicID(t.ID), b.cfg.logConfig(img, t)); err != nil {
		return fmt.Errorf("creating the log of %s: %w", tp, err)
	}
	return nil
}

// sameTopic says whether a log is of that topic, and not of one of the same
// name before it. Logs without an id are taken at their name.
func sameTopic(p *logstore.Partition, t *controller.Topic) bool {
	id := p.TopicID()
	return id == logstore.TopicID(t.ID) || id == logstore.TopicID{}
}

// apply makes a committed change of the metadata real. It runs on the
// controller's goroutine.
func (b *Broker) apply(d controller.Delta) error {
	var errs []error
	touched := map[string]bool{}
	for _, r := range d.Records {
		switch r := r.(type) {
		case *controller.RemoveTopicRecord:
			errs = append(errs, b.dropTopic(d.Old.TopicByID(r.ID)))
		case *controller.PartitionRecord:
			if t := d.New.TopicByID(r.Topic); t != nil {
				touched[t.Name] = true
				errs = append(errs, b.beginLog(d.New, t, r.Partition))
			}
		case *controller.PartitionChangeRecord:
			if t := d.New.TopicByID(r.Topic); t != nil {
				touched[t.Name] = true
			}
		case *controller.ConfigRecord:
			b.configChanged(d.New, r, touched)
		}
	}
	for name := range touched {
		if t := d.New.Topic(name); t != nil {
			errs = append(errs, b.openTopic(d.New, t))
		}
	}
	b.groups.topicChanged(d.New)
	b.txns.topicChanged(d.New)
	return errors.Join(errs...)
}

// published tells those who act on what the image says that it has changed.
func (b *Broker) published(d controller.Delta) {
	for _, r := range d.Records {
		switch r := r.(type) {
		case *controller.RemoveTopicRecord:
			if t := d.Old.TopicByID(r.ID); t != nil {
				b.metrics.forget(t.Name)
				b.groups.each(func(tx *tx, s *group.Shard) { s.TopicDeleted(tx, t.Name, t.ID) })
			}
		case *controller.PartitionChangeRecord:
			t := d.New.TopicByID(r.Topic)
			if t == nil {
				continue
			}
			if part := b.store.Get(logstore.TopicPartition{Topic: t.Name, Partition: r.Partition}); part != nil {
				part.LeaderChanged()
			}
		}
	}
}

// configChanged marks the topics whose logs must learn of a changed key: one,
// or for a broker key that topics inherit, all.
func (b *Broker) configChanged(img *controller.Image, r *controller.ConfigRecord, touched map[string]bool) {
	switch r.Resource.Type {
	case controller.TopicResource:
		touched[r.Resource.Name] = true
	case controller.BrokerResource:
		b.brokerKeysChanged(img)
		for _, t := range img.Topics() {
			touched[t.Name] = true
		}
	case controller.GroupResource:
	}
}

func (b *Broker) dropTopic(t *controller.Topic) error {
	if t == nil {
		return nil
	}
	b.groups.resign(t.ID)
	b.txns.resign(t.ID)
	var logs []logstore.TopicPartition
	for i := range t.Partitions {
		if tp := (logstore.TopicPartition{Topic: t.Name, Partition: int32(i)}); b.store.Get(tp) != nil {
			logs = append(logs, tp)
		}
	}
	if err := b.store.Delete(logs...); err != nil {
		return fmt.Errorf("deleting the logs of topic %s: %w", t.Name, err)
	}
	return nil
}
