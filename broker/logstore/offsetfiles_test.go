package logstore_test

import (
	"errors"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// counted counts the operations of a kind on paths that hold a text.
func counted(n *atomic.Int64, op vfs.Op, text string) vfs.Faults {
	return vfs.Faults{FS: vfs.NewMem(), Fail: func(o vfs.Op, path string) error {
		if o == op && strings.Contains(path, text) {
			n.Add(1)
		}
		return nil
	}}
}

func createMany(t testing.TB, s *logstore.Store, n int) []logstore.TopicPartition {
	t.Helper()
	var tps []logstore.TopicPartition
	for i := range n {
		tp := logstore.TopicPartition{Topic: "many", Partition: int32(i)}
		if _, err := s.Create(tp, logstore.TopicID{1}, logstore.DefaultLogConfig()); err != nil {
			t.Fatal(err)
		}
		tps = append(tps, tp)
	}
	return tps
}

// Checkpoints cost what has changed: nothing in an idle store, and one look and
// one write where one partition was written to, with however many others.
func TestIdleCheckpoints(t *testing.T) {
	var writes atomic.Int64
	s := open(t, counted(&writes, vfs.OpRename, "-offset-checkpoint"))
	tps := createMany(t, s, 500)
	s.Checkpoint()
	for range 3 { // a file at a time may see what another has not yet
		looked, wrote := s.OffsetsLooked(), writes.Load()
		s.Checkpoint()
		if looked, wrote := s.OffsetsLooked()-looked, writes.Load()-wrote; looked != 0 || wrote != 0 {
			t.Errorf("an idle store looks at %d partitions and writes %d files", looked, wrote)
		}
	}
	p := s.Get(tps[77])
	for i := range 4 {
		mustAppend(t, p, batch(1))
		looked, wrote := s.OffsetsLooked(), writes.Load()
		s.Checkpoint()
		// The recovery point stays below the end of the active segment.
		want := int64(2)
		if i == 0 {
			want = 1
		}
		if looked, wrote := s.OffsetsLooked()-looked, writes.Load()-wrote; looked != 2 || wrote != want {
			t.Errorf("append %d: looked at %d partitions and wrote %d files, want 2 and %d", i, looked, wrote, want)
		}
	}
	closeStore(t, s)
}

// BenchmarkIdleCheckpoint is what all checkpoints of an idle broker with 10,000 partitions cost.
func BenchmarkIdleCheckpoint(b *testing.B) {
	s := open(b, vfs.NewMem())
	createMany(b, s, 10_000)
	s.Checkpoint()
	b.ReportAllocs()
	for b.Loop() {
		s.Checkpoint()
	}
	closeStore(b, s)
}

// The partitions of a topic are deleted with one sync of the log dir, and
// durably.
func TestDeleteSyncsOnce(t *testing.T) {
	var syncs atomic.Int64
	fsys := counted(&syncs, vfs.OpSyncDir, "/data")
	s := open(t, fsys)
	tps := createMany(t, s, 30)
	for _, tp := range tps[:20] { // the others are without records
		mustAppend(t, s.Get(tp), batch(1))
	}
	unknown := logstore.TopicPartition{Topic: "unknown"}
	before := syncs.Load()
	if err := s.Delete(append(tps, unknown)...); err == nil || !strings.Contains(err.Error(), "unknown-0") {
		t.Errorf("deleting a partition that is not there gives %v", err)
	}
	if n := syncs.Load() - before; n != 1 {
		t.Errorf("deleting 30 partitions took %d syncs of directories, want 1", n)
	}
	left := open(t, fsys.FS.(*vfs.Mem).CrashClone(rngOf(4)))
	if n := len(left.Partitions()); n != 0 {
		t.Errorf("%d deleted partitions are back after a power cut", n)
	}
	closeStore(t, left)
	closeStore(t, s)
}

// What the first append of a partition must sync is synced without the lock
// that other calls need, and by one of several first appenders only.
func TestFirstAppendSyncsWithoutLock(t *testing.T) {
	var p *logstore.Partition
	var signed atomic.Int64
	fsys := vfs.Faults{FS: vfs.NewMem(), Fail: func(op vfs.Op, name string) error {
		if op == vfs.OpSync && strings.HasPrefix(path.Base(name), "partition.metadata") {
			signed.Add(1)
			if p.AppendLocked() { // the other first appenders wait, too, and hold nothing
				return errors.New("the lock of appends is held")
			}
		}
		return nil
	}}
	s := open(t, fsys)
	p = create(t, s)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { mustAppend(t, p, batch(1)) })
	}
	wg.Wait()
	if signed.Load() != 1 || p.LogEndOffset() != 4 {
		t.Errorf("partition.metadata was written %d times, the log ends at %d", signed.Load(), p.LogEndOffset())
	}
	closeStore(t, s)
}
