package broker_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/internal/vfs"
)

// lockedBuffer takes log lines while they are looked at.
type lockedBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.buf.String(), text)
}

// Markers that cannot be written are tried again until they can, and the log
// says so once and not at every try.
func TestMarkersAreTriedAgain(t *testing.T) {
	var broken atomic.Bool
	var tries atomic.Int64
	disk := vfs.Faults{FS: vfs.OS{}, Fail: func(op vfs.Op, path string) error {
		if op == vfs.OpWrite && broken.Load() && strings.Contains(path, "tt-0") {
			tries.Add(1)
			return errors.New("no space left on device")
		}
		return nil
	}}
	var log lockedBuffer
	b := brokertest.StartOn(t, disk, &log, nil)
	ctx := testContext(t)
	produce(t, ctx, client(t, b, kgo.AllowAutoTopicCreation()), "tt", 1)
	p := newRawProducer(t, ctx, b, time.Minute)
	p.add("tt")
	if code := p.produce(9, "tt", 0); code != 0 {
		t.Fatalf("producing: %v", kerr.ErrorForCode(code))
	}
	broken.Store(true)
	if code := p.end(true); code != 0 {
		t.Fatalf("committing: %v, the decision is in another log", kerr.ErrorForCode(code))
	}
	const enough = 5
	eventually(t, "the markers being tried again", func() bool { return tries.Load() >= enough })
	if code := p.end(true); code != kerr.ConcurrentTransactions.Code {
		t.Errorf("the transaction before its markers: %v, want CONCURRENT_TRANSACTIONS", kerr.ErrorForCode(code))
	}
	if n := log.count("writing transaction markers"); n != 1 {
		t.Errorf("%d lines about %d failures, want 1", n, tries.Load())
	}
	broken.Store(false)
	awaitTxn(t, ctx, b, "CompleteCommit")
	c := client(t, b, kgo.ConsumeTopics("tt"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	consume(t, ctx, c, 2)
	if n := log.count("transaction markers are written again"); n != 1 {
		t.Errorf("%d lines say that it is over, want 1", n)
	}
}
