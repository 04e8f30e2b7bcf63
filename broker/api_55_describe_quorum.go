package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
)

// DescribeQuorum (55), versions 0-2: the voters of the metadata log. This node
// is the only one. v1 fetch times (KIP-836), v2 directory ids and endpoints
// (KIP-853).

func (b *Broker) describeQuorum(_ context.Context, r *request, req *kmsg.DescribeQuorumRequest) kmsg.Response {
	resp := kmsg.NewPtrDescribeQuorumResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewDescribeQuorumResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewDescribeQuorumResponseTopicPartition()
			rp.Partition = p.Partition
			if t.Topic == controller.MetadataTopic && p.Partition == 0 {
				b.describeMetadataLog(&rp)
			} else {
				rp.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	if req.Version >= 2 {
		resp.Nodes = append(resp.Nodes, b.quorumNode(r))
	}
	return resp
}

func (b *Broker) describeMetadataLog(rp *kmsg.DescribeQuorumResponseTopicPartition) {
	st := b.quorum.Status()
	rp.LeaderID, rp.LeaderEpoch, rp.HighWatermark = st.LeaderID, st.Epoch, st.HighWatermark
	if st.LeaderID != b.cfg.NodeID {
		rp.ErrorCode = kerr.NotLeaderForPartition.Code
		return
	}
	now := time.Now()
	dir := b.store.Dirs()[b.store.Get(metadataPartition).Dir()]
	for _, v := range st.Voters {
		voter := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		voter.ReplicaID, voter.LogEndOffset = v.NodeID, v.LogEndOffset
		seen := v.LastContact
		if v.NodeID == st.LeaderID {
			seen, voter.ReplicaDirectoryID = now, dir.ID
		}
		voter.LastFetchTimestamp, voter.LastCaughtUpTimestamp = -1, -1
		if !seen.IsZero() {
			voter.LastFetchTimestamp = seen.UnixMilli()
		}
		if v.LogEndOffset >= st.HighWatermark {
			voter.LastCaughtUpTimestamp = voter.LastFetchTimestamp
		}
		rp.CurrentVoters = append(rp.CurrentVoters, voter)
	}
	rp.Observers = []kmsg.DescribeQuorumResponseTopicPartitionReplicaState{}
}

func (b *Broker) quorumNode(r *request) kmsg.DescribeQuorumResponseNode {
	self := b.self(r)
	node := kmsg.NewDescribeQuorumResponseNode()
	node.NodeID = self.id
	l := kmsg.NewDescribeQuorumResponseNodeListener()
	l.Name, l.Host, l.Port = r.conn.listener.conf.Name, self.host, uint16(self.port)
	node.Listeners = append(node.Listeners, l)
	return node
}
