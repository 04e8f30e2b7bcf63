package logstore_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// full is a disk that can be switched to full: nothing can be created or written then.
type full struct{ on atomic.Bool }

func (f *full) fail(op vfs.Op, _ string) error {
	if f.on.Load() && (op == vfs.OpCreate || op == vfs.OpWrite || op == vfs.OpMkdir) {
		return vfs.ErrNoSpace
	}
	return nil
}

func TestDiskFull(t *testing.T) {
	var disk full
	mem := vfs.NewMem()
	s := open(t, vfs.Faults{FS: mem, Fail: disk.fail})
	p := create(t, s, smallSegments)
	for i := range 100 {
		mustAppend(t, p, batch(1, producer(1, 0, int32(i))))
	}
	disk.on.Store(true)
	for range 3 {
		_, err := p.Append(batch(1, producer(1, 0, 100)), logstore.AppendOptions{})
		if !errors.Is(err, logstore.ErrStorage) || errors.Is(err, logstore.ErrDirOffline) || !vfs.IsNoSpace(err) {
			t.Fatalf("append on a full disk gives %v", err)
		}
	}
	if got, _ := readAll(t, p, 0, logstore.BoundLogEnd); !slices.Equal(got, upTo(0, 100)) {
		t.Fatalf("reading on a full disk gives %v", got)
	}
	if start, err := p.DeleteRecordsBefore(90); err != nil || start != 90 {
		t.Fatalf("deleting records on a full disk: %d, %v", start, err)
	}
	cfg := p.Config()
	cfg.RetentionBytes = 1
	p.SetConfig(cfg)
	if _, err := p.ApplyRetention(); err != nil {
		t.Fatalf("retention on a full disk: %v", err)
	}
	// A start on a full disk recovers and serves.
	image := mem.CrashClone(nil)
	s2 := open(t, vfs.Faults{FS: image, Fail: disk.fail}, func(c *logstore.Config) { c.Logger = logger(t) })
	p2 := s2.Get(orders)
	if p2.Err() != nil || p2.LogEndOffset() != 100 {
		t.Fatalf("start on a full disk: end %d, %v", p2.LogEndOffset(), p2.Err())
	}
	if err := s2.Delete(orders); err != nil {
		t.Fatalf("deleting a partition on a full disk: %v", err)
	}
	disk.on.Store(false)
	closeStore(t, s2)
	// Space is back: the producer's retry is no duplicate and has no gap.
	if info := mustAppend(t, p, batch(1, producer(1, 0, 100))); info.BaseOffset != 100 || info.Duplicate {
		t.Fatalf("append after space returned gives %+v, want offset 100", info)
	}
	closeStore(t, s)
	s = open(t, mem)
	if end := s.Get(orders).LogEndOffset(); end != 101 {
		t.Fatalf("log ends at %d after reopening, want 101", end)
	}
	closeStore(t, s)
}

func TestFailedSyncTakesDirOffline(t *testing.T) {
	var broken atomic.Bool
	var syncs atomic.Int64
	mem := vfs.NewMem()
	faulty := vfs.Faults{FS: mem, Fail: func(op vfs.Op, path string) error {
		if op == vfs.OpSync && broken.Load() && strings.HasSuffix(path, ".log") {
			syncs.Add(1)
			return errors.New("I/O error")
		}
		return nil
	}}
	var once sync.Once
	told := make(chan string, 1)
	s := open(t, faulty, func(c *logstore.Config) {
		c.OnDirOffline = func(dir string, _ error) { once.Do(func() { told <- dir }) }
	})
	p := create(t, s)
	mustAppend(t, p, batch(1))
	broken.Store(true)
	info, err := p.Append(batch(1), logstore.AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextWithTimeout()
	defer cancel()
	if err := p.WaitFlushed(ctx, info.LastOffset+1); !errors.Is(err, logstore.ErrDirOffline) {
		t.Fatalf("waiting for a failed sync gives %v", err)
	}
	if p.HighWatermark() != 1 {
		t.Fatalf("high watermark is %d: what was not flushed is visible", p.HighWatermark())
	}
	broken.Store(false)
	if _, err := p.Append(batch(1), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrDirOffline) {
		t.Fatalf("append on an offline dir gives %v", err)
	}
	if _, err := p.Read(logstore.ReadOptions{MaxBytes: 1000}); !errors.Is(err, logstore.ErrDirOffline) {
		t.Fatalf("read on an offline dir gives %v", err)
	}
	if err := p.WaitFlushed(ctx, 2); !errors.Is(err, logstore.ErrDirOffline) {
		t.Fatalf("waiting on an offline dir gives %v", err)
	}
	if _, err := s.Create(logstore.TopicPartition{Topic: "x"}, logstore.TopicID{1}, logstore.DefaultLogConfig()); !errors.Is(err, logstore.ErrDirOffline) {
		t.Fatalf("creating on an offline dir gives %v", err)
	}
	if dir := <-told; dir != "/data" || s.Dirs()[0].Offline == nil {
		t.Fatalf("told of dir %q, state %+v", dir, s.Dirs())
	}
	if n := syncs.Load(); n != 1 {
		t.Fatalf("%d syncs of a file whose sync had failed, want 1", n)
	}
	ctx2, cancel2 := contextWithTimeout()
	defer cancel2()
	_ = s.Close(ctx2) // says that the dir is offline
	s = open(t, mem)
	defer closeStore(t, s)
	if end := s.Get(orders).LogEndOffset(); end < 1 {
		t.Fatalf("log ends at %d after restart", end)
	}
}

// TestEveryOperationFailsOnce lets each file operation fail once in turn. Nothing acknowledged may be lost, and after
// a failure that is no failed sync the store goes on.
func TestEveryOperationFailsOnce(t *testing.T) {
	for n := int64(1); ; n++ {
		mem := vfs.NewMem()
		var count atomic.Int64
		var failed atomic.Value
		faulty := vfs.Faults{FS: mem, Fail: func(op vfs.Op, path string) error {
			if count.Add(1) == n {
				failed.Store(string(op) + " " + path)
				return errors.New("injected")
			}
			return nil
		}}
		acked := failOnce(t, faulty)
		what, _ := failed.Load().(string)
		s := open(t, mem.CrashClone(nil))
		if p := s.Get(orders); acked > 0 && (p == nil || p.Err() != nil || p.LogEndOffset() < acked) {
			t.Fatalf("%q failed: acknowledged up to %d, but the log is %+v", what, acked, p)
		}
		closeStore(t, s)
		if what == "" {
			return // there is no n-th operation any more
		}
		if t.Failed() {
			t.Fatalf("%q failed", what)
		}
	}
}

// failOnce works on a disk with a fault and returns the end of what was acknowledged.
func failOnce(t *testing.T, fsys vfs.FS) int64 {
	s, err := logstore.Open(logstore.Config{Dirs: []string{"/data"}, FS: fsys, NodeID: 1, Now: (newClock()).now})
	if err != nil {
		return 0
	}
	ctx, cancel := contextWithTimeout()
	defer cancel()
	defer func() { _ = s.Close(ctx) }() // may have met the fault
	cfg := logstore.DefaultLogConfig()
	cfg.SegmentBytes, cfg.IndexIntervalBytes, cfg.Compact = 400, 100, true
	p, err := s.Create(orders, logstore.TopicID{1}, cfg)
	if err != nil {
		return 0
	}
	var acked int64
	failures := 0
	for i := range 12 {
		info, err := p.Append(batch(2), logstore.AppendOptions{LeaderEpoch: int32(i / 3)})
		if err == nil {
			err = p.WaitFlushed(ctx, info.LastOffset+1)
		}
		if errors.Is(err, logstore.ErrDirOffline) {
			return acked
		}
		if err != nil {
			failures++
			continue
		}
		acked = info.LastOffset + 1
		if _, err := p.Compact(ctx); errors.Is(err, logstore.ErrDirOffline) {
			return acked
		}
	}
	if failures > 2 {
		t.Errorf("%d appends failed after one fault", failures)
	}
	return acked
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, vfs.OS{}, func(c *logstore.Config) { c.Dirs = []string{dir} })
	defer closeStore(t, s)
	_, err := logstore.Open(logstore.Config{Dirs: []string{dir}, NodeID: 1})
	var locked *vfs.LockedError
	if !errors.As(err, &locked) || locked.PID == 0 {
		t.Fatalf("second store on the same dir: %v", err)
	}
}

func TestSeveralDirs(t *testing.T) {
	mem := vfs.NewMem()
	dirs := func(c *logstore.Config) { c.Dirs = []string{"/a", "/b"} }
	s := open(t, mem, dirs)
	for i := range 6 {
		p, err := s.Create(logstore.TopicPartition{Topic: "t-x", Partition: int32(i)}, logstore.TopicID{1}, logstore.LogConfig{})
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, p, batch(1))
	}
	id := s.ClusterID()
	closeStore(t, s)
	s = open(t, mem, dirs)
	defer closeStore(t, s)
	var count [2]int
	for _, p := range s.Partitions() {
		count[p.Dir()]++
	}
	if count != [2]int{3, 3} || s.ClusterID() != id || len(id) != 22 {
		t.Fatalf("partitions by dir %v, cluster id %q, want 3 each, %q", count, s.ClusterID(), id)
	}
	if _, err := logstore.Open(logstore.Config{Dirs: []string{"/a"}, FS: mem.CrashClone(nil), NodeID: 2}); err == nil || !strings.Contains(err.Error(), "node.id") {
		t.Fatalf("another node's dir is accepted: %v", err)
	}
}
