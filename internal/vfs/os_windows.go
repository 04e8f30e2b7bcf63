package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: NTFS journals names, and a directory handle cannot be flushed.
func syncDir(string) error { return nil }

func lockFile(f *os.File) error {
	// The byte that is locked lies far behind the process id, so that others can read that.
	at := &windows.Overlapped{OffsetHigh: 1}
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errWouldBlock
	}
	if err != nil {
		return &os.PathError{Op: "LockFileEx", Path: f.Name(), Err: err}
	}
	return nil
}

// IsNoSpace says whether an error means a full disk or an exhausted quota: space may come back.
func IsNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// ErrNoSpace is the error of a full disk, for fault injection.
var ErrNoSpace error = windows.ERROR_DISK_FULL

// DiskSpace returns the size of the volume that holds a path and what of it is free for this user, in bytes.
func (OS) DiskSpace(path string) (total, usable int64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	var free, all, allFree uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, &all, &allFree); err != nil {
		return 0, 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: path, Err: err}
	}
	return int64(all), int64(free), nil
}
