package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// quorumView is the state of the controllers' raft group.
type quorumView struct {
	ClusterID     string        `json:"cluster_id"`
	LeaderID      int32         `json:"leader_id"`
	LeaderEpoch   int32         `json:"leader_epoch"`
	HighWatermark int64         `json:"high_watermark"`
	MaxLag        int64         `json:"max_follower_lag"`         // records
	MaxLagMs      int64         `json:"max_follower_lag_time_ms"` // -1 unknown
	Replicas      []quorumState `json:"replicas"`
}

// quorumState is one node of it.
type quorumState struct {
	NodeID       int32    `json:"node_id"`
	DirectoryID  string   `json:"directory_id"`
	Status       string   `json:"status"` // Leader, Follower or Observer
	LogEnd       int64    `json:"log_end_offset"`
	Lag          int64    `json:"lag"`
	LastFetch    int64    `json:"last_fetch_timestamp"`     // ms, -1 unknown
	LastCaughtUp int64    `json:"last_caught_up_timestamp"` // ms, -1 unknown
	Endpoints    []string `json:"endpoints,omitempty"`
}

func (k *cluster) quorumCommand() *cobra.Command {
	var replication bool
	c := &cobra.Command{Use: "quorum", Short: "Show the raft group of the metadata: leader, voters, lag", Args: args(cobra.NoArgs),
		RunE: k.client(func(ctx context.Context, cl *kgo.Client, _ []string) error {
			v, err := describeQuorum(ctx, cl)
			if err != nil {
				return err
			}
			if replication {
				t := table{header: []string{"NODE", "DIRECTORY", "LOG END", "LAG", "LAST FETCH", "LAST CAUGHT UP", "STATUS"}}
				for _, r := range v.Replicas {
					t.add(num(r.NodeID), r.DirectoryID, num(r.LogEnd), num(r.Lag), moment(r.LastFetch), moment(r.LastCaughtUp), r.Status)
				}
				return show(k.Out, k.output, v, t)
			}
			t := table{}
			t.add("cluster id", v.ClusterID)
			t.add("leader", num(v.LeaderID))
			t.add("leader epoch", num(v.LeaderEpoch))
			t.add("high watermark", num(v.HighWatermark))
			t.add("max follower lag", num(v.MaxLag))
			t.add("max follower lag, ms", none(v.MaxLagMs))
			t.add("voters", v.nodes(true))
			t.add("observers", v.nodes(false))
			return show(k.Out, k.output, v, t)
		})}
	c.Flags().BoolVarP(&replication, "replication", "r", false, "a line for each node instead of the group's state")
	return c
}

// nodes lists voters or observers with what is known of their addresses.
func (v *quorumView) nodes(voters bool) string {
	var out []string
	for _, r := range v.Replicas {
		if (r.Status != "Observer") != voters {
			continue
		}
		text := num(r.NodeID)
		if len(r.Endpoints) > 0 {
			text += " (" + strings.Join(r.Endpoints, " ") + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func describeQuorum(ctx context.Context, cl *kgo.Client) (*quorumView, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	t := kmsg.NewDescribeQuorumRequestTopic()
	t.Topic = "__cluster_metadata"
	t.Partitions = append(t.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, notServed("describing the quorum", err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, fmt.Errorf("describing the quorum: %w", withDetail(err, deref(resp.ErrorMessage)))
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("describing the quorum: the answer has %d topics, expected __cluster_metadata with one partition", len(resp.Topics))
	}
	p := resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return nil, fmt.Errorf("describing the quorum: %w", withDetail(err, deref(p.ErrorMessage)))
	}
	m, err := kadm.NewClient(cl).BrokerMetadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	v := &quorumView{ClusterID: m.Cluster, LeaderID: p.LeaderID, LeaderEpoch: p.LeaderEpoch, HighWatermark: p.HighWatermark}
	v.addReplicas(p, endpoints(resp.Nodes))
	return v, nil
}

// addReplicas lists the leader, the other voters and the observers, with their
// lags.
func (v *quorumView) addReplicas(p kmsg.DescribeQuorumResponseTopicPartition, addrs map[int32][]string) {
	var leader quorumState
	add := func(list []kmsg.DescribeQuorumResponseTopicPartitionReplicaState, status string) {
		for _, r := range list {
			s := quorumState{NodeID: r.ReplicaID, DirectoryID: base64.RawURLEncoding.EncodeToString(r.ReplicaDirectoryID[:]), Status: status,
				LogEnd: r.LogEndOffset, LastFetch: r.LastFetchTimestamp, LastCaughtUp: r.LastCaughtUpTimestamp, Endpoints: addrs[r.ReplicaID]}
			if r.ReplicaID == p.LeaderID && status == "Follower" {
				s.Status, leader = "Leader", s
			}
			v.Replicas = append(v.Replicas, s)
		}
	}
	add(p.CurrentVoters, "Follower")
	add(p.Observers, "Observer")
	rank := map[string]int{"Leader": 0, "Follower": 1, "Observer": 2}
	slices.SortStableFunc(v.Replicas, func(a, b quorumState) int { return rank[a.Status] - rank[b.Status] })
	for i := range v.Replicas {
		r := &v.Replicas[i]
		r.Lag = leader.LogEnd - r.LogEnd
		if r.Status != "Follower" {
			continue
		}
		v.MaxLag = max(v.MaxLag, r.Lag)
		// As Kafka's tool has it: how long ago the slowest voter had all that the leader had then.
		if r.LastCaughtUp < 0 || leader.LastCaughtUp < 0 {
			v.MaxLagMs = -1
		} else if v.MaxLagMs >= 0 {
			v.MaxLagMs = max(v.MaxLagMs, leader.LastCaughtUp-r.LastCaughtUp)
		}
	}
}

func endpoints(nodes []kmsg.DescribeQuorumResponseNode) map[int32][]string {
	out := map[int32][]string{}
	for _, n := range nodes {
		for _, l := range n.Listeners {
			out[n.NodeID] = append(out[n.NodeID], fmt.Sprintf("%s://%s:%d", l.Name, l.Host, l.Port))
		}
	}
	return out
}
