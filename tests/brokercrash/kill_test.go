// Package brokercrash kills the broker process at random moments while two
// client libraries write, copy and commit, and then holds the logs against what
// the clients were told.
//
// The load (load_test.go with franz-go, sarama_test.go with sarama) writes
// numbered records and keeps a journal of acknowledgements. Watchers read every
// topic from its beginning, in both isolation levels, across all kills. When the
// killing ends the load does, each partition gets one last record, and
// verify_test.go compares journal, watchers and a fresh reader.
package brokercrash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/proctest"
)

const (
	// kills is how often the broker dies; LEAT_KILLS changes it.
	kills      = 54
	partitions = 3
	// testLimit bounds everything.
	testLimit = 10 * time.Minute
)

// topics and their settings. Segments are left after fractions of a second, so
// that rolls, snapshots, retention and cleaning happen all the time.
var topics = map[string]map[string]string{
	"plain":       {"segment.ms": "400"},
	"plain-other": {"segment.ms": "700"},
	"tx":          {"segment.ms": "400"},
	"tx-other":    {"segment.ms": "700"},
	"copy":        {"segment.ms": "500"},
	"copy-other":  {"segment.ms": "900"},
	"latest":      {"segment.ms": "300", "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"},
	"brief":       {"segment.ms": "200", "retention.bytes": "40000"},
}

// settings of the broker.
var settings = map[string]string{
	"leat.http.listeners": "none", "group.initial.rebalance.delay.ms": "0",
	"offsets.topic.num.partitions": "3", "transaction.state.log.num.partitions": "3",
	"log.roll.ms": "1500", "log.initial.task.delay.ms": "0", "log.retention.check.interval.ms": "200",
	"log.cleaner.backoff.ms": "100", "log.cleaner.min.cleanable.ratio": "0.01", "log.segment.delete.delay.ms": "100",
	"log.flush.offset.checkpoint.interval.ms": "150", "log.index.interval.bytes": "512",
}

// world is one run of the test.
type world struct {
	t       *testing.T
	p       *proctest.Process
	seed    uint64
	journal journal
	asked   atomic.Int64   // answers that the guard of offsets had
	stop    atomic.Bool    // the load ends
	load    sync.WaitGroup // workers
	ctx     context.Context
}

// TestKilledBroker is the crash truth of the broker: LEAT_SEED repeats the
// moments of a run.
func TestKilledBroker(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	w := &world{t: t, seed: number(t, "LEAT_SEED", uint64(time.Now().UnixNano())), ctx: ctx, journal: newJournal()}
	t.Logf("LEAT_SEED=%d", w.seed)
	rng := rand.New(rand.NewPCG(w.seed, 0))
	w.start()
	w.createTopics()
	watches := w.watchAll()
	guard := w.guardOffsets()
	w.startLoad()

	want := int(number(t, "LEAT_KILLS", kills))
	begun := time.Now()
	for n := 0; n < want && !t.Failed(); n++ {
		w.pause(time.Duration(30+rng.IntN(900)) * time.Millisecond)
		w.p.Kill(t)
		if n%5 == 4 && n+1 < want { // once more, on its way up
			w.p.Launch(t)
			w.pause(time.Duration(rng.IntN(150)) * time.Millisecond)
			w.p.Kill(t)
			n++
		}
		w.p.Start(t)
	}
	t.Logf("%d kills in %.0f s", want, time.Since(begun).Seconds())
	w.pause(500 * time.Millisecond) // a life that is not cut short ends transactions that were
	for missing := w.missing(); missing != "" && !t.Failed(); missing = w.missing() {
		if w.ctx.Err() != nil {
			t.Fatal("the load did too little: ", missing)
		}
		<-time.After(100 * time.Millisecond) // on a busy machine little is done between two kills
	}
	w.stop.Store(true)
	w.load.Wait()
	t.Logf("load ended after %.0f s", time.Since(begun).Seconds())
	if !t.Failed() {
		w.finish(watches)
		t.Logf("watchers ended after %.0f s", time.Since(begun).Seconds())
		guard()
		w.verify(watches)
	}
	if log := w.p.Log.String(); strings.Contains(log, "panic:") || strings.Contains(log, "cutting log at a damaged batch") && strings.Contains(log, "level=ERROR msg=\"cutting log") {
		t.Error("the broker panicked or lost synced bytes; see its log")
	}
	w.p.Stop(t)
}

// number is an environment variable, or a default.
func number(t *testing.T, name string, def uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// pause waits; the moment of a kill is a moment in time.
func (w *world) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
		w.t.Fatal("out of time")
	}
}

func (w *world) start() {
	port, err := freeport.Take()
	if err != nil {
		w.t.Fatal(err)
	}
	dir := w.t.TempDir()
	var text strings.Builder
	fmt.Fprintf(&text, "listeners=PLAINTEXT://127.0.0.1:%d\nlog.dirs=%s\n", port, filepath.Join(dir, "logs"))
	for k, v := range settings {
		fmt.Fprintf(&text, "%s=%s\n", k, v)
	}
	file := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.p = proctest.Start(w.t, proctest.Config{Args: []string{"broker", file}, KafkaPort: port, Dir: dir})
}

// client returns a franz-go client that does not give up on a broker that is
// down for a moment.
func (w *world) client(opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(w.options(opts...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	return cl
}

func (w *world) options(opts ...kgo.Opt) []kgo.Opt {
	return append([]kgo.Opt{
		kgo.SeedBrokers(w.p.Kafka()), kgo.RetryBackoffFn(func(int) time.Duration { return 15 * time.Millisecond }),
		kgo.RequestRetries(2000), kgo.RetryTimeout(2 * time.Minute), kgo.MetadataMinAge(20 * time.Millisecond), kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DialTimeout(2 * time.Second), kgo.FetchMaxWait(300 * time.Millisecond),
	}, opts...)
}

func (w *world) createTopics() {
	cl := w.client()
	defer cl.Close()
	for name, set := range topics {
		configs := map[string]*string{}
		for k, v := range set {
			configs[k] = &v
		}
		if _, err := kadm.NewClient(cl).CreateTopic(w.ctx, partitions, 1, configs, name); err != nil {
			w.t.Fatalf("creating %s: %v", name, err)
		}
	}
}

// last is the value of the last record of each partition.
const last = "last"

// finish lets copiers and watchers reach the end.
func (w *world) finish(watches []*watch) {
	cl := w.client()
	defer cl.Close()
	for name := range topics {
		for p := range int32(partitions) {
			r := &kgo.Record{Topic: name, Partition: p, Key: []byte(last), Value: []byte(last)}
			if err := cl.ProduceSync(w.ctx, r).FirstErr(); err != nil {
				w.t.Fatalf("writing the last record of %s-%d: %v", name, p, err)
			}
		}
	}
	for _, x := range watches {
		select {
		case <-x.done:
		case <-w.ctx.Done():
			w.t.Fatalf("%s did not see the last records: %s", x, x.progress())
		}
	}
}
