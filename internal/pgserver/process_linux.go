package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	interrupt = syscall.SIGINT  // fast shutdown
	quit      = syscall.SIGQUIT // immediate shutdown
)

// nobody runs the server when we are root, which PostgreSQL refuses.
const nobody = 65534

// user is whom server processes run as; the zero value is this process's user.
type user struct {
	other bool
}

func runner() user { return user{other: os.Geteuid() == 0} }

func (u user) own(path string) error {
	if !u.other {
		return nil
	}
	return os.Lchown(path, nobody, nobody)
}

func (u user) set(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if u.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

// instance is one run of the server's main process.
type instance struct {
	pid  int
	done chan struct{} // closed when the process has ended and was waited for
}

func (in *instance) alive() bool {
	select {
	case <-in.done:
		return false
	default:
		return true
	}
}

// launch starts the postmaster in a process group of its own, so that a
// Control-C at the terminal reaches only the program that owns the server.
func (s *Server) launch() (*instance, error) {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(s.bin.path("postgres"), "-D", s.dataDir())
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.Dir, s.bin.env(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.cfg.Detach {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	} else {
		cmd.SysProcAttr.Pdeathsig = quit
	}
	runner().set(cmd)
	in := &instance{done: make(chan struct{})}
	started := make(chan error)
	go in.run(cmd, started)
	return in, <-started
}

// run starts the process and waits for it on one locked thread: the kernel
// sends the death signal when the starting thread ends, not the process.
func (in *instance) run(cmd *exec.Cmd, started chan<- error) {
	defer close(in.done)
	runtime.LockOSThread()
	err := cmd.Start()
	if err == nil {
		in.pid = cmd.Process.Pid
	}
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // how it ended is in its log; that it ended is what done says
}

func (s *Server) stop(sig syscall.Signal) error {
	if !s.Running() {
		s.instance = nil
		return nil
	}
	if err := syscall.Kill(s.instance.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("sending %v to PostgreSQL: %w", sig, err)
	}
	select {
	case <-s.instance.done:
		s.instance = nil
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("PostgreSQL (pid %d) did not stop in %v", s.instance.pid, stopTimeout), s.Kill())
	}
}

// Kill ends all processes of the server with SIGKILL and waits for them. The
// postmaster is halted first, so that it starts no further children.
func (s *Server) Kill() error {
	if !s.Running() {
		s.instance = nil
		return nil
	}
	pid := s.instance.pid
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	children := childrenOf(pid)
	for _, child := range children {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("killing PostgreSQL: %w", err)
	}
	select {
	case <-s.instance.done:
	case <-time.After(stopTimeout):
		return fmt.Errorf("PostgreSQL (pid %d) did not die in %v", pid, stopTimeout)
	}
	s.instance = nil
	return waitGone(children)
}

// StopDir ends the detached server in that folder by a fast shutdown and waits
// for it. It is not an error when none runs there.
func StopDir(dir string) error {
	pid, err := postmasterPid(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading which PostgreSQL runs in %s: %w", dir, err)
	}
	if !isPostmasterOf(pid, dir) {
		return nil
	}
	if err := syscall.Kill(pid, interrupt); err != nil {
		return fmt.Errorf("stopping the PostgreSQL of %s: %w", dir, err)
	}
	return waitGone([]int{pid})
}

// postmasterPid reads the pid that PostgreSQL notes in its data folder.
func postmasterPid(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(line)
}

// isPostmasterOf guards against a stale pid that another process has by now.
func isPostmasterOf(pid int, dir string) bool {
	args, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return err == nil && strings.Contains(string(args), filepath.Join(dir, "data"))
}

// processLives is true for a process that exists and is not a zombie.
func processLives(pid int) bool {
	state, _, err := stat(pid)
	return err == nil && state != "Z" && state != "X"
}

func childrenOf(parent int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var children []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if _, ppid, err := stat(pid); err == nil && ppid == parent {
			children = append(children, pid)
		}
	}
	return children
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

func waitGone(pids []int) error {
	deadline := time.Now().Add(stopTimeout)
	for _, pid := range pids {
		for processLives(pid) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d did not end in %v", pid, stopTimeout)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}
