package proctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/proctest"
)

// broker starts the real binary with the fewest parts.
func broker(t *testing.T) *proctest.Process {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d\nlog.dirs=%s\nleat.http.listeners=http://127.0.0.1:0\n", port, filepath.Join(dir, "data"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return proctest.Start(t, proctest.Config{Args: []string{"broker", file}, KafkaPort: port})
}

func TestKillAndStartAgain(t *testing.T) {
	p := broker(t)
	first := p.Pid()
	p.Kill(t)
	if p.Running() {
		t.Fatal("the process runs after Kill")
	}
	p.Start(t)
	if !p.Running() || p.Pid() == first {
		t.Fatalf("after the second start: running %v, pid %d, first pid %d", p.Running(), p.Pid(), first)
	}
	p.Stop(t)
}

func TestUsageErrorEndsWithAStatusAndAMessage(t *testing.T) {
	p := proctest.New(t, proctest.Config{Args: []string{"no-such-command"}})
	p.Start(t)
	if err := p.Wait(t, 20*time.Second); err == nil {
		t.Fatal("leat no-such-command ended with status 0")
	}
	line := p.Log.WaitFor(t, 0, "no-such-command", time.Second)
	if !strings.Contains(line, "unknown command") {
		t.Fatalf("the message is %q, want one about an unknown command", line)
	}
}
