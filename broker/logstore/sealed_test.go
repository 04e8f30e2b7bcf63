package logstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// Recovery does not read a segment again that was sealed a moment before a crash, long before the checkpoints are due.
func TestSealedSegmentsAreCheckpointed(t *testing.T) {
	mem := vfs.NewMem()
	s := open(t, mem, func(c *logstore.Config) { c.InitialTaskDelay, c.FlushCheckpointInterval = time.Hour, time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	p := create(t, s, smallSegments)
	for p.Segments() < 3 {
		mustAppend(t, p, batch(5))
	}
	waitFlushed(t, p, p.LogEndOffset())
	deadline := time.Now().Add(time.Minute)
	for {
		text, err := vfs.ReadFile(mem, "/data/recovery-point-offset-checkpoint", 1<<20)
		if err == nil && strings.Contains(string(text), "orders") && !strings.Contains(string(text), "orders 0 0\n") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no recovery point after two segments were sealed: %q %v", text, err)
		}
		<-time.After(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
}
