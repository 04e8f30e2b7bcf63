package loglevel

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestSetReturnsWhatChanged(t *testing.T) {
	l := New()
	steps := []struct {
		namespace, level string
		want             []string
	}{
		{"a.x", "DEBUG", []string{"a.x"}},
		{"a", "WARN", []string{"a", "a.x"}},
		{"a", "WARN", []string{}},
		{"ab", "INFO", []string{}},
		{"root", "ERROR", []string{"a", "a.x", "root"}},
	}
	for _, s := range steps {
		if got := l.Set(s.namespace, s.level); !slices.Equal(got, s.want) {
			t.Errorf("Set(%s, %s) = %v, want %v", s.namespace, s.level, got, s.want)
		}
	}
}

func TestHandlerFilters(t *testing.T) {
	var out bytes.Buffer
	l := New()
	log := slog.New(l.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug - 4})))
	named := log.With(NameKey, "broker.log")
	named.Debug("first")
	l.Set("broker", "DEBUG")
	named.Debug("second")
	log.Debug("third")
	l.Set(Root, "OFF")
	log.Error("fourth")
	if s := out.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "second") {
		t.Fatalf("logged %q, want only the line second", s)
	}
}

func TestParse(t *testing.T) {
	if name, ok := Parse("warn"); name != "WARN" || !ok {
		t.Errorf("Parse(warn) = %s, %v", name, ok)
	}
	if _, ok := Parse("BOGUS"); ok {
		t.Error("BOGUS is a level")
	}
}

func TestRoomIsBounded(t *testing.T) {
	l := New()
	for i := range mostLoggers - 1 { // and root
		name := fmt.Sprint("a.", i)
		if err := l.Room(name); err != nil {
			t.Fatal(err)
		}
		l.Set(name, "DEBUG")
	}
	if err := l.Room("b"); err == nil {
		t.Errorf("there is room for more than %d loggers", mostLoggers)
	}
	if err := l.Room("a.1"); err != nil {
		t.Errorf("a logger that has a level: %v", err)
	}
}
