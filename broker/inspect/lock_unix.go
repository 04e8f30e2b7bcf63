//go:build unix

package inspect

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/leat-project/leat/internal/vfs"
)

// unlocked says whether a broker holds a lock file: Apache Kafka by a record
// lock of the whole file (Java's FileChannel.lock), ours by flock.
func unlocked(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_RDLCK, Whence: 0}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return &os.PathError{Op: "asking for the lock", Path: path, Err: err}
	}
	if lock.Type != unix.F_UNLCK {
		return &vfs.LockedError{Path: path, PID: int(lock.Pid)}
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return &vfs.LockedError{Path: path}
	case err != nil:
		return &os.PathError{Op: "locking", Path: path, Err: err}
	}
	return nil // closing the file gives the lock back
}
