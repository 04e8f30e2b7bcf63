package logstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/internal/vfs"
)

// Folders of another broker are adopted in two steps, so that a crash at any point leaves all of a topic or nothing:
//
//	Stage   copies the files to <topic id in hex>-<n>-adopt and syncs them. Nobody looks at such a folder.
//	Create  (which follows the topic's entry in the metadata) takes the staged folder of its topic id, if there is one,
//	        instead of making an empty one: renames it to <topic>-<n> and opens it.
//
// The topic's entry in the metadata, written between the two, decides: after a crash before it DropStaged removes what
// was copied, after a crash behind it the next start calls Create again.

const (
	stagedSuffix = "-adopt"
	// adoptedStartFile is in a staged folder whose log starts within its first segment: the log start in decimal. It
	// goes once log-start-offset-checkpoint says so.
	adoptedStartFile = "adopted-log-start"
)

// Adoption is a partition folder of another broker.
type Adoption struct {
	TopicPartition
	ID TopicID
	// Source is the folder, Files the names in it that are to be taken: segments, indexes, snapshots,
	// leader-epoch-checkpoint. They must be whole; they are only read. Indexes that are left out are made anew.
	Source fs.FS
	Files  []string
	// LogStart is the log start offset; 0 if the first segment says it.
	LogStart int64
}

func stagedName(id TopicID, partition int32) string {
	return hex.EncodeToString(id[:]) + "-" + strconv.Itoa(int(partition)) + stagedSuffix
}

// Stage copies a partition folder, durably, into the log dir with the fewest partitions. ErrExists if the partition is
// in the store. When it fails it leaves nothing behind, or what DropStaged removes.
func (s *Store) Stage(ctx context.Context, a Adoption) error {
	if s.Get(a.TopicPartition) != nil {
		return fmt.Errorf("adopting %s: %w", a.TopicPartition, ErrExists)
	}
	d, err := s.claimDir(a.TopicPartition)
	if err != nil {
		return fmt.Errorf("adopting %s: %w", a.TopicPartition, err)
	}
	defer s.unclaim(a.TopicPartition)
	name := stagedName(a.ID, a.Partition)
	path := filepath.Join(d.path, name)
	if err := s.copyFolder(ctx, a, path); err != nil {
		return fmt.Errorf("copying %s to %s: %w", a.TopicPartition, path, errors.Join(err, s.fs.RemoveAll(path)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claims, a.TopicPartition)
	s.staged[name] = d
	return nil
}

func (s *Store) copyFolder(ctx context.Context, a Adoption, path string) error {
	// What a crash left there is of an adoption that never happened.
	if err := errors.Join(s.fs.RemoveAll(path), s.fs.MkdirAll(path)); err != nil {
		return err
	}
	// In parallel, because of a sync for each of what may be many small files.
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelCopies)
	for _, name := range a.Files {
		g.Go(func() error {
			if err := s.copyFile(ctx, a.Source, name, filepath.Join(path, name)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if a.LogStart > 0 {
		if err := vfs.WriteFileAtomic(s.fs, filepath.Join(path, adoptedStartFile), fmt.Appendf(nil, "%d\n", a.LogStart)); err != nil {
			return err
		}
	}
	if err := vfs.WriteFileAtomic(s.fs, filepath.Join(path, partitionMetadataFile), partitionMetadata(a.ID)); err != nil {
		return err
	}
	return errors.Join(vfs.SyncDir(s.fs, path), vfs.SyncDir(s.fs, filepath.Dir(path)))
}

const (
	copyWindow     = 1 << 20 // what a copy reads at once, in bytes
	parallelCopies = 8
)

func (s *Store) copyFile(ctx context.Context, from fs.FS, name, to string) error {
	src, err := from.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := s.fs.Create(to)
	if err != nil {
		return err
	}
	buf := make([]byte, copyWindow)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, dst.Close())
		}
		n, err := io.ReadFull(src, buf)
		if n > 0 {
			if _, err := dst.WriteAt(buf[:n], at); err != nil {
				return errors.Join(err, dst.Close())
			}
			at += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return errors.Join(err, dst.Close())
		}
	}
	return errors.Join(vfs.SyncFile(dst, to), dst.Close())
}

// noteStaged remembers a staged folder that Open found.
func (s *Store) noteStaged(d *logDir, name string) bool {
	if !strings.HasSuffix(name, stagedSuffix) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.staged[name] = d
	return true
}

// DropStaged removes the staged folders that nobody took: their adoption did not happen.
func (s *Store) DropStaged() error {
	s.mu.Lock()
	staged := s.staged
	s.staged = map[string]*logDir{}
	s.mu.Unlock()
	var errs []error
	for name, d := range staged {
		if d.err() == nil {
			s.log.Warn("removing the copy of a partition whose adoption was not completed", "folder", filepath.Join(d.path, name))
			errs = append(errs, s.fs.RemoveAll(filepath.Join(d.path, name)))
		}
	}
	return errors.Join(errs...)
}

// takeStaged opens the staged folder of a partition in its place; nil if there is none.
func (s *Store) takeStaged(tp TopicPartition, id TopicID, cfg LogConfig) (*Partition, error) {
	name := stagedName(id, tp.Partition)
	s.mu.Lock()
	d := s.staged[name]
	s.mu.Unlock()
	if d == nil {
		return nil, nil
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	p := newPartition(s, d, tp, filepath.Join(d.path, tp.String()), cfg)
	if err := d.forget(tp); err != nil {
		return nil, p.storageError("adopting", err)
	}
	if err := s.fs.Rename(filepath.Join(d.path, name), p.path); err != nil {
		return nil, p.storageError("adopting", err)
	}
	s.mu.Lock()
	delete(s.staged, name)
	s.mu.Unlock()
	if err := vfs.SyncDir(s.fs, d.path); err != nil {
		return nil, p.storageError("adopting", err)
	}
	if err := p.load(checkpoints{}); err != nil {
		return nil, p.storageError("adopting", err)
	}
	if err := s.register(p); err != nil {
		return nil, err
	}
	return p, p.settleStart()
}

// settleStart moves the log start of an adopted partition from its own file to the checkpoint of the dir.
func (p *Partition) settleStart() error {
	if !p.unsettled {
		return nil
	}
	if err := p.dir.write(&p.dir.files.starts); err != nil {
		return p.storageError("adopting", err)
	}
	if err := p.store.fs.Remove(p.file(adoptedStartFile)); err != nil {
		return p.storageError("adopting", err)
	}
	p.unsettled = false
	return nil
}

// adoptedStart reads adoptedStartFile.
func (p *Partition) adoptedStart() (int64, error) {
	path := p.file(adoptedStartFile)
	data, err := vfs.ReadFile(p.store.fs, path, maxTextFile)
	if err != nil {
		return 0, err
	}
	start, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil || start < 0 {
		return 0, fmt.Errorf("%s: %q is no offset: %w", path, data, ErrCorrupt)
	}
	return start, nil
}
