package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/freeport"
)

// leat is one running binary.
type leat struct {
	proc    *child.Process
	dir     string
	rest    string // URL
	kafka   string // host:port
	logFile string
	ready   time.Duration // exec to the first 200
}

// start runs the binary on a folder below the bench's and waits for REST.
func (b *bench) start(ctx context.Context, folder string, set ...string) (*leat, error) {
	kafka, err := freeport.Take()
	if err != nil {
		return nil, err
	}
	rest, err := freeport.Take()
	if err != nil {
		return nil, err
	}
	l := &leat{dir: filepath.Join(b.dir, folder), kafka: fmt.Sprintf("127.0.0.1:%d", kafka), rest: fmt.Sprintf("http://127.0.0.1:%d", rest)}
	l.logFile = l.dir + ".log"
	log, err := os.OpenFile(l.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"run", "--data", l.dir, "--kafka", l.kafka, "--rest", strings.TrimPrefix(l.rest, "http://")}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	cmd := exec.Command(b.binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	begin := time.Now()
	if l.proc, err = child.Start(cmd, child.Life{}); err != nil {
		return nil, err
	}
	for {
		resp, err := http.Get(l.rest + "/")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				l.ready = time.Since(begin)
				return l, nil
			}
		}
		if time.Since(begin) > 30*time.Second {
			l.stop()
			return nil, fmt.Errorf("%s does not answer on %s after 30 s; log: %s", b.binary, l.rest, l.logFile)
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			l.stop()
			return nil, err
		}
	}
}

// stop ends the process gracefully, after 15 s the hard way.
func (l *leat) stop() {
	if err := l.proc.Signal(syscall.SIGTERM); err != nil || !l.proc.Wait(15*time.Second) {
		if err := l.proc.Kill(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: ending leat:", err)
		}
	}
}

// put creates or changes a connector.
func (l *leat) put(name string, config map[string]string) error {
	return l.call("PUT", "/connectors/"+name+"/config", config, nil)
}

func (l *leat) remove(name string) error { return l.call("DELETE", "/connectors/"+name, nil, nil) }

// call makes one REST request; a status of 300 and more is an error.
func (l *leat) call(method, path string, body, into any) error {
	var data bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&data).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequest(method, l.rest+path, &data)
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
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// status is the part of GET /connectors/{name}/status that the bench looks at.
type status struct {
	Connector struct{ State, Trace string }
	Tasks     []struct{ State, Trace string }
}

// waitRunning waits until a connector and all its tasks (at least one) run.
func (l *leat) waitRunning(ctx context.Context, name string) error {
	deadline := time.Now().Add(60 * time.Second)
	for {
		var s status
		err := l.call("GET", "/connectors/"+name+"/status", nil, &s)
		running := err == nil && s.Connector.State == "RUNNING" && len(s.Tasks) > 0
		for _, t := range s.Tasks {
			if t.State == "FAILED" {
				return fmt.Errorf("task of %s failed: %s", name, t.Trace)
			}
			running = running && t.State == "RUNNING"
		}
		if running {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("%s does not run after a minute: %+v", name, s), err)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// cpu returns the CPU seconds that the process has used.
func (l *leat) cpu() (float64, error) { return cpuSeconds(l.proc.Pid) }

// memory returns VmRSS or VmHWM in MB.
func (l *leat) memory(field string) (float64, error) { return memoryMB(l.proc.Pid, field) }
