package child

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func setLife(attr *syscall.SysProcAttr, life Life) {
	if life.Detach {
		attr.Setsid = true
		return
	}
	attr.Setpgid = true
	attr.Pdeathsig = syscall.SIGKILL
	if life.Signal != 0 {
		attr.Pdeathsig = life.Signal
	}
}

func lockThread() { runtime.LockOSThread() }

// Lives is true for a process that exists and is not a zombie, whoever started it.
func Lives(pid int) bool {
	state, _, err := stat(pid)
	return err == nil && state != "Z" && state != "X"
}

// CommandLine returns the arguments of a process joined by blanks, empty when
// there is no such process.
func CommandLine(pid int) string {
	args, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " "))
}

// Of returns the children of a process, its grandchildren not included.
func Of(parent int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// A process that ended since the listing is nobody's child.
		if _, ppid, err := stat(pid); err == nil && ppid == parent {
			children = append(children, pid)
		}
	}
	return children, nil
}

// stat reads state and parent of a process. The command name before them may
// hold blanks and parentheses, so the fields are counted after its last one.
func stat(pid int) (state string, ppid int, err error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 {
		return "", 0, fmt.Errorf("reading the state of process %d: %q", pid, text)
	}
	ppid, err = strconv.Atoi(fields[1])
	return fields[0], ppid, err
}

// WaitGone waits until none of the processes, which need not be children of
// ours, lives.
func WaitGone(timeout time.Duration, pids ...int) error {
	deadline := time.Now().Add(timeout)
	for _, pid := range pids {
		for Lives(pid) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d did not end in %v", pid, timeout)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}
