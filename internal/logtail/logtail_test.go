package logtail_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/logtail"
)

func TestLinesOfAConnector(t *testing.T) {
	tail := logtail.New()
	log := slog.New(tail.Handler(slog.NewTextHandler(io.Discard, nil)))
	a := log.With("connector", "a")
	_, more := tail.Lines("a", 0)
	a.Info("first", "n", 1)
	select {
	case <-more:
	default:
		t.Fatal("the channel was not closed by a new line")
	}
	log.Info("of nobody")
	log.Warn("second", "connector", "a", "task", 3)
	log.Info("other", "connector", "b")

	lines, _ := tail.Lines("a", 0)
	if len(lines) != 2 || !strings.Contains(lines[0].Text, "msg=first n=1") || !strings.Contains(lines[1].Text, "msg=second task=3") {
		t.Fatalf("lines of a = %+v", lines)
	}
	later, _ := tail.Lines("a", lines[0].Seq)
	if len(later) != 1 || later[0].Seq != lines[1].Seq {
		t.Fatalf("lines after the first = %+v", later)
	}
	if none, _ := tail.Lines("c", 0); none != nil {
		t.Fatalf("lines of an unknown connector = %+v", none)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	tail := logtail.New()
	log := slog.New(tail.Handler(slog.NewTextHandler(io.Discard, nil)))
	for i := range logtail.Lines + 10 {
		log.Info("line", "connector", "busy", "i", i)
	}
	lines, _ := tail.Lines("busy", 0)
	if len(lines) != logtail.Lines || !strings.Contains(lines[0].Text, "i=10") {
		t.Fatalf("%d lines are kept, the oldest %q", len(lines), lines[0].Text)
	}
	for i := range logtail.Connectors {
		log.Info("line", "connector", fmt.Sprint("c", i))
	}
	if lines, _ := tail.Lines("busy", 0); lines != nil {
		t.Fatalf("the connector silent longest is still kept")
	}
}
