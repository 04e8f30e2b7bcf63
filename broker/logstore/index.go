package logstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/leat-project/leat/internal/vfs"
)

// Entry sizes in bytes. The files are nothing but entries, rising in both fields, big endian:
//
//	.index       0  relativeOffset  int32  last offset of the batch, minus the base of the segment
//	             4  position        int32  of the batch in the .log
//	.timeindex   0  timestamp       int64  ms, the largest so far
//	             8  relativeOffset  int32  last offset of the batch that holds it, minus the base
//
// There is an entry once more than index.interval.bytes were written since the last one.
const (
	offsetEntrySize = 8
	timeEntrySize   = 12
)

// maxPending is how many bytes of entries stay in memory before they are written: small writes to three files
// for every append would cost more than the append itself, and a crash rebuilds them anyway.
const maxPending = 4096

// sparseIndex is the sorted entries of one index file: the older ones in the file, the newest in memory. The
// file is opened for each use, so idle segments hold no descriptor. The owner serializes all methods but the
// file searches, which work on a snapshot.
type sparseIndex struct {
	size    int    // of an entry
	flushed int64  // bytes of entries in the file
	pending []byte // entries that are not in the file yet
	stale   bool   // the file on disk has other entries than flushed says: rewrite it from the start
}

// bytes is the length that the file has once everything is written.
func (x *sparseIndex) bytes() int64 { return x.flushed + int64(len(x.pending)) }

// dirty says whether the file lacks something.
func (x *sparseIndex) dirty() bool { return len(x.pending) > 0 || x.stale }

// write puts the pending entries into the file at path.
func (x *sparseIndex) write(fsys vfs.FS, path string) error {
	if !x.dirty() {
		return nil
	}
	f, err := openOrCreate(fsys, path, x.stale)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(x.pending, x.flushed); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Close())
	}
	x.flushed += int64(len(x.pending))
	x.pending = x.pending[:0]
	x.stale = false
	return f.Close()
}

// reset forgets all entries; the file is emptied at the next write.
func (x *sparseIndex) reset() { x.flushed, x.pending, x.stale = 0, x.pending[:0], true }

func openOrCreate(fsys vfs.FS, path string, empty bool) (vfs.File, error) {
	if !empty {
		f, err := fsys.Open(path)
		if err == nil || !errors.Is(err, errNotExist) {
			return f, err
		}
	}
	return fsys.Create(path)
}

// lastLE returns the index of the last of n entries for which above(entry) is false, -1 if none. The entries are
// those of buf.
func lastLE(buf []byte, size int, above func(entry []byte) bool) int {
	n := len(buf) / size
	return sort.Search(n, func(i int) bool { return above(buf[i*size:]) }) - 1
}

// indexBlocks holds *[]byte of indexBlock bytes, for searches in files.
var indexBlocks = sync.Pool{New: func() any { b := make([]byte, indexBlock); return &b }}

// indexBlock is a multiple of both entry sizes.
const indexBlock = offsetEntrySize * timeEntrySize * 42

// searchFile returns the last of the first n bytes of entries in a file for which above is false. It halves the
// range entry by entry down to one block, then reads that.
func searchFile(f vfs.File, n int64, size int, above func(entry []byte) bool) (e [timeEntrySize]byte, ok bool, err error) {
	buf := indexBlocks.Get().(*[]byte)
	defer indexBlocks.Put(buf)
	lo, hi := int64(0), n/int64(size) // the first entry that is above lies in [lo, hi]
	for hi-lo > int64(indexBlock/size) {
		mid := lo + (hi-lo)/2
		if err := readFull(f, (*buf)[:size], mid*int64(size)); err != nil {
			return e, false, err
		}
		if above((*buf)[:size]) {
			hi = mid
		} else {
			lo = mid
		}
	}
	block := (*buf)[:(hi-lo)*int64(size)]
	if err := readFull(f, block, lo*int64(size)); err != nil {
		return e, false, err
	}
	i := lastLE(block, size, above)
	if i < 0 {
		return e, false, nil
	}
	copy(e[:], block[i*size:(i+1)*size])
	return e, true, nil
}

// readFull reads len(buf) bytes at off.
func readFull(f vfs.File, buf []byte, off int64) error {
	n, err := f.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at %d: %w", len(buf), off, err)
}

func appendOffsetEntry(dst []byte, rel, pos int64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(rel))
	return binary.BigEndian.AppendUint32(dst, uint32(pos))
}

func offsetEntry(e []byte) (rel, pos int32) {
	return int32(binary.BigEndian.Uint32(e)), int32(binary.BigEndian.Uint32(e[4:]))
}

func timeEntry(e []byte) (ts int64, rel int32) {
	return int64(binary.BigEndian.Uint64(e)), int32(binary.BigEndian.Uint32(e[8:]))
}
