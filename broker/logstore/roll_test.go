package logstore_test

import (
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// A segment ends where the next batch would not fit, where it would be too far
// from the first in time, or where an index is full.
func TestSegmentsRoll(t *testing.T) {
	size := int32(len(kv(epoch0, "k", "v")))
	for _, c := range []struct {
		name   string
		change func(*logstore.LogConfig)
		step   int64 // ms between batches
		want   []int // segments after each batch
	}{
		{"one", func(*logstore.LogConfig) {}, 1000, []int{1, 1, 1, 1, 1, 1}},
		{"size", func(c *logstore.LogConfig) { c.SegmentBytes = 2 * size }, 0, []int{1, 1, 2, 2, 3, 3}},
		{"one byte less", func(c *logstore.LogConfig) { c.SegmentBytes = 2*size - 1 }, 0, []int{1, 2, 3, 4, 5, 6}},
		{"time", func(c *logstore.LogConfig) { c.SegmentMs = 150 }, 100, []int{1, 1, 2, 2, 3, 3}},
		{"exactly in time", func(c *logstore.LogConfig) { c.SegmentMs = 200 }, 100, []int{1, 1, 1, 2, 2, 2}},
		{"compaction lag", func(c *logstore.LogConfig) { c.Compact, c.MaxCompactionLagMs = true, 150 }, 100, []int{1, 1, 2, 2, 3, 3}},
		// Each batch but the first of a segment has an entry, 12 bytes long in
		// the index of times.
		{"index", func(c *logstore.LogConfig) { c.IndexIntervalBytes, c.SegmentIndexBytes = 1, 24 }, 1, []int{1, 1, 1, 2, 2, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, vfs.NewMem())
			p := create(t, s, c.change)
			for i, want := range c.want {
				mustAppend(t, p, kv(epoch0+int64(i)*c.step, "k", "v"))
				if got := p.Segments(); got != want {
					t.Fatalf("%d segments after batch %d, want %d", got, i, want)
				}
			}
			closeStore(t, s)
		})
	}
}

// retention.bytes keeps at least that much: a segment goes when the others have
// it without that one.
func TestRetentionByBytes(t *testing.T) {
	size := int64(len(batch(1)))
	for _, c := range []struct{ limit, start int64 }{{-1, 0}, {6 * size, 0}, {5 * size, 0}, {4 * size, 2}, {4*size - 1, 2}, {2*size + 1, 2}, {2 * size, 4}, {1, 4}, {0, 6}} {
		s := open(t, vfs.NewMem())
		p := create(t, s, func(cfg *logstore.LogConfig) { cfg.SegmentBytes = int32(2 * size) })
		for range 6 {
			mustAppend(t, p, batch(1))
		}
		cfg := p.Config()
		cfg.RetentionBytes, cfg.RetentionMs = c.limit, logstore.Unlimited
		p.SetConfig(cfg)
		if _, err := p.ApplyRetention(); err != nil {
			t.Fatal(err)
		}
		if p.LogStartOffset() != c.start {
			t.Errorf("6 batches in segments of 2, retention of %d bytes (%d a batch): the log starts at %d, want %d", c.limit, size, p.LogStartOffset(), c.start)
		}
		closeStore(t, s)
	}
}
