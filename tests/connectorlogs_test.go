package tests

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/proctest"
)

// TestConnectorLogs reads by the command line what a worker logs of one connector:
// the lines that are kept, and those that come while it follows. Another
// connector's lines do not show.
func TestConnectorLogs(t *testing.T) {
	p := proctest.Start(t, proctest.Config{})
	rest := "http://" + p.REST()
	missing := config{"connector.class": "FileStreamSource", "topic": "lines", "file": filepath.Join(t.TempDir(), "missing")}
	create(t, p, "chatty", missing.with("first.mistake", "1"))
	create(t, p, "other", missing.with("others.mistake", "1"))

	logs := func(args ...string) string {
		t.Helper()
		status, stdout, stderr := leat(t, append([]string{"connector", "logs", "--url", rest}, args...)...)
		if status != 0 {
			t.Fatalf("leat connector logs %v: status %d: %s", args, status, stderr)
		}
		return stdout
	}
	if out := logs("chatty"); strings.Count(out, "first.mistake") != 1 || strings.Contains(out, "others.mistake") {
		t.Errorf("logs of chatty:\n%s", out)
	}
	var line struct {
		Seq  uint64
		Time time.Time
		Text string
	}
	d := json.NewDecoder(strings.NewReader(logs("other", "-o", "json")))
	if err := d.Decode(&line); err != nil {
		t.Fatal(err)
	}
	if line.Seq == 0 || time.Since(line.Time) > time.Hour || !strings.Contains(line.Text, "others.mistake") {
		t.Errorf("logs as JSON: %+v", line)
	}
	followLogs(t, p, rest, missing)
}

func followLogs(t *testing.T, p *proctest.Process, rest string, c config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, proctest.Build(t), "connector", "logs", "chatty", "--follow", "--url", rest)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	await := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("no line with %q came: %v", text, lines.Err())
	}
	await("first.mistake")
	for _, key := range []string{"second.mistake", "third.mistake"} {
		mustAPI(t, p, "PUT", "/connectors/chatty/config", c.with("name", "chatty", key, "1"))
		await(key)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // Wait must come after the last read
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("leat connector logs --follow after SIGTERM: %v", err)
	}
}
