package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// offset is one committed position.
type offset struct {
	offset      int64
	leaderEpoch int32
	metadata    string
	committed   int64    // ms
	expires     int64    // ms, -1 for the broker's retention; only from old clients
	topicID     [16]byte // zero: not known, from before the last start
	seq         uint64   // order of the records in the log
}

// offsets are positions by topic and partition.
type offsets map[string]map[int32]offset

func (o offsets) put(topic string, partition int32, v offset) {
	if o[topic] == nil {
		o[topic] = map[int32]offset{}
	}
	o[topic][partition] = v
}

func (o offsets) get(topic string, partition int32) (offset, bool) {
	v, ok := o[topic][partition]
	return v, ok
}

func (o offsets) remove(topic string, partition int32) {
	delete(o[topic], partition)
	if len(o[topic]) == 0 {
		delete(o, topic)
	}
}

// stored calls fn for each partition that has an offset, or one in a
// transaction that is open still.
func (g *Group) stored(fn func(topic string, partition int32)) {
	all := offsets{}
	mark := func(o offsets) {
		for topic, ps := range o {
			for p := range ps {
				all.put(topic, p, offset{})
			}
		}
	}
	mark(g.offsets)
	for _, o := range g.txnOffsets {
		mark(o)
	}
	for topic, ps := range all {
		for p := range ps {
			fn(topic, p)
		}
	}
}

// has says whether a partition has an offset, or one in an open transaction.
func (g *Group) has(topic string, partition int32) bool {
	_, ok := g.offsets.get(topic, partition)
	return ok || g.unstable(topic, partition)
}

// followed says whether a partition has an offset of another topic of the same
// name than the one with that id.
func (g *Group) followed(topic string, partition int32, id [16]byte) bool {
	other := func(o offsets) bool {
		v, ok := o.get(topic, partition)
		return ok && v.topicID != [16]byte{} && v.topicID != id
	}
	for _, o := range g.txnOffsets {
		if other(o) {
			return true
		}
	}
	return other(g.offsets)
}

// forget drops a partition's offset, also of open transactions, whose end is
// not to bring it back; a tombstone does the same when the log is read.
func (g *Group) forget(topic string, partition int32) {
	g.offsets.remove(topic, partition)
	for _, o := range g.txnOffsets {
		o.remove(topic, partition)
	}
}

// Commit handles OffsetCommit. Partitions whose response already carries an
// error are left alone: resp is prepared by the caller, which knows the
// topics, in the shape of the request.
func (s *Shard) Commit(tx *coordinator.Tx, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, done func()) {
	g, code := s.commitGroup(tx, req)
	for i, t := range req.Topics {
		for j, p := range t.Partitions {
			out := &resp.Topics[i].Partitions[j]
			if out.ErrorCode != 0 {
				continue
			}
			if out.ErrorCode = code; code == 0 {
				out.ErrorCode = s.commitOne(tx, g, req, t, p)
			}
		}
	}
	tx.After(func(err error) {
		if err != nil {
			failCommits(resp, errorCode(err))
		}
		done()
	})
}

func failCommits(resp *kmsg.OffsetCommitResponse, code int16) {
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if p := &resp.Topics[i].Partitions[j]; p.ErrorCode == 0 {
				p.ErrorCode = code
			}
		}
	}
}

// commitGroup finds the group of a commit and checks that the member may
// commit (Kafka's ClassicGroup.validateOffsetCommit).
func (s *Shard) commitGroup(tx *coordinator.Tx, req *kmsg.OffsetCommitRequest) (*Group, int16) {
	g := s.groups[req.Group]
	if g == nil {
		switch {
		case req.Generation >= 0 && req.Version >= 9:
			return nil, kerr.GroupIDNotFound.Code
		case req.Generation >= 0:
			return nil, kerr.IllegalGeneration.Code
		}
		return s.group(tx, req.Group), 0
	}
	m, code := g.mayCommit(req.MemberID, req.InstanceID, req.Generation, req.Version, false)
	if code == 0 && m != nil && (g.state == Stable || g.state == PreparingRebalance) {
		s.resetSession(tx, g, m)
	}
	return g, code
}

// mayCommit returns the committing member, nil for a commit from outside.
func (g *Group) mayCommit(memberID string, instance *string, generation int32, version int16, transactional bool) (*member, int16) {
	if g.consumer != nil {
		return nil, g.consumer.mayCommit(memberID, instance, generation, version, transactional)
	}
	if generation < 0 && g.state == Empty {
		return nil, 0
	}
	var m *member
	switch {
	case generation >= 0 || memberID != "" || instance != nil:
		var code int16
		if m, code = g.check(memberID, instance); code != 0 {
			return nil, code
		}
		if generation != g.generation {
			return nil, kerr.IllegalGeneration.Code
		}
	case !transactional:
		return nil, kerr.UnknownMemberID.Code
	}
	if !transactional && g.state == CompletingRebalance {
		return nil, kerr.RebalanceInProgress.Code
	}
	return m, 0
}

// topicID looks a topic up again, now that nothing can come between: it may have
// been deleted while the request waited, and its offsets with it. asked is zero
// where the client gave the name only.
func (s *Shard) topicID(name string, asked [16]byte) (id [16]byte, code int16) {
	id, _, ok := s.cfg.Topics().Topic(name)
	if !ok || asked != [16]byte{} && asked != id {
		return id, kerr.UnknownTopicOrPartition.Code
	}
	return id, 0
}

func (s *Shard) commitOne(tx *coordinator.Tx, g *Group, req *kmsg.OffsetCommitRequest, t kmsg.OffsetCommitRequestTopic, p kmsg.OffsetCommitRequestTopicPartition) int16 {
	id, code := s.topicID(t.Topic, t.TopicID)
	if code != 0 {
		return code
	}
	v := offset{offset: p.Offset, leaderEpoch: p.LeaderEpoch, committed: tx.Now.UnixMilli(), expires: -1, topicID: id, seq: s.nextSeq()}
	if p.Metadata != nil {
		v.metadata = *p.Metadata
	}
	if len(v.metadata) > s.cfg.MetadataMaxBytes {
		return kerr.OffsetMetadataTooLarge.Code
	}
	if req.Version >= 2 && req.Version <= 4 && req.RetentionTimeMillis >= 0 {
		v.expires = v.committed + req.RetentionTimeMillis
	}
	g.offsets.put(t.Topic, p.Partition, v)
	s.cfg.Counters.Commits.Add(1)
	tx.Write(offsetRecord(g.id, t.Topic, p.Partition, v))
	return 0
}

// Fetched is one position as OffsetFetch reports it.
type Fetched struct {
	Partition   int32
	Offset      int64
	LeaderEpoch int32
	Metadata    string
	ErrorCode   int16
}

// FetchOffsets answers OffsetFetch for partitions of one topic. Unknown
// groups and partitions have offset -1 and no error. With stable set,
// partitions with an offset in an open transaction are refused for now.
func (s *Shard) FetchOffsets(id, topic string, partitions []int32, stable bool) []Fetched {
	g := s.groups[id]
	out := make([]Fetched, len(partitions))
	for i, p := range partitions {
		out[i] = Fetched{Partition: p, Offset: -1, LeaderEpoch: -1}
		if g == nil {
			continue
		}
		if stable && g.unstable(topic, p) {
			out[i].ErrorCode = kerr.UnstableOffsetCommit.Code
			continue
		}
		if v, ok := g.offsets.get(topic, p); ok {
			out[i].Offset, out[i].LeaderEpoch, out[i].Metadata = v.offset, v.leaderEpoch, v.metadata
		}
	}
	return out
}

// Committed lists the partitions with committed offsets of a group.
func (s *Shard) Committed(id string) map[string][]int32 {
	g := s.groups[id]
	if g == nil {
		return nil
	}
	out := make(map[string][]int32, len(g.offsets))
	for topic, ps := range g.offsets {
		for p := range ps {
			out[topic] = append(out[topic], p)
		}
	}
	return out
}

func (g *Group) unstable(topic string, partition int32) bool {
	for _, o := range g.txnOffsets {
		if _, ok := o.get(topic, partition); ok {
			return true
		}
	}
	return false
}
