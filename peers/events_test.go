//go:build peers

package peers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// event is a line that Kafka's verifiable programs print. Which fields are
// there depends on the name.
type event struct {
	Name      string `json:"name"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Value     string `json:"value"`
	Success   bool   `json:"success"`
	Error     string `json:"error"`
	Exception string `json:"exception"`
	Sent      int    `json:"sent"`
	// Offsets are those of a commit.
	Offsets []struct {
		Partition int32 `json:"partition"`
		Offset    int64 `json:"offset"`
	} `json:"offsets"`

	by string
}

// timeline has the events of several programs in the order of their arrival.
type timeline struct {
	mu     sync.Mutex // guards the fields below
	events []event
	bad    []string
}

// writer returns standard output for a program.
func (l *timeline) writer(name string) *eventWriter { return &eventWriter{to: l, name: name} }

// snapshot returns the events so far; they are not changed any more.
func (l *timeline) snapshot() []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[:len(l.events):len(l.events)]
}

// check fails the test for lines that are no events.
func (l *timeline) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.bad {
		t.Errorf("not an event: %s", line)
	}
}

// progress returns how many records a consumer has read and how often it has
// committed.
func (l *timeline) progress(by string) (reads, commits int) {
	for _, e := range l.snapshot() {
		switch {
		case e.by != by:
		case e.Name == "record_data":
			reads++
		case e.Name == "offsets_committed" && e.Success:
			commits++
		}
	}
	return reads, commits
}

// eventWriter cuts what one program writes into lines.
type eventWriter struct {
	to   *timeline
	name string
	rest string
}

// Write takes the whole lines; what a killed program wrote of its last line
// stays in rest.
func (w *eventWriter) Write(p []byte) (int, error) {
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	w.rest += string(p)
	for {
		line, rest, whole := strings.Cut(w.rest, "\n")
		if !whole {
			return len(p), nil
		}
		w.rest = rest
		e := event{by: w.name}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Name == "" {
			w.to.bad = append(w.to.bad, fmt.Sprintf("%s: %s", w.name, line))
			continue
		}
		w.to.events = append(w.to.events, e)
	}
}
