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

// A segment whose first batch has no timestamp rolls by the time that it is
// there, whatever the batches that follow have (Kafka: LogSegment.shouldRoll).
// Where the first one has a timestamp, batches without one never roll.
func TestSegmentsRollWithoutTimestamps(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []int64 // of batches, 100 ms after each other by the clock
		want  []int   // segments after each
	}{
		{"none", []int64{-1, -1, -1, -1, -1, -1, -1}, []int{1, 1, 1, 2, 2, 2, 3}},
		{"not in the first", []int64{-1, epoch0, epoch0 + 900, epoch0 + 901, epoch0 + 902}, []int{1, 1, 1, 2, 2}},
		{"only in the first", []int64{epoch0, -1, -1, -1, -1, epoch0 + 251}, []int{1, 1, 1, 1, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			clk := newClock()
			mem := vfs.NewMem()
			s := open(t, mem, func(cfg *logstore.Config) { cfg.Now = clk.now })
			p := create(t, s, func(c *logstore.LogConfig) { c.SegmentMs = 250 })
			for i, ts := range c.times {
				mustAppend(t, p, kv(ts, "k", "v"))
				if got := p.Segments(); got != c.want[i] {
					t.Fatalf("%d segments after batch %d, want %d", got, i, c.want[i])
				}
				clk.add(100)
			}
			closeStore(t, s)
		})
	}
}

// A restart counts from its own time where there are no timestamps, as Kafka's
// does, and knows the timestamp of the first batch where there is one.
func TestSegmentsRollAfterRestart(t *testing.T) {
	for _, c := range []struct {
		first int64
		after int // segments after a batch 200 ms later
	}{{epoch0, 2}, {-1, 1}} {
		clk := newClock()
		mem := vfs.NewMem()
		hasty := func(c *logstore.LogConfig) { c.SegmentMs = 150 }
		s := open(t, mem, func(cfg *logstore.Config) { cfg.Now = clk.now })
		mustAppend(t, create(t, s, hasty), kv(c.first, "k", "v"))
		closeStore(t, s)
		clk.add(200)
		s = open(t, mem, func(cfg *logstore.Config) { cfg.Now = clk.now })
		p := s.Get(orders)
		cfg := p.Config()
		hasty(&cfg)
		p.SetConfig(cfg)
		mustAppend(t, p, kv(epoch0+200, "k", "v"))
		if p.Segments() != c.after {
			t.Errorf("first timestamp %d: %d segments after the restart, want %d", c.first, p.Segments(), c.after)
		}
		closeStore(t, s)
	}
}

// segment.jitter.ms lets segments roll sooner, each by another time below it,
// and never later.
func TestSegmentJitter(t *testing.T) {
	for _, c := range []struct {
		span       int64 // ms
		some, more bool  // some roll, some do not
	}{{500, false, true}, {750, true, true}, {1001, true, false}} {
		s := open(t, vfs.NewMem())
		p := create(t, s, func(c *logstore.LogConfig) { c.SegmentMs, c.SegmentJitterMs, c.FlushBeforeAck = 1000, 500, false })
		rolled, stayed := 0, 0
		ts := epoch0
		for range 100 {
			// A new segment, by force of time, and then a batch in question.
			ts += 10_000
			mustAppend(t, p, kv(ts, "k", "v"))
			before := p.Segments()
			ts += c.span
			mustAppend(t, p, kv(ts, "k", "v"))
			if p.Segments() > before {
				rolled++
			} else {
				stayed++
			}
		}
		if (rolled > 0) != c.some || (stayed > 0) != c.more {
			t.Errorf("after %d of 1000 ms with up to 500 of jitter %d segments rolled and %d did not", c.span, rolled, stayed)
		}
		closeStore(t, s)
	}
}
