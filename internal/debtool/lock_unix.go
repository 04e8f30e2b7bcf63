//go:build unix

package debtool

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Lock takes the lock file at path, waiting for other processes that hold it,
// and returns the function that gives it back. The lock ends with the process
// that holds it, so a killed process leaves none behind.
func Lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a lock file: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}
