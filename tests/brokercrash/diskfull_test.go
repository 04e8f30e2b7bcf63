package brokercrash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/proctest"
)

// full is a broker whose disk is a small tmpfs in a mount namespace of its own.
type full struct {
	*world
	filler string
	adm    *kadm.Client
	sent   int // records of topic "data" that were acknowledged
}

// TestDiskFull fills the disk under a broker. Whatever needs space answers with
// an error that says so, in time; reads and what frees space go on; with space
// again everything does, and nothing acknowledged is lost or doubled.
func TestDiskFull(t *testing.T) {
	t.Parallel() // it waits for answers mostly
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	f := startOnSmallDisk(t, ctx)
	f.createTopic("data", map[string]string{"segment.ms": "100"})
	f.createTopic("doomed", nil)
	f.createTopic("tx", nil)
	f.mustProduce(100, 100)
	f.until("a transaction before", f.transaction)
	f.mustCommit(10)

	for round := range 3 {
		f.fill()
		f.whileFull(round)
		if err := os.Remove(f.filler); err != nil {
			t.Fatal(err)
		}
		f.mustProduce(50, 2000) // and a roll, as more than segment.ms has passed
		f.until("a transaction", f.transaction)
		f.mustCommit(int64(20 + round))
		f.createTopic(fmt.Sprintf("new-%d", round), nil)
		f.requireData()
	}
	f.p.Stop(t)
}

func startOnSmallDisk(t *testing.T, ctx context.Context) *full {
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d\nlog.dirs=%s\nleat.http.listeners=none\noffsets.topic.num.partitions=1\n"+
		"transaction.state.log.num.partitions=1\ngroup.initial.rebalance.delay.ms=0\nlog.flush.offset.checkpoint.interval.ms=50\nlog.initial.task.delay.ms=1\n", port, logs)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := proctest.Start(t, proctest.Config{Args: []string{"broker", file}, KafkaPort: port, Dir: dir,
		Wrap: []string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"`, logs}})
	f := &full{world: &world{t: t, p: p, ctx: ctx}, filler: fmt.Sprintf("/proc/%d/root%s/filler", p.Pid(), logs)}
	cl := f.client()
	t.Cleanup(cl.Close)
	f.adm = kadm.NewClient(cl)
	return f
}

// fill writes a file until no byte fits any more.
func (f *full) fill() {
	f.t.Helper()
	file, err := os.Create(f.filler)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	chunk := make([]byte, 1<<20)
	for size := len(chunk); size > 0; {
		if _, err := file.Write(chunk[:size]); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				f.t.Fatal(err)
			}
			size /= 2
		}
	}
}

// whileFull does what a full disk allows, and what it does not.
func (f *full) whileFull(round int) {
	f.t.Helper()
	// What is larger than the rest of the log's last page cannot be written.
	for range 5 {
		if err := f.produce(8000); !errors.Is(err, kerr.KafkaStorageError) {
			f.t.Fatalf("producing on a full disk: %v, want KAFKA_STORAGE_ERROR", err)
		}
	}
	f.requireData()
	// Small records may still fit here and there; at some point each of these
	// fails, and none hangs.
	_ = f.untilFails("committing offsets", func(i int) error { return f.commit(fmt.Sprintf("full-%d-%d", round, i), 1, strings.Repeat("m", 1000)) })
	_ = f.untilFails("a transaction", func(int) error { return f.transaction() })
	err := f.untilFails("creating a topic", func(i int) error {
		ctx, cancel := f.short(time.Minute)
		defer cancel()
		value := strings.Repeat("1:1,", 200) + "1:1"
		_, err := f.adm.CreateTopic(ctx, 1, 1, map[string]*string{"leader.replication.throttled.replicas": &value}, fmt.Sprintf("full-%d-%d", round, i))
		return err
	})
	if !errors.Is(err, kerr.KafkaStorageError) {
		f.t.Errorf("creating a topic on a full disk: %v, want KAFKA_STORAGE_ERROR", err)
	}
	f.requireData()
	// What frees space needs none.
	if round == 0 {
		if resp, err := f.adm.DeleteTopics(f.ctx, "doomed"); err != nil || resp.Error() != nil {
			f.t.Errorf("deleting a topic on a full disk: %v %v", err, resp.Error())
		}
	}
}

// untilFails repeats until the first error, and returns it.
func (f *full) untilFails(what string, do func(i int) error) error {
	f.t.Helper()
	for i := range 500 {
		begun := time.Now()
		err := do(i)
		if d := time.Since(begun); d > 2*time.Minute {
			f.t.Fatalf("%s on a full disk took %v (%v)", what, d, err)
		}
		if err != nil {
			f.t.Logf("%s on a full disk, attempt %d: %v", what, i, err)
			return err
		}
	}
	f.t.Fatalf("%s works without end on a full disk", what)
	return nil
}

// until repeats until it works: coordinators come back after a moment.
func (f *full) until(what string, do func() error) {
	f.t.Helper()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-f.ctx.Done():
			f.t.Fatalf("%s never worked again: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// produce sends one record of n bytes without any repetition.
func (f *full) produce(n int) error {
	cl := f.client(kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	ctx, cancel := f.short(time.Minute)
	defer cancel()
	return cl.ProduceSync(ctx, &kgo.Record{Topic: "data", Value: []byte(plainValue(int64(f.sent), n))}).FirstErr()
}

func (f *full) mustProduce(n, size int) {
	f.t.Helper()
	for range n {
		if err := f.produce(size); err != nil {
			f.t.Fatalf("producing record %d: %v", f.sent, err)
		}
		f.sent++
	}
}

// transaction commits one transaction of a large record.
func (f *full) transaction() error {
	cl := f.client(kgo.TransactionalID("full"), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RetryTimeout(5*time.Second), kgo.RecordDeliveryTimeout(5*time.Second))
	defer cl.Close()
	ctx, cancel := f.short(10 * time.Second)
	defer cancel()
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	err := cl.ProduceSync(ctx, &kgo.Record{Topic: "tx", Value: make([]byte, 3000)}).FirstErr()
	return errors.Join(err, cl.EndTransaction(ctx, kgo.TransactionEndTry(err == nil)))
}

func (f *full) commit(group string, at int64, metadata string) error {
	ctx, cancel := f.short(10 * time.Second)
	defer cancel()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "data", Partition: 0, At: at, LeaderEpoch: -1, Metadata: metadata})
	resp, err := f.adm.CommitOffsets(ctx, group, offsets)
	if err == nil {
		err = resp.Error()
	}
	return err
}

// mustCommit commits and reads back.
func (f *full) mustCommit(at int64) {
	f.t.Helper()
	f.until("committing", func() error { return f.commit("g", at, "") })
	if got := f.fetchOffsets("g")[place("data", 0)]; got != at {
		f.t.Fatalf("committed offset is %d, want %d", got, at)
	}
}

func (f *full) createTopic(name string, set map[string]string) {
	f.t.Helper()
	configs := map[string]*string{}
	for k, v := range set {
		configs[k] = &v
	}
	if _, err := f.adm.CreateTopic(f.ctx, 1, 1, configs, name); err != nil {
		f.t.Fatalf("creating %s: %v", name, err)
	}
}

// requireData reads topic data: every acknowledged record, once, in order.
func (f *full) requireData() {
	f.t.Helper()
	cl := f.client(kgo.ConsumeTopics("data"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	next := int64(0)
	for next < int64(f.sent) {
		fs := cl.PollFetches(f.ctx)
		if err := fs.Err(); err != nil {
			f.t.Fatalf("reading after %d of %d records: %v", next, f.sent, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if n, err := plainNumber(string(r.Value)); err != nil || n != next || r.Offset != next {
				f.t.Fatalf("record %d at offset %d, want %d (%v)", n, r.Offset, next, err)
			}
			next++
		})
	}
	ends, err := f.adm.ListEndOffsets(f.ctx, "data")
	if err != nil {
		f.t.Fatal(err)
	}
	o, _ := ends.Lookup("data", 0)
	end := o.Offset
	if end != int64(f.sent) {
		f.t.Fatalf("the log ends at %d, %d records were acknowledged", end, f.sent)
	}
}
