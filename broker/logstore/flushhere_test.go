package logstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

func appendUnflushed(t *testing.T, p *logstore.Partition) int64 {
	t.Helper()
	info, err := p.Append(batch(1), logstore.AppendOptions{FlushLater: true})
	if err != nil || !info.MustFlush {
		t.Fatalf("append: %+v, %v", info, err)
	}
	return info.LastOffset + 1
}

func TestFlushHere(t *testing.T) {
	syncing, release := make(chan struct{}), make(chan error)
	s := open(t, vfs.Faults{FS: vfs.NewMem(), Fail: func(op vfs.Op, path string) error {
		if op != vfs.OpSync || !strings.HasSuffix(path, ".log") {
			return nil
		}
		syncing <- struct{}{}
		return <-release
	}})
	p := create(t, s, func(c *logstore.LogConfig) { c.FlushBeforeAck = true })
	type outcome struct {
		done bool
		err  error
	}
	flush := func(offset int64) chan outcome {
		ch := make(chan outcome, 1)
		go func() {
			told := errors.New("nothing was told")
			done := p.FlushHere(offset, func(err error) { told = err })
			ch <- outcome{done, told}
		}()
		return ch
	}

	first := flush(appendUnflushed(t, p))
	<-syncing
	// What comes while a flush runs is left to the next one.
	end := appendUnflushed(t, p)
	if p.FlushHere(end, func(error) { t.Error("a flush that was not made has an outcome") }) {
		t.Fatal("a second flush beside the first")
	}
	if hw := p.HighWatermark(); hw != 0 {
		t.Fatalf("high watermark is %d before anything is flushed", hw)
	}
	waited := make(chan error, 1)
	p.AfterFlush(end, func(err error) { waited <- err })
	release <- nil
	if got := <-first; !got.done || got.err != nil {
		t.Fatalf("flush here: %+v", got)
	}
	<-syncing
	release <- nil
	if err := <-waited; err != nil || p.HighWatermark() != end {
		t.Fatalf("the flush behind it: %v, high watermark %d, want %d", err, p.HighWatermark(), end)
	}

	// A failed sync takes the dir offline, whoever made it.
	failed := flush(appendUnflushed(t, p))
	<-syncing
	release <- errors.New("I/O error")
	if got := <-failed; !got.done || !errors.Is(got.err, logstore.ErrDirOffline) {
		t.Fatalf("flush here with a failing disk: %+v", got)
	}
	if p.HighWatermark() != end {
		t.Fatalf("high watermark is %d after a failed flush, want %d", p.HighWatermark(), end)
	}
	closeStore(t, s)
}
