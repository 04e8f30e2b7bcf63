//go:build peers

package peers_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	connectClass   = "org.apache.kafka.connect.cli.ConnectDistributed"
	connectTopic   = "lines"
	connectStart   = 2 * time.Minute
	connectTimeout = 2 * time.Minute
	// connectStep is how many lines must go through between two disturbances.
	connectStep = 1000
)

// javaWorker is a worker of a cluster of Java Kafka Connect.
type javaWorker struct {
	*program
	rest  string
	start func() *program
}

// javaCluster is two workers of one cluster.
type javaCluster struct {
	*bench
	workers [2]*javaWorker
}

// cluster starts the workers with plugins from a folder of folders, beside the
// file connectors, which are on the class path.
func (b *bench) cluster(t *testing.T, plugins string) *javaCluster {
	t.Helper()
	c := &javaCluster{bench: b}
	for n := range c.workers {
		c.workers[n] = b.worker(t, n, plugins)
	}
	for _, w := range c.workers {
		w.await(t)
	}
	return c
}

// disturb kills the worker that runs the source, then the broker, then the
// worker that has the source now. After each, step more must arrive.
func (c *javaCluster) disturb(t *testing.T, source string, step int, arrived func() (int, error)) {
	t.Helper()
	goesOn := func() {
		t.Helper()
		began := time.Now()
		before, err := arrived()
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, connectTimeout, "progress", func() error {
			n, err := arrived()
			if err == nil && n < before+step {
				err = fmt.Errorf("%d arrived, %d before", n, before)
			}
			return err
		})
		t.Logf("%d more arrived after %.1f s", step, time.Since(began).Seconds())
	}
	goesOn()
	dead := c.killSource(t, source)
	goesOn()
	dead.program = dead.start()
	dead.await(t)
	c.broker.Restart(t)
	goesOn()
	c.killSource(t, source)
	goesOn()
}

// killSource takes the worker that runs the source and returns when the other
// one does.
func (c *javaCluster) killSource(t *testing.T, source string) *javaWorker {
	t.Helper()
	dead, other := c.workers[0], c.workers[1]
	eventually(t, connectTimeout, "the source on a worker", func() error {
		switch id := other.runs(t, source); id {
		case other.rest:
			dead, other = other, dead
			return nil
		case dead.rest:
			return nil
		default:
			return fmt.Errorf("it is on %q", id)
		}
	})
	dead.kill(t)
	eventually(t, connectTimeout, "the source on the other worker", func() error {
		if id := other.runs(t, source); id != other.rest {
			return fmt.Errorf("it is on %q, want %q", id, other.rest)
		}
		return nil
	})
	return dead
}

// live is a worker that runs.
func (c *javaCluster) live() *javaWorker {
	if c.workers[0].Alive() {
		return c.workers[0]
	}
	return c.workers[1]
}

// end deletes the connectors and stops the workers.
func (c *javaCluster) end(t *testing.T, connectors ...string) {
	t.Helper()
	for _, name := range connectors {
		c.live().remove(t, name)
	}
	for _, w := range c.workers {
		if w.Alive() {
			w.stop(t)
		}
	}
}

// TestJavaConnect runs two distributed workers of Java Kafka Connect, with
// exactly-once sources, on our broker: a source reads a growing file, a sink
// writes another. The topic must hold every line once and in order, the sink's
// file every line.
func TestJavaConnect(t *testing.T) {
	c := start(t).cluster(t, t.TempDir())
	dir := t.TempDir()
	in := grow(t, filepath.Join(dir, "in.txt"))
	out := filepath.Join(dir, "out.txt")
	c.live().put(t, "source", map[string]string{"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1", "file": in.name, "topic": connectTopic,
		"exactly.once.support": "required", "transaction.boundary": "poll"})
	c.live().put(t, "sink", map[string]string{"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "1", "file": out, "topics": connectTopic})

	c.disturb(t, "source", connectStep, func() (int, error) { return len(fileLines(t, out)), nil })
	want := in.stop(t)
	eventually(t, connectTimeout, "the last line in the sink's file", func() error {
		got := fileLines(t, out)
		if len(got) == 0 || got[len(got)-1] != want[len(want)-1] {
			return fmt.Errorf("%d lines are there, want at least %d", len(got), len(want))
		}
		return nil
	})
	c.end(t, "source", "sink")

	produced := texts(c.readCommitted(t, connectTopic))[0]
	once(t, "the topic", produced, want)
	if !slices.Equal(produced, want) {
		t.Error("the lines of the topic are not in the file's order")
	}
	// A sink delivers at least once: lines may come again after a kill.
	got := fileLines(t, out)
	t.Logf("%d lines, %d written again after a kill", len(want), len(got)-len(want))
	slices.Sort(got)
	once(t, "the sink's file", slices.Compact(got), want)
}

// worker starts one of the cluster's workers.
func (b *bench) worker(t *testing.T, n int, plugins string) *javaWorker {
	t.Helper()
	port := freePort(t)
	rest := fmt.Sprintf("127.0.0.1:%d", port)
	file := writeLines(t, filepath.Join(t.TempDir(), "connect.properties"),
		"bootstrap.servers="+b.broker.Kafka(),
		"group.id=java-connect",
		"key.converter=org.apache.kafka.connect.storage.StringConverter",
		"value.converter=org.apache.kafka.connect.storage.StringConverter",
		"offset.storage.topic=connect-offsets",
		"offset.storage.replication.factor=1",
		"config.storage.topic=connect-configs",
		"config.storage.replication.factor=1",
		"status.storage.topic=connect-status",
		"status.storage.replication.factor=1",
		"listeners=http://"+rest,
		"rest.advertised.host.name=127.0.0.1",
		fmt.Sprintf("rest.advertised.port=%d", port),
		"exactly.once.source.support=enabled",
		"consumer.isolation.level=read_committed",
		"offset.flush.interval.ms=1000",
		// So that a dead worker's tasks move soon, and its sink's partitions.
		"session.timeout.ms=10000",
		"consumer.session.timeout.ms=10000",
		"heartbeat.interval.ms=1000",
		"scheduled.rebalance.max.delay.ms=2000",
		"plugin.path="+plugins)
	w := &javaWorker{rest: rest}
	starts := 0
	w.start = func() *program {
		starts++
		return b.spawn(t, fmt.Sprintf("worker %d, start %d", n, starts), connectClass, file)
	}
	w.program = w.start()
	return w
}

// await waits until the worker has joined its cluster.
func (w *javaWorker) await(t *testing.T) {
	t.Helper()
	eventually(t, connectStart, w.name, func() error {
		if !w.Alive() {
			t.Fatalf("%s ended: %v", w.name, w.Err())
		}
		return w.call(t, http.MethodGet, "/connectors", nil, nil)
	})
}

// put makes a connector. While the cluster rebalances the answer is 409.
func (w *javaWorker) put(t *testing.T, name string, config map[string]string) {
	t.Helper()
	eventually(t, connectStart, "creating "+name, func() error {
		return w.call(t, http.MethodPut, "/connectors/"+name+"/config", config, nil)
	})
}

func (w *javaWorker) remove(t *testing.T, name string) {
	t.Helper()
	eventually(t, connectStart, "deleting "+name, func() error {
		return w.call(t, http.MethodDelete, "/connectors/"+name, nil, nil)
	})
}

// runs returns the worker on which the connector's task runs, empty when it
// does not.
func (w *javaWorker) runs(t *testing.T, name string) string {
	t.Helper()
	var status struct {
		Tasks []struct {
			State    string `json:"state"`
			WorkerID string `json:"worker_id"`
			Trace    string `json:"trace"`
		} `json:"tasks"`
	}
	if err := w.call(t, http.MethodGet, "/connectors/"+name+"/status", nil, &status); err != nil {
		t.Logf("the status of %s: %v", name, err)
		return ""
	}
	for _, task := range status.Tasks {
		if task.State == "FAILED" {
			t.Fatalf("the task of %s failed: %s", name, task.Trace)
		}
		if task.State == "RUNNING" {
			return task.WorkerID
		}
	}
	return ""
}

// call sends a request and decodes the answer into result unless it is nil.
func (w *javaWorker) call(t *testing.T, method, path string, body, result any) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var send bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&send).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+w.rest+path, &send)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s answered %s: %s", method, path, resp.Status, text)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(text, result)
}

// growing is a file that gets lines until it is stopped.
type growing struct {
	name string
	stop func(t *testing.T) []string
}

// grow starts a file with some 400 lines a second.
func grow(t *testing.T, name string) *growing {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var lines []string
	go func() {
		w := bufio.NewWriter(file)
		for {
			select {
			case <-ctx.Done():
				ended <- file.Close()
				return
			case <-time.After(pause):
			}
			for range 20 {
				line := fmt.Sprintf("line %d", len(lines))
				lines = append(lines, line)
				_, _ = w.WriteString(line + "\n") // Flush returns its error
			}
			if err := w.Flush(); err != nil {
				ended <- errors.Join(err, file.Close())
				return
			}
		}
	}()
	end := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return &growing{name: name, stop: func(t *testing.T) []string {
		t.Helper()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		return lines
	}}
}

func fileLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
