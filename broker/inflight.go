package broker

import (
	"context"
	"sync"
)

// inflight bounds the bytes of requests that are held at a time
// (queued.max.request.bytes, KIP-72). Who finds it full waits with reading, so
// that the client is held up by TCP. A request larger than what is left is let
// in as long as anything is left, so that none is too large for ever.
type inflight struct {
	limit int64 // at most 0: none

	mu   sync.Mutex // guards the fields below
	used int64
	free chan struct{} // closed when something is given back; nil while nobody waits
}

// take waits until there is room and takes n bytes.
func (f *inflight) take(ctx context.Context, n int64) error {
	if f.limit <= 0 {
		return nil
	}
	for {
		f.mu.Lock()
		if f.used < f.limit {
			f.used += n
			f.mu.Unlock()
			return nil
		}
		if f.free == nil {
			f.free = make(chan struct{})
		}
		free := f.free
		f.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *inflight) give(n int64) {
	if f.limit <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used -= n
	if f.free != nil {
		close(f.free)
		f.free = nil
	}
}
