package vfs

import "io"

// Op is a kind of file operation.
type Op string

// The operations that Faults can fail. Reads of names (List, Stat) and closing are not among them.
const (
	OpOpen     Op = "open"
	OpCreate   Op = "create"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"
	OpSyncDir  Op = "syncdir"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpMkdir    Op = "mkdir"
)

// Faults is an FS that asks Fail before each operation and fails it with what Fail returns. A failed write has
// written half of its bytes, as a disk that fills up does. Fail must be safe for concurrent use.
type Faults struct {
	FS
	Fail func(op Op, path string) error
	// Late, if set, is asked after a sync of a file or directory, and fails it
	// with what it returns: the power may have gone while it was under way, and
	// then what it has synced need not be on the disk that is left.
	Late func(op Op, path string) error
}

var _ FS = Faults{}

// Open implements FS.
func (f Faults) Open(name string) (File, error) {
	if err := f.Fail(OpOpen, name); err != nil {
		return nil, pathError(string(OpOpen), name, err)
	}
	return f.wrap(name)(f.FS.Open(name))
}

// Create implements FS.
func (f Faults) Create(name string) (File, error) {
	if err := f.Fail(OpCreate, name); err != nil {
		return nil, pathError(string(OpCreate), name, err)
	}
	return f.wrap(name)(f.FS.Create(name))
}

func (f Faults) late(op Op, name string) error {
	if f.Late == nil {
		return nil
	}
	if err := f.Late(op, name); err != nil {
		return pathError(string(op), name, err)
	}
	return nil
}

func (f Faults) wrap(name string) func(File, error) (File, error) {
	return func(file File, err error) (File, error) {
		if err != nil {
			return nil, err
		}
		return faultyFile{file, name, f}, nil
	}
}

// Remove implements FS.
func (f Faults) Remove(name string) error {
	if err := f.Fail(OpRemove, name); err != nil {
		return pathError(string(OpRemove), name, err)
	}
	return f.FS.Remove(name)
}

// RemoveAll implements FS.
func (f Faults) RemoveAll(name string) error {
	if err := f.Fail(OpRemove, name); err != nil {
		return pathError(string(OpRemove), name, err)
	}
	return f.FS.RemoveAll(name)
}

// Rename implements FS.
func (f Faults) Rename(oldName, newName string) error {
	if err := f.Fail(OpRename, oldName); err != nil {
		return pathError(string(OpRename), oldName, err)
	}
	return f.FS.Rename(oldName, newName)
}

// MkdirAll implements FS.
func (f Faults) MkdirAll(name string) error {
	if err := f.Fail(OpMkdir, name); err != nil {
		return pathError(string(OpMkdir), name, err)
	}
	return f.FS.MkdirAll(name)
}

// SyncDir implements FS.
func (f Faults) SyncDir(name string) error {
	if err := f.Fail(OpSyncDir, name); err != nil {
		return pathError(string(OpSyncDir), name, err)
	}
	if err := f.FS.SyncDir(name); err != nil {
		return err
	}
	return f.late(OpSyncDir, name)
}

// Lock implements FS.
func (f Faults) Lock(name string) (io.Closer, error) {
	if err := f.Fail(OpOpen, name); err != nil {
		return nil, pathError("lock", name, err)
	}
	return f.FS.Lock(name)
}

type faultyFile struct {
	File
	name string
	fs   Faults
}

func (f faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.Fail(OpRead, f.name); err != nil {
		return 0, pathError(string(OpRead), f.name, err)
	}
	return f.File.ReadAt(p, off)
}

func (f faultyFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.fs.Fail(OpWrite, f.name)
	if err == nil {
		return f.File.WriteAt(p, off)
	}
	n, werr := f.File.WriteAt(p[:len(p)/2], off)
	if werr != nil {
		return n, werr
	}
	return n, pathError(string(OpWrite), f.name, err)
}

func (f faultyFile) Sync() error {
	if err := f.fs.Fail(OpSync, f.name); err != nil {
		return pathError(string(OpSync), f.name, err)
	}
	if err := f.File.Sync(); err != nil {
		return err
	}
	return f.fs.late(OpSync, f.name)
}

func (f faultyFile) Truncate(size int64) error {
	if err := f.fs.Fail(OpTruncate, f.name); err != nil {
		return pathError(string(OpTruncate), f.name, err)
	}
	return f.File.Truncate(size)
}
