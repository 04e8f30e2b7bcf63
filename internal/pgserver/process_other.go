//go:build !linux

package pgserver

import (
	"errors"
	"os/exec"
	"syscall"

	"github.com/leat-project/leat/internal/child"
)

// Private servers run on Linux only; elsewhere everything here says so.
var errSystem = errors.New("private PostgreSQL servers run on Linux only")

const (
	interrupt = syscall.SIGINT
	quit      = syscall.SIGTERM
)

type user struct{}

func runner() user { return user{} }

func (user) own(string) error { return nil }
func (user) set(*exec.Cmd)    {}

func (s *Server) launch() (*child.Process, error) { return nil, errSystem }
func (s *Server) stop(syscall.Signal) error       { return nil }

// Kill has nothing to kill here.
func (s *Server) Kill() error { return nil }

// StopDir has nothing to stop here.
func StopDir(string) error { return errSystem }

func postmasterPid(string) (int, error) { return 0, errSystem }
