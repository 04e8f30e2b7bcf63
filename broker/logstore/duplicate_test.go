package logstore_test

import (
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// TestDuplicateWaits: the answer to a repeated batch waits for the flush of the
// first one, with flush.messages as with leat.flush.before.ack.
func TestDuplicateWaits(t *testing.T) {
	for name, change := range map[string]func(*logstore.LogConfig){
		"leat.flush.before.ack": func(c *logstore.LogConfig) { c.FlushBeforeAck = true },
		"flush.messages":        func(c *logstore.LogConfig) { c.FlushMessages = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			p := create(t, open(t, vfs.Faults{FS: vfs.NewMem(), Fail: func(op vfs.Op, path string) error {
				if op == vfs.OpSync && strings.HasSuffix(path, ".log") {
					<-release
				}
				return nil
			}}), change)
			send := func() logstore.AppendInfo {
				t.Helper()
				info, err := p.Append(batch(1, producer(1, 0, 0)), logstore.AppendOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return info
			}
			first, again := send(), send()
			close(release)
			if !first.MustFlush || !again.Duplicate || !again.MustFlush {
				t.Fatalf("before the flush: %+v, repeated: %+v", first, again)
			}
			waitFlushed(t, p, 1)
			if again = send(); !again.Duplicate || again.MustFlush {
				t.Fatalf("repeated after it: %+v", again)
			}
		})
	}
}
