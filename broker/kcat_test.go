package broker_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/internal/debtool"
)

// kcat runs librdkafka's command line client and returns what it printed.
func kcat(t *testing.T, ctx context.Context, b *brokertest.Broker, in string, args ...string) string {
	t.Helper()
	path, env, err := debtool.Kcat(ctx)
	if err != nil {
		t.Fatalf("getting kcat: %v", err)
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"-b", b.Addr()}, args...)...)
	cmd.Env, cmd.Stdin = env, strings.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kcat %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func TestKcat(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	var lines strings.Builder
	for i := range 500 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	for _, tc := range []struct {
		name string
		args []string
	}{
		{"idempotent", []string{"-X", "enable.idempotence=true"}},
		{"acks 0", []string{"-X", "acks=0"}},
		{"acks 1", []string{"-X", "acks=1"}},
		{"gzip", []string{"-z", "gzip"}},
		{"snappy", []string{"-z", "snappy"}},
		{"lz4", []string{"-z", "lz4"}},
		{"zstd", []string{"-z", "zstd"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			topic := "kcat-" + strings.ReplaceAll(tc.name, " ", "-")
			kcat(t, ctx, b, lines.String(), append([]string{"-P", "-t", topic}, tc.args...)...)
			if got := kcat(t, ctx, b, "", "-C", "-t", topic, "-e", "-q"); got != lines.String() {
				t.Fatalf("read back %d bytes, want %d", len(got), lines.Len())
			}
		})
	}
	t.Run("group", func(t *testing.T) {
		got := kcat(t, ctx, b, "", "-G", "kg", "-X", "auto.offset.reset=earliest", "-c", "500", "-q", "kcat-lz4")
		if got != lines.String() {
			t.Fatalf("the group read %d bytes, want %d", len(got), lines.Len())
		}
	})
	t.Run("timestamp", func(t *testing.T) {
		if got := kcat(t, ctx, b, "", "-Q", "-t", "kcat-zstd:0:0"); !strings.Contains(got, "offset 0") {
			t.Fatalf("offset of the first record = %q", got)
		}
	})
}
