package broker_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker"
	"github.com/leat-project/leat/broker/brokertest"
)

// TestQuorumConfig: the controller keys of a server.properties for one node
// are taken, those that need other nodes are refused by name.
func TestQuorumConfig(t *testing.T) {
	// The file that Kafka's distribution ships for a node in KRaft mode.
	shipped := map[string]string{
		"process.roles": "broker,controller", "node.id": "1", "controller.quorum.bootstrap.servers": "localhost:9093",
		"listeners": "PLAINTEXT://:9092,CONTROLLER://:9093", "inter.broker.listener.name": "PLAINTEXT",
		"advertised.listeners":      "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
		"controller.listener.names": "CONTROLLER", "log.dirs": "/tmp/kraft-combined-logs",
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
	}
	for _, tc := range []struct{ key, value, want string }{
		{"", "", ""},
		{"controller.quorum.voters", "1@localhost:9093", ""},
		{"controller.quorum.bootstrap.servers", "", ""},
		{"metadata.log.dir", "/tmp/kraft-combined-logs", ""},
		{"controller.quorum.voters", "1@a:9093,2@b:9093,3@c:9093", "names 3 voters"},
		{"controller.quorum.voters", "2@localhost:9093", "names node 2, but this is node 1"},
		{"controller.quorum.voters", "1@localhost:9999", "no listener of controller.listener.names"},
		{"controller.quorum.voters", "localhost:9093", "expected ID@HOST:PORT"},
		{"controller.quorum.bootstrap.servers", "a:9093,b:9093", "names 2 controllers"},
		{"controller.quorum.bootstrap.servers", "other:9999", "no listener of controller.listener.names"},
		{"controller.quorum.bootstrap.servers", "localhost", "expected HOST:PORT"},
		{"process.roles", "broker", "process.roles=broker"},
		{"process.roles", "controller", "process.roles=controller"},
		{"metadata.log.dir", "/elsewhere", "none of log.dirs"},
	} {
		t.Run(tc.key+"="+tc.value, func(t *testing.T) {
			props := map[string]string{}
			for k, v := range shipped {
				props[k] = v
			}
			if tc.key != "" {
				props[tc.key] = tc.value
			}
			_, err := broker.ParseConfig(props, slog.New(slog.DiscardHandler))
			switch {
			case tc.want == "" && err != nil:
				t.Fatal(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// leaderEpoch asks Metadata.
func leaderEpoch(t *testing.T, cl *kgo.Client, topic string) int32 {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(testContext(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) == 0 {
		t.Fatalf("metadata: %+v", resp.Topics)
	}
	return resp.Topics[0].Partitions[0].LeaderEpoch
}

// epochEnd asks OffsetForLeaderEpoch.
func epochEnd(t *testing.T, cl *kgo.Client, topic string, epoch int32) (int32, int64) {
	t.Helper()
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	rp.LeaderEpoch, rp.CurrentLeaderEpoch = epoch, -1
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := cl.SeedBrokers()[0].Request(testContext(t), req)
	if err != nil {
		t.Fatal(err)
	}
	p := resp.(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		t.Fatalf("OffsetForLeaderEpoch: code %d", p.ErrorCode)
	}
	return p.LeaderEpoch, p.EndOffset
}

// TestLeaderEpochAfterCrash: after an unclean shutdown the partition has a new
// leader epoch, and the old one ends where the log ended after recovery, so
// that a consumer which was ahead notices; a clean restart changes nothing.
func TestLeaderEpochAfterCrash(t *testing.T) {
	b := brokertest.StartInMemory(t, 7, map[string]string{"leat.flush.before.ack": "never"})
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "epochs", 20)
	b.Kill()
	cl := client(t, b)
	if e := leaderEpoch(t, cl, "epochs"); e != 1 {
		t.Fatalf("leader epoch %d after a crash, want 1", e)
	}
	_, kept := epochEnd(t, cl, "epochs", 1)
	if kept > 20 {
		t.Fatalf("the log ends at %d after 20 records", kept)
	}
	produce(t, ctx, cl, "epochs", 30)
	check := func(epoch, wantEpoch int32, want int64) {
		t.Helper()
		if e, end := epochEnd(t, client(t, b), "epochs", epoch); end != want || e != wantEpoch && kept > 0 {
			t.Fatalf("epoch %d ends at %d (of epoch %d), want %d (of %d)", epoch, end, e, want, wantEpoch)
		}
	}
	check(0, 0, kept)
	check(1, 1, kept+30)
	b.Restart()
	if e := leaderEpoch(t, client(t, b), "epochs"); e != 1 {
		t.Fatalf("leader epoch %d after a clean restart, want 1", e)
	}
	check(0, 0, kept)
	check(1, 1, kept+30)
}

// TestDescribeQuorum: what it says is the state of the raft group.
func TestDescribeQuorum(t *testing.T) {
	b := brokertest.Start(t, nil)
	ask := func() kmsg.DescribeQuorumResponseTopicPartition {
		req := kmsg.NewPtrDescribeQuorumRequest()
		rt := kmsg.NewDescribeQuorumRequestTopic()
		rt.Topic = "__cluster_metadata"
		rt.Partitions = append(rt.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
		req.Topics = append(req.Topics, rt)
		resp, err := client(t, b).SeedBrokers()[0].Request(testContext(t), req)
		if err != nil {
			t.Fatal(err)
		}
		p := resp.(*kmsg.DescribeQuorumResponse).Topics[0].Partitions[0]
		if p.ErrorCode != 0 || len(p.CurrentVoters) != 1 || p.CurrentVoters[0].ReplicaID != p.LeaderID ||
			p.CurrentVoters[0].LogEndOffset != p.HighWatermark || p.CurrentVoters[0].ReplicaDirectoryID == [16]byte{} {
			t.Fatalf("quorum: %+v", p)
		}
		return p
	}
	first := ask()
	produce(t, testContext(t), client(t, b, kgo.AllowAutoTopicCreation()), "one", 1)
	second := ask()
	if second.HighWatermark < first.HighWatermark+2 || second.LeaderEpoch != first.LeaderEpoch {
		t.Fatalf("after a topic with a partition: epoch %d end %d, before %d and %d", second.LeaderEpoch, second.HighWatermark, first.LeaderEpoch, first.HighWatermark)
	}
	b.Restart()
	if third := ask(); third.LeaderEpoch != first.LeaderEpoch+1 {
		t.Fatalf("epoch %d after a restart, %d before", third.LeaderEpoch, first.LeaderEpoch)
	}
}

// TestControllerListenerUnderFlood: with every connection that clients may
// have taken, half of them with produce requests that wait for a disk which
// does not answer, requests on the controller listener are answered.
func TestControllerListenerUnderFlood(t *testing.T) {
	b := brokertest.StartInMemory(t, 3, map[string]string{
		"listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0", "controller.listener.names": "CONTROLLER",
		"max.connections": "12", "max.connections.per.ip": "12",
	})
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "flood", 1)
	resume := b.Stall()
	defer resume()
	for range 6 {
		cl := client(t, b, kgo.DefaultProduceTopic("flood"), kgo.ProducerLinger(0))
		for range 50 {
			cl.Produce(ctx, &kgo.Record{Value: make([]byte, 10000)}, nil)
		}
	}
	var idle []net.Conn
	refused := false
	for !refused { // until all connections are taken
		nc, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, nc)
		refused = closedByPeer(t, nc)
	}
	defer func() {
		for _, nc := range idle {
			nc.Close()
		}
	}()
	conn := client(t, b, kgo.SeedBrokers(b.ListenerAddr("CONTROLLER")))
	for range 20 {
		for _, req := range []kmsg.Request{kmsg.NewPtrDescribeClusterRequest(), kmsg.NewPtrDescribeQuorumRequest(), kmsg.NewPtrDescribeConfigsRequest()} {
			if dc, ok := req.(*kmsg.DescribeClusterRequest); ok {
				dc.EndpointType = 2
			}
			resp, err := conn.SeedBrokers()[0].Request(ctx, req)
			if q, ok := resp.(*kmsg.DescribeQuorumResponse); ok && err == nil && (len(q.Nodes) != 1 || q.Nodes[0].Listeners[0].Name != "CONTROLLER") {
				t.Fatalf("the voters are at %+v", q.Nodes)
			}
			if err != nil {
				t.Fatalf("%s on the controller listener: %v", kmsg.NameForKey(req.Key()), err)
			}
		}
	}
}

// closedByPeer says whether the broker takes a connection: it answers an
// ApiVersions request, or closes.
func closedByPeer(t *testing.T, nc net.Conn) bool {
	t.Helper()
	request := []byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff} // v0, no client id
	if _, err := nc.Write(request); err != nil {
		return true
	}
	_, err := nc.Read(make([]byte, 4))
	return err != nil
}
