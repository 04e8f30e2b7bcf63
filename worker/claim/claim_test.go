package claim_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/worker/claim"
)

const (
	// session is one whose end no test waits for; who asks whether something
	// takes its time compares with a part of it.
	session   = time.Minute
	brief     = 2 * time.Second // a session that ends
	heartbeat = 50 * time.Millisecond
	patience  = 2 * time.Minute
)

func startBroker(t *testing.T) *brokertest.Broker {
	t.Helper()
	return brokertest.Start(t, map[string]string{"group.min.session.timeout.ms": "100"})
}

// logs is a buffer that may be written and read at the same time.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// claimant is a worker that makes a claim on group g.
type claimant struct {
	t     *testing.T
	claim *claim.Claim
	ended chan error
	stop  context.CancelFunc // asks it to leave
	logs  *logs
}

func newClient(t *testing.T, addr string) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ClientID("g-configs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func start(t *testing.T, kafka kmsg.Requestor, id string) *claimant {
	t.Helper()
	return startWith(t, kafka, id, session)
}

func startWith(t *testing.T, kafka kmsg.Requestor, id string, session time.Duration) *claimant {
	t.Helper()
	c := &claimant{t: t, ended: make(chan error, 1), logs: &logs{}}
	c.claim = claim.New(claim.Config{Group: "g", ID: id, Session: session, Heartbeat: heartbeat}, kafka, slog.New(slog.NewTextHandler(c.logs, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	c.stop = cancel
	done := make(chan struct{})
	go func() { defer close(done); c.ended <- c.claim.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return c
}

// holds waits until the claim is made and returns how long that took.
func (c *claimant) holds() time.Duration {
	c.t.Helper()
	from := time.Now()
	select {
	case <-c.claim.Held():
	case err := <-c.ended:
		c.t.Fatalf("the claim ended: %v", err)
	case <-time.After(patience):
		c.t.Fatalf("no claim after %s; log:\n%s", patience, c.logs)
	}
	return time.Since(from)
}

// fails waits until Run returns an error, which holds all of the texts.
func (c *claimant) fails(texts ...string) {
	c.t.Helper()
	select {
	case err := <-c.ended:
		if err == nil {
			c.t.Fatal("the claim ended without an error")
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				c.t.Errorf("error = %q, lacks %q", err, text)
			}
		}
	case <-time.After(patience):
		c.t.Fatalf("still running after %s; log:\n%s", patience, c.logs)
	}
}

func (c *claimant) leaves() {
	c.t.Helper()
	c.stop()
	if err := <-c.ended; err != nil {
		c.t.Fatalf("leaving: %v", err)
	}
}

// survives checks that the claim is kept for n heartbeats more.
func (c *claimant) survives(kafka *spy, n int) {
	c.t.Helper()
	for range n {
		select {
		case <-kafka.beats:
		case err := <-c.ended:
			c.t.Fatalf("the claim ended: %v", err)
		case <-time.After(patience):
			c.t.Fatalf("no heartbeat for %s", patience)
		}
	}
}

// spy sees successful heartbeats; when dead it sends nothing, as a killed process.
type spy struct {
	kmsg.Requestor
	beats chan struct{}
	mu    sync.Mutex // guards the fields below
	dead  bool
	asked time.Time // when it sent the last request
}

func newSpy(c kmsg.Requestor) *spy { return &spy{Requestor: c, beats: make(chan struct{})} }

// kill returns when the last request was sent: the session begins then at the earliest.
func (s *spy) kill() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
	return s.asked
}

func (s *spy) revive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = false
}

func (s *spy) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	s.mu.Lock()
	dead := s.dead
	if !dead {
		s.asked = time.Now()
	}
	s.mu.Unlock()
	if dead {
		return nil, context.DeadlineExceeded
	}
	resp, err := s.Requestor.Request(ctx, req)
	if beat, ok := resp.(*kmsg.HeartbeatResponse); ok && err == nil && beat.ErrorCode == 0 {
		select {
		case s.beats <- struct{}{}:
		default:
		}
	}
	return resp, err
}

func TestAlone(t *testing.T) {
	b := startBroker(t)
	c := start(t, newClient(t, b.Addr()), "w:1")
	c.holds()
	c.leaves()
	other := start(t, newClient(t, b.Addr()), "w:2") // nobody is waited for
	if took := other.holds(); took > session/2 {
		t.Errorf("the claim after a farewell took %s", took)
	}
	if log := c.logs.String() + other.logs.String(); log != "" {
		t.Errorf("logged:\n%s", log)
	}
}

func TestSecondIsRefused(t *testing.T) {
	b := startBroker(t)
	kafka := newSpy(newClient(t, b.Addr()))
	first := start(t, kafka, "worker1:8083")
	first.holds()
	for range 2 {
		second := start(t, newClient(t, b.Addr()), "worker2:8083")
		second.fails("group.id g", "worker1_8083 at 127.0.0.1", "Stop it", "config.storage.topic")
		select {
		case <-second.claim.Held():
			t.Fatal("the second worker held the claim")
		default:
		}
		first.survives(kafka, 3)
	}
	if !strings.Contains(first.logs.String(), "other=worker2:8083") {
		t.Errorf("the first worker's log does not name the second:\n%s", first.logs)
	}
}

func TestOneOfManyWins(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"group.min.session.timeout.ms": "100", "group.initial.rebalance.delay.ms": "300"})
	var all []*claimant
	for _, id := range []string{"a:1", "b:1", "c:1"} {
		all = append(all, start(t, newClient(t, b.Addr()), id))
	}
	holders, refused := 0, 0
	for _, c := range all {
		select {
		case <-c.claim.Held():
			holders++
		case err := <-c.ended:
			refused++
			c.ended <- err
		case <-time.After(patience):
			t.Fatalf("neither held nor refused; log:\n%s", c.logs)
		}
	}
	if holders != 1 || refused != 2 {
		t.Errorf("%d hold the claim and %d are refused, want 1 and 2", holders, refused)
	}
}

func TestRestartTakesOverAtOnce(t *testing.T) {
	b := startBroker(t)
	kafka := newSpy(newClient(t, b.Addr()))
	start(t, kafka, "leat-run").holds()
	kafka.kill()
	if took := start(t, newClient(t, b.Addr()), "leat-run").holds(); took > session/2 {
		t.Errorf("the restarted worker waited %s", took)
	}
}

func TestRestartWithTheBroker(t *testing.T) {
	b := startBroker(t)
	kafka := newSpy(newClient(t, b.Addr()))
	start(t, kafka, "leat-run").holds()
	kafka.kill()
	b.Restart()
	if took := start(t, newClient(t, b.Addr()), "leat-run").holds(); took > session/2 {
		t.Errorf("the restarted worker waited %s", took)
	}
}

func TestZombieIsFenced(t *testing.T) {
	b := startBroker(t)
	zombie := start(t, newClient(t, b.Addr()), "w:1")
	zombie.holds()
	kafka := newSpy(newClient(t, b.Addr()))
	successor := start(t, kafka, "w:1")
	successor.holds()
	zombie.fails("took its place", "w:1", "group.id g")
	successor.survives(kafka, 3) // the zombie's farewell does not remove it
}

func TestDeadPredecessorIsWaitedFor(t *testing.T) {
	b := startBroker(t)
	kafka := newSpy(newClient(t, b.Addr()))
	startWith(t, kafka, "w:1", brief).holds()
	last := kafka.kill()
	start(t, newClient(t, b.Addr()), "w:2").holds()
	if took := time.Since(last); took < brief {
		t.Errorf("the claim was made %s after the last sign of its holder, whose session is %s", took, brief)
	}
}

func TestStopWhileWaiting(t *testing.T) {
	b := startBroker(t)
	kafka := newSpy(newClient(t, b.Addr()))
	startWith(t, kafka, "w:1", brief).holds()
	kafka.kill()
	joining := make(chan struct{})
	second := start(t, asking{newClient(t, b.Addr()), joining}, "w:2")
	<-joining
	second.leaves()
	start(t, newClient(t, b.Addr()), "w:3").holds() // w:2 has left no member behind
}

// asking tells when a JoinGroup is sent.
type asking struct {
	kmsg.Requestor
	joining chan struct{}
}

func (a asking) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	if _, ok := req.(*kmsg.JoinGroupRequest); ok {
		close(a.joining)
	}
	return a.Requestor.Request(ctx, req)
}

func TestLostWhileAway(t *testing.T) {
	b := startBroker(t)
	kafka := newSpy(newClient(t, b.Addr()))
	first := startWith(t, kafka, "w:1", brief)
	first.holds()
	kafka.kill()
	start(t, newClient(t, b.Addr()), "w:2").holds() // when the session of the first has ended
	kafka.revive()
	first.fails("w_2 at 127.0.0.1", "did not hear of this worker")
}

func TestComesBackAfterAnOutage(t *testing.T) {
	b := startBroker(t)
	kafka := newSpy(newClient(t, b.Addr()))
	c := start(t, kafka, "w:1")
	c.holds()
	b.Restart()
	c.survives(kafka, 3)
}

// join makes a client a member of group g as a program of another kind does.
func join(t *testing.T, c *kgo.Client, protocolType string) {
	t.Helper()
	meta := kmsg.NewConnectMemberMetadata()
	meta.URL = "http://java:8083/"
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.ProtocolType, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = "g", protocolType, 30000, 30000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "default", meta.AppendTo(nil)
	req.Protocols = append(req.Protocols, p)
	var joined *kmsg.JoinGroupResponse
	for range 2 { // the first answer gives the member id
		var err error
		if joined, err = req.RequestWith(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		req.MemberID = joined.MemberID
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = "g", joined.MemberID, joined.Generation
	sync.ProtocolType, sync.Protocol = &req.ProtocolType, &p.Name
	if resp, err := sync.RequestWith(t.Context(), c); err != nil || resp.ErrorCode != 0 {
		t.Fatalf("syncing the group: %+v, %v", resp, err)
	}
}

func TestOtherKindsAreRefused(t *testing.T) {
	for kind, texts := range map[string][]string{
		"connect":  {"Kafka Connect worker(s) of Java", "g-configs at 127.0.0.1", "http://java:8083/"},
		"consumer": {"type consumer", "g-configs at 127.0.0.1", "choose another group.id"},
	} {
		t.Run(kind, func(t *testing.T) {
			b := startBroker(t)
			join(t, newClient(t, b.Addr()), kind)
			start(t, newClient(t, b.Addr()), "w:1").fails(texts...)
		})
	}
}

// refusing answers JoinGroup with an error if the predicate says so.
type refusing struct {
	kmsg.Requestor
	code  *kerr.Error
	match func(*kmsg.JoinGroupRequest) bool
}

func (r refusing) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	if join, ok := req.(*kmsg.JoinGroupRequest); ok && r.match(join) {
		resp := kmsg.NewPtrJoinGroupResponse()
		resp.ErrorCode = r.code.Code
		return resp, nil
	}
	return r.Requestor.Request(ctx, req)
}

func TestForbidden(t *testing.T) {
	b := startBroker(t)
	c := start(t, refusing{newClient(t, b.Addr()), kerr.GroupAuthorizationFailed, func(*kmsg.JoinGroupRequest) bool { return true }}, "w:1")
	c.holds()
	c.leaves()
	if n := strings.Count(c.logs.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, c.logs)
	}
}

func TestDynamicWhereStaticIsRefused(t *testing.T) {
	b := startBroker(t)
	static := func(j *kmsg.JoinGroupRequest) bool { return j.InstanceID != nil }
	c := start(t, refusing{newClient(t, b.Addr()), kerr.UnsupportedVersion, static}, "w:1")
	c.holds()
	start(t, newClient(t, b.Addr()), "w:2").fails("g-configs at 127.0.0.1")
	c.leaves()
	if took := start(t, newClient(t, b.Addr()), "w:3").holds(); took > session/2 {
		t.Errorf("the claim after a farewell took %s", took)
	}
}

func TestRefusedForGood(t *testing.T) {
	b := startBroker(t)
	c := start(t, refusing{newClient(t, b.Addr()), kerr.InvalidSessionTimeout, func(*kmsg.JoinGroupRequest) bool { return true }}, "w:1")
	c.fails("group g", "INVALID_SESSION_TIMEOUT")
}
