//go:build !linux

package child

import (
	"errors"
	"syscall"
	"time"
)

var errSystem = errors.New("looking at other processes works on Linux only")

func setLife(*syscall.SysProcAttr, Life) {}
func lockThread()                        {}

// Lives cannot tell here and says that the process lives.
func Lives(int) bool { return true }

// CommandLine cannot tell here.
func CommandLine(int) string { return "" }

// Of cannot tell here.
func Of(int) ([]int, error) { return nil, errSystem }

// WaitGone cannot tell here.
func WaitGone(time.Duration, ...int) error { return errSystem }
