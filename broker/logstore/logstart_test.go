package logstore_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

const startsFile = "/data/log-start-offset-checkpoint"

func saveStarts(t *testing.T, s *logstore.Store) {
	t.Helper()
	if err := s.SaveStarts(); err != nil {
		t.Fatal(err)
	}
}

// A log start beyond the end of the log, which no high watermark ever reached,
// is damage: the records stay, and an error says what was done.
func TestLogStartThatNeverWas(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprint("clean stop ", clean), func(t *testing.T) {
			mem := vfs.NewMem()
			s := open(t, mem)
			p := create(t, s, smallSegments)
			for range 200 {
				mustAppend(t, p, batch(1))
			}
			if _, err := p.DeleteRecordsBefore(3); err != nil {
				t.Fatal(err)
			}
			saveStarts(t, s)
			if clean {
				closeStore(t, s)
			}
			disk := mem.CrashClone(nil)
			if !clean {
				closeStore(t, s)
			}
			change(t, disk, startsFile, func(b []byte) []byte { return bytes.Replace(b, []byte("orders 0 3\n"), []byte("orders 0 300\n"), 1) })
			var log syncBuffer
			s = open(t, disk, func(c *logstore.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			p = s.Get(orders)
			if p.LogStartOffset() != 0 || p.LogEndOffset() != 200 || p.Segments() < 2 {
				t.Errorf("the log is [%d, %d) in %d segments, want [0, 200)", p.LogStartOffset(), p.LogEndOffset(), p.Segments())
			}
			if offsets, _ := readAll(t, p, 0, logstore.BoundHighWatermark); len(offsets) != 200 {
				t.Errorf("%d records are left", len(offsets))
			}
			for _, want := range []string{"level=ERROR", "partition=orders-0", "file=" + startsFile, "value=300", "start=0"} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %q: %s", want, log.String())
				}
			}
			// It is over with the next checkpoint.
			s.Checkpoint()
			log.text.Reset()
			again := open(t, disk.CrashClone(nil), func(c *logstore.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			if log.String() != "" {
				t.Errorf("the second start says %s", log.String())
			}
			closeStore(t, again)
			closeStore(t, s)
		})
	}
}

// Without flushes a power cut may take the end of the log and leave a log start
// beyond it: what was deleted stays so, and its offsets are not given again.
func TestLogStartBeyondLostEnd(t *testing.T) {
	lost := 0
	for seed := range uint64(40) {
		mem := vfs.NewMem()
		s := open(t, mem)
		p := create(t, s, smallSegments, func(c *logstore.LogConfig) { c.FlushBeforeAck = false })
		for range 5 {
			mustAppend(t, p, batch(1))
		}
		waitFlushed(t, p, 5)
		for range 20 {
			mustAppend(t, p, batch(1))
		}
		if _, err := p.DeleteRecordsBefore(20); err != nil {
			t.Fatal(err)
		}
		saveStarts(t, s)
		disk := mem.CrashClone(rand.New(rand.NewPCG(seed, 3)))
		closeStore(t, s)
		var log syncBuffer
		s = open(t, disk, func(c *logstore.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		p = s.Get(orders)
		if p.LogStartOffset() != 20 || p.LogEndOffset() < 20 {
			t.Fatalf("seed %d: the log is [%d, %d), want it to begin at 20: %s", seed, p.LogStartOffset(), p.LogEndOffset(), log.String())
		}
		if strings.Contains(log.String(), "starting over") {
			lost++
		}
		if info := mustAppend(t, p, batch(1)); info.BaseOffset < 20 {
			t.Errorf("seed %d: a record gets offset %d, which was deleted", seed, info.BaseOffset)
		}
		closeStore(t, s)
	}
	if lost == 0 {
		t.Error("no power cut took the end of the log below its start")
	}
}

// A partition that is deleted leaves nothing to one that gets its name: with
// the log start of the old one the records of the new one would be gone after a
// crash.
func TestLogStartOfDeletedPartition(t *testing.T) {
	mem := vfs.NewMem()
	s := open(t, mem)
	p := create(t, s)
	for range 50 {
		mustAppend(t, p, batch(1))
	}
	if _, err := p.DeleteRecordsBefore(40); err != nil {
		t.Fatal(err)
	}
	s.Checkpoint()
	if err := s.Delete(orders); err != nil {
		t.Fatal(err)
	}
	reopened := mem.CrashClone(nil) // the old one may have been deleted by a process before this
	checkNewPartition(t, s, mem)
	checkNewPartition(t, open(t, reopened), reopened)
}

func checkNewPartition(t *testing.T, s *logstore.Store, mem *vfs.Mem) {
	t.Helper()
	p := create(t, s)
	for range 10 {
		mustAppend(t, p, batch(1))
	}
	disk := mem.CrashClone(rand.New(rand.NewPCG(1, 1)))
	closeStore(t, s)
	var log syncBuffer
	s = open(t, disk, func(c *logstore.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	if p = s.Get(orders); p.LogStartOffset() != 0 || p.LogEndOffset() != 10 || log.String() != "" {
		t.Errorf("the new log is [%d, %d), want [0, 10): %s", p.LogStartOffset(), p.LogEndOffset(), log.String())
	}
	closeStore(t, s)
}

// The checkpoints of a partition that cannot be opened are kept for when it can.
func TestCheckpointsOfBrokenPartition(t *testing.T) {
	mem := vfs.NewMem()
	s := open(t, mem)
	p := create(t, s)
	for range 50 {
		mustAppend(t, p, batch(1))
	}
	if _, err := p.DeleteRecordsBefore(40); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	var id []byte
	change(t, mem, "/data/orders-0/partition.metadata", func(b []byte) []byte { id = b; return []byte("version: 0\n") })
	s = open(t, mem)
	if s.Get(orders).Err() == nil {
		t.Fatal("the partition works without its id")
	}
	s.Checkpoint()
	closeStore(t, s)
	change(t, mem, "/data/orders-0/partition.metadata", func([]byte) []byte { return id })
	s = open(t, mem)
	if p = s.Get(orders); p.Err() != nil || p.LogStartOffset() != 40 {
		t.Errorf("the repaired log begins at %d, want 40; %v", p.LogStartOffset(), p.Err())
	}
	closeStore(t, s)
}

// The power goes at each file operation of deleting a partition and making
// another of its name in turn: what was acknowledged to either is there, and
// nothing of the first is in the second.
func TestPowerCutWhileRecreating(t *testing.T) {
	for limit := int64(1); ; limit++ {
		mem := vfs.NewMem()
		fsys := powerFails(mem, limit)
		acked, done := recreate(fsys)
		for seed := range uint64(3) {
			var rng *rand.Rand
			if seed > 0 {
				rng = rand.New(rand.NewPCG(seed, uint64(limit)))
			}
			checkRecreated(t, mem.CrashClone(rng), acked, fmt.Sprint("power cut after ", limit, " operations, seed ", seed))
		}
		if done || t.Failed() {
			return
		}
		if limit > 1000 {
			t.Fatal("it does not end")
		}
	}
}

// recreated is what was acknowledged.
type recreated struct {
	first, second int64 // records in the first partition and in the second
	start         int64 // log start of the first
	deleting      bool  // the first may be gone
}

var secondID = logstore.TopicID{7}

// recreate says whether it came to its end.
func recreate(fsys vfs.FS) (acked recreated, done bool) {
	s, err := logstore.Open(logstore.Config{Dirs: []string{"/data"}, FS: fsys, NodeID: 1})
	if err != nil {
		return acked, false
	}
	defer func() {
		ctx, cancel := contextWithTimeout()
		defer cancel()
		_ = s.Close(ctx) // it may have no power
	}()
	write := func(id logstore.TopicID, n int, count *int64) *logstore.Partition {
		p, err := s.Create(orders, id, logstore.DefaultLogConfig())
		if err != nil {
			return nil
		}
		for range n {
			info, err := p.Append(batch(1), logstore.AppendOptions{})
			if err != nil {
				return nil
			}
			ctx, cancel := contextWithTimeout()
			err = p.WaitFlushed(ctx, info.LastOffset+1)
			cancel()
			if err != nil {
				return nil
			}
			*count = info.LastOffset + 1
		}
		return p
	}
	p := write(logstore.TopicID{1}, 8, &acked.first)
	if p == nil {
		return acked, false
	}
	if _, err := p.DeleteRecordsBefore(6); err != nil || s.SaveStarts() != nil {
		return acked, false
	}
	acked.start = 6
	s.Checkpoint()
	acked.deleting = true
	if s.Delete(orders) != nil {
		return acked, false
	}
	return acked, write(secondID, 4, &acked.second) != nil
}

func checkRecreated(t *testing.T, disk *vfs.Mem, acked recreated, what string) {
	t.Helper()
	var log syncBuffer
	s, err := logstore.Open(logstore.Config{Dirs: []string{"/data"}, FS: disk, NodeID: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer closeStore(t, s)
	start, end := int64(0), acked.second
	p := s.Get(orders)
	if p == nil && acked.second == 0 && (acked.first == 0 || acked.deleting) {
		return
	}
	if p == nil || p.Err() != nil {
		t.Errorf("%s: %+v was acknowledged, and the partition is %v: %s", what, acked, p, log.String())
		return
	}
	if p.TopicID() != secondID {
		start, end = acked.start, acked.first
		if acked.second > 0 {
			t.Errorf("%s: the deleted partition is back", what)
		}
	} else if p.LogStartOffset() != 0 {
		t.Errorf("%s: the second log begins at %d", what, p.LogStartOffset())
	}
	if p.LogStartOffset() < start || p.LogEndOffset() < end || p.LogStartOffset() > max(start, 6) {
		t.Errorf("%s: the log is [%d, %d), acknowledged were [%d, %d)", what, p.LogStartOffset(), p.LogEndOffset(), start, end)
	}
}

func rngOf(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }
