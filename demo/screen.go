package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// screen writes what happens: on a terminal with colours and one status line
// that is overwritten, else as plain lines. It is safe for concurrent use.
type screen struct {
	tty   bool
	start time.Time

	mu     sync.Mutex // guards the fields below and the order of output
	out    *os.File
	status string    // the status line on the terminal now
	plain  time.Time // when a status was last written without a terminal
}

// plainEvery is how often a status becomes a line where there is no terminal.
const plainEvery = time.Second

const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	cyan  = "\x1b[36m"
	reset = "\x1b[0m"
	wipe  = "\r\x1b[K"
)

func newScreen(out *os.File) *screen {
	tty := term.IsTerminal(int(out.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("NO_COLOR") == ""
	return &screen{tty: tty, start: time.Now(), out: out}
}

// title opens a part of the demo.
func (s *screen) title(text string) { s.line(bold+cyan, "\n"+text) }

// step says that something was done, with the time since the start.
func (s *screen) step(format string, args ...any) {
	s.line("", fmt.Sprintf("%6.1f s  %s", time.Since(s.start).Seconds(), fmt.Sprintf(format, args...)))
}

// event is a step to be noticed.
func (s *screen) event(format string, args ...any) {
	s.line(bold, fmt.Sprintf("%6.1f s  %s", time.Since(s.start).Seconds(), fmt.Sprintf(format, args...)))
}

// note is a line without a time.
func (s *screen) note(text string) { s.line("", text) }

// good and fail are the two possible ends.
func (s *screen) good(text string) { s.line(bold+green, text) }

func (s *screen) fail(err error) { s.line(bold+red, "\nFAILED: "+err.Error()) }

func (s *screen) line(style, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tty {
		fmt.Fprintln(s.out, text)
		return
	}
	if style != "" {
		text = style + text + reset
	}
	fmt.Fprint(s.out, wipe, text, "\n", s.status)
}

// update replaces the status line.
func (s *screen) update(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text = fmt.Sprintf("%6.1f s  %s", time.Since(s.start).Seconds(), text)
	if s.tty {
		s.status = fit(text, s.out)
		fmt.Fprint(s.out, wipe, s.status)
		return
	}
	if time.Since(s.plain) >= plainEvery {
		s.plain = time.Now()
		fmt.Fprintln(s.out, text)
	}
}

// keep turns the status line into a line that stays.
func (s *screen) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tty && s.status != "" {
		fmt.Fprintln(s.out)
	}
	s.status = ""
}

// fit cuts a status to the width of the terminal: a wrapped line could not be
// overwritten.
func fit(text string, out *os.File) string {
	width, _, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 1 || len(text) < width {
		return text
	}
	return text[:width-1]
}

// bar draws progress; part may be over whole.
func bar(part, whole int64) string {
	const width = 20
	filled := width
	if whole > 0 {
		filled = int(min(part, whole) * width / whole)
	}
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", width-filled) + "]"
}

// thousands writes 1234567 as 1,234,567.
func thousands[T int | int64](n T) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, parts...), ",")
}
