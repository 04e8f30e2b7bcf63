// Package datadir opens the folder that holds the state of one process: it makes
// sure that only one process uses it and that its layout is one this binary knows.
//
//	DIR/.lock     flock while a process uses the folder; holds its pid as text
//	DIR/format    number of the layout as text, written once, by temp file and rename
//	DIR/...       what the parts of the program keep
package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/leat-project/leat/internal/vfs"
)

// Format is the layout that this binary writes. A folder of a newer one is
// refused; an older one is marked with the new number before anything in it
// changes, so that an older binary never reads what it does not know:
//
//	1  the first
//	2  the metadata log of the broker has snapshots, leader change records
//	   and quorum-state beside it; one of format 1 is opened as it is
const Format = 2

const (
	lockFile   = ".lock"
	formatFile = "format"
)

// Dir is an open data folder.
type Dir struct {
	// Path is absolute.
	Path string
	lock io.Closer
}

// Open makes the folder if it is missing, locks it and checks its format. The
// error names the process that has it, or the format that is too new.
func Open(path string) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	d := &Dir{Path: abs}
	if d.lock, err = (vfs.OS{}).Lock(d.Join(lockFile)); err != nil {
		return nil, fmt.Errorf("opening the data folder: %w", err)
	}
	if err := d.checkFormat(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Join returns the path of something in the folder.
func (d *Dir) Join(name string) string { return filepath.Join(d.Path, name) }

// Close gives the folder free.
func (d *Dir) Close() error { return d.lock.Close() }

func (d *Dir) checkFormat() error {
	path := d.Join(formatFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.writeFormat(path)
	}
	if err != nil {
		return fmt.Errorf("reading the format of the data folder: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 1 {
		return fmt.Errorf("%s holds %q, expected a number from 1 to %d: the folder is not one of this program or is damaged", path, text, Format)
	}
	if n > Format {
		return fmt.Errorf("the data folder %s has format %d, this binary knows up to %d: use the newer binary that wrote it", d.Path, n, Format)
	}
	if n < Format {
		return d.mark(path)
	}
	return nil
}

func (d *Dir) mark(path string) error {
	return vfs.WriteFileAtomic(vfs.OS{}, path, []byte(strconv.Itoa(Format)+"\n"))
}

// writeFormat marks a new folder: only one that holds nothing else, so that a
// folder of something else is never adopted by accident.
func (d *Dir) writeFormat(path string) error {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return fmt.Errorf("reading the data folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() != lockFile && !strings.HasPrefix(e.Name(), formatFile) {
			return fmt.Errorf("%s holds %q but no format file, so it is not a data folder of this program: "+
				"name an empty or a new folder with --data", d.Path, e.Name())
		}
	}
	return d.mark(path)
}
