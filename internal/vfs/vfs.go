// Package vfs is every file operation of the broker and the stores, behind two small interfaces, so that
// tests can make any of them fail and can clone the disk as a power cut would leave it.
//
// OS is the real file system. Mem keeps files in memory, remembers what was synced, and makes crash clones
// (see Mem.CrashClone): unsynced data and directory entries are lost or torn there. Faults wraps any FS and
// fails chosen operations. What differs between platforms (fdatasync, flock, sendfile, free space) is in
// one file a platform, os_*.go.
//
// Durability rules, the same for all implementations:
//   - File.Sync makes the data and the size of that file durable, not its name;
//   - FS.SyncDir makes creations, renames and removals inside that directory durable;
//   - a Rename is atomic: after a crash either name leads to the whole file.
package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

// FS is a file system. Paths use the separators of the platform. All methods are safe for concurrent use and
// return errors that match fs.ErrNotExist and fs.ErrExist where those apply.
type FS interface {
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Create opens a file for reading and writing, creating it (mode 0600) or emptying it.
	Create(name string) (File, error)
	// Remove deletes a file or an empty directory. RemoveAll deletes a tree; a missing one is no error.
	Remove(name string) error
	RemoveAll(name string) error
	// Rename moves a file or directory, replacing a file of that name atomically.
	Rename(oldName, newName string) error
	// MkdirAll creates a directory (mode 0700) and its missing parents.
	MkdirAll(name string) error
	// List returns the names in a directory, sorted.
	List(name string) ([]string, error)
	// Stat describes a file or directory.
	Stat(name string) (Info, error)
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
	// Lock takes an exclusive lock on a file, creating it, and writes the process id into it. A file locked
	// by somebody else is a *LockedError. Close of the result releases the lock.
	Lock(name string) (io.Closer, error)
}

// File is an open file. Its methods are safe for concurrent use as far as they touch different bytes.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes data and size durable (fdatasync where the platform has it). After a failed Sync the state
	// of the file on disk is unknown: never retry it, reopen and verify instead.
	Sync() error
	// Truncate cuts or extends (with zeros) the file to size bytes.
	Truncate(size int64) error
	// Size returns the current length in bytes.
	Size() (int64, error)
}

// Info describes a file or directory.
type Info struct {
	Size    int64 // bytes
	ModTime time.Time
	Dir     bool
}

// LockedError says that another process, or another Lock call of this one, holds a lock file.
type LockedError struct {
	Path string
	PID  int // of the holder, 0 if unknown
}

func (e *LockedError) Error() string {
	if e.PID > 0 {
		return fmt.Sprintf("%s is locked by process %d: stop that process or use another folder", e.Path, e.PID)
	}
	return fmt.Sprintf("%s is locked by another process: stop it or use another folder", e.Path)
}

// SyncError marks a failed sync of a file or directory: what is on disk is unknown from then on.
type SyncError struct {
	Path string
	Err  error
}

func (e *SyncError) Error() string { return "syncing " + e.Path + ": " + e.Err.Error() }

// Unwrap returns what the sync said.
func (e *SyncError) Unwrap() error { return e.Err }

// SyncFile syncs an open file; a failure is a *SyncError that names path.
func SyncFile(f File, path string) error {
	if err := f.Sync(); err != nil {
		return &SyncError{path, err}
	}
	return nil
}

// SyncDir syncs a directory; a failure is a *SyncError.
func SyncDir(fsys FS, path string) error {
	if err := fsys.SyncDir(path); err != nil {
		return &SyncError{path, err}
	}
	return nil
}

// ReadFile returns the whole content of a file, refusing one longer than limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("reading %s: %d bytes, at most %d expected", name, size, limit)
	}
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// WriteFileAtomic replaces a file by content so that a crash leaves the old or the new one, whole: it writes
// name.tmp, syncs it, renames it and syncs the directory. A failed sync is a *SyncError.
func WriteFileAtomic(fsys FS, name string, content []byte) error {
	if err := ReplaceFile(fsys, name, content); err != nil {
		return err
	}
	return SyncDir(fsys, filepath.Dir(name))
}

// ReplaceFile is WriteFileAtomic without the sync of the directory, for which the caller cares: until then a crash may
// leave the old content, or no file.
func ReplaceFile(fsys FS, name string, content []byte) error {
	tmp := name + ".tmp"
	if err := writeSynced(fsys, tmp, content); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", tmp, err), removeIfThere(fsys, tmp))
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return fmt.Errorf("renaming %s: %w", tmp, err)
	}
	return nil
}

func writeSynced(fsys FS, name string, content []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(content, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := SyncFile(f, name); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func removeIfThere(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Exists says whether a file or directory is there.
func Exists(fsys FS, name string) (bool, error) {
	_, err := fsys.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
