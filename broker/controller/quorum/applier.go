package quorum

import (
	"context"
	"sync"
)

// applier gives committed groups to the state machine on a goroutine of its
// own: creating the folders of ten thousand partitions must not hold up raft's
// heartbeats.
type applier struct {
	wake chan struct{} // of 1: something was added

	mu    sync.Mutex // guards queue
	queue []item
}

// item is one step of the state machine.
type item struct {
	snapshot []byte // not nil: a snapshot to restore, at commit.Position
	commit   Commit
	result   chan error // told when it is applied, may be nil
	then     func()     // instead of all else: called when it is its turn
}

func (a *applier) add(it item) {
	a.mu.Lock()
	a.queue = append(a.queue, it)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *applier) take() []item {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.queue
	a.queue = nil
	return q
}

func (a *applier) run(ctx context.Context, sm StateMachine) error {
	for {
		if err := a.drain(sm); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return a.drain(sm)
		case <-a.wake:
		}
	}
}

// drain applies what is queued.
func (a *applier) drain(sm StateMachine) error {
	for {
		items := a.take()
		if len(items) == 0 {
			return nil
		}
		for _, it := range items {
			if err := it.apply(sm); err != nil {
				return err
			}
		}
	}
}

func (it *item) apply(sm StateMachine) error {
	var err error
	switch {
	case it.then != nil:
		it.then()
		return nil
	case it.snapshot != nil:
		err = restore(sm, it.commit.Position, it.snapshot)
	default:
		err = sm.Apply(it.commit)
	}
	if it.result != nil {
		it.result <- err
	}
	return err
}
