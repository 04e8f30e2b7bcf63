package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/leat-project/leat/internal/vfs"
)

// FileLog is a Log in one file that holds the last record of every key: the source
// offsets of standalone mode, in the format of FileOffsetBackingStore (see
// javaserial.go), so that connect-standalone and we can take turns.
//
// A write replaces the file: temporary file, fsync, rename, fsync of the folder. A
// crash leaves the old or the new file, never a mix.
type FileLog struct {
	path string

	mu    sync.Mutex // guards the fields below, and serializes apply and the file
	apply func(Record)
	data  map[string][]byte
	next  int64
}

var _ Log = (*FileLog)(nil)

// NewFileLog returns a log in the file of that name, which need not exist.
func NewFileLog(path string) *FileLog { return &FileLog{path: path} }

// Start implements Log.
func (l *FileLog) Start(_ context.Context, apply func(Record)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apply = apply
	b, err := os.ReadFile(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("reading the offset file: %w", err)
	}
	if l.data, err = parseHashMap(b); err != nil {
		return fmt.Errorf("offset file %s: %w; it is neither ours nor of connect-standalone", l.path, err)
	}
	keys := make([]string, 0, len(l.data))
	for k := range l.data {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)
	for _, k := range keys {
		l.apply(Record{Key: []byte(k), Value: l.data[k], Offset: l.next})
		l.next++
	}
	return nil
}

// Append implements Log.
func (l *FileLog) Append(_ context.Context, recs ...Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range recs {
		if r.Value == nil {
			delete(l.data, string(r.Key))
		} else {
			l.data[string(r.Key)] = r.Value
		}
	}
	if err := vfs.WriteFileAtomic(vfs.OS{}, l.path, appendHashMap(nil, l.data)); err != nil {
		return fmt.Errorf("writing the offset file: %w", err)
	}
	for _, r := range recs {
		r.Offset, r.Time = l.next, time.Now()
		l.next++
		l.apply(r)
	}
	return nil
}

// AppendAsync implements Log.
func (l *FileLog) AppendAsync(rec Record, done func(error)) {
	err := l.Append(context.Background(), rec)
	if done != nil {
		done(err)
	}
}

// Sync implements Log.
func (l *FileLog) Sync(context.Context) error { return nil }

// Close implements Log.
func (l *FileLog) Close() {}
