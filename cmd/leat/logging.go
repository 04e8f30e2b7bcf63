package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/leat-project/leat/internal/loglevel"
)

// openLog makes the program's logger: text or JSON on w, filtered by the levels
// that /admin/loggers changes, and the last lines of each connector kept. Level
// and form come from the environment (LEAT_LOG_LEVEL, LEAT_LOG_FORMAT), since
// they are the same for every command.
func (p *program) openLog(w io.Writer) error {
	if s := os.Getenv("LEAT_LOG_LEVEL"); s != "" {
		level, ok := loglevel.Parse(s)
		if !ok {
			return fmt.Errorf("LEAT_LOG_LEVEL is %q: use debug, info, warn or error", s)
		}
		p.levels.Set(loglevel.Root, level)
	}
	all := &slog.HandlerOptions{Level: slog.Level(-100)} // levels filters
	var h slog.Handler
	switch s := strings.ToLower(os.Getenv("LEAT_LOG_FORMAT")); s {
	case "", "text":
		h = slog.NewTextHandler(w, all)
	case "json":
		h = slog.NewJSONHandler(w, all)
	default:
		return fmt.Errorf("LEAT_LOG_FORMAT is %q: use text or json", s)
	}
	p.log = slog.New(p.levels.Handler(p.tail.Handler(h)))
	return nil
}
