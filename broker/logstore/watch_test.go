package logstore_test

import (
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// recorder collects events.
type recorder struct {
	mu   sync.Mutex
	seen logstore.Event
	n    int
	ch   chan struct{} // gets a token for each event, capacity permitting
}

func newRecorder() *recorder { return &recorder{ch: make(chan struct{}, 100)} }

func (r *recorder) LogChanged(_ *logstore.Partition, what logstore.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen |= what
	r.n++
	select {
	case r.ch <- struct{}{}:
	default:
	}
}

func (r *recorder) events() (logstore.Event, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen, r.n
}

func TestWatch(t *testing.T) {
	s := open(t, vfs.NewMem())
	p := create(t, s)
	hw, lso, start, closed := newRecorder(), newRecorder(), newRecorder(), newRecorder()
	p.Watch(hw, logstore.EventHighWatermark)
	p.Watch(lso, logstore.EventLastStable)
	p.Watch(start, logstore.EventLogStart)
	p.Watch(closed, logstore.EventClosed)
	mustAppend(t, p, batch(1, producer(1, 0, 0), txn))
	<-hw.ch
	if _, n := lso.events(); n != 0 {
		t.Fatalf("last stable offset moved %d times over an open transaction", n)
	}
	mustAppend(t, p, recordbatch.AppendMarker(nil, 1, 0, recordbatch.Marker{Commit: true}, epoch0), coordinator)
	<-lso.ch
	if _, err := p.DeleteRecordsBefore(1); err != nil {
		t.Fatal(err)
	}
	<-start.ch
	<-hw.ch
	p.Unwatch(hw)
	mustAppend(t, p, batch(1))
	if _, n := hw.events(); n != 2 {
		t.Fatalf("%d events, two before Unwatch", n)
	}
	if _, n := closed.events(); n != 0 {
		t.Fatal("told that it is closed")
	}
	closeStore(t, s)
	if what, _ := closed.events(); what&logstore.EventClosed == 0 {
		t.Fatal("not told that it is closed")
	}
}

// TestVisibleOnlyOnceFlushed checks that readers never get ahead of the flush, and that without FlushBeforeAck they
// need not wait for it.
func TestVisibleOnlyOnceFlushed(t *testing.T) {
	for _, flush := range []bool{true, false} {
		s := open(t, vfs.NewMem())
		p := create(t, s, func(c *logstore.LogConfig) { c.FlushBeforeAck = flush })
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 200 {
					info, err := p.Append(batch(1, producer(int64(g), 0, int32(i))), logstore.AppendOptions{})
					if err != nil {
						t.Error(err)
						return
					}
					// A flush of another append may have taken this one along already.
					if flushed := p.FlushedOffset() > info.LastOffset; info.MustFlush != flush && !(flush && flushed) {
						t.Errorf("flush before ack %v, MustFlush %v", flush, info.MustFlush)
					}
					if !flush && p.HighWatermark() <= info.LastOffset {
						t.Errorf("high watermark is %d after offset %d", p.HighWatermark(), info.LastOffset)
					}
					if info.MustFlush {
						waitFlushed(t, p, info.LastOffset+1)
					}
					if hw, fl := p.HighWatermark(), p.FlushedOffset(); flush && hw > fl {
						t.Errorf("high watermark %d is above what is flushed, %d", hw, fl)
					}
				}
			})
		}
		wg.Wait()
		if got, _ := readAll(t, p, 0, logstore.BoundHighWatermark); !slices.Equal(got, upTo(0, 800)) {
			t.Fatalf("%d records visible, want 800", len(got))
		}
		closeStore(t, s)
	}
}

func TestFlushMessages(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s, func(c *logstore.LogConfig) { c.FlushBeforeAck, c.FlushMessages = false, 3 })
	for i, want := range []bool{false, false, true} {
		if info := mustAppend(t, p, batch(1)); info.MustFlush != want {
			t.Fatalf("record %d: MustFlush %v, want %v", i, info.MustFlush, want)
		}
	}
	if p.FlushedOffset() != 3 {
		t.Fatalf("flushed up to %d, want 3", p.FlushedOffset())
	}
}

func TestTopicSettings(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s, func(c *logstore.LogConfig) {
		c.LogAppendTime = true
		c.TimestampAfterMs = math.MaxInt64
		c.Compression = logstore.Compression{Recompress: true, Codec: recordbatch.LZ4}
	})
	for _, codec := range []recordbatch.Codec{recordbatch.None, recordbatch.Zstd, recordbatch.LZ4} {
		info := mustAppend(t, p, batchAt(5, 10, func(b *recordbatch.Builder) { b.Codec = codec }))
		if info.LogAppendTime != epoch0+1000 {
			t.Fatalf("log append time is %d", info.LogAppendTime)
		}
	}
	r, err := p.Read(logstore.ReadOptions{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	data, err := r.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; len(data) > 0; n++ {
		b, rest, err := recordbatch.Next(data)
		if err != nil || b.Codec() != recordbatch.LZ4 || !b.LogAppendTime() || b.MaxTimestamp() != epoch0+1000 || !b.CRCValid() {
			t.Fatalf("batch %d is stored with %s, time %d, %v", n, b.Codec(), b.MaxTimestamp(), err)
		}
		data = rest
	}
}
