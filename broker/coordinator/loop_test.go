package coordinator_test

import (
	"context"
	"log/slog"
	"testing"

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
