// Package loglevel keeps the levels of named loggers and filters records by them,
// as the /admin/loggers resource of Kafka Connect sees loggers: names are dotted,
// a level holds for a name and everything below it until a longer name has its
// own, and root is above all.
//
// A logger's name is its attribute "logger"; a logger without it is root.
package loglevel

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Root is the logger above all.
const Root = "root"

// NameKey is the attribute that names a logger.
const NameKey = "logger"

// names are Log4j's levels; those that slog does not have are next to their
// neighbours.
var names = map[string]slog.Level{"ALL": -100, "TRACE": -8, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo,
	"WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": 12, "OFF": 100}

// Parse returns the upper case name of a level; ok is false for an unknown one.
func Parse(level string) (name string, ok bool) {
	name = strings.ToUpper(level)
	_, ok = names[name]
	return name, ok
}

// Level is a logger's level.
type Level struct {
	Level        string `json:"level"`
	LastModified *int64 `json:"last_modified"` // ms since the epoch; nil if never changed
}

// Levels is the set of known loggers. It is safe for concurrent use.
type Levels struct {
	mu      sync.RWMutex // guards the rest
	loggers map[string]Level
	now     func() time.Time
}

// New returns levels with root at INFO.
func New() *Levels {
	return &Levels{loggers: map[string]Level{Root: {Level: "INFO"}}, now: time.Now}
}

// All returns the known loggers. The map is the caller's.
func (l *Levels) All() map[string]Level {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return maps.Clone(l.loggers)
}

// Get returns a logger's level; ok is false when it is not known.
func (l *Levels) Get(name string) (level Level, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	level, ok = l.loggers[name]
	return level, ok
}

// mostLoggers bounds the loggers that have a level: clients make up their names.
const mostLoggers = 1000

// Room says why a logger cannot be given a level: it has none, and too many others
// have.
func (l *Levels) Room(name string) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if _, known := l.loggers[name]; known || len(l.loggers) < mostLoggers {
		return nil
	}
	return fmt.Errorf("logger %.100s is not given a level: %d loggers have one, and more are not kept; set that of %s or of another one that is listed", name, len(l.loggers), Root)
}

// Set sets the level of a namespace and of every known logger below it, and
// returns, sorted, those whose level changed. level is a name that Parse gave.
func (l *Levels) Set(namespace, level string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	affected := []string{namespace}
	for name := range l.loggers {
		if name != namespace && below(name, namespace) {
			affected = append(affected, name)
		}
	}
	changed := []string{}
	now := l.now().UnixMilli()
	for _, name := range affected {
		if l.effectiveLocked(name) != level {
			changed = append(changed, name)
		}
	}
	for _, name := range changed {
		l.loggers[name] = Level{Level: level, LastModified: &now}
	}
	slices.Sort(changed)
	return changed
}

// Effective returns the level that holds for a logger.
func (l *Levels) Effective(name string) string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.effectiveLocked(name)
}

// Unset takes a logger's own level away, so that the one above it holds. Root
// keeps its level.
func (l *Levels) Unset(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name != Root {
		delete(l.loggers, name)
	}
}

func below(name, namespace string) bool {
	return namespace == Root || strings.HasPrefix(name, namespace+".")
}

func (l *Levels) effectiveLocked(name string) string {
	for {
		if level, ok := l.loggers[name]; ok {
			return level.Level
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return l.loggers[Root].Level
		}
		name = name[:i]
	}
}

// Handler returns a handler that passes to next what the levels let through.
func (l *Levels) Handler(next slog.Handler) slog.Handler {
	return &handler{levels: l, name: Root, next: next}
}

type handler struct {
	levels *Levels
	name   string
	next   slog.Handler
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	h.levels.mu.RLock()
	defer h.levels.mu.RUnlock()
	return level >= names[h.levels.effectiveLocked(h.name)]
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error { return h.next.Handle(ctx, r) }

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	name := h.name
	for _, a := range attrs {
		if a.Key == NameKey {
			name = a.Value.String()
		}
	}
	return &handler{h.levels, name, h.next.WithAttrs(attrs)}
}

func (h *handler) WithGroup(group string) slog.Handler {
	return &handler{h.levels, h.name, h.next.WithGroup(group)}
}
