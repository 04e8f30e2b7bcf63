package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/leat-project/leat/internal/child"
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
	if u.other {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// launch starts the postmaster. Should this process die, the kernel asks it for
// an immediate shutdown, at which it also ends its children.
func (s *Server) launch() (*child.Process, error) {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(s.bin.path("postgres"), "-D", s.dataDir())
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.Dir, s.bin.env(), log, log
	runner().set(cmd)
	return child.Start(cmd, child.Life{Detach: s.cfg.Detach, Signal: quit})
}

func (s *Server) stop(sig syscall.Signal) error {
	if !s.Running() {
		return nil
	}
	if err := s.process.Signal(sig); err != nil {
		return err
	}
	if s.process.Wait(stopTimeout) {
		return nil
	}
	return errors.Join(fmt.Errorf("PostgreSQL (pid %d) did not stop in %v", s.process.Pid, stopTimeout), s.Kill())
}

// Kill ends all processes of the server with SIGKILL and waits for them. The
// postmaster is halted first, so that it starts no further children.
func (s *Server) Kill() error {
	if !s.Running() {
		return nil
	}
	if err := s.process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := child.Of(s.process.Pid)
	for _, pid := range children {
		// One that ended by itself meanwhile is as dead as it should be.
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err := errors.Join(err, s.process.Kill()); err != nil {
		return fmt.Errorf("killing PostgreSQL: %w", err)
	}
	return child.WaitGone(stopTimeout, children...)
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
	// A stale file may name a process that somebody else has started since.
	if !strings.Contains(child.CommandLine(pid), filepath.Join(dir, "data")) {
		return nil
	}
	if err := syscall.Kill(pid, interrupt); err != nil {
		return fmt.Errorf("stopping the PostgreSQL of %s: %w", dir, err)
	}
	return child.WaitGone(stopTimeout, pid)
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
