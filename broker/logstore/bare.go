package logstore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/leat-project/leat/internal/vfs"
)

// A partition without records is an empty folder: it is bare. Files come with the first record (fill), their names and
// that of the folder are synced by its first flush, once for all folders that were made until then. So a topic of
// thousands of partitions costs no sync of its own, and one that nobody writes to next to nothing at start and stop.
//
// A crash takes nothing away: the folder, its log and its partition.metadata are durable before the first record is
// acknowledged, and a folder without a log is one without records. Open does not open bare folders, because they do not
// say whose they are: Create takes them, and DropBare removes those that nobody has created.

// begin makes the folder of a new partition.
func (p *Partition) begin() error {
	if err := p.store.fs.MkdirAll(p.path); err != nil {
		return err
	}
	p.segments = []*segment{p.newSegment(0)}
	p.bare, p.made = true, p.dir.made.Add(1)
	p.unsigned.Store(true)
	return nil
}

// sign writes partition.metadata if it is not there yet. Its content is synced before it gets its name, that name with
// the first flush. Append calls it before it takes appendMu.
func (p *Partition) sign() error {
	if !p.unsigned.Load() {
		return nil
	}
	p.signMu.Lock()
	defer p.signMu.Unlock()
	if err := p.appendableErr(); err != nil {
		return err // the folder may be gone
	}
	if !p.unsigned.Load() {
		return nil
	}
	if err := vfs.ReplaceFile(p.store.fs, p.file(partitionMetadataFile), partitionMetadata(p.id)); err != nil {
		return p.storageError("beginning the log", err)
	}
	p.unsigned.Store(false)
	return nil
}

// fill makes the files of a bare partition. The caller holds appendMu.
func (p *Partition) fill() error {
	if err := p.sign(); err != nil {
		return err
	}
	if err := p.active().create(); err != nil {
		return p.storageError("beginning the log", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bare, p.dirDirty = false, true
	return nil
}

// fillNow makes the files of a bare partition, durably.
func (p *Partition) fillNow() error {
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	if !p.bare {
		return nil
	}
	if err := p.fill(); err != nil {
		return err
	}
	if err := p.syncNames(); err != nil {
		return p.storageError("beginning the log", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirDirty = false
	return nil
}

// syncNames makes the names in the folder durable, and its own.
func (p *Partition) syncNames() error {
	if err := vfs.SyncDir(p.store.fs, p.path); err != nil {
		return err
	}
	return p.dir.syncFolders(p.made)
}

// syncFolders makes the names of all folders durable that were made up to a count of logDir.made.
func (d *logDir) syncFolders(made int64) error {
	d.namesMu.Lock()
	defer d.namesMu.Unlock()
	if made <= d.named {
		return nil
	}
	upTo := d.made.Load()
	if err := vfs.SyncDir(d.store.fs, d.path); err != nil {
		return err
	}
	d.named = upTo
	return nil
}

// noteBare remembers a partition whose folder Open found bare, and says whether it is. A crash in fill may have left a
// partition.metadata.
func (s *Store) noteBare(p *Partition, cks checkpoints) (bool, error) {
	names, err := s.fs.List(p.path)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if strings.TrimSuffix(name, ".tmp") != partitionMetadataFile {
			return false, nil
		}
	}
	if cks.start[p.tp] > 0 || cks.recovery[p.tp] > 0 {
		return false, nil // there was a log: load tells what it finds
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.bare[p.tp]; other != nil {
		return true, s.fs.RemoveAll(p.path) // in two dirs, and as good in the other
	}
	s.bare[p.tp] = p.dir
	return true, nil
}

// Begun says whether Open found an empty folder for a partition, in a dir that is in service.
func (s *Store) Begun(tp TopicPartition) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.bare[tp]
	return d != nil && d.err() == nil
}

// Bare lists the partitions whose empty folders Open found, sorted, as long as nobody has created them.
func (s *Store) Bare() []TopicPartition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Keys(s.bare), compareTP)
}

// DropBare removes the empty partition folders that Open found and nobody has created since.
func (s *Store) DropBare() error {
	s.mu.Lock()
	bare := s.bare
	s.bare = map[TopicPartition]*logDir{}
	s.mu.Unlock()
	var errs []error
	for tp, d := range bare {
		if d.err() != nil {
			continue
		}
		if err := s.fs.RemoveAll(d.folder(tp)); err != nil {
			errs = append(errs, fmt.Errorf("removing the empty folder of %s: %w", tp, err))
		}
	}
	return errors.Join(errs...)
}
