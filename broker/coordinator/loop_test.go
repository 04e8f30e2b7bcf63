package coordinator_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/leat-project/leat/broker/coordinator"
)

// emptyLog has no records.
type emptyLog struct{}

func (emptyLog) Append(context.Context, []coordinator.Batch) error { return nil }

func (emptyLog) Replay(context.Context, func(coordinator.Entry) error) error { return nil }

// state must not be nil when it is abandoned.
type state struct{ abandoned bool }

func (s *state) Replay(coordinator.Entry) error { return nil }

func (s *state) Loaded(*coordinator.Tx) {}

func (s *state) Abandon(error) { s.abandoned = true }

// TestEndsBeforeItLoads runs a loop of a broker that was told to stop while it
// started.
func TestEndsBeforeItLoads(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	made := &state{}
	l := coordinator.NewLoop(emptyLog{}, func() *state { return made }, slog.New(slog.DiscardHandler))
	if err := l.Run(ctx); err != nil || !made.abandoned {
		t.Fatalf("err %v, abandoned %v", err, made.abandoned)
	}
}

// brokenLog cannot be read until it is repaired.
type brokenLog struct {
	emptyLog
	repaired *atomic.Bool
}

func (l brokenLog) Replay(context.Context, func(coordinator.Entry) error) error {
	if l.repaired.Load() {
		return nil
	}
	return errors.New("the disk is gone")
}

// TestUnreadableLog: events do not wait for a log that cannot be read, and are
// served once it can.
func TestUnreadableLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var repaired atomic.Bool
		l := coordinator.NewLoop(brokenLog{repaired: &repaired}, func() *state { return &state{} }, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		ask := func() error {
			answer := make(chan error, 1)
			err := l.Do(t.Context(), func(tx *coordinator.Tx, _ *state) { tx.After(func(err error) { answer <- err }) })
			if err != nil {
				t.Fatal(err)
			}
			return <-answer
		}
		began := time.Now()
		if err := ask(); err == nil || time.Since(began) > 0 {
			t.Fatalf("answer of an unreadable log: %v, after %v", err, time.Since(began))
		}
		synctest.Wait()
		repaired.Store(true)
		time.Sleep(time.Minute)
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}
