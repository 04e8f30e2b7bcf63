package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
)

// CommitTxn handles TxnOffsetCommit: the offsets become visible when the
// producer's transaction commits. resp is prepared as for Commit.
func (s *Shard) CommitTxn(tx *coordinator.Tx, req *kmsg.TxnOffsetCommitRequest, resp *kmsg.TxnOffsetCommitResponse, done func()) {
	g, code := s.txnGroup(tx, req)
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
					resp.Topics[i].Partitions[j].ErrorCode = errorCode(err)
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
	_, code := g.mayCommit(req.MemberID, req.InstanceID, req.Generation, true)
	return g, code
}

func (s *Shard) pendOne(tx *coordinator.Tx, g *Group, req *kmsg.TxnOffsetCommitRequest, topic string, p kmsg.TxnOffsetCommitRequestTopicPartition) int16 {
	v := offset{offset: p.Offset, leaderEpoch: p.LeaderEpoch, committed: tx.Now.UnixMilli(), expires: -1}
	if p.Metadata != nil {
		v.metadata = *p.Metadata
	}
	if len(v.metadata) > s.cfg.MetadataMaxBytes {
		return kerr.OffsetMetadataTooLarge.Code
	}
	s.pend(g, req.ProducerID, topic, p.Partition, v)
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

// EndTxn makes a producer's pending offsets visible or drops them. It is
// called once the transaction's marker is in the partition.
func (s *Shard) EndTxn(producerID int64, commit bool) { s.endTxn(producerID, commit) }

func (s *Shard) endTxn(producerID int64, commit bool) {
	for id := range s.pending[producerID] {
		g := s.groups[id]
		if g == nil {
			continue
		}
		if commit {
			for topic, ps := range g.txnOffsets[producerID] {
				for p, v := range ps {
					g.offsets.put(topic, p, v)
				}
			}
		}
		delete(g.txnOffsets, producerID)
	}
	delete(s.pending, producerID)
}
