package tests

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/proctest"
)

// leat runs the binary to its end and returns exit status, standard output and
// standard error.
func leat(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, proctest.Build(t), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatalf("leat %s: %v", strings.Join(args, " "), err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestStartErrors starts leat where it cannot run: the error says why and what to
// do.
func TestStartErrors(t *testing.T) {
	p := proctest.Start(t, proctest.Config{})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "letter.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	newDir := func() string { return filepath.Join(t.TempDir(), "data") }
	free := "127.0.0.1:0"
	const jsonConverter = "org.apache.kafka.connect.json.JsonConverter"
	file := func(name string, lines ...string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"Kafka's port is taken", []string{"run", "--data", newDir(), "--kafka", taken.Addr().String(), "--rest", free},
			[]string{"--kafka", fmt.Sprint("process ", os.Getpid())}},
		{"the REST port is taken", []string{"run", "--data", newDir(), "--kafka", free, "--rest", taken.Addr().String()},
			[]string{"--rest", fmt.Sprint("process ", os.Getpid())}},
		{"the worker's port is taken", []string{"worker", file("worker.properties", "bootstrap.servers="+p.Kafka(), "group.id=second",
			"key.converter="+jsonConverter, "value.converter="+jsonConverter, "config.storage.topic=c", "offset.storage.topic=o",
			"status.storage.topic=s", "listeners=http://"+taken.Addr().String())}, []string{"key listeners", fmt.Sprint("process ", os.Getpid())}},
		{"the standalone worker's port is taken", []string{"standalone", file("standalone.properties", "bootstrap.servers="+p.Kafka(),
			"key.converter="+jsonConverter, "value.converter="+jsonConverter, "offset.storage.file.filename="+newDir(),
			"listeners=http://"+taken.Addr().String())}, []string{"key listeners", fmt.Sprint("process ", os.Getpid())}},
		{"the broker's port is taken", []string{"broker", file("server.properties", "process.roles=broker,controller", "node.id=1", "log.dirs="+newDir(),
			"listeners=PLAINTEXT://"+taken.Addr().String())}, []string{"key listeners", fmt.Sprint("process ", os.Getpid())}},
		{"the data folder is in use", []string{"run", "--data", p.Dir, "--kafka", free, "--rest", free},
			[]string{fmt.Sprint("process ", p.Pid())}},
		{"the data folder is not ours", []string{"run", "--data", foreign, "--kafka", free, "--rest", free}, []string{"letter.txt", "--data"}},
		{"not host:port", []string{"run", "--data", newDir(), "--kafka", "9092"}, []string{"--kafka 9092", "host:port"}},
		{"a key of nobody", []string{"run", "--data", newDir(), "--set", "group.id=x"}, []string{"group.id", "broker.", "worker."}},
		{"a wrong value", []string{"run", "--data", newDir(), "--set", "broker.num.partitions=many", "--kafka", free, "--rest", free},
			[]string{"num.partitions", "many"}},
		{"everybody may connect, nobody knows where", []string{"run", "--data", newDir(), "--kafka", "0.0.0.0:0", "--rest", free},
			[]string{"advertised.listeners"}},
		{"no such file", []string{"worker", "/nonexistent/worker.properties"}, []string{"/nonexistent/worker.properties"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, stderr := leat(t, c.args...)
			if status == 0 {
				t.Fatal("exit status 0")
			}
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("the error lacks %q:\n%s", want, stderr)
				}
			}
		})
	}
	if text, err := os.ReadFile(filepath.Join(foreign, "letter.txt")); err != nil || string(text) != "mine" {
		t.Errorf("somebody else's file: %q, %v", text, err)
	}
	p.Stop(t)
}

// TestCommands drives a connector and a topic by the command line alone.
func TestCommands(t *testing.T) {
	p := proctest.Start(t, proctest.Config{})
	rest, kafka := "http://"+p.REST(), p.Kafka()
	dir := t.TempDir()
	in := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(in, []byte("hello\nworld\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "lines.json")
	json := fmt.Sprintf(`{"name":"lines","config":{"connector.class":"FileStreamSource","topic":"lines","file":%q,
		"value.converter":"org.apache.kafka.connect.storage.StringConverter"}}`, in)
	if err := os.WriteFile(file, []byte(json), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want string, args ...string) {
		t.Helper()
		status, stdout, stderr := leat(t, args...)
		if status != 0 || !strings.Contains(stdout, want) {
			t.Fatalf("leat %s: status %d, output lacks %q:\n%s%s", strings.Join(args, " "), status, want, stdout, stderr)
		}
	}
	run("leat", "version")
	run("", "connector", "apply", "-f", file, "--url", rest)
	waitTasks(t, p, "lines", 1, "RUNNING")
	run("lines", "connector", "list", "--url", rest)
	run("RUNNING", "connector", "status", "lines", "--url", rest)
	run(`"FileStreamSource"`, "connector", "get", "lines", "-o", "json", "--url", rest)
	eventually(t, "the lines in the topic", func() string {
		_, stdout, stderr := leat(t, "topic", "consume", "lines", "--from-beginning", "-n", "2", "--bootstrap-server", kafka)
		if strings.Contains(stdout, "hello") && strings.Contains(stdout, "world") {
			return ""
		}
		return stdout + stderr
	})
	run("lines", "topic", "list", "--bootstrap-server", kafka)
	run("PARTITION", "topic", "describe", "lines", "--bootstrap-server", kafka)
	run("", "connector", "pause", "lines", "--url", rest)
	waitTasks(t, p, "lines", 1, "PAUSED")
	run("", "connector", "resume", "lines", "--url", rest)
	waitTasks(t, p, "lines", 1, "RUNNING")
	run("", "connector", "delete", "lines", "--url", rest)
	if status, _, stderr := leat(t, "connector", "get", "lines", "--url", rest); status != 3 {
		t.Errorf("a connector that is gone: status %d, want 3: %s", status, stderr)
	}
	p.Stop(t)
}
