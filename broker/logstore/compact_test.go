package logstore_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

func compacted(c *logstore.LogConfig) {
	c.Delete, c.Compact = false, true
	c.SegmentBytes, c.IndexIntervalBytes = 2048, 256
}

// clock stands still until it is moved on. The store looks at it on goroutines of its own.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(epoch0)
	return c
}

func (c *clock) now() time.Time { return time.UnixMilli(c.ms()) }

func (c *clock) ms() int64 { return c.at.Load() }

func (c *clock) add(ms int64) { c.at.Add(ms) }

func mustCompact(t testing.TB, p *logstore.Partition) bool {
	t.Helper()
	did, err := p.Compact(context.Background())
	if err != nil {
		t.Fatalf("compacting: %v", err)
	}
	return did
}

// entry is a record with its key; a tombstone has the value "<nil>".
type entry struct {
	offset     int64
	key, value string
}

func entries(t testing.TB, p *logstore.Partition, bound logstore.Bound) []entry {
	t.Helper()
	var out []entry
	var rd recordbatch.Reader
	aborted := map[int64]bool{}
	for from := p.LogStartOffset(); ; {
		r, err := p.Read(logstore.ReadOptions{Offset: from, MaxBytes: 1 << 20, MinOneBatch: true, Bound: bound})
		if err != nil {
			t.Fatalf("reading at %d: %v", from, err)
		}
		pending := r.Aborted
		data, err := r.AppendTo(nil)
		r.Release()
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			return out
		}
		for len(data) > 0 {
			b, rest, err := recordbatch.Next(data)
			if err != nil || !b.CRCValid() {
				t.Fatalf("bad batch at %d: %v", from, err)
			}
			data, from = rest, b.NextOffset()
			for len(pending) > 0 && pending[0].FirstOffset <= b.LastOffset() {
				aborted[pending[0].ProducerID] = true
				pending = pending[1:]
			}
			if b.Control() {
				delete(aborted, b.ProducerID())
				continue
			}
			if aborted[b.ProducerID()] && b.Transactional() {
				continue
			}
			if err := rd.Reset(b); err != nil {
				t.Fatal(err)
			}
			for rd.Next() {
				e := entry{rd.Record().Offset, string(rd.Record().Key), "<nil>"}
				if rd.Record().Value != nil {
					e.value = string(rd.Record().Value)
				}
				out = append(out, e)
			}
		}
	}
}

func latest(list []entry) map[string]string {
	m := map[string]string{}
	for _, e := range list {
		if e.value == "<nil>" {
			delete(m, e.key)
		} else {
			m[e.key] = e.value
		}
	}
	return m
}

func kv(ts int64, key, value string, change ...func(*recordbatch.Builder)) []byte {
	var b recordbatch.Builder
	for _, f := range change {
		f(&b)
	}
	var v []byte
	if value != "<nil>" {
		v = []byte(value)
	}
	b.Add(ts, []byte(key), v)
	out, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	return out
}

func TestCompaction(t *testing.T) {
	for codec := recordbatch.None; codec <= recordbatch.Zstd; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(codec)))
			clk := newClock()
			withClock := func(c *logstore.Config) { c.Now = clk.now; c.Cleaner.DedupeBufferSize = 24 * 64 }
			fsys := vfs.NewMem()
			s := open(t, fsys, withClock)
			p := create(t, s, compacted, func(c *logstore.LogConfig) { c.DeleteRetentionMs = 1000 })
			seq := map[int64]int32{}
			epoch := map[int64]int16{}
			for round := range 12 {
				for range 30 {
					clk.add(1)
					key := fmt.Sprintf("key%d", rng.IntN(25))
					value := fmt.Sprintf("value %d %s", clk.ms(), strings.Repeat("x", rng.IntN(60)))
					if rng.IntN(5) == 0 {
						value = "<nil>"
					}
					comp := func(b *recordbatch.Builder) { b.Codec = codec }
					id := int64(1 + rng.IntN(3))
					switch rng.IntN(4) {
					case 0: // a whole transaction
						mustAppend(t, p, kv(clk.ms(), key, value, producer(id, epoch[id], seq[id]), txn, comp))
						m := recordbatch.AppendMarker(nil, id, epoch[id]+1, recordbatch.Marker{Commit: rng.IntN(2) == 0}, clk.ms())
						mustAppend(t, p, m, coordinator)
						epoch[id]++
						seq[id] = 0
					case 1:
						mustAppend(t, p, kv(clk.ms(), key, value, producer(id, epoch[id], seq[id]), comp))
						seq[id]++
					default:
						mustAppend(t, p, kv(clk.ms(), key, value, comp))
					}
				}
				want := latest(entries(t, p, logstore.BoundLastStable))
				end := p.LogEndOffset()
				before := p.Size()
				producers := p.ActiveProducers()
				if !mustCompact(t, p) {
					t.Fatal("nothing to compact")
				}
				if round > 5 && p.Size() >= before {
					t.Fatalf("round %d: size was %d, is %d", round, before, p.Size())
				}
				check := func(what string) {
					t.Helper()
					got := entries(t, p, logstore.BoundLastStable)
					if !slices.IsSortedFunc(got, func(a, b entry) int { return int(a.offset - b.offset) }) {
						t.Fatalf("round %d, %s: offsets do not rise", round, what)
					}
					if m := latest(got); !maps.Equal(m, want) {
						t.Fatalf("round %d, %s: content is\n%v, want\n%v", round, what, m, want)
					}
					if p.LogEndOffset() != end {
						t.Fatalf("round %d, %s: log end is %d, want %d", round, what, p.LogEndOffset(), end)
					}
					got2 := p.ActiveProducers()
					if !slices.Equal(got2, producers) {
						t.Fatalf("round %d, %s: producers are\n%+v, want\n%+v", round, what, got2, producers)
					}
				}
				check("compacted")
				if round%3 == 1 {
					closeStore(t, s)
					s = open(t, fsys, withClock)
				} else if round%3 == 2 {
					fsys = fsys.CrashClone(nil)
					s = open(t, fsys, withClock)
				}
				p = s.Get(orders)
				cfg := logstore.DefaultLogConfig()
				compacted(&cfg)
				cfg.DeleteRetentionMs = 1000
				p.SetConfig(cfg)
				check("reopened")
				clk.add(int64(rng.IntN(1200)))
			}
			closeStore(t, s)
		})
	}
}

func TestTombstonesLiveForTheirTime(t *testing.T) {
	clk := newClock()
	s := open(t, vfs.NewMem(), func(c *logstore.Config) { c.Now = clk.now })
	defer closeStore(t, s)
	p := create(t, s, compacted, func(c *logstore.LogConfig) { c.DeleteRetentionMs = 5000 })
	fill := func() {
		for i := range 40 { // fills segments, so that what was before gets out of the active one
			mustAppend(t, p, kv(clk.ms(), "filler", fmt.Sprintf("%d %s", i, strings.Repeat("y", 100))))
		}
		waitFlushed(t, p, p.LogEndOffset())
	}
	has := func() bool {
		return slices.ContainsFunc(entries(t, p, logstore.BoundHighWatermark), func(e entry) bool { return e.key == "a" })
	}
	mustAppend(t, p, kv(clk.ms(), "a", "1"))
	mustAppend(t, p, kv(clk.ms(), "a", "<nil>"))
	for _, step := range []struct {
		wait int64
		want bool
	}{{100_000, true}, {4999, true}, {1, false}} {
		clk.add(step.wait)
		fill()
		if !mustCompact(t, p) {
			t.Fatal("nothing to compact")
		}
		if has() != step.want {
			t.Fatalf("after another %d ms the tombstone is there: %v, want %v", step.wait, has(), step.want)
		}
	}
}

func TestReadDuringCompaction(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s, compacted)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			entries(t, p, logstore.BoundHighWatermark)
			if _, err := p.OffsetForTimestamp(epoch0, logstore.BoundHighWatermark); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 30 {
		for i := range 60 {
			mustAppend(t, p, kv(epoch0, fmt.Sprint("k", i%7), strings.Repeat("z", 50)))
		}
		mustCompact(t, p)
		if _, err := p.ApplyRetention(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-done
	if got := latest(entries(t, p, logstore.BoundHighWatermark)); len(got) != 7 {
		t.Fatalf("%d keys left, want 7", len(got))
	}
}
