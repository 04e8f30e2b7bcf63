package controller_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/controller/quorum"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

var errPowerCut = errors.New("power cut")

// powerFails is a disk that fails for good after so many operations.
func powerFails(disk *vfs.Mem, limit int64) vfs.FS {
	var ops atomic.Int64
	return vfs.Faults{FS: disk, Fail: func(op vfs.Op, _ string) error {
		if op != vfs.OpRead && ops.Add(1) > limit {
			return errPowerCut
		}
		return nil
	}}
}

// node is a controller on its log and store.
type node struct {
	store *logstore.Store
	*controller.Controller
	stop func()
}

const metadataTopic = "__cluster_metadata"

var metadataLog = logstore.TopicPartition{Topic: metadataTopic}

// startNode opens a node as the broker does. Snapshots and segments are small.
func startNode(fsys vfs.FS, snapshotBytes int64, apply func(controller.Delta) error) (*node, error) {
	return startLogging(slog.New(slog.DiscardHandler), fsys, snapshotBytes, apply)
}

func startLogging(log *slog.Logger, fsys vfs.FS, snapshotBytes int64, apply func(controller.Delta) error) (*node, error) {
	store, err := logstore.Open(logstore.Config{
		Dirs: []string{"/data"}, FS: fsys, NodeID: 1, Logger: log,
		NeverCut: func(tp logstore.TopicPartition) bool { return tp == metadataLog },
	})
	if err != nil {
		return nil, err
	}
	n, err := openNode(store, fsys, snapshotBytes, apply)
	if err != nil {
		_ = store.Close(context.Background()) // the first error tells
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.Run(ctx) }) // its error is that of the disk, which the test makes
	n.stop = func() {
		cancel()
		wg.Wait()
		_ = store.Close(context.Background())
	}
	return n, nil
}

func openNode(store *logstore.Store, fsys vfs.FS, snapshotBytes int64, apply func(controller.Delta) error) (*node, error) {
	cfg := logstore.DefaultLogConfig()
	cfg.Delete, cfg.SegmentBytes, cfg.MaxMessageBytes = false, int32(max(4096, 8*snapshotBytes)), 64<<20
	part := store.Get(metadataLog)
	if part == nil {
		var err error
		if part, err = store.CreateIn(0, metadataLog, logstore.TopicID{15: 1}, cfg); err != nil {
			return nil, err
		}
	}
	part.SetConfig(cfg)
	q, err := quorum.Open(quorum.Config{
		NodeID: 1, Voters: []int32{1}, DirectoryID: "d", Log: part, FS: fsys, SnapshotBytes: snapshotBytes, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	if apply == nil {
		apply = func(controller.Delta) error { return nil }
	}
	c, err := controller.Open(controller.Config{
		NodeID: 1, NumPartitions: 2, ReplicationFactor: 1, TopicConfig: topicConfig, Apply: apply, Log: slog.New(slog.DiscardHandler),
	}, q)
	if err != nil {
		return nil, err
	}
	return &node{store: store, Controller: c}, nil
}

// promises are what was acknowledged, by entity (a topic), as text, and what
// else may be true because an operation had no answer.
type promises struct {
	mu       sync.Mutex
	acked    map[string]string
	doubt    map[string][]string
	producer int64 // the last block that was given out
}

const gone = "(no topic)"

// state is what an image says of a topic.
func state(img *controller.Image, topic string) string {
	t := img.Topic(topic)
	if t == nil {
		return gone
	}
	return fmt.Sprint(t.ID, len(t.Partitions), img.Config(controller.Resource{Type: controller.TopicResource, Name: topic}))
}

// TestCrashModel makes random changes, several at a time, cuts the power at a
// random file operation, lets the disk keep any part of what was not synced,
// starts again and compares with what was acknowledged. LEAT_CRASH_RUNS sets
// the number of runs, LEAT_CRASH_SEED the first seed.
func TestCrashModel(t *testing.T) {
	runs, seed := 40, 1
	for name, p := range map[string]*int{"LEAT_CRASH_RUNS": &runs, "LEAT_CRASH_SEED": &seed} {
		if v, err := strconv.Atoi(os.Getenv(name)); err == nil {
			*p = v
		}
	}
	for i := seed; i < seed+runs; i++ {
		if !t.Run(fmt.Sprint("seed", i), func(t *testing.T) { crashRun(t, uint64(i)) }) {
			return
		}
	}
}

func crashRun(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 99))
	p := &promises{acked: map[string]string{}, doubt: map[string][]string{}, producer: -controller.ProducerIDBlock}
	disk := vfs.NewMem()
	for life := range 5 {
		limit := int64(1 + rng.IntN([]int{30, 120, 500}[rng.IntN(3)]))
		if n, err := startNode(powerFails(disk, limit), 600, nil); err == nil {
			for n.changes(t, rng, p) {
			}
			n.stop()
		}
		cut := rng
		if rng.IntN(5) == 0 {
			cut = nil // only the process died
		}
		disk = disk.CrashClone(cut)
		for rng.IntN(3) == 0 { // the power fails again during the start
			if n, err := startNode(powerFails(disk, int64(rng.IntN(40))), 600, nil); err == nil {
				n.stop()
			}
			disk = disk.CrashClone(rng)
		}
		n, err := startNode(disk, 600, nil)
		if err != nil {
			t.Fatalf("seed %d, life %d: start after the crash: %v", seed, life, err)
		}
		p.check(t, n.Image())
		clean := rng.IntN(2) == 0
		n.stop()
		if !clean {
			disk = disk.CrashClone(nil)
		}
		if t.Failed() {
			t.Logf("seed %d, life %d, %d operations allowed", seed, life, limit)
			return
		}
	}
}

// changes makes some changes at once, each on a topic of its own. False means
// that one had no answer: the power is gone.
func (n *node) changes(t *testing.T, rng *rand.Rand, p *promises) bool {
	var wg sync.WaitGroup
	var cut atomic.Bool
	topics := rng.Perm(6)[:1+rng.IntN(4)]
	for _, i := range topics {
		name := fmt.Sprint("topic-", i)
		op := n.change(name, rng)
		wg.Go(func() {
			after, err := op(t.Context())
			p.mu.Lock()
			defer p.mu.Unlock()
			if err != nil {
				cut.Store(true)
				p.doubt[name] = append(p.doubt[name], after)
				return
			}
			p.acked[name] = after
			if got := state(n.Image(), name); after != "*" && !matches(got, after) {
				t.Errorf("%s is %s after the answer, want %s", name, got, after)
			}
		})
	}
	if rng.IntN(4) == 0 {
		if first, err := n.AllocateProducerIDs(t.Context()); err != nil {
			cut.Store(true)
		} else {
			if first < p.producer+controller.ProducerIDBlock {
				t.Errorf("producer ids from %d on given out after %d", first, p.producer)
			}
			p.producer = first
		}
	}
	wg.Wait()
	return !cut.Load()
}

// matches compares the states of a topic; that of a creation in doubt does not
// know the id.
func matches(got, want string) bool {
	return got == want || len(want) > 0 && want[0] == '?' && len(got) > 22 && got[22:] == want[1:]
}

// change draws an operation on a topic. It returns the state afterwards.
func (n *node) change(name string, rng *rand.Rand) func(context.Context) (string, error) {
	img := n.Image()
	t := img.Topic(name)
	if t == nil {
		count := int32(1 + rng.IntN(5))
		return func(ctx context.Context) (string, error) {
			after := fmt.Sprintf("? %d map[]", count)
			topic, err := n.CreateTopic(ctx, controller.NewTopic{Name: name, Partitions: count, ReplicationFactor: -1}, false)
			if err == nil {
				after = fmt.Sprint(topic.ID, count, map[string]string{})
			}
			return after, err
		}
	}
	r := controller.Resource{Type: controller.TopicResource, Name: name}
	configs := maps.Clone(img.Config(r))
	if configs == nil {
		configs = map[string]string{}
	}
	count := len(t.Partitions)
	switch rng.IntN(4) {
	case 0:
		return func(ctx context.Context) (string, error) { return gone, n.DeleteTopic(ctx, t.ID) }
	case 1:
		return func(ctx context.Context) (string, error) {
			return fmt.Sprint(t.ID, count+1, configs), n.CreatePartitions(ctx, name, int32(count+1), nil, false)
		}
	}
	key := []string{"retention.ms", "retention.bytes", "flush.ms"}[rng.IntN(3)]
	value := strconv.Itoa(rng.IntN(1000))
	configs[key] = value
	return func(ctx context.Context) (string, error) {
		return fmt.Sprint(t.ID, count, configs), n.AlterConfigs(ctx, r,
			[]controller.ConfigChange{{Name: key, Op: controller.SetConfig, Value: &value}}, func(string) string { return "" }, false)
	}
}

// check compares an image after a restart with the promises, and from then on
// expects what it says.
func (p *promises) check(t *testing.T, img *controller.Image) {
	t.Helper()
	names := map[string]bool{}
	for _, topic := range img.Topics() {
		names[topic.Name] = true
	}
	for name := range maps.Keys(p.acked) {
		names[name] = true
	}
	for name := range names {
		want, ok := p.acked[name]
		if !ok {
			want = gone
		}
		got := state(img, name)
		if got != want && !slices.ContainsFunc(p.doubt[name], func(d string) bool { return matches(got, d) }) {
			t.Errorf("%s is %s after the crash, acknowledged was %s, in doubt %v", name, got, want, p.doubt[name])
		}
		p.acked[name] = got
	}
	clear(p.doubt)
}
