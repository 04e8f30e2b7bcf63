package inspect

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
)

const (
	indexEntrySize     = 8
	timeIndexEntrySize = 12
)

// entries calls fn with every entry of an index file. Kafka makes these files
// larger than needed and cuts them when the segment is closed: after a crash
// zeros follow the last entry, which is no mistake.
func (r *reading) entries(size int, fn func(e []byte, pos int64, first bool) error) error {
	data, err := os.ReadFile(r.path)
	if err != nil {
		return err
	}
	if rest := len(data) % size; rest != 0 {
		if err := r.problem(int64(len(data)-rest), "the file has %d bytes, expected a multiple of the %d bytes of an entry", len(data), size); err != nil {
			return err
		}
		data = data[:len(data)-rest]
	}
	for at := 0; at < len(data); at += size {
		if at > 0 && unused(data[at:]) {
			return nil
		}
		if err := fn(data[at:at+size], int64(at), at == 0); err != nil {
			return err
		}
	}
	return nil
}

// unused says whether only zeros are left.
func unused(rest []byte) bool {
	for _, b := range rest {
		if b != 0 {
			return false
		}
	}
	return true
}

// index reads an .index file: entries must rise, and each must point at a batch
// of the .log beside it that ends with the entry's offset.
func (r *reading) index() error {
	log, err := openBeside(r.path, ".index")
	if err != nil {
		return err
	}
	if log == nil {
		return r.problem(0, "there is no %s beside it", logOf(r.path, ".index"))
	}
	defer log.Close()
	var last IndexEntry
	return r.entries(indexEntrySize, func(e []byte, at int64, first bool) error {
		rel, pos := logstore.DecodeIndexEntry(e)
		item := &IndexEntry{"index", r.base + int64(rel), pos}
		if err := r.emit(item); err != nil {
			return err
		}
		before := last
		last = *item
		switch {
		case rel < 0 || pos < 0:
			return r.problem(at, "offset %d at position %d is impossible", item.Offset, pos)
		case !first && (item.Offset <= before.Offset || pos <= before.Position):
			return r.problem(at, "offset %d at position %d, expected more than offset %d and position %d of the entry before", item.Offset, pos, before.Offset, before.Position)
		}
		h := make([]byte, recordbatch.HeaderSize)
		if _, err := log.ReadAt(h, int64(pos)); err != nil {
			if err == io.EOF {
				return r.problem(at, "offset %d is at position %d, which lies behind the end of %s", item.Offset, pos, log.Name())
			}
			return err
		}
		if b := recordbatch.Batch(h); b.LastOffset() != item.Offset || b.Magic() != 2 {
			return r.problem(at, "offset %d is at position %d, but the batch there in %s ends with offset %d", item.Offset, pos, log.Name(), b.LastOffset())
		}
		return nil
	})
}

// timeIndex reads a .timeindex file: entries must rise, and the batch that
// holds the offset of an entry must have its timestamp as the largest.
func (r *reading) timeIndex() error {
	path := logOf(r.path, ".timeindex")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return r.problem(0, "there is no %s beside it", path)
	}
	walk := newHeaderWalk(path)
	defer walk.close()
	last := TimeIndexEntry{Timestamp: -1, Offset: -1}
	return r.entries(timeIndexEntrySize, func(e []byte, at int64, first bool) error {
		ts, rel := logstore.DecodeTimeIndexEntry(e)
		item := &TimeIndexEntry{"timeindex", ts, r.base + int64(rel)}
		if err := r.emit(item); err != nil {
			return err
		}
		before := last
		last = *item
		if rel < 0 || !first && (ts < before.Timestamp || item.Offset < before.Offset) {
			return r.problem(at, "timestamp %d at offset %d, expected no less than timestamp %d and offset %d of the entry before", ts, item.Offset, before.Timestamp, before.Offset)
		}
		b, err := walk.holding(item.Offset)
		switch {
		case err != nil:
			return err
		case b == nil:
			return r.problem(at, "timestamp %d is at offset %d, which is in no batch of %s", ts, item.Offset, path)
		case b.MaxTimestamp() != ts:
			return r.problem(at, "timestamp %d is at offset %d, but the batch there in %s has %d as the largest", ts, item.Offset, path, b.MaxTimestamp())
		}
		return nil
	})
}

// logOf is the .log file beside an index.
func logOf(path, suffix string) string { return strings.TrimSuffix(path, suffix) + ".log" }

// openBeside opens the .log file beside an index; nil if there is none.
func openBeside(path, suffix string) (*os.File, error) {
	f, err := os.Open(logOf(path, suffix))
	if os.IsNotExist(err) {
		return nil, nil
	}
	return f, err
}

// headerWalk goes through the batch headers of a .log file.
type headerWalk struct {
	path string
	file *os.File
	pos  int64
	head recordbatch.Batch // the last one read
}

func newHeaderWalk(path string) *headerWalk {
	return &headerWalk{path: path, head: make([]byte, 0, recordbatch.HeaderSize)}
}

func (w *headerWalk) close() {
	if w.file != nil {
		w.file.Close() // only read from
	}
}

// holding returns the header of the batch that holds offset, nil if there is
// none. Offsets asked for must not fall.
func (w *headerWalk) holding(offset int64) (recordbatch.Batch, error) {
	if w.file == nil {
		f, err := os.Open(w.path)
		if err != nil {
			return nil, err
		}
		w.file = f
	}
	for len(w.head) == 0 || w.head.LastOffset() < offset {
		h := w.head[:recordbatch.HeaderSize]
		if _, err := w.file.ReadAt(h, w.pos); err == io.EOF {
			return nil, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading %s at %d: %w", w.path, w.pos, err)
		}
		if h.Size() < recordbatch.HeaderSize {
			return nil, nil // the log itself is damaged, which its own dump says
		}
		w.head = h
		w.pos += int64(h.Size())
	}
	if w.head.BaseOffset() > offset {
		return nil, nil
	}
	return w.head, nil
}
