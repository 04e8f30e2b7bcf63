package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/proctest"
)

// callTime bounds the wait for an answer; drivers give up a little earlier.
const callTime = 70 * time.Second

// driver is a running driver of one client. It is safe for concurrent use.
type driver struct {
	name string
	log  *proctest.Log

	mu      sync.Mutex // guards the fields below
	in      io.Writer
	waiting map[int]chan answer
	next    int
	ended   error // set when there are no more answers
}

// startDriver starts the command and stops it with the test.
func startDriver(t *testing.T, name string, cmd *exec.Cmd) *driver {
	t.Helper()
	d := &driver{name: name, log: &proctest.Log{}, waiting: map[int]chan answer{}}
	cmd.Stderr = d.log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.in = in
	// The process is reaped by child, which closes out with it: what it wrote is read before.
	p, err := child.Start(cmd, child.Life{})
	if err != nil {
		t.Fatalf("starting the driver of %s: %v", name, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.receive(out)
	}()
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
		<-done
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", name, d.log.Tail(4000))
		}
	})
	return d
}

func (d *driver) receive(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		var a answer
		if err == nil {
			err = json.Unmarshal(line, &a)
		}
		d.mu.Lock()
		if err != nil {
			d.ended = fmt.Errorf("the driver of %s ended: %w", d.name, err)
			for _, w := range d.waiting {
				close(w)
			}
			d.mu.Unlock()
			return
		}
		if w := d.waiting[a.ID]; w != nil {
			w <- a
			delete(d.waiting, a.ID)
		}
		d.mu.Unlock()
	}
}

// send starts an operation; the answer comes through the channel, which is
// closed without one when the driver ends.
func (d *driver) send(on, op string, a args) (<-chan answer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended != nil {
		return nil, d.ended
	}
	d.next++
	line, err := json.Marshal(request{ID: d.next, On: on, Op: op, Args: a})
	if err != nil {
		return nil, err
	}
	if _, err := d.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("asking the driver of %s: %w", d.name, err)
	}
	w := make(chan answer, 1)
	d.waiting[d.next] = w
	return w, nil
}

// try carries out an operation and returns its error.
func (d *driver) try(on, op string, a args) (result, error) {
	w, err := d.send(on, op, a)
	if err != nil {
		return result{}, err
	}
	select {
	case got, ok := <-w:
		switch {
		case !ok:
			return result{}, fmt.Errorf("the driver of %s ended during %s:\n%s", d.name, op, d.log.Tail(4000))
		case got.Error != "":
			return result{}, fmt.Errorf("%s of %s: %s", op, d.name, got.Error)
		}
		return got.Result, nil
	case <-time.After(callTime):
		return result{}, fmt.Errorf("%s of %s had no answer in %v:\n%s", op, d.name, callTime, d.log.Tail(4000))
	}
}

// do carries out an operation that must succeed.
func (d *driver) do(t *testing.T, on, op string, a args) result {
	t.Helper()
	res, err := d.try(on, op, a)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
