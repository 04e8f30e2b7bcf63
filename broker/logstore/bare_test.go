package logstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

func numbered(n int) logstore.TopicPartition {
	return logstore.TopicPartition{Topic: "many", Partition: int32(n)}
}

// A partition without records costs no sync and no file, neither when it is made nor when the store closes; the folders
// of all are made durable by the first flush of one.
func TestPartitionsWithoutRecordsCostNoSync(t *testing.T) {
	mem := vfs.NewMem()
	var mu sync.Mutex // guards ops
	var ops []string
	s := open(t, vfs.Faults{FS: mem, Fail: func(op vfs.Op, path string) error {
		if op != vfs.OpMkdir && strings.Contains(path, "many-") || op == vfs.OpSyncDir {
			mu.Lock()
			defer mu.Unlock()
			ops = append(ops, fmt.Sprint(op, " ", path))
		}
		return nil
	}})
	ops = nil
	var parts []*logstore.Partition
	for i := range 100 {
		p, err := s.Create(numbered(i), logstore.TopicID{1}, logstore.LogConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.AssignLeaderEpoch(0); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	if len(ops) > 0 {
		t.Fatalf("creating partitions did %q", ops)
	}
	for _, p := range parts[:2] {
		waitFlushed(t, p, mustAppend(t, p, batch(1)).LastOffset+1)
	}
	above := slices.DeleteFunc(slices.Clone(ops), func(op string) bool { return strings.Contains(op, "many-") })
	if len(above) != 1 {
		t.Fatalf("two first records synced the log dir %d times: %q", len(above), above)
	}
	ops = nil
	closeStore(t, s)
	for _, op := range ops {
		op += "/"
		if strings.Contains(op, "many-") && !strings.Contains(op, "/many-0/") && !strings.Contains(op, "/many-1/") {
			t.Errorf("closing did %s", op)
		}
	}
}

// What an acknowledged first record needs is there after a power cut: folder, id and log. Folders without records may
// go or stay, and are taken again either way.
func TestFirstRecordSurvivesPowerCut(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		mem := vfs.NewMem()
		s := open(t, mem)
		written := map[int]bool{}
		for i := range 6 {
			p, err := s.Create(numbered(i), logstore.TopicID{byte(i), 1}, logstore.DefaultLogConfig())
			if err != nil {
				t.Fatal(err)
			}
			if rng.IntN(2) == 0 {
				info := mustAppend(t, p, batch(1))
				if rng.IntN(3) > 0 {
					waitFlushed(t, p, info.LastOffset+1)
					written[i] = true
				}
			}
		}
		after := mem.CrashClone(rng)
		closeStore(t, s)
		s = open(t, after)
		for i := range 6 {
			p := s.Get(numbered(i))
			if written[i] {
				if p == nil || p.LogEndOffset() != 1 || p.TopicID() != (logstore.TopicID{byte(i), 1}) {
					t.Fatalf("seed %d: partition %d lost its record", seed, i)
				}
			}
			if p == nil {
				var err error
				if p, err = s.Create(numbered(i), logstore.TopicID{byte(i), 1}, logstore.DefaultLogConfig()); err != nil {
					t.Fatalf("seed %d: creating partition %d again: %v", seed, i, err)
				}
			}
			if err := p.Err(); err != nil {
				t.Fatalf("seed %d: partition %d: %v", seed, i, err)
			}
			waitFlushed(t, p, mustAppend(t, p, batch(1)).LastOffset+1)
		}
		if left := s.Bare(); len(left) > 0 {
			t.Fatalf("seed %d: folders of %v are still nobody's", seed, left)
		}
		closeStore(t, s)
	}
}

// An empty folder stays in its dir, and goes when nobody creates its partition or when that is deleted.
func TestEmptyFolders(t *testing.T) {
	mem := vfs.NewMem()
	dirs := func(c *logstore.Config) { c.Dirs = []string{"/a", "/b"} }
	s := open(t, mem, dirs)
	var in [6]int
	for i := range in {
		p, err := s.Create(numbered(i), logstore.TopicID{1}, logstore.LogConfig{})
		if err != nil {
			t.Fatal(err)
		}
		in[i] = p.Dir()
	}
	closeStore(t, s)
	s = open(t, mem, dirs)
	if n := len(s.Bare()); n != 6 || len(s.Partitions()) != 0 {
		t.Fatalf("%d empty folders and %d partitions, want 6 and none", n, len(s.Partitions()))
	}
	for _, i := range []int{5, 2, 4, 0} {
		if !s.Begun(numbered(i)) {
			t.Fatalf("partition %d has no folder", i)
		}
		p, err := s.Create(numbered(i), logstore.TopicID{1}, logstore.LogConfig{})
		if err != nil || p.Dir() != in[i] {
			t.Fatalf("partition %d is in dir %d, was in %d: %v", i, p.Dir(), in[i], err)
		}
	}
	if err := s.DropBare(); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(numbered(4)); err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, dir := range []string{"/a", "/b"} {
		names, err := mem.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, "many-") {
				folders = append(folders, name)
			}
		}
	}
	slices.Sort(folders)
	if want := []string{"many-0", "many-2", "many-5"}; !slices.Equal(folders, want) {
		t.Fatalf("folders %q are left, want %q", folders, want)
	}
	closeStore(t, s)
}
