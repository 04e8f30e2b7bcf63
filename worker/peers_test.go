package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

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

// refused runs a worker that has to end with an error that holds all of the texts.
func refused(t *testing.T, addr string, deps worker.Deps, texts ...string) {
	t.Helper()
	cfg, _, err := worker.ParseConfig(conf.Distributed, workerProps(addr))
	if err != nil {
		t.Fatal(err)
	}
	reg := &plugin.Registry{}
	converters.Register(reg)
	deps.Log = slog.New(newLogCatcher())
	w, err := worker.New(cfg, reg, deps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err = w.Run(ctx); err == nil {
		t.Fatal("the worker ran beside another of its group")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error = %q, lacks %q", err, text)
		}
	}
}

func TestRefusesLiveJavaWorkers(t *testing.T) {
	b := startBroker(t)
	leave := joinAs(t, client(t, b.Addr(), kgo.ClientID("connect-java-1")), "g", "connect")
	refused(t, b.Addr(), worker.Deps{WorkerID: "w:1"},
		"group.id g", "connect-java-1 at 127.0.0.1", "http://java:8083/", "wait until Kafka has dropped them")
	leave()
	startNode(t, b.Addr(), nil) // the group is empty now
}

func TestRefusesSecondWorker(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), map[string]string{"heartbeat.interval.ms": "100"})
	refused(t, b.Addr(), worker.Deps{WorkerID: "w:2"}, "group.id g", "w_1 at 127.0.0.1", "Stop it")
	if ready, err := n.herder.Ready(t.Context()); !ready || err != nil {
		t.Errorf("the first worker: ready %v, %v", ready, err)
	}
}

// TestSuccessorStopsZombie has two workers with the same id: the later one goes on.
func TestSuccessorStopsZombie(t *testing.T) {
	b := startBroker(t)
	cfg, _, err := worker.ParseConfig(conf.Distributed, workerProps(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	reg := &plugin.Registry{}
	converters.Register(reg)
	zombie, err := worker.New(cfg, reg, worker.Deps{Log: slog.New(newLogCatcher()), WorkerID: "w:9", InstanceID: "w:1"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() { ended <- zombie.Run(ctx) }()
	eventually(t, "the first worker is ready", func() bool { ok, err := zombie.Herder().Ready(t.Context()); return ok && err == nil })
	startNode(t, b.Addr(), nil) // w:1, too
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "took its place") {
		t.Errorf("the first worker ended with %v", err)
	}
}
