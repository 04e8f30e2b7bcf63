package logstore_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// gatedFS holds syncs of .log files back while it has a gate, until that is closed.
type gatedFS struct {
	vfs.FS
	gate atomic.Pointer[chan struct{}]
}

type gatedFile struct {
	vfs.File
	fs *gatedFS
}

func (g *gatedFS) Create(name string) (vfs.File, error) {
	f, err := g.FS.Create(name)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return gatedFile{f, g}, nil
}

func (f gatedFile) Sync() error {
	if c := f.fs.gate.Load(); c != nil {
		<-*c
	}
	return f.File.Sync()
}

// FlushHere makes the flush itself if none runs, and leaves what comes meanwhile to the pool; beside another flush it
// does not wait.
func TestFlushHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := &gatedFS{FS: vfs.NewMem()}
		s := open(t, fsys)
		p := create(t, s, func(c *logstore.LogConfig) { c.FlushBeforeAck = true })
		put := func(own bool) int64 {
			info, err := p.Append(batch(1), logstore.AppendOptions{OwnFlush: own})
			if err != nil {
				t.Fatal(err)
			}
			if !info.MustFlush {
				t.Fatal("an append with FlushBeforeAck need not be flushed")
			}
			return info.LastOffset + 1
		}
		end := put(true)
		synctest.Wait()
		if got := p.FlushedOffset(); got != 0 {
			t.Fatalf("flushed up to %d before anybody asked, want 0", got)
		}
		calls := 0
		count := func(err error) {
			if calls++; err != nil {
				t.Error(err)
			}
		}
		p.FlushHere(end, count)
		if calls != 1 || p.HighWatermark() != end {
			t.Fatalf("FlushHere returned with %d calls and the high watermark at %d, want 1 and %d", calls, p.HighWatermark(), end)
		}

		gate := make(chan struct{})
		fsys.gate.Store(&gate)
		put(false) // the pool flushes, and is held up
		synctest.Wait()
		p.FlushHere(put(true), count)
		if calls != 1 {
			t.Fatalf("FlushHere called back beside a flush that began before the append")
		}
		fsys.gate.Store(nil)
		close(gate)
		synctest.Wait()
		if calls != 2 || p.FlushedOffset() != 3 {
			t.Fatalf("%d calls, flushed up to %d, want 2 and 3", calls, p.FlushedOffset())
		}

		gate = make(chan struct{})
		fsys.gate.Store(&gate)
		end = put(true)
		here := make(chan struct{})
		go func() { p.FlushHere(end, count); close(here) }()
		synctest.Wait()
		p.AfterFlush(put(true), count) // comes meanwhile
		fsys.gate.Store(nil)
		close(gate)
		<-here
		synctest.Wait()
		if calls != 4 || p.FlushedOffset() != 5 {
			t.Fatalf("%d calls, flushed up to %d, want 4 and 5", calls, p.FlushedOffset())
		}
		closeStore(t, s)
	})
}
