package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// memPage is the unit in bytes in which unsynced data survives a crash or not.
const memPage = 512

// Mem is a file system in memory for tests. It tracks what was synced, so that CrashClone can show what a power
// cut would leave. Time stamps are those of the clock when a file was last written.
type Mem struct {
	mu    sync.Mutex // guards everything below it, all nodes included
	root  *memNode
	locks map[string]bool
}

var _ FS = (*Mem)(nil)

// NewMem returns an empty file system.
func NewMem() *Mem { return &Mem{root: newMemDir(), locks: map[string]bool{}} }

// memNode is a file or a directory.
type memNode struct {
	dir     bool
	modTime time.Time

	// Files: the content, the content as it was synced, and the pages that differ from that.
	data, durable []byte
	dirty         map[int64]bool

	// Directories: the entries, those that were synced, and the changes since, oldest first.
	entries, durableEntries map[string]*memNode
	changes                 []memChange
}

// memChange makes names point to nodes (nil removes), all or none of them.
type memChange map[string]*memNode

func newMemDir() *memNode {
	return &memNode{dir: true, entries: map[string]*memNode{}, durableEntries: map[string]*memNode{}}
}

func (d *memNode) change(c memChange) {
	applyChange(d.entries, c)
	d.changes = append(d.changes, c)
}

func applyChange(entries map[string]*memNode, c memChange) {
	for name, n := range c {
		if n == nil {
			delete(entries, name)
		} else {
			entries[name] = n
		}
	}
}

func split(name string) []string {
	return strings.FieldsFunc(filepath.ToSlash(filepath.Clean(name)), func(r rune) bool { return r == '/' })
}

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// find returns the node of a path.
func (m *Mem) find(op, name string) (*memNode, error) {
	n := m.root
	for _, part := range split(name) {
		if n = n.entries[part]; n == nil {
			return nil, pathError(op, name, fs.ErrNotExist)
		}
	}
	return n, nil
}

// parent returns the directory of a path and the last element.
func (m *Mem) parent(op, name string) (*memNode, string, error) {
	d, err := m.find(op, filepath.Dir(name))
	if err != nil {
		return nil, "", err
	}
	if !d.dir {
		return nil, "", pathError(op, name, errors.New("not a directory"))
	}
	return d, filepath.Base(name), nil
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return nil, pathError("open", name, errors.New("is a directory"))
	}
	return &memFile{m: m, node: n, name: name}, nil
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("create", name)
	if err != nil {
		return nil, err
	}
	n := d.entries[base]
	if n == nil {
		n = &memNode{dirty: map[int64]bool{}}
		d.change(memChange{base: n})
	}
	if n.dir {
		return nil, pathError("create", name, errors.New("is a directory"))
	}
	n.truncate(0)
	return &memFile{m: m, node: n, name: name}, nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("remove", name)
	if err != nil {
		return err
	}
	n := d.entries[base]
	if n == nil {
		return pathError("remove", name, fs.ErrNotExist)
	}
	if n.dir && len(n.entries) > 0 {
		return pathError("remove", name, errors.New("directory not empty"))
	}
	d.change(memChange{base: nil})
	return nil
}

// RemoveAll implements FS.
func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parent("remove", name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && d.entries[base] == nil {
		return nil
	}
	if err != nil {
		return err
	}
	d.change(memChange{base: nil})
	return nil
}

// Rename implements FS. Old and new name must be in the same directory, as everywhere in this project.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if filepath.Dir(oldName) != filepath.Dir(newName) {
		return pathError("rename", oldName, errors.New("not within one directory"))
	}
	d, base, err := m.parent("rename", oldName)
	if err != nil {
		return err
	}
	n := d.entries[base]
	if n == nil {
		return pathError("rename", oldName, fs.ErrNotExist)
	}
	d.change(memChange{base: nil, filepath.Base(newName): n})
	return nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.root
	for _, part := range split(name) {
		next := d.entries[part]
		if next == nil {
			next = newMemDir()
			d.change(memChange{part: next})
		}
		if !next.dir {
			return pathError("mkdir", name, errors.New("not a directory"))
		}
		d = next
	}
	return nil
}

// List implements FS.
func (m *Mem) List(name string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("list", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, pathError("list", name, errors.New("not a directory"))
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("stat", name)
	if err != nil {
		return Info{}, err
	}
	return Info{Size: int64(len(n.data)), ModTime: n.modTime, Dir: n.dir}, nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("sync", name)
	if err != nil {
		return err
	}
	n.durableEntries = maps.Clone(n.entries)
	n.changes = nil
	return nil
}

// Lock implements FS. A lock ends with Close, and is not there in a clone.
func (m *Mem) Lock(name string) (io.Closer, error) {
	f, err := m.Create(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[name] {
		return nil, &LockedError{Path: name}
	}
	m.locks[name] = true
	return &memLock{m, name, f}, nil
}

type memLock struct {
	m    *Mem
	name string
	f    File
}

func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.name)
	return nil
}

// CrashClone returns what the disk may hold after a power cut now: everything synced, and of the rest what rng
// decides. In each directory a prefix of the unsynced changes survives; in each file any subset of the unsynced
// pages, and any length between the synced one and the present one, with zeros where a page was lost. A nil rng
// keeps everything as it is, synced or not: the process died, the machine did not.
func (m *Mem) CrashClone(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMem()
	c.root = m.root.crash(rng, map[*memNode]*memNode{})
	return c
}

func (n *memNode) crash(rng *rand.Rand, seen map[*memNode]*memNode) *memNode {
	if c := seen[n]; c != nil {
		return c
	}
	if !n.dir {
		c := &memNode{modTime: n.modTime, dirty: map[int64]bool{}}
		seen[n] = c
		if rng == nil {
			c.data, c.durable, c.dirty = slices.Clone(n.data), slices.Clone(n.durable), maps.Clone(n.dirty)
			return c
		}
		c.durable = n.crashData(rng)
		c.data = slices.Clone(c.durable)
		return c
	}
	c := newMemDir()
	seen[n] = c
	if rng == nil {
		for name, e := range n.entries {
			c.entries[name] = e.crash(nil, seen)
		}
		for name, e := range n.durableEntries {
			c.durableEntries[name] = e.crash(nil, seen)
		}
		for _, ch := range n.changes {
			copied := memChange{}
			for name, e := range ch {
				if copied[name] = nil; e != nil {
					copied[name] = e.crash(nil, seen)
				}
			}
			c.changes = append(c.changes, copied)
		}
		return c
	}
	entries := maps.Clone(n.durableEntries)
	for _, ch := range n.changes[:rng.IntN(len(n.changes)+1)] {
		applyChange(entries, ch)
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) { // sorted: the same rng gives the same clone
		c.entries[name] = entries[name].crash(rng, seen)
	}
	c.durableEntries = maps.Clone(c.entries)
	return c
}

func (n *memNode) crashData(rng *rand.Rand) []byte {
	// What is lost all at once is as likely as anything in between.
	chance := []float64{0, 0.5, 0.9, 1}[rng.IntN(4)]
	size := len(n.durable)
	if d := len(n.data) - size; d > 0 && chance > 0 {
		size += rng.IntN(d + 1)
		if chance == 1 {
			size = len(n.data)
		}
	} else if d < 0 && chance > 0 {
		size = len(n.data)
	}
	out := make([]byte, size)
	copy(out, n.durable)
	for _, page := range slices.Sorted(maps.Keys(n.dirty)) {
		lo, hi := page*memPage, min((page+1)*memPage, int64(size), int64(len(n.data)))
		if lo < hi && rng.Float64() < chance {
			copy(out[lo:hi], n.data[lo:hi])
		}
	}
	return out
}

func (n *memNode) touch(lo, hi int64) {
	for page := lo / memPage; page*memPage < hi; page++ {
		n.dirty[page] = true
	}
	n.modTime = time.Now()
}

func (n *memNode) truncate(size int64) {
	old := int64(len(n.data))
	if size < old {
		n.data = n.data[:size]
		n.touch(size, old)
		return
	}
	n.data = append(n.data, make([]byte, size-old)...)
	n.touch(old, size)
}

type memFile struct {
	m      *Mem
	node   *memNode
	name   string
	closed bool
}

func (f *memFile) check(op string) error {
	if f.closed {
		return pathError(op, f.name, fs.ErrClosed)
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("read"); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, pathError("read", f.name, fmt.Errorf("negative offset %d", off))
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("write"); err != nil {
		return 0, err
	}
	if end := off + int64(len(p)); end > int64(len(f.node.data)) {
		f.node.truncate(end)
	}
	copy(f.node.data[off:], p)
	f.node.touch(off, off+int64(len(p)))
	return len(p), nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("sync"); err != nil {
		return err
	}
	n := f.node
	if grow := len(n.data) - len(n.durable); grow > 0 {
		n.durable = append(n.durable, make([]byte, grow)...)
	}
	n.durable = n.durable[:len(n.data)]
	for page := range n.dirty {
		if lo, hi := page*memPage, min((page+1)*memPage, int64(len(n.data))); lo < hi {
			copy(n.durable[lo:hi], n.data[lo:hi])
		}
	}
	clear(n.dirty)
	return nil
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("truncate"); err != nil {
		return err
	}
	f.node.truncate(size)
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.node.data)), f.check("stat")
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("close"); err != nil {
		return err
	}
	f.closed = true
	return nil
}
