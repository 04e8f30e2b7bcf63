package task

import (
	"context"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/worker/pipeline"
)

// commitLoop takes in acknowledgements and stores offsets: every
// offset.flush.interval.ms, at once when the plugin asks, and a last time when ended
// is closed.
func (s *source) commitLoop(ended <-chan struct{}) {
	interval := s.deps.Conf.FlushInterval()
	timer := time.NewTimer(interval)
	defer timer.Stop()
	asked := int64(-1) // commit again once so many flights are done
	for {
		select {
		case <-s.acked:
			s.collect()
			if asked >= 0 && s.tracker.done() >= asked {
				asked = -1
				s.commit()
			}
		case <-s.request:
			s.collect()
			s.commit()
			// What was dispatched before the request belongs to it, too.
			if asked = s.tracker.sent(); s.tracker.done() >= asked {
				asked = -1
			}
		case <-timer.C:
			s.collect()
			s.commit()
			timer.Reset(interval)
		case <-ended:
			s.collect()
			if s.hard.Err() == nil {
				s.commit()
			}
			return
		}
	}
}

// collect takes in the flights that are done, in order.
func (s *source) collect() {
	committer, wants := s.task.(connect.RecordCommitter)
	for f := s.tracker.pop(); f != nil; f = s.tracker.pop() {
		acks, written := s.tracker.settle(f, wants)
		s.stats.Written.Add(int64(written))
		s.stats.Active.Add(-int64(len(f.enc.Items)))
		s.noteTopics(f.enc)
		if wants && len(acks) > 0 {
			if err := s.guard(func() error { committer.CommitRecords(acks); return nil }); err != nil {
				s.fail(err)
			}
		}
		if !f.failed.Load() { // else the client may still hold the bytes
			f.enc.Reset()
			s.encoded.Put(f.enc)
		}
		select {
		case s.landed <- struct{}{}:
		default:
		}
	}
}

// noteTopics reports the topics that got records.
func (s *source) noteTopics(enc *pipeline.Encoded) {
	last := ""
	for i := range enc.Records {
		r := &enc.Records[i]
		if r.Topic == last || r.Offset < 0 {
			continue
		}
		last = r.Topic
		s.deps.TopicUsed(s.spec.ID, last)
	}
}

// commit stores the offsets of what is done and tells the plugin. A failed write is
// logged and tried again next time.
func (s *source) commit() {
	ps := s.tracker.take()
	if len(ps) == 0 {
		return
	}
	// The last commit of a stopping task must not be cut short by the stop.
	ctx, cancel := context.WithTimeout(s.hard, s.deps.Conf.FlushTimeout())
	defer cancel()
	if err := s.deps.Offsets.Put(ctx, s.spec.ID.Connector, sourceOffsets(ps)); err != nil {
		s.tracker.putBack(ps)
		s.stats.CommitFailures.Add(1)
		s.log.Error("Failed to commit offsets, trying again with the next commit", "err", err)
		return
	}
	s.stats.Commits.Add(1)
	c, ok := s.task.(connect.OffsetCommitter)
	if !ok {
		return
	}
	committed := make([]connect.CommittedOffset, len(ps))
	for i, p := range ps {
		committed[i] = connect.CommittedOffset{Partition: p.partition, Offset: p.offset}
	}
	if err := s.guard(func() error { c.OffsetsCommitted(committed); return nil }); err != nil {
		s.fail(err)
	}
}
