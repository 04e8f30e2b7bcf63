package logstore_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// epoch0 is the time in ms at which test records begin.
const epoch0 int64 = 1_700_000_000_000

var orders = logstore.TopicPartition{Topic: "orders", Partition: 0}

// testLog collects log lines into the test's output.
type testLog struct{ t testing.TB }

func (w testLog) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

func logger(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(testLog{t}, nil)) }

func open(t testing.TB, fsys vfs.FS, change ...func(*logstore.Config)) *logstore.Store {
	t.Helper()
	cfg := logstore.Config{Dirs: []string{"/data"}, FS: fsys, NodeID: 1, Now: func() time.Time { return time.UnixMilli(epoch0 + 1000) }}
	for _, f := range change {
		f(&cfg)
	}
	s, err := logstore.Open(cfg)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	return s
}

func closeStore(t testing.TB, s *logstore.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Fatalf("closing the store: %v", err)
	}
}

func create(t testing.TB, s *logstore.Store, change ...func(*logstore.LogConfig)) *logstore.Partition {
	t.Helper()
	cfg := logstore.DefaultLogConfig()
	for _, f := range change {
		f(&cfg)
	}
	p, err := s.Create(orders, logstore.TopicID{1, 2, 3}, cfg)
	if err != nil {
		t.Fatalf("creating a partition: %v", err)
	}
	return p
}

// batch builds a plain batch of n records.
func batch(n int, change ...func(*recordbatch.Builder)) []byte {
	return batchAt(epoch0, n, change...)
}

func batchAt(ts int64, n int, change ...func(*recordbatch.Builder)) []byte {
	var b recordbatch.Builder
	for _, f := range change {
		f(&b)
	}
	for i := range n {
		b.Add(ts+int64(i), []byte("k"+strconv.Itoa(i)), []byte("value "+strconv.Itoa(i)))
	}
	out, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	return out
}

// producer makes a batch idempotent.
func producer(id int64, epoch int16, seq int32) func(*recordbatch.Builder) {
	return func(b *recordbatch.Builder) {
		b.Idempotent, b.ProducerID, b.ProducerEpoch, b.BaseSequence = true, id, epoch, seq
	}
}

func txn(b *recordbatch.Builder) { b.Transactional = true }

func mustAppend(t testing.TB, p *logstore.Partition, b []byte, change ...func(*logstore.AppendOptions)) logstore.AppendInfo {
	t.Helper()
	var o logstore.AppendOptions
	for _, f := range change {
		f(&o)
	}
	info, err := p.Append(b, o)
	if err != nil {
		t.Fatalf("appending: %v", err)
	}
	if info.MustFlush {
		waitFlushed(t, p, info.LastOffset+1)
	}
	return info
}

func coordinator(o *logstore.AppendOptions) { o.Origin = logstore.OriginCoordinator }

func waitFlushed(t testing.TB, p *logstore.Partition, offset int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.WaitFlushed(ctx, offset); err != nil {
		t.Fatalf("waiting for the flush up to %d: %v", offset, err)
	}
}

// readAll returns the offsets of all records from an offset to the bound.
func readAll(t testing.TB, p *logstore.Partition, from int64, bound logstore.Bound) (offsets []int64, values []string) {
	t.Helper()
	var rd recordbatch.Reader
	for {
		r, err := p.Read(logstore.ReadOptions{Offset: from, MaxBytes: 1 << 20, MinOneBatch: true, Bound: bound})
		if err != nil {
			t.Fatalf("reading at %d: %v", from, err)
		}
		data, err := r.AppendTo(nil)
		r.Release()
		if err != nil {
			t.Fatalf("reading at %d: %v", from, err)
		}
		if len(data) == 0 {
			return offsets, values
		}
		for len(data) > 0 {
			b, rest, err := recordbatch.Next(data)
			if err != nil || !b.CRCValid() {
				t.Fatalf("read a bad batch at %d: %v", from, err)
			}
			data = rest
			if err := rd.Reset(b); err != nil {
				t.Fatal(err)
			}
			for rd.Next() {
				if rd.Record().Offset >= from {
					offsets = append(offsets, rd.Record().Offset)
					values = append(values, string(rd.Record().Value))
				}
			}
			if rd.Err() != nil {
				t.Fatal(rd.Err())
			}
			from = b.NextOffset()
		}
	}
}

func smallSegments(c *logstore.LogConfig) { c.SegmentBytes, c.IndexIntervalBytes = 4096, 256 }

func contextWithTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
