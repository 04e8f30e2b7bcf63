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
	if failures, since, tell := t.count(time.Now()); tell {
		log.Error(msg, append(args, "failures", failures, "for", time.Since(since).Round(time.Second))...)
	}
}

func (t *Trouble) count(now time.Time) (failures int, since time.Time, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures++
	if t.since.IsZero() {
		t.since = now
	} else if now.Sub(t.told) < troubleInterval {
		return 0, time.Time{}, false
	}
	failures, t.told, t.failures = t.failures, now, 0
	return failures, t.since, true
}

// Over says that it works again, if it did not.
func (t *Trouble) Over(log *slog.Logger, msg string, args ...any) {
	t.mu.Lock()
	failures, since := t.failures, t.since
	t.since, t.failures = time.Time{}, 0
	t.mu.Unlock()
	if !since.IsZero() {
		log.Warn(msg, append(args, "failures", failures, "after", time.Since(since).Round(time.Second))...)
	}
}
