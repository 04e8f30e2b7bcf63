package logstore_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// flush.ms flushes what was acknowledged before it was on disk, once it is that
// old; without it, and without flush.messages, nothing is flushed until a
// segment rolls.
func TestFlushMs(t *testing.T) {
	for _, c := range []struct {
		ms    int64
		after time.Duration
		want  int64
	}{{3000, 2900 * time.Millisecond, 0}, {3000, 4100 * time.Millisecond, 1}, {logstore.DefaultLogConfig().FlushMs, 24 * time.Hour, 0}} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, vfs.NewMem(), func(c *logstore.Config) { c.Now = time.Now })
			p := create(t, s, func(cfg *logstore.LogConfig) { cfg.FlushBeforeAck, cfg.FlushMs = false, c.ms })
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			mustAppend(t, p, batchAt(time.Now().UnixMilli(), 1))
			time.Sleep(c.after)
			synctest.Wait()
			if got := p.FlushedOffset(); got != c.want {
				t.Errorf("flush.ms=%d, after %v: flushed up to %d, want %d", c.ms, c.after, got, c.want)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			closeStore(t, s)
		})
	}
}
