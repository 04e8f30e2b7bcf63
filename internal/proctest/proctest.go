// Package proctest starts the real leat binary as a process for tests that
// look at it from outside: crashes, start-up, the command line.
//
//	p := proctest.Start(t, proctest.Config{})       // leat run on free ports
//	http.Get(p.URL("/connectors"))
//	p.WaitLog(t, "snapshot completed")
//	p.Kill(t)                                       // SIGKILL
//	p.Start(t)                                      // same folder, same ports
//
// The binary is the plain build (no race detector, no tags), made once a test
// process, whatever the test itself was built with. It dies with the test.
package proctest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/freeport"
)

const (
	buildTimeout = 5 * time.Minute
	// Far more than a start or a stop takes on a busy machine.
	readyTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
)

// Config says what to start; the zero value is `leat run` with no more than
// its folder and ports.
type Config struct {
	// Dir is the data folder; empty takes a new one below t.TempDir.
	Dir string
	// Set holds --set values: "worker.offset.flush.interval.ms" and the like.
	Set map[string]string
	// Env is added to the environment, as KEY=value.
	Env []string
	// Wrap goes before the binary on the command line (unshare, prlimit ...).
	// It must end by executing the rest of its arguments in its own process.
	Wrap []string
	// Args replaces the whole command line of leat. Start then waits for those
	// of the two ports below that are set.
	Args []string
	// RESTPort and KafkaPort; 0 takes free ones.
	RESTPort, KafkaPort int
}

// Process is one leat that may be started and ended many times. Its methods
// are for the goroutine of the test; logs may be read from any.
type Process struct {
	Dir       string // data folder
	RESTPort  int
	KafkaPort int
	Log       *Log // everything it wrote to stderr and stdout, over all runs

	cfg   Config
	bin   string
	child *child.Process // of the last start; nil before the first
	// What Start waits for.
	awaitREST, awaitKafka bool
}

// Start builds leat, starts it and waits until its REST interface answers.
func Start(t testing.TB, cfg Config) *Process {
	t.Helper()
	p := New(t, cfg)
	p.Start(t)
	return p
}

// New prepares a process without starting it.
func New(t testing.TB, cfg Config) *Process {
	t.Helper()
	p := &Process{cfg: cfg, bin: Build(t), Dir: cfg.Dir, RESTPort: cfg.RESTPort, KafkaPort: cfg.KafkaPort, Log: &Log{}}
	p.awaitREST = cfg.Args == nil || cfg.RESTPort != 0
	p.awaitKafka = cfg.Args != nil && cfg.KafkaPort != 0
	if p.Dir == "" {
		p.Dir = filepath.Join(t.TempDir(), "data")
	}
	for _, port := range []*int{&p.RESTPort, &p.KafkaPort} {
		if *port != 0 {
			continue
		}
		free, err := freeport.Take()
		if err != nil {
			t.Fatal(err)
		}
		*port = free
	}
	t.Cleanup(func() {
		if p.Running() {
			if err := p.child.Kill(); err != nil {
				t.Error(err)
			}
		}
		if t.Failed() {
			t.Logf("end of leat's log:\n%s", p.Log.Tail(8000))
		}
	})
	return p
}

// Args returns the command line that the process gets.
func (p *Process) Args() []string {
	if p.cfg.Args != nil {
		return p.cfg.Args
	}
	args := []string{"run", "--data", p.Dir, "--kafka", p.Kafka(), "--rest", p.REST()}
	for _, key := range slices.Sorted(maps.Keys(p.cfg.Set)) {
		args = append(args, "--set", key+"="+p.cfg.Set[key])
	}
	return args
}

// Set changes --set values for the next start.
func (p *Process) Set(key, value string) {
	set := maps.Clone(p.cfg.Set)
	if set == nil {
		set = map[string]string{}
	}
	set[key] = value
	p.cfg.Set = set
}

// Kafka and REST return host:port; URL a REST address.
func (p *Process) Kafka() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.KafkaPort)) }

// REST returns the address of the REST interface.
func (p *Process) REST() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.RESTPort)) }

// URL returns the URL of a REST path that starts with a slash.
func (p *Process) URL(path string) string { return "http://" + p.REST() + path }

// Pid returns the process id of the current run.
func (p *Process) Pid() int { return p.child.Pid }

// Launch starts the process and does not wait until it is ready, so that a
// test can kill it on its way up.
func (p *Process) Launch(t testing.TB) {
	t.Helper()
	if err := p.launch(); err != nil {
		t.Fatalf("starting leat: %v", err)
	}
}

// Start starts the process and waits until it is ready.
func (p *Process) Start(t testing.TB) {
	t.Helper()
	p.Launch(t)
	if p.awaitREST {
		p.mustBecomeReady(t, p.REST(), p.restAnswers)
	}
	if p.awaitKafka {
		p.mustBecomeReady(t, p.Kafka(), p.kafkaListens)
	}
}

func (p *Process) launch() error {
	words := slices.Concat(p.cfg.Wrap, []string{p.bin}, p.Args())
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), p.cfg.Env...)
	cmd.Stdout, cmd.Stderr = p.Log, p.Log
	started, err := child.Start(cmd, child.Life{})
	if err == nil {
		p.child = started
	}
	return err
}

// mustBecomeReady polls until probe succeeds, the process ends or the time is over.
func (p *Process) mustBecomeReady(t testing.TB, what string, probe func() error) {
	t.Helper()
	deadline := time.After(readyTimeout)
	for {
		err := probe()
		if err == nil {
			return
		}
		select {
		case <-p.child.Done():
			t.Fatalf("leat ended (%v) before it answered on %s:\n%s", p.child.Err(), what, p.Log.Tail(4000))
		case <-deadline:
			t.Fatalf("leat did not answer on %s in %v: %v\n%s", what, readyTimeout, err, p.Log.Tail(4000))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (p *Process) restAnswers() error {
	client := &http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(p.URL("/"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET / answered %s", resp.Status)
	}
	return nil
}

func (p *Process) kafkaListens() error {
	conn, err := net.DialTimeout("tcp", p.Kafka(), 2*time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Kill sends SIGKILL and waits until the process is gone. It fails the test
// when the process had ended before.
func (p *Process) Kill(t testing.TB) {
	t.Helper()
	if !p.Running() {
		t.Fatalf("leat is not running, so it cannot be killed; it ended with: %v", p.child.Err())
	}
	if err := p.child.Kill(); err != nil {
		t.Fatal(err)
	}
}

// Stop sends SIGTERM and waits; it fails the test when the process does not
// end in time or not with status 0.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	if err := p.child.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t, stopTimeout); err != nil {
		t.Fatalf("leat ended after SIGTERM with %v\n%s", err, p.Log.Tail(4000))
	}
}

// Wait waits for the end of the process and returns its exit error.
func (p *Process) Wait(t testing.TB, timeout time.Duration) error {
	t.Helper()
	if !p.child.Wait(timeout) {
		t.Fatalf("leat did not end in %v\n%s", timeout, p.Log.Tail(4000))
	}
	return p.child.Err()
}

// Ended is closed when the current run has ended.
func (p *Process) Ended() <-chan struct{} { return p.child.Done() }

// Running says whether the process lives.
func (p *Process) Running() bool { return p.child != nil && p.child.Alive() }

// Restart is Kill and Start.
func (p *Process) Restart(t testing.TB) {
	t.Helper()
	p.Kill(t)
	p.Start(t)
}

var built struct {
	once sync.Once
	path string
	err  error
}

// Build builds the plain binary once and returns its path. $LEAT_BINARY names
// one that is ready made.
func Build(t testing.TB) string {
	t.Helper()
	built.once.Do(func() { built.path, built.err = build() })
	if built.err != nil {
		t.Fatalf("building leat: %v", built.err)
	}
	return built.path
}

// build compiles into a file that Go's build cache makes cheap to write again:
// one per content would leak folders, so all tests share one below the root.
func build() (string, error) {
	if path := os.Getenv("LEAT_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Join(root, "bin"), "proctest-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, "leat")
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", fresh, "./cmd/leat")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	// A rename leaves processes that still run the old file alone.
	path := filepath.Join(root, "bin", "leat-proctest")
	return path, os.Rename(fresh, path)
}

// Root returns the folder of go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, os.MkdirAll(filepath.Join(dir, "bin"), 0o755)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod above the working folder")
		}
		dir = parent
	}
}
