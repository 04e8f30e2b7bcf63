package logstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/leat-project/leat/internal/vfs"
)

// logDir is one of log.dirs.
type logDir struct {
	store   *Store
	index   int
	path    string
	id      TopicID
	lock    io.Closer
	clean   bool // .kafka_cleanshutdown was there at Open
	flusher *flushPool
	parts   atomic.Int64 // registered partitions

	made    atomic.Int64 // counts the folders that were made
	namesMu sync.Mutex   // held over the sync, so that those who wait share one
	named   int64        // so many of made have durable names

	failOnce sync.Once
	failure  atomic.Pointer[error] // why it is offline

	// ckMu admits one checkpoint writer at a time. It is held over the write, which nobody on the data path waits for.
	ckMu  sync.Mutex
	files *offsetFiles
}

// err is nil or ErrDirOffline with the reason.
func (d *logDir) err() error {
	if e := d.failure.Load(); e != nil {
		return *e
	}
	return nil
}

// fail takes the dir offline, for good. Everybody who waits for one of its partitions is told.
func (d *logDir) fail(cause error) {
	d.failOnce.Do(func() {
		err := fmt.Errorf("%w: %s: %w", ErrDirOffline, d.path, cause)
		d.failure.Store(&err)
		d.store.log.Error("log dir is offline, restart after repairing the disk", "dir", d.path, "err", cause)
		d.store.tasks.Add(1)
		go func() { // Close waits for it
			defer d.store.tasks.Done()
			for _, p := range d.store.Partitions() {
				if p.dir == d {
					p.failWaiters(err)
					p.notify(EventClosed)
				}
			}
			if f := d.store.cfg.OnDirOffline; f != nil {
				f(d.path, cause)
			}
		}()
	})
}

// makeDir creates a log dir with its missing parents, durably: the name of
// each is synced in the directory above it.
func (s *Store) makeDir(path string) error {
	var missing []string
	for p := path; filepath.Dir(p) != p; p = filepath.Dir(p) {
		there, err := vfs.Exists(s.fs, p)
		if err != nil {
			return err
		}
		if there {
			break
		}
		missing = append(missing, p)
	}
	if len(missing) == 0 {
		return nil
	}
	if err := s.fs.MkdirAll(path); err != nil {
		return err
	}
	for _, p := range missing {
		if err := vfs.SyncDir(s.fs, filepath.Dir(p)); err != nil {
			return err
		}
	}
	return nil
}

// folder is the folder of a partition.
func (d *logDir) folder(tp TopicPartition) string { return filepath.Join(d.path, tp.String()) }

func newLogDir(s *Store, index int, path string) *logDir {
	return &logDir{store: s, index: index, path: path, flusher: newFlushPool(), files: newOffsetFiles()}
}

// storage marks what a disk answered when a log dir was opened as ErrStorage: the dir is then offline. Nil stays nil.
func storage(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrStorage, err)
}

// open makes the folder if it is missing and locks it.
func (d *logDir) open() error {
	s := d.store
	if err := s.makeDir(d.path); err != nil {
		return storage("creating it", err)
	}
	lock, err := s.fs.Lock(filepath.Join(d.path, lockFile))
	if locked := (*vfs.LockedError)(nil); errors.As(err, &locked) {
		return err
	}
	if err != nil {
		return storage("locking it", err)
	}
	d.lock = lock
	if err := d.syncNames(); err != nil {
		return storage("syncing it", err)
	}
	d.clean, err = vfs.Exists(s.fs, filepath.Join(d.path, cleanShutdownFile))
	return storage("reading it", err)
}

// syncNames makes durable what a process before this one may have made and not synced: it may have died between
// creating the log dir, or a partition's folder in it, and the sync. What is found there now is used, and so must
// not go in a power cut.
func (d *logDir) syncNames() error {
	clean, err := vfs.Exists(d.store.fs, filepath.Join(d.path, cleanShutdownFile))
	if err != nil || clean {
		return err
	}
	formatted, err := vfs.Exists(d.store.fs, filepath.Join(d.path, metaPropertiesFile))
	if err != nil {
		return err
	}
	if !formatted {
		// Somebody else's folder may be closed to us; then it was not us who made the log dir in it.
		if err := vfs.SyncDir(d.store.fs, filepath.Dir(d.path)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return vfs.SyncDir(d.store.fs, d.path)
}

// makeMeta writes meta.properties in a new dir, once those that are there have said which cluster it is.
func (d *logDir) makeMeta() error {
	s := d.store
	if d.id != (TopicID{}) {
		return nil
	}
	if s.clusterID == "" {
		// The dir that knows may be one that is offline: another id would keep it out for good.
		for _, other := range s.dirs {
			if err := other.err(); err != nil {
				return fmt.Errorf("it is new, and what cluster this is says no other log dir: %w", err)
			}
		}
		s.clusterID = newID().String()
	}
	d.id = newID()
	text := fmt.Sprintf("version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", s.clusterID, s.cfg.NodeID, d.id)
	return storage("writing meta.properties", vfs.WriteFileAtomic(s.fs, filepath.Join(d.path, metaPropertiesFile), []byte(text)))
}

// loadMeta reads meta.properties (Kafka: PropertiesUtils, MetaProperties), if it is there, and checks that this node
// owns the dir.
func (d *logDir) loadMeta() error {
	s := d.store
	path := filepath.Join(d.path, metaPropertiesFile)
	there, err := vfs.Exists(s.fs, path)
	if err != nil {
		return storage("reading meta.properties", err)
	}
	if !there {
		return d.mustBeNew()
	}
	data, err := vfs.ReadFile(s.fs, path, maxTextFile)
	if err != nil {
		return storage("reading meta.properties", err)
	}
	props := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(k, "#") {
			props[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	if v := props["version"]; v != "1" {
		return fmt.Errorf("%s: version is %q, this program reads version 1: a newer program wrote it", path, v)
	}
	if v, want := props["node.id"], fmt.Sprint(s.cfg.NodeID); v != want {
		return fmt.Errorf("%s: node.id is %s, this node is %s: set node.id to it or use another log dir", path, v, want)
	}
	id := props["cluster.id"]
	if id == "" {
		return fmt.Errorf("%s: it has no cluster.id: restore the file from a backup", path)
	}
	if s.clusterID == "" {
		s.clusterID = id
	}
	if id != s.clusterID {
		return fmt.Errorf("%s: cluster.id is %s, want %s: the folder belongs to another cluster", path, id, s.clusterID)
	}
	if d.id, err = ParseTopicID(props["directory.id"]); err != nil {
		return fmt.Errorf("%s: directory.id: %w", path, err)
	}
	return nil
}

// mustBeNew refuses a dir without meta.properties that has partitions: with ids made anew it would be another cluster.
func (d *logDir) mustBeNew() error {
	fsys := d.store.fs
	names, err := fsys.List(d.path)
	if err != nil {
		return storage("listing it", err)
	}
	for _, name := range names {
		if _, ok := parsePartitionFolder(name); !ok {
			continue
		}
		found, err := vfs.Exists(fsys, filepath.Join(d.path, name, partitionMetadataFile))
		if err != nil {
			return storage("looking at "+name, err)
		}
		if found {
			return fmt.Errorf("%s is missing, but partition %s is there: restore the file from a backup, or write it anew: version=1, cluster.id, node.id and directory.id, a line each",
				filepath.Join(d.path, metaPropertiesFile), name)
		}
	}
	return nil
}

// newID returns a random id whose text does not begin with '-' (Kafka: Uuid.randomUuid).
func newID() TopicID {
	for {
		var id TopicID
		rand.Read(id[:]) // never fails
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if id.String()[0] != '-' {
			return id
		}
	}
}
