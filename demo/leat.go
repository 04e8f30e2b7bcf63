package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/leat-project/leat/internal/child"
)

const readyTimeout = 30 * time.Second

// leatArgs is the command line of the server, as a user would type it.
func (st *stage) leatArgs() []string {
	return []string{"run", "--data", st.dataDir(), "--kafka", st.kafkaAddr(), "--rest", fmt.Sprintf("127.0.0.1:%d", st.rec.REST)}
}

// startLeat starts the process and returns how long it took until REST answered.
func (st *stage) startLeat(ctx context.Context) (time.Duration, error) {
	log, err := os.OpenFile(st.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	cmd := exec.Command(st.binary, st.leatArgs()...)
	cmd.Stdout, cmd.Stderr = log, log
	begin := time.Now()
	if st.leat, err = child.Start(cmd, child.Life{Detach: st.up}); err != nil {
		return 0, err
	}
	st.rec.Leat = st.leat.Pid
	if err := st.save(); err != nil {
		return 0, err
	}
	err = waitFor(ctx, "leat answers on "+st.restURL(), readyTimeout, func(ctx context.Context) (bool, error) {
		if !st.leat.Alive() {
			return false, fmt.Errorf("leat ended (%s): %s", ending(st.leat.Err()), lastLines(st.logFile(), 5))
		}
		return answers(ctx, st.restURL()+"/"), nil
	})
	return time.Since(begin), err
}

// ending says how a process ended.
func ending(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// answers says whether a GET is answered with 200 within a second.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// killLeat is the crash: SIGKILL, no chance to write anything.
func (st *stage) killLeat() error { return st.leat.Kill() }

// stopLeat ends it gracefully.
func (st *stage) stopLeat() error {
	if st.leat == nil || !st.leat.Alive() {
		return nil
	}
	if err := st.leat.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if st.leat.Wait(stopTimeout) {
		return nil
	}
	return errors.Join(fmt.Errorf("leat did not end within %v after SIGTERM and was killed", stopTimeout), st.leat.Kill())
}

// peakMemory is the largest resident size of the running leat, in MB; 0 where
// the system does not say.
func (st *stage) peakMemory() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", st.leat.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				return 0
			}
			return kb / 1024
		}
	}
	return 0
}

func lastLines(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

func containsArg(commandLine, arg string) bool {
	return slices.Contains(strings.Fields(commandLine), arg)
}
