package task

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
)

// openPartitions returns the partitions that the plugin has open, sorted.
func (s *sink) openPartitions() []connect.TopicPartition {
	return slices.SortedFunc(maps.Keys(s.open), compare)
}

func compare(a, b connect.TopicPartition) int {
	if d := strings.Compare(a.Topic, b.Topic); d != 0 {
		return d
	}
	return int(a.Partition) - int(b.Partition)
}

// commit asks the plugin what may be committed of the given partitions and commits
// it. While closing, an error of the plugin is logged; else the partitions go back
// to the last committed offsets.
func (s *sink) commit(tps []connect.TopicPartition, closing bool) error {
	offsets := map[connect.TopicPartition]int64{}
	for _, tp := range tps {
		if next, ok := s.delivered[tp]; ok {
			offsets[tp] = next
		}
	}
	if p, ok := s.task.(connect.PreCommitter); ok {
		given := maps.Clone(offsets)
		// Not the context that ends with the task: a last flush must get through.
		s.reported = nil
		err := s.guard(func() (err error) { offsets, err = p.PreCommit(s.hard, given); return err })
		if err == nil {
			err = s.reported
		}
		if err != nil {
			return s.preCommitFailed(err, closing)
		}
	}
	// No offset goes past a dead letter that is not durable.
	if d := s.errs.DeadLetters(); d != nil {
		ctx, cancel := context.WithTimeout(s.hard, s.deps.Conf.FlushTimeout())
		err := d.Flush(ctx)
		cancel()
		if err != nil {
			s.stats.CommitFailures.Add(1)
			s.log.Error("offsets are not committed: dead letters are not written yet", "err", err)
			return nil
		}
		if err := d.Failed(); err != nil {
			s.stats.CommitFailures.Add(1)
			return unrecoverable(connect.Cause(connect.ClassConnect,
				"Offsets are not committed, because they would go past a record that is lost then. Let the dead letter queue take it (max.message.bytes of the topic, rights of the principal) and restart the task", err))
		}
	}
	return s.store(s.committable(offsets))
}

// preCommitFailed decides on an error of PreCommit. One that is not retriable fails
// the task: Java rewinds and repeats the failing write for ever.
func (s *sink) preCommitFailed(err error, closing bool) error {
	s.stats.CommitFailures.Add(1)
	if !connect.IsRetriable(err) && !errors.Is(err, context.Canceled) {
		return unrecoverable(err)
	}
	s.log.Error("Offset commit failed, rewinding to last committed offsets", "err", err)
	if closing {
		return nil
	}
	for tp, off := range s.committed {
		if s.open[tp] {
			s.rewinds[tp] = off
		}
	}
	return nil
}

// committable leaves out what may not be committed or is committed already.
func (s *sink) committable(offsets map[connect.TopicPartition]int64) map[connect.TopicPartition]int64 {
	out := map[connect.TopicPartition]int64{}
	for tp, off := range offsets {
		delivered, ok := s.delivered[tp]
		switch {
		case !s.open[tp] || !ok:
			s.log.Warn("the plugin commits a partition it does not have, ignored", "topic", tp.Topic, "partition", tp.Partition)
		case off > delivered:
			s.log.Warn("the plugin commits beyond what was delivered, ignored", "topic", tp.Topic, "partition", tp.Partition,
				"offset", off, "delivered", delivered)
		case off != s.committedOffset(tp):
			out[tp] = off
		}
	}
	return out
}

func (s *sink) committedOffset(tp connect.TopicPartition) int64 {
	if off, ok := s.committed[tp]; ok {
		return off
	}
	return -1
}

// store commits to the group. A failure is logged and counted: the next commit
// tries again.
func (s *sink) store(offsets map[connect.TopicPartition]int64) error {
	if len(offsets) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.hard, s.deps.Conf.FlushTimeout())
	defer cancel()
	if err := s.consumer.commit(ctx, offsets); err != nil {
		s.stats.CommitFailures.Add(1)
		s.log.Error("Commit of offsets failed", "err", err)
		return nil
	}
	s.stats.Commits.Add(1)
	maps.Copy(s.committed, offsets)
	return nil
}

// applyRewinds moves consumption to where the plugin wants it.
func (s *sink) applyRewinds() {
	if len(s.rewinds) == 0 {
		return
	}
	to := map[connect.TopicPartition]int64{}
	for tp, off := range s.rewinds {
		if !s.open[tp] {
			s.log.Warn("the plugin rewinds a partition it does not have, ignored", "topic", tp.Topic, "partition", tp.Partition)
			continue
		}
		to[tp] = off
		s.position[tp], s.delivered[tp] = off, off
	}
	clear(s.rewinds)
	s.consumer.seek(to)
}

// checkGap notices records that retention removed before they were read.
func (s *sink) checkGap(tp connect.TopicPartition, p kgo.FetchTopicPartition) {
	want, ok := s.position[tp]
	first := p.Records[0].Offset
	if !ok || want < 0 || first <= want || p.LogStartOffset <= want {
		return
	}
	s.lost(tp, want, p.LogStartOffset, "the log starts behind the next offset to read: records were removed unread")
}

// lost tells of a position that the log does not have: in the log, in the counters,
// and in the status, whose trace says it while the task runs on.
func (s *sink) lost(tp connect.TopicPartition, from, to int64, why string) {
	n := max(to-from, 0)
	s.stats.LostRecords.Add(n)
	s.log.Error(why, "topic", tp.Topic, "partition", tp.Partition, "offset", from, "resumes", to, "lost", n)
	s.note(fmt.Sprintf("partition %s-%d: %s; %d records lost, consumption resumed at offset %d instead of %d",
		tp.Topic, tp.Partition, why, n, to, from))
}

// opened is called with partitions that come, before their first record.
func (s *sink) opened(ctx context.Context, tps []connect.TopicPartition) error {
	if s.closed || len(tps) == 0 {
		return nil
	}
	for _, tp := range tps {
		s.open[tp] = true
	}
	s.stats.PartitionsInHand.Store(int64(len(s.open)))
	if h, ok := s.task.(connect.PartitionHandler); ok {
		return s.guard(func() error { return h.Open(ctx, tps) })
	}
	return nil
}

// closePartitions gives partitions up: with commit, their offsets are committed
// before the plugin closes them.
func (s *sink) closePartitions(tps []connect.TopicPartition, commit bool) error {
	if s.closed || len(tps) == 0 {
		return nil
	}
	var err error
	if commit {
		err = s.commit(tps, true)
	}
	if h, ok := s.task.(connect.PartitionHandler); ok {
		err = errors.Join(err, s.guard(func() error { return h.Close(s.hard, tps) }))
	}
	gone := map[connect.TopicPartition]bool{}
	for _, tp := range tps {
		gone[tp] = true
		delete(s.open, tp)
		delete(s.position, tp)
		delete(s.delivered, tp)
		delete(s.committed, tp)
		delete(s.rewinds, tp)
	}
	s.stats.PartitionsInHand.Store(int64(len(s.open)))
	s.forget(gone)
	return err
}

// forget takes records of partitions that are gone out of the batch in hand: their
// new owner delivers them.
func (s *sink) forget(gone map[connect.TopicPartition]bool) {
	if s.batch == nil {
		return
	}
	kept := 0
	for i := range s.origin {
		r := s.origin[i]
		if gone[connect.TopicPartition{Topic: r.Topic, Partition: r.Partition}] {
			continue
		}
		s.batch.Records[kept], s.origin[kept] = s.batch.Records[i], s.origin[i]
		kept++
	}
	s.batch.Records, s.origin = s.batch.Records[:kept], s.origin[:kept]
}
