package coordinator

import (
	"log/slog"
	"sync"
	"time"
)

// Trouble is a fault that something is tried against again and again. It is
// told of when it begins, once a minute while it lasts, and when it is over. The
// zero Trouble is none. It is safe for concurrent use.
type Trouble struct {
	mu       sync.Mutex // guards what follows
	since    time.Time  // zero: there is none
	told     time.Time
	failures int // since it was told of
}

// troubleInterval is the pause between two lines about the same trouble.
const troubleInterval = time.Minute

// Failed counts a failure and logs it as an error if it is time to.
func (t *Trouble) Failed(log *slog.Logger, msg string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.failures++
	if t.since.IsZero() {
		t.since = now
	} else if now.Sub(t.told) < troubleInterval {
		return
	}
	log.Error(msg, append(args, "failures", t.failures, "for", now.Sub(t.since).Round(time.Second))...)
	t.told, t.failures = now, 0
}

// Over says that it works again, if it did not.
func (t *Trouble) Over(log *slog.Logger, msg string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		return
	}
	log.Warn(msg, append(args, "failures", t.failures, "after", time.Since(t.since).Round(time.Second))...)
	t.since, t.failures = time.Time{}, 0
}
