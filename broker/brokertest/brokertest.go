// Package brokertest runs a whole broker inside a test, on a free port of
// 127.0.0.1 and in a temporary folder.
package brokertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leat-project/leat/broker"
	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/vfs"
)

// Broker is a running broker. Its methods are for the test's goroutine.
type Broker struct {
	t     testing.TB
	props map[string]string
	dir   string

	addr string
	node *broker.Broker
	out  io.Writer // of the log, too; nil for none
	stop context.CancelFunc
	done chan error

	// disk is set by StartInMemory; dead makes every operation on it fail, so
	// that a broker whose power was cut acknowledges nothing more.
	disk *vfs.Mem
	dead *atomic.Bool
	rng  *rand.Rand
	fs   vfs.FS // of StartOn
	// stalled holds syncs of data back while it is open; see Stall.
	stalled atomic.Pointer[chan struct{}]
}

// errPower is what the disk says after Kill.
var errPower = errors.New("power is off")

// Start runs a broker with Kafka's defaults for a single node, no initial
// rebalance delay, and the overrides (keys of server.properties). It stops
// with the test.
func Start(t testing.TB, overrides map[string]string) *Broker {
	t.Helper()
	b := prepare(t, overrides)
	b.start()
	t.Cleanup(b.Stop)
	return b
}

// StartLogged is Start with the log, at INFO, written to out as well. out may be
// read after Stop.
func StartLogged(t testing.TB, out io.Writer, overrides map[string]string) *Broker {
	t.Helper()
	b := prepare(t, overrides)
	b.out = out
	b.start()
	t.Cleanup(b.Stop)
	return b
}

// StartOn is Start on a file system that the test gives, to let it fail. The
// log goes to out as well, if it is not nil, as with StartLogged.
func StartOn(t testing.TB, fsys vfs.FS, out io.Writer, overrides map[string]string) *Broker {
	t.Helper()
	b := prepare(t, overrides)
	b.fs, b.out = fsys, out
	b.start()
	t.Cleanup(b.Stop)
	return b
}

// StartInMemory is Start on a disk in memory, whose power Kill can cut. seed
// decides what a cut leaves of unsynced data.
func StartInMemory(t testing.TB, seed uint64, overrides map[string]string) *Broker {
	t.Helper()
	b := prepare(t, overrides)
	b.disk, b.rng = vfs.NewMem(), rand.New(rand.NewPCG(seed, 0))
	b.start()
	t.Cleanup(b.Stop)
	return b
}

func prepare(t testing.TB, overrides map[string]string) *Broker {
	// A port that no connection of another process gets by chance while the
	// broker is down in Kill or Restart.
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{t: t, dir: t.TempDir(), props: map[string]string{
		"listeners":                            fmt.Sprintf("PLAINTEXT://127.0.0.1:%d", port),
		"group.initial.rebalance.delay.ms":     "0",
		"offsets.topic.num.partitions":         "5",
		"transaction.state.log.num.partitions": "5",
	}}
	maps.Copy(b.props, overrides)
	if b.props["log.dirs"] == "" {
		b.props["log.dirs"] = b.dir
	}
	return b
}

// Addr is host:port of the first listener. It changes with Restart.
func (b *Broker) Addr() string { return b.addr }

// ListenerAddr is host:port of a listener by name, on 127.0.0.1.
func (b *Broker) ListenerAddr(name string) string {
	b.t.Helper()
	_, port, err := net.SplitHostPort(b.node.Addr(name).String())
	if err != nil {
		b.t.Fatalf("address of listener %s: %v", name, err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// Dir is the broker's log dir.
func (b *Broker) Dir() string { return b.props["log.dirs"] }

// Collector is the running broker's metrics.
func (b *Broker) Collector() prometheus.Collector { return b.node.Collector() }

func (b *Broker) start() {
	b.t.Helper()
	var out io.Writer = testWriter{b.t}
	if b.out != nil {
		out = io.MultiWriter(out, b.out)
	}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg, err := broker.ParseConfig(b.props, log)
	if err != nil {
		b.t.Fatalf("parsing the broker's configuration: %v", err)
	}
	cfg.FS = b.fs
	if b.disk != nil {
		dead := &atomic.Bool{}
		b.dead = dead
		alive := func(vfs.Op, string) error {
			if dead.Load() {
				return errPower
			}
			return nil
		}
		early := func(op vfs.Op, path string) error {
			if stalled := b.stalled.Load(); stalled != nil && op == vfs.OpSync {
				<-*stalled
			}
			return alive(op, path)
		}
		cfg.FS = vfs.Faults{FS: b.disk, Fail: early, Late: alive}
	}
	br, err := broker.New(cfg, log)
	if err != nil {
		b.t.Fatalf("opening the broker: %v", err)
	}
	if err := listen(br); err != nil {
		b.t.Fatalf("listening: %v", errors.Join(err, br.Close()))
	}
	b.addr, b.node = br.Addr("").String(), br
	ctx, cancel := context.WithCancel(context.Background())
	b.stop, b.done = cancel, make(chan error, 1)
	go func() { b.done <- br.Run(ctx) }() // Stop waits for it
}

// listenPatience is how long a port that another process holds is waited for.
const listenPatience = 10 * time.Second

// listen opens the listeners. The port was free a moment ago: who has it now
// probes it, as freeport does, or had the same one for a connection.
func listen(br *broker.Broker) error {
	deadline := time.Now().Add(listenPatience)
	for {
		err := br.Listen()
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// Stop shuts the broker down cleanly; a second call does nothing.
func (b *Broker) Stop() {
	b.t.Helper()
	if b.stop == nil {
		return
	}
	b.stop()
	b.stop = nil
	if err := <-b.done; err != nil {
		b.t.Errorf("broker ended: %v", err)
	}
}

// Kill cuts the power of a broker that was started in memory and starts it
// again on what the disk kept, on the same port.
func (b *Broker) Kill() {
	b.t.Helper()
	b.dead.Store(true)
	b.disk = b.disk.CrashClone(b.rng)
	b.stop()
	b.stop = nil
	if err := <-b.done; err != nil {
		b.t.Logf("the broker on the dead disk ended: %v", err)
	}
	b.props["listeners"] = "PLAINTEXT://" + b.addr
	b.start()
}

// Stall holds back every sync of a broker that was started in memory until the
// function it returns is called.
func (b *Broker) Stall() (resume func()) {
	hold := make(chan struct{})
	b.stalled.Store(&hold)
	return sync.OnceFunc(func() { b.stalled.Store(nil); close(hold) })
}

// Restart shuts down and starts again on the same folder, and on the same
// port, so that clients find it.
func (b *Broker) Restart() {
	b.t.Helper()
	b.Stop()
	b.props["listeners"] = "PLAINTEXT://" + b.addr
	b.start()
}

// testWriter sends log lines to the test.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if os.Getenv("LEAT_TEST_LOG") != "" {
		os.Stderr.Write(p)
	}
	return len(p), nil
}
