package postgres

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestWarnOnce(t *testing.T) {
	var out bytes.Buffer
	task := &Task{log: slog.New(slog.NewTextHandler(&out, nil))}
	for range 2 {
		task.warnOnce("public.a", "no key")
		task.warnOnce("public.b", "no key")
		task.warnOnce("public.a", "no identity")
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want 3:\n%s", n, out.String())
	}
}
