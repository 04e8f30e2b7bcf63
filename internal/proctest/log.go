package proctest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// Log collects what a process writes. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex // guards the fields below
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at every write; nil while nobody waits
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return l.text.Write(p)
}

// String returns the whole log.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Len returns the number of bytes written so far: a position for WaitFor.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Len()
}

// Tail returns the last n bytes.
func (l *Log) Tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}

// find looks for text after a position; without a hit it returns the channel
// that is closed at the next write.
func (l *Log) find(from int, text string) (line string, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.text.String()[from:]
	if i := strings.Index(s, text); i >= 0 {
		start := strings.LastIndexByte(s[:i], '\n') + 1
		end := len(s)
		if j := strings.IndexByte(s[i:], '\n'); j >= 0 {
			end = i + j
		}
		return s[start:end], nil
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return "", l.changed
}

// WaitFor waits until text appears after the position from (0 for the whole
// log) and returns its line. It fails the test when the time is over.
func (l *Log) WaitFor(t testing.TB, from int, text string, timeout time.Duration) string {
	t.Helper()
	deadline := time.After(timeout)
	for {
		line, changed := l.find(from, text)
		if changed == nil {
			return line
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%q did not appear in the log within %v; its end:\n%s", text, timeout, l.Tail(4000))
		}
	}
}

// WaitLog waits for text anywhere in the log of all runs.
func (p *Process) WaitLog(t testing.TB, text string) string {
	t.Helper()
	return p.Log.WaitFor(t, 0, text, readyTimeout)
}
