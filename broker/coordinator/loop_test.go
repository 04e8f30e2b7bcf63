package coordinator_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
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

// lines is a log of records with one byte each, which must all be seen.
type lines []byte

func (lines) Append(context.Context, []coordinator.Batch) error { return nil }

func (l lines) Replay(_ context.Context, fn func(coordinator.Entry) error) error {
	for _, b := range l {
		if err := fn(coordinator.Entry{Key: []byte{b}}); err != nil {
			return err
		}
	}
	return nil
}

// letters knows records below 'a' as no kind of its own.
type letters struct{ got string }

func (s *letters) Replay(e coordinator.Entry) error {
	if e.Key[0] < 'a' {
		return coordinator.UnknownKind(e.Key[0])
	}
	s.got += string(e.Key)
	return nil
}

func (s *letters) Loaded(*coordinator.Tx) {}

func (s *letters) Abandon(error) {}

// TestUnknownKinds loads a log with records that the state does not know: the
// others are there, and one line for each kind says what was ignored.
func TestUnknownKinds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var log strings.Builder
	l := coordinator.NewLoop(lines("a\x09b\x09\x07c"), func() *letters { return &letters{} }, slog.New(slog.NewTextHandler(&log, nil)))
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }() // ends below
	got := make(chan string, 1)
	if err := l.Do(ctx, func(_ *coordinator.Tx, s *letters) { got <- s.got }); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "abc" {
		t.Errorf("loaded %q, want abc", s)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{"kind=7 records=1", "kind=9 records=2"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("the log does not say %q once:\n%s", want, log.String())
		}
	}
}

// gatedLog is read when its gate is opened.
type gatedLog struct {
	emptyLog
	gate chan struct{}
}

func (l gatedLog) Replay(ctx context.Context, _ func(coordinator.Entry) error) error {
	select {
	case <-l.gate:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TestReady: a loop that loads is waited for as long as was asked for; Stop ends
// the wait, and the load.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := gatedLog{gate: make(chan struct{})}
		start := func() (*coordinator.Loop[*state], chan error) {
			l := coordinator.NewLoop(log, func() *state { return &state{} }, slog.New(slog.DiscardHandler))
			ended := make(chan error, 1)
			go func() { ended <- l.Run(t.Context()) }()
			return l, ended
		}
		l, ended := start()
		began := time.Now()
		if err := l.Ready(t.Context(), time.Minute); !errors.Is(err, coordinator.ErrLoading) || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v, want ErrLoading after a minute", time.Since(began), err)
		}
		stopped, over := start()
		time.AfterFunc(time.Second, stopped.Stop)
		began = time.Now()
		// Whether it says ErrStopped or lets the event come, which then fails, is the same.
		if err := stopped.Ready(t.Context(), time.Hour); err != nil && !errors.Is(err, coordinator.ErrStopped) || time.Since(began) != time.Second {
			t.Errorf("a loop that was stopped: %v after %v, want the end of the wait after a second", err, time.Since(began))
		}
		if err := <-over; err != nil {
			t.Error(err)
		}
		time.AfterFunc(time.Second, func() { close(log.gate) })
		if err := l.Ready(t.Context(), time.Hour); err != nil {
			t.Errorf("a loop that has loaded: %v", err)
		}
		l.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestTroubleIsToldOfOnceAMinute: a log that cannot be read for ten minutes is
// tried every second.
func TestTroubleIsToldOfOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var repaired atomic.Bool
		var text strings.Builder
		l := coordinator.NewLoop(brokenLog{repaired: &repaired}, func() *state { return &state{} }, slog.New(slog.NewTextHandler(&text, nil)))
		ended := make(chan error, 1)
		go func() { ended <- l.Run(t.Context()) }()
		time.Sleep(10*time.Minute + time.Second/2)
		repaired.Store(true)
		time.Sleep(time.Minute)
		l.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for want, n := range map[string]int{"loading coordinator state": 11, "failures=60 ": 10, "for=10m0s": 1, "coordinator state is loaded again": 1} {
			if got := strings.Count(text.String(), want); got != n {
				t.Errorf("%q is in the log %d times, want %d:\n%s", want, got, n, text.String())
			}
		}
	})
}
