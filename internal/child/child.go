// Package child runs servers as child processes for tests, the demo and the
// bench, so that none is left behind.
//
// A child started with DieWithParent is sent a signal by the kernel when this
// process ends, however it ends (Linux only). It runs in a process group of its
// own: a Control-C at the terminal reaches the parent, which decides.
package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Life says how long a child lives.
type Life struct {
	// Detach lets the child outlive this process, in a session of its own.
	Detach bool
	// Signal is what the kernel sends to a child that is not detached when
	// this process ends; 0 is SIGKILL.
	Signal syscall.Signal
}

// Process is a started child. Its methods are safe for concurrent use.
type Process struct {
	// Pid of the child.
	Pid int

	cmd  *exec.Cmd
	done chan struct{}
	err  error // what Wait said; valid once done is closed
}

// Start starts cmd and waits for its end in the background. Attributes that the
// caller set in cmd.SysProcAttr (credentials) are kept.
func Start(cmd *exec.Cmd, life Life) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	setLife(cmd.SysProcAttr, life)
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run starts the child and waits for it on one locked thread, because the
// kernel sends the death signal when the starting thread ends.
func (p *Process) run(started chan<- error) {
	defer close(p.done)
	lockThread()
	err := p.cmd.Start()
	if err == nil {
		p.Pid = p.cmd.Process.Pid
	}
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive says whether the child runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Err says how the child ended: nil for exit status 0, else an
// *exec.ExitError. It is nil while the child runs.
func (p *Process) Err() error {
	if p.Alive() {
		return nil
	}
	return p.err
}

// Signal sends a signal. It is no error when the child has ended meanwhile.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %v to process %d: %w", sig, p.Pid, err)
	}
	return nil
}

// Wait waits for the end of the child, at most for the given time, and says
// whether it ended.
func (p *Process) Wait(timeout time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(timeout):
		return false
	}
}

// Kill sends SIGKILL and waits for the end.
func (p *Process) Kill() error {
	if err := p.Signal(os.Kill); err != nil {
		return err
	}
	<-p.done
	return nil
}
