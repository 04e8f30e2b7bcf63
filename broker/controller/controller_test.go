package controller_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/controller/quorum"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// memLog keeps the metadata log in memory.
type memLog struct {
	groups [][][]byte
	fail   error
	sm     quorum.StateMachine
	end    int64
}

func (l *memLog) Start(sm quorum.StateMachine) error {
	l.sm = sm
	for _, g := range l.groups {
		l.end += int64(len(g))
		if err := sm.Apply(quorum.Commit{Position: quorum.Position{End: l.end, Epoch: 1}, Values: g}); err != nil {
			return err
		}
	}
	return nil
}

func (l *memLog) Lead(context.Context) error { return nil }

func (l *memLog) Append(_ context.Context, base int64, values [][]byte, tag any) error {
	if l.fail != nil {
		return l.fail
	}
	if base+1 != l.end {
		return fmt.Errorf("planned on offset %d of a log that ends at %d", base, l.end)
	}
	l.groups = append(l.groups, values)
	l.end += int64(len(values))
	return l.sm.Apply(quorum.Commit{Position: quorum.Position{End: l.end, Epoch: 1}, Values: values, Tag: tag})
}

func (l *memLog) Do(_ context.Context, fn func()) error { fn(); return nil }

func (l *memLog) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func topicConfig(_ *controller.Image, o map[string]string, name string) string {
	if v, ok := o[name]; ok {
		return v
	}
	return map[string]string{"min.compaction.lag.ms": "0", "max.compaction.lag.ms": "9223372036854775807"}[name]
}

func open(t *testing.T, log *memLog) *controller.Controller {
	t.Helper()
	c, err := controller.Open(controller.Config{
		NodeID: 1, NumPartitions: 2, ReplicationFactor: 1,
		TopicConfig: topicConfig,
		Apply:       func(controller.Delta) error { return nil }, Log: slog.New(slog.DiscardHandler),
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }() // the cleanup waits
	t.Cleanup(func() { cancel(); <-done })
	return c
}

func create(name string, edit ...func(*controller.NewTopic)) controller.NewTopic {
	n := controller.NewTopic{Name: name, Partitions: -1, ReplicationFactor: -1}
	for _, e := range edit {
		e(&n)
	}
	return n
}

func config(k, v string) func(*controller.NewTopic) {
	return func(n *controller.NewTopic) {
		n.Configs = append(n.Configs, controller.ConfigEntry{Name: k, Value: &v})
	}
}

func TestCreateTopicRefuses(t *testing.T) {
	c := open(t, &memLog{})
	if _, err := c.CreateTopic(t.Context(), create("a.b"), false); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		topic controller.NewTopic
		want  error
	}{
		{"exists", create("a.b"), kerr.TopicAlreadyExists},
		{"collides", create("a_b"), kerr.InvalidTopicException},
		{"empty", create(""), kerr.InvalidTopicException},
		{"dots", create(".."), kerr.InvalidTopicException},
		{"slash", create("a/b"), kerr.InvalidTopicException},
		{"long", create(strings.Repeat("x", 250)), kerr.InvalidTopicException},
		{"no partitions", create("x", func(n *controller.NewTopic) { n.Partitions = 0 }), kerr.InvalidPartitions},
		{"no replicas", create("x", func(n *controller.NewTopic) { n.ReplicationFactor = 0 }), kerr.InvalidReplicationFactor},
		{"too many replicas", create("x", func(n *controller.NewTopic) { n.ReplicationFactor = 3 }), kerr.InvalidReplicationFactor},
		{"unknown key", create("x", config("nonsense", "1")), kerr.InvalidConfig},
		{"bad value", create("x", config("retention.ms", "soon")), kerr.InvalidConfig},
		{"value too small", create("x", config("segment.bytes", "1")), kerr.InvalidConfig},
		{"null value", create("x", func(n *controller.NewTopic) { n.Configs = []controller.ConfigEntry{{Name: "retention.ms"}} }), kerr.InvalidConfig},
		{"conflicting keys", create("x", config("min.compaction.lag.ms", "10"), config("max.compaction.lag.ms", "5")), kerr.InvalidConfig},
		{"unknown broker", create("x", func(n *controller.NewTopic) { n.Assignment = map[int32][]int32{0: {7}} }), kerr.InvalidReplicaAssignment},
		{"gap", create("x", func(n *controller.NewTopic) { n.Assignment = map[int32][]int32{1: {1}} }), kerr.InvalidReplicaAssignment},
		{"assignment and count", create("x", func(n *controller.NewTopic) { n.Partitions, n.Assignment = 1, map[int32][]int32{0: {1}} }), kerr.InvalidRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := c.CreateTopic(t.Context(), tc.topic, false); !errors.Is(err, tc.want) {
				t.Fatalf("error = %v, want %v", err, tc.want)
			}
		})
	}
	if n := len(c.Image().Topics()); n != 1 {
		t.Fatalf("%d topics after refusals", n)
	}
}

// describe is an image in text.
func describe(i *controller.Image) []string {
	var out []string
	for _, t := range i.Topics() {
		out = append(out, fmt.Sprint(t.Name, t.ID, t.Partitions, i.Config(controller.Resource{Type: controller.TopicResource, Name: t.Name})))
	}
	return append(out, fmt.Sprint(i.Features(), i.Offset()))
}

func TestReplayGivesTheSameImage(t *testing.T) {
	log := &memLog{}
	c := open(t, log)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.CreateTopic(ctx, create("a", config("cleanup.policy", "compact")), false)
	must(err)
	gone, err := c.CreateTopic(ctx, create("b"), false)
	must(err)
	must(c.DeleteTopic(ctx, gone.ID))
	must(c.CreatePartitions(ctx, "a", 4, nil, false))
	del := "delete"
	must(c.AlterConfigs(ctx, controller.Resource{Type: controller.TopicResource, Name: "a"}, []controller.ConfigChange{{Name: "cleanup.policy", Op: controller.AppendConfig, Value: &del}}, func(string) string { return "" }, false))
	must(c.FinalizeFeatures(ctx, map[string]int16{"transaction.version": 2}))
	first, err := c.AllocateProducerIDs(ctx)
	must(err)
	if got := c.Image().Config(controller.Resource{Type: controller.TopicResource, Name: "a"})["cleanup.policy"]; got != "compact,delete" {
		t.Fatalf("cleanup.policy = %s", got)
	}
	again := open(t, &memLog{groups: log.groups})
	if d := cmp.Diff(describe(c.Image()), describe(again.Image())); d != "" {
		t.Fatalf("the replayed image differs:\n%s", d)
	}
	if !again.Image().Removed(gone.ID) {
		t.Fatal("the replayed image does not know that b was deleted")
	}
	second, err := again.AllocateProducerIDs(ctx)
	must(err)
	if second < first+controller.ProducerIDBlock {
		t.Fatalf("block at %d after the one at %d", second, first)
	}
}

func TestFailedAppendChangesNothing(t *testing.T) {
	log := &memLog{}
	c := open(t, log)
	for fail, want := range map[error]int16{
		fmt.Errorf("writing: %w", logstore.ErrStorage): kerr.KafkaStorageError.Code,
		fmt.Errorf("writing: %w", vfs.ErrNoSpace):      kerr.KafkaStorageError.Code,
		quorum.ErrNotLeader:                            kerr.NotController.Code,
	} {
		log.fail = fail
		if _, err := c.CreateTopic(t.Context(), create("a"), false); fault.Code(err) != want {
			t.Errorf("creating a topic gives %v when the log says %v, want code %d", err, fail, want)
		}
	}
	log.fail = nil
	if c.Image().Topic("a") != nil {
		t.Fatal("the topic is in the image")
	}
}

// TestChangeTooLarge: what does not fit into a batch is refused before it
// reaches the log.
func TestChangeTooLarge(t *testing.T) {
	c := open(t, &memLog{})
	long := strings.Repeat("1:1,", 2<<20) + "1:1"
	topic := create("a")
	if _, err := c.CreateTopic(t.Context(), topic, false); err != nil {
		t.Fatal(err)
	}
	before := c.Image().Offset()
	err := c.AlterConfigs(t.Context(), controller.Resource{Type: controller.TopicResource, Name: "a"},
		[]controller.ConfigChange{{Name: "leader.replication.throttled.replicas", Op: controller.SetConfig, Value: &long}}, func(string) string { return "" }, false)
	if !errors.Is(err, kerr.InvalidRequest) || !strings.Contains(err.Error(), "bytes of metadata") {
		t.Fatalf("error = %.200v", err)
	}
	if c.Image().Offset() != before {
		t.Fatal("the change is in the log")
	}
}

func FuzzReadRecord(f *testing.F) {
	v := "v"
	for _, r := range []controller.Record{
		&controller.TopicRecord{Name: "t", ID: controller.TopicID{1}},
		&controller.PartitionRecord{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1},
		&controller.PartitionChangeRecord{ISR: []int32{1}, Leader: 1},
		&controller.ConfigRecord{Name: "k", Value: &v}, &controller.RemoveTopicRecord{}, &controller.FeatureLevelRecord{Name: "f"},
		&controller.ProducerIDsRecord{Next: 5}, &controller.NoOpRecord{},
	} {
		f.Add(controller.AppendRecord(nil, r))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := controller.ReadRecord(data)
		if err != nil {
			return
		}
		again, err := controller.ReadRecord(controller.AppendRecord(nil, r))
		if err != nil {
			t.Fatalf("encoding of %+v does not decode: %v", r, err)
		}
		if d := cmp.Diff(r, again); d != "" {
			t.Fatal(d)
		}
	})
}

// A folder that was copied to another name keeps the id of its topic.
func TestAdoptionRefusesOneIDTwice(t *testing.T) {
	c := open(t, &memLog{})
	var topics []controller.AdoptedTopic
	for _, name := range []string{"a", "copy-of-a"} {
		topics = append(topics, controller.AdoptedTopic{NewTopic: controller.NewTopic{Name: name, Partitions: 1, ReplicationFactor: 1}, ID: controller.TopicID{1}})
	}
	err := c.AdoptTopics(t.Context(), topics, 0, false)
	if fault.Code(err) != kerr.InvalidRequest.Code || !strings.Contains(err.Error(), "'copy-of-a'") {
		t.Errorf("two topics of one id: %v", err)
	}
	if err := c.AdoptTopics(t.Context(), topics[:1], 0, false); err != nil {
		t.Error(err)
	}
}
