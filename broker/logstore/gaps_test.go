package logstore_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// withoutLast cuts the last batches off a log, n of them, at the boundary.
func withoutLast(n int) edit {
	return func(b []byte) []byte {
		var ends []int
		for at := 0; at < len(b); {
			ends = append(ends, at)
			at += recordbatch.Batch(b[at:]).Size()
		}
		return b[:ends[len(ends)-n]]
	}
}

// A file that was cut between two batches has nothing that looks damaged. What
// is missing is told from what the other files know.
func TestCutBetweenBatches(t *testing.T) {
	const records = 200
	mem := vfs.NewMem()
	s := open(t, mem)
	p := create(t, s, smallSegments)
	for range records {
		mustAppend(t, p, batch(1))
	}
	s.Checkpoint()
	crashed := mem.CrashClone(nil)
	closeStore(t, s)
	logs := segmentLogs(t, mem)
	if len(logs) < 4 {
		t.Fatalf("%d segments", len(logs))
	}
	first, middle, last := logs[0], logs[1], logs[len(logs)-1]
	for _, c := range []struct {
		name   string
		disk   *vfs.Mem
		file   string
		do     edit
		config func(*logstore.LogConfig)
		want   []string // nil: nothing is told
	}{
		{"active segment, clean stop", mem, last, withoutLast(2), nil, []string{"level=ERROR", "file=" + last, "end=198", "recovery_point=200", "lost=2"}},
		{"active segment, crash", crashed, last, withoutLast(3), nil, []string{"level=ERROR", "file=" + last, "end=197", "recovery_point=199"}},
		// The recovery point stays one record below the end of the active segment.
		{"one record of the active segment, crash", crashed, last, withoutLast(1), nil, []string{"level=WARN", "file=" + last, "end=199", "high_watermark=200", "lost=1"}},
		{"old segment, clean stop", mem, middle, withoutLast(2), nil, []string{"level=ERROR", "file=" + middle, "lost=2"}},
		{"old segment, crash", crashed, middle, withoutLast(1), nil, []string{"level=ERROR", "file=" + middle, "lost=1"}},
		{"old segment gone, clean stop", mem, middle, gone, nil, []string{"level=ERROR", "file=" + first, "next_file=" + logs[2]}},
		{"old segment of a compacted log", mem, middle, withoutLast(2), func(c *logstore.LogConfig) { c.Compact = true }, nil},
		{"first segment gone, clean stop", mem, first, gone, nil, []string{"level=ERROR", "folder=/data/orders-0", "lost="}},
		{"nothing, clean stop", mem, last, func(b []byte) []byte { return b }, nil, nil},
		{"nothing, crash", crashed, last, func(b []byte) []byte { return b }, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := c.disk.CrashClone(nil)
			change(t, disk, c.file, c.do)
			var log syncBuffer
			s := open(t, disk, func(c *logstore.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			defer closeStore(t, s)
			cfg := logstore.DefaultLogConfig()
			if c.config != nil {
				c.config(&cfg)
			}
			s.Get(orders).SetConfig(cfg)
			if c.want == nil && strings.Contains(log.String(), "gone") {
				t.Errorf("told without reason: %s", log.String())
			}
			lines := strings.Split(log.String(), "\n")
			for _, want := range c.want {
				lines = slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, want) })
			}
			if c.want != nil && len(lines) == 0 {
				t.Errorf("no line has all of %q: %s", c.want, log.String())
			}
			readAll(t, s.Get(orders), s.Get(orders).LogStartOffset(), logstore.BoundHighWatermark) // the rest is served
		})
	}
}

// segmentLogs lists the .log files of the partition.
func segmentLogs(t *testing.T, disk *vfs.Mem) []string {
	t.Helper()
	names, err := disk.List("/data/orders-0")
	if err != nil {
		t.Fatal(err)
	}
	var logs []string
	for _, n := range names {
		if strings.HasSuffix(n, ".log") {
			logs = append(logs, "/data/orders-0/"+n)
		}
	}
	return logs
}

// Retention, compaction and deletion of records leave nothing that is told of,
// after a clean stop or a crash.
func TestNoGapsByOurselves(t *testing.T) {
	clk := newClock()
	mem := vfs.NewMem()
	s := open(t, mem, func(c *logstore.Config) { c.Now = clk.now })
	compact := func(c *logstore.LogConfig) {
		smallSegments(c)
		c.Delete, c.Compact, c.DeleteRetentionMs = false, true, 10
	}
	p := create(t, s, compact)
	check := func(what string, disk *vfs.Mem, compacted bool) {
		t.Helper()
		var log syncBuffer
		s := open(t, disk, func(c *logstore.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		cfg := logstore.DefaultLogConfig()
		cfg.Compact = compacted
		s.Get(orders).SetConfig(cfg)
		if log.String() != "" {
			t.Errorf("%s: %s", what, log.String())
		}
		closeStore(t, s)
	}
	for round := range 4 {
		for i := range 150 {
			value := "v"
			if i%3 == 0 {
				value = "<nil>"
			}
			mustAppend(t, p, kv(clk.ms(), fmt.Sprint("k", i%(7+round)), value))
			clk.add(1)
		}
		mustCompact(t, p)
		clk.add(100)
		check(fmt.Sprint("compaction ", round, ", crash"), mem.CrashClone(nil), true)
	}
	s.Checkpoint()
	check("delete after compact, crash", mem.CrashClone(nil), false)
	if _, err := p.DeleteRecordsBefore(p.HighWatermark() - 20); err != nil {
		t.Fatal(err)
	}
	check("deleted records, crash", mem.CrashClone(nil), false)
	closeStore(t, s)
	check("clean stop", mem, false)
}
