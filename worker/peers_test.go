package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/worker"
	"github.com/leat-project/leat/worker/conf"
)

// joinAs makes a client a member of a group as a worker of Java's Kafka Connect does,
// and returns how it leaves.
func joinAs(t *testing.T, c *kgo.Client, group, protocolType string) (leave func()) {
	t.Helper()
	meta := kmsg.NewConnectMemberMetadata()
	meta.URL = "http://java:8083/"
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = group, protocolType, 30000, 30000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "default", meta.AppendTo(nil)
	join.Protocols = append(join.Protocols, p)
	var joined *kmsg.JoinGroupResponse
	for range 2 { // the first answer gives the member id
		var err error
		if joined, err = join.RequestWith(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		join.MemberID = joined.MemberID
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = group, joined.MemberID, joined.Generation
	sync.ProtocolType, sync.Protocol = &join.ProtocolType, &p.Name
	own := kmsg.NewSyncGroupRequestGroupAssignment()
	own.MemberID = joined.MemberID
	sync.GroupAssignment = append(sync.GroupAssignment, own)
	if resp, err := sync.RequestWith(t.Context(), c); err != nil || resp.ErrorCode != 0 {
		t.Fatalf("syncing the group: %+v, %v", resp, err)
	}
	return func() {
		t.Helper()
		req := kmsg.NewPtrLeaveGroupRequest()
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = joined.MemberID
		req.Group, req.Members = group, append(req.Members, m)
		if resp, err := req.RequestWith(t.Context(), c); err != nil || resp.ErrorCode != 0 {
			t.Fatalf("leaving the group: %+v, %v", resp, err)
		}
	}
}

func TestRefusesLiveJavaWorkers(t *testing.T) {
	b := startBroker(t)
	java := client(t, b.Addr(), kgo.ClientID("connect-java-1"))
	leave := joinAs(t, java, "g", "connect")
	cfg, _, err := worker.ParseConfig(conf.Distributed, workerProps(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	reg := &plugin.Registry{}
	converters.Register(reg)
	w, err := worker.New(cfg, reg, worker.Deps{Log: slog.New(newLogCatcher()), WorkerID: "w:1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = w.Run(ctx)
	if err == nil {
		t.Fatal("the worker ran beside a Java worker of its group")
	}
	for _, part := range []string{"group.id g", "connect-java-1 at 127.0.0.1", "http://java:8083/", "wait until Kafka has dropped them"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error = %q, lacks %q", err, part)
		}
	}
	leave()
	startNode(t, b.Addr(), nil) // the group is empty now
}

func TestStartsBesideConsumers(t *testing.T) {
	b := startBroker(t)
	joinAs(t, client(t, b.Addr()), "g", "consumer")
	startNode(t, b.Addr(), nil)
}
