package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
)

// DescribeQuorum (55), versions 0-2: the voters of the metadata log. This node
// is the only one, at its controller listeners. v1 fetch times (KIP-836), v2 directory ids and endpoints
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
	node := kmsg.NewDescribeQuorumResponseNode()
	node.NodeID = b.cfg.NodeID
	add := func(conf Listener) {
		l := kmsg.NewDescribeQuorumResponseNodeListener()
		l.Name, l.Host, l.Port = conf.Name, conf.AdvertisedHost, uint16(conf.AdvertisedPort)
		node.Listeners = append(node.Listeners, l)
	}
	for _, l := range b.listeners {
		if l.conf.Controller {
			add(l.conf)
		}
	}
	if len(node.Listeners) == 0 { // none for administration alone: the one that was asked
		add(r.conn.listener.conf)
	}
	return node
}
