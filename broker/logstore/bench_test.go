package logstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// benchDir is a folder on a real disk: TMPDIR may be memory.
func benchDir(b testing.TB) string {
	b.Helper()
	return b.TempDir()
}

func benchStore(b testing.TB, n int, flush bool) []*logstore.Partition {
	b.Helper()
	s := open(b, vfs.OS{}, func(c *logstore.Config) { c.Dirs = []string{benchDir(b)}; c.Now = time.Now })
	b.Cleanup(func() { closeStore(b, s) })
	cfg := logstore.DefaultLogConfig()
	cfg.FlushBeforeAck = flush
	cfg.RetentionBytes = 1 << 30
	parts := make([]*logstore.Partition, n)
	for i := range parts {
		p, err := s.Create(logstore.TopicPartition{Topic: "bench", Partition: int32(i)}, logstore.TopicID{1}, cfg)
		if err != nil {
			b.Fatal(err)
		}
		parts[i] = p
	}
	return parts
}

// sized builds a batch of about total bytes with records of size bytes.
func sized(total, size int) []byte {
	var b recordbatch.Builder
	value := make([]byte, size)
	for b.Size() < total {
		b.Add(time.Now().UnixMilli(), nil, value)
	}
	out, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	return out
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name        string
		total, size int
	}{{"100B_in_100B", 100, 100}, {"1KiB_in_16KiB", 16 << 10, 1 << 10}, {"100B_in_16KiB", 16 << 10, 100}, {"1KiB_in_1MiB", 1000 << 10, 1 << 10}} {
		b.Run(c.name, func(b *testing.B) {
			p := benchStore(b, 1, false)[0]
			data := sized(c.total, c.size)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				recordbatch.Batch(data).AssignOffsets(0, 0)
				if _, err := p.Append(data, logstore.AppendOptions{}); err != nil {
					b.Fatal(err)
				}
				if p.Size() > 4<<30 {
					b.StopTimer()
					if _, err := p.ApplyRetention(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	p := benchStore(b, 1, false)[0]
	data := sized(16<<10, 1<<10)
	for range 1000 {
		recordbatch.Batch(data).AssignOffsets(0, 0)
		if _, err := p.Append(data, logstore.AppendOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	end := p.LogEndOffset()
	for name, offset := range map[string]func(i int64) int64{
		"tail": func(int64) int64 { return end - 1 }, "anywhere": func(i int64) int64 { return i * 7919 % end },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var i int64
			for b.Loop() {
				i++
				r, err := p.Read(logstore.ReadOptions{Offset: offset(i), MaxBytes: 1 << 20, MinOneBatch: true})
				if err != nil || r.Len() == 0 {
					b.Fatal(err)
				}
				r.Release()
			}
		})
	}
}

// TestAppendAllocations guards the data path: one append allocates nothing.
func TestAppendAllocations(t *testing.T) {
	p := benchStore(t, 1, false)[0]
	data := sized(1000, 100)
	got := testing.AllocsPerRun(2000, func() {
		recordbatch.Batch(data).AssignOffsets(0, 0)
		if _, err := p.Append(data, logstore.AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Fatalf("an append allocates %.2f times, want 0", got)
	}
}

// BenchmarkGroupCommit compares acknowledgements a second of flushed appends with a raw loop of append and
// fdatasync on as many files, in the same run. Run it with -benchtime=1x.
func BenchmarkGroupCommit(b *testing.B) {
	const d = 3 * time.Second
	data := sized(1000, 100)
	for _, c := range []struct{ producers, partitions int }{{1, 1}, {16, 1}, {16, 16}} {
		b.Run(fmt.Sprintf("%dproducers_%dpartitions", c.producers, c.partitions), func(b *testing.B) {
			for b.Loop() {
				raw := rawLoop(b, c.partitions, data, d)
				parts := benchStore(b, c.partitions, true)
				ours := measure(c.producers, d, func(i int) func() error {
					p, mine := parts[i%len(parts)], slices.Clone(data)
					ch := make(chan error, 1)
					done := func(err error) { ch <- err }
					return func() error {
						recordbatch.Batch(mine).AssignOffsets(0, 0)
						info, err := p.Append(mine, logstore.AppendOptions{})
						if err != nil {
							return err
						}
						p.AfterFlush(info.LastOffset+1, done)
						return <-ch
					}
				})
				b.ReportMetric(ours.rate, "acks/s")
				b.ReportMetric(ours.p99.Seconds()*1000, "p99-ms")
				b.ReportMetric(raw.rate, "raw/s")
				b.ReportMetric(raw.p99.Seconds()*1000, "raw-p99-ms")
				b.ReportMetric(ours.rate/raw.rate, "ratio")
			}
		})
	}
}

type measured struct {
	rate float64
	p99  time.Duration
}

// measure runs n loops for a time.
func measure(n int, d time.Duration, make func(i int) func() error) measured {
	var mu sync.Mutex
	var all []time.Duration
	var failed atomic.Pointer[error]
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var wg sync.WaitGroup
	for i := range n {
		step := make(i)
		wg.Go(func() {
			var own []time.Duration
			for ctx.Err() == nil {
				start := time.Now()
				if err := step(); err != nil {
					failed.Store(&err)
					return
				}
				own = append(own, time.Since(start))
			}
			mu.Lock()
			all = append(all, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	if e := failed.Load(); e != nil {
		panic(*e)
	}
	slices.Sort(all)
	return measured{rate: float64(len(all)) / d.Seconds(), p99: all[len(all)*99/100]}
}

// rawLoop appends and syncs on n files in parallel, without a store.
func rawLoop(b *testing.B, n int, data []byte, d time.Duration) measured {
	dir := benchDir(b)
	return measure(n, d, func(i int) func() error {
		f, err := vfs.OS{}.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			panic(err)
		}
		b.Cleanup(func() { _ = f.Close(); _ = os.Remove(filepath.Join(dir, fmt.Sprint(i))) })
		var pos int64
		return func() error {
			if _, err := f.WriteAt(data, pos); err != nil {
				return err
			}
			pos += int64(len(data))
			return f.Sync()
		}
	})
}
