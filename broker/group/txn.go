package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// CommitTxn handles TxnOffsetCommit: the offsets become visible when the
// producer's transaction commits. resp is prepared as for Commit. verified
// says whether the transaction is known to be open on this partition still.
// A marker of this round is not in the log yet, and counts all the same.
func (s *Shard) CommitTxn(tx *coordinator.Tx, req *kmsg.TxnOffsetCommitRequest, resp *kmsg.TxnOffsetCommitResponse, verified func() bool, done func()) {
	g, code := s.txnGroup(tx, req)
	if code == 0 && (s.ending[req.ProducerID] > 0 || !verified()) {
		code = kerr.InvalidTxnState.Code
	}
	for i, t := range req.Topics {
		for j, p := range t.Partitions {
			out := &resp.Topics[i].Partitions[j]
			if out.ErrorCode != 0 {
				continue
			}
			if out.ErrorCode = code; code == 0 {
				out.ErrorCode = s.pendOne(tx, g, req, t.Topic, p)
			}
		}
	}
	tx.After(func(err error) {
		if err != nil {
			for i := range resp.Topics {
				for j := range resp.Topics[i].Partitions {
					if p := &resp.Topics[i].Partitions[j]; p.ErrorCode == 0 {
						p.ErrorCode = errorCode(err)
					}
				}
			}
		}
		done()
	})
}

func (s *Shard) txnGroup(tx *coordinator.Tx, req *kmsg.TxnOffsetCommitRequest) (*Group, int16) {
	g := s.groups[req.Group]
	if g == nil {
		if req.Generation >= 0 {
			return nil, kerr.IllegalGeneration.Code
		}
		return s.group(tx, req.Group), 0
	}
	_, code := g.mayCommit(req.MemberID, req.InstanceID, req.Generation, req.Version, true)
	if code == kerr.StaleMemberEpoch.Code {
		code = kerr.IllegalGeneration.Code // what producers know, and abort for
	}
	return g, code
}

func (s *Shard) pendOne(tx *coordinator.Tx, g *Group, req *kmsg.TxnOffsetCommitRequest, topic string, p kmsg.TxnOffsetCommitRequestTopicPartition) int16 {
	id, code := s.topicID(topic, [16]byte{})
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
	s.pend(g, req.ProducerID, topic, p.Partition, v)
	s.cfg.Counters.Commits.Add(1)
	tx.WriteAs(req.ProducerID, req.ProducerEpoch, offsetRecord(g.id, topic, p.Partition, v))
	return 0
}

func (s *Shard) pend(g *Group, producerID int64, topic string, partition int32, v offset) {
	if g.txnOffsets[producerID] == nil {
		g.txnOffsets[producerID] = offsets{}
	}
	g.txnOffsets[producerID].put(topic, partition, v)
	if s.pending[producerID] == nil {
		s.pending[producerID] = map[string]bool{}
	}
	s.pending[producerID][g.id] = true
}

// TxnEnd is the end of a producer's transaction that has offsets here.
type TxnEnd struct {
	ProducerID int64
	Epoch      int16
	coordinator.Marker
	// Check says whether the log would take the marker.
	Check func() error
}

// EndTxn writes the marker of a transaction and makes its pending offsets
// visible or drops them. The marker passes through the loop, so that nothing
// of the transaction can be written behind it: see CommitTxn.
func (s *Shard) EndTxn(tx *coordinator.Tx, e TxnEnd, done func(error)) {
	if err := e.Check(); err != nil {
		tx.After(func(error) { done(err) })
		return
	}
	tx.WriteMarker(e.ProducerID, e.Epoch, e.Marker)
	s.endTxn(e.ProducerID, e.Commit)
	s.ending[e.ProducerID]++
	tx.After(func(err error) {
		if s.ending[e.ProducerID]--; s.ending[e.ProducerID] == 0 {
			delete(s.ending, e.ProducerID)
		}
		done(err)
	})
}

func (s *Shard) endTxn(producerID int64, commit bool) {
	for id := range s.pending[producerID] {
		g := s.groups[id]
		if g == nil {
			continue
		}
		if commit {
			g.settle(g.txnOffsets[producerID])
		}
		delete(g.txnOffsets, producerID)
		s.dropBare(g)
	}
	delete(s.pending, producerID)
}

// settle makes pending offsets visible, except where one was committed after
// them: the log has that one last.
func (g *Group) settle(pending offsets) {
	for topic, ps := range pending {
		for p, v := range ps {
			if was, ok := g.offsets.get(topic, p); !ok || was.seq < v.seq {
				g.offsets.put(topic, p, v)
			}
		}
	}
}
