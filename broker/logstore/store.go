package logstore

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/leat-project/leat/internal/vfs"
)

// Store owns log dirs and the partitions in them. All methods are safe for concurrent use.
type Store struct {
	cfg       Config
	fs        vfs.FS
	log       *slog.Logger
	clusterID string
	dirs      []*logDir
	tasks     sync.WaitGroup // goroutines that tell of failures; Close waits for them
	tuning    atomic.Pointer[Tuning]

	flushes, flushNanos atomic.Int64
	cleaning            atomic.Int32
	offsetsLooked       atomic.Int64 // partitions that checkpoints looked at

	tuned chan struct{} // holds one when the tuning changed
	// sealed holds one when a segment was sealed: recovery need not read it any more once that is in the checkpoint.
	sealed chan struct{}
	// shut counts the partitions that Close is done with.
	shut atomic.Int64

	mu     sync.RWMutex // guards what follows
	parts  map[TopicPartition]*Partition
	sorted []*Partition // those of parts, nil after a change; not modified
	trash  []trash
	staged map[string]*logDir         // folders of adopt.go, by name
	claims map[TopicPartition]*logDir // dirs chosen for what is being made
	bare   map[TopicPartition]*logDir // empty partition folders that Open found; see bare.go
	closed bool

	warnings warnLimiter
}

// DirInfo describes a log dir.
type DirInfo struct {
	Path    string
	ID      TopicID // directory.id of meta.properties
	Offline error   // what took it offline, nil if it is in service
	Clean   bool    // it was shut down cleanly before Open
}

// Open locks the log dirs, reads or writes meta.properties, and recovers every partition folder, in parallel.
// A *vfs.LockedError names the process that holds a dir. A dir whose disk fails is offline, as long as another one is in
// service and it is known which cluster this is. A partition whose files cannot be repaired is there with
// an Err that says why; the others work. After a clean shutdown nothing is scanned. Partitions without records are not
// opened: they are in Bare, and there again once they are created.
func Open(cfg Config) (*Store, error) {
	cfg.setDefaults()
	if len(cfg.Dirs) == 0 {
		return nil, errors.New("opening log store: no log dirs given")
	}
	s := &Store{cfg: cfg, fs: cfg.FS, log: cfg.Logger, clusterID: cfg.ClusterID,
		parts: map[TopicPartition]*Partition{}, staged: map[string]*logDir{}, claims: map[TopicPartition]*logDir{},
		bare: map[TopicPartition]*logDir{}, tuned: make(chan struct{}, 1), sealed: make(chan struct{}, 1)}
	s.Tune(Tuning{CleanerThreads: 1, Cleaner: cfg.Cleaner, ProducerExpiration: cfg.ProducerExpiration})
	for i, path := range cfg.Dirs {
		s.dirs = append(s.dirs, newLogDir(s, i, path))
	}
	if err := s.openDirs(); err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	return s, nil
}

// openDirs opens all log dirs and what is in them. Those whose disk fails are offline; if none is left, that is the
// error.
func (s *Store) openDirs() error {
	inService := func(doing func(d *logDir) error) error {
		var first error
		for _, d := range s.dirs {
			if d.err() != nil {
				continue
			}
			if err := doing(d); err != nil {
				err = fmt.Errorf("opening log dir %s: %w", d.path, err)
				if !errors.Is(err, ErrStorage) {
					return err
				}
				d.fail(err)
				first = errors.Join(first, err)
			}
		}
		if slices.ContainsFunc(s.dirs, func(d *logDir) bool { return d.err() == nil }) {
			return nil
		}
		return first
	}
	for _, step := range []func(*logDir) error{(*logDir).open, (*logDir).loadMeta, (*logDir).makeMeta} {
		if err := inService(step); err != nil {
			return err
		}
	}
	loaded := make([]error, len(s.dirs))
	var g errgroup.Group
	for i, d := range s.dirs {
		if d.err() == nil {
			g.Go(func() error { loaded[i] = s.loadDir(d); return nil })
		}
	}
	_ = g.Wait() // its functions return nil: errors are kept by dir
	return inService(func(d *logDir) error { return loaded[d.index] })
}

// unlock releases the locks of all dirs.
func (s *Store) unlock() error {
	var errs []error
	for _, d := range s.dirs {
		if d.lock != nil {
			errs = append(errs, d.lock.Close())
		}
	}
	return errors.Join(errs...)
}

// loadDir opens all partitions of a dir.
func (s *Store) loadDir(d *logDir) error {
	names, err := s.fs.List(d.path)
	if err != nil {
		return storage("listing it", err)
	}
	cks := d.readCheckpoints()
	var g errgroup.Group
	g.SetLimit(s.cfg.RecoveryThreads)
	for _, name := range names {
		path := filepath.Join(d.path, name)
		if strings.HasSuffix(name, deleteFolderSuffix) {
			s.addTrash(path, 0)
			continue
		}
		if s.noteStaged(d, name) {
			continue
		}
		tp, ok := parsePartitionFolder(name)
		if !ok {
			continue
		}
		if info, err := s.fs.Stat(path); err != nil || !info.Dir {
			if err != nil {
				return storage("looking at "+name, err)
			}
			continue
		}
		g.Go(func() error {
			p := newPartition(s, d, tp, path, s.cfg.Default)
			if bare, err := s.noteBare(p, cks); bare || err != nil {
				return storage("opening "+name, err)
			}
			if err := p.load(cks); err != nil {
				if isSyncError(err) {
					return storage("opening "+name, err)
				}
				s.log.Error("partition cannot be opened", "partition", tp.String(), "err", err)
				p.closed = fmt.Errorf("%w: %w", ErrStorage, err)
			}
			return s.register(p)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	d.dropUnknown()
	for _, p := range s.Partitions() {
		if p.dir == d && p.Err() == nil {
			if err := p.settleStart(); err != nil { // the next start tries again
				s.warnIO("completing an adoption", p, err)
			}
		}
	}
	if d.clean {
		// From now on a crash is unclean.
		if err := s.fs.Remove(filepath.Join(d.path, cleanShutdownFile)); err != nil {
			return storage("removing the clean shutdown marker", err)
		}
		return storage("syncing it", vfs.SyncDir(s.fs, d.path))
	}
	return nil
}

func (s *Store) register(p *Partition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.parts[p.tp]; other != nil {
		return fmt.Errorf("partition %s is in %s and in %s: move one of them away: %w", p.tp, other.path, p.path, ErrExists)
	}
	if s.closed {
		return ErrClosed
	}
	s.parts[p.tp], s.sorted = p, nil
	p.touch(inAll)
	p.dir.parts.Add(1)
	delete(s.claims, p.tp)
	delete(s.bare, p.tp)
	return nil
}

// Suffixes of folders, Kafka's.
const (
	deleteFolderSuffix = "-delete"
	strayFolderSuffix  = "-stray"
)

// parsePartitionFolder splits <topic>-<n>. Names with one of the suffixes are no partitions.
func parsePartitionFolder(name string) (TopicPartition, bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return TopicPartition{}, false
	}
	n, err := strconv.ParseUint(name[i+1:], 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != name[i+1:] {
		return TopicPartition{}, false
	}
	return TopicPartition{name[:i], int32(n)}, true
}

// ClusterID is the cluster id in meta.properties.
func (s *Store) ClusterID() string { return s.clusterID }

// Dirs describes the log dirs in the order of Config.Dirs.
func (s *Store) Dirs() []DirInfo {
	out := make([]DirInfo, len(s.dirs))
	for i, d := range s.dirs {
		out[i] = DirInfo{Path: d.path, ID: d.id, Offline: d.err(), Clean: d.clean}
	}
	return out
}

// Get returns an open partition, nil if there is none.
func (s *Store) Get(tp TopicPartition) *Partition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.parts[tp]
}

// Partitions returns all partitions, sorted by topic and number. The caller must not modify the list.
func (s *Store) Partitions() []*Partition {
	s.mu.RLock()
	list, n := s.sorted, len(s.parts)
	s.mu.RUnlock()
	if list != nil || n == 0 {
		return list
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sorted == nil {
		s.sorted = slices.SortedFunc(maps.Values(s.parts), func(a, b *Partition) int { return compareTP(a.tp, b.tp) })
	}
	return s.sorted
}

func compareTP(a, b TopicPartition) int {
	return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// Create makes the folder of a new partition in the dir in service with the fewest partitions, and opens it; or takes
// the folder that was staged for it (see adopt.go). Files come with the first record, and the folder is durable with
// the first flush: before, there is nothing to lose. ErrExists if the partition is there, ErrDirOffline if no dir is in
// service.
func (s *Store) Create(tp TopicPartition, id TopicID, cfg LogConfig) (*Partition, error) {
	d, err := s.claimDir(tp)
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", tp, err)
	}
	defer s.unclaim(tp)
	return s.createIn(d, tp, id, cfg)
}

// CreateIn is Create in the dir with that index in Config.Dirs, with all files and durably: for a folder that holds
// more than its log.
func (s *Store) CreateIn(dir int, tp TopicPartition, id TopicID, cfg LogConfig) (*Partition, error) {
	p, err := s.createIn(s.dirs[dir], tp, id, cfg)
	if err != nil {
		return nil, err
	}
	return p, p.fillNow()
}

func (s *Store) createIn(d *logDir, tp TopicPartition, id TopicID, cfg LogConfig) (*Partition, error) {
	if got, ok := parsePartitionFolder(tp.String()); !ok || got != tp || strings.ContainsAny(tp.Topic, `/\`) {
		return nil, fmt.Errorf("creating partition: %q is no folder name", tp)
	}
	if s.Get(tp) != nil {
		return nil, fmt.Errorf("creating %s: %w", tp, ErrExists)
	}
	cfg.setDefaults()
	if p, err := s.takeStaged(tp, id, cfg); p != nil || err != nil {
		return p, err
	}
	p := newPartition(s, d, tp, filepath.Join(d.path, tp.String()), cfg)
	p.id = id
	if err := d.forget(tp); err != nil {
		return nil, p.storageError("creating", err)
	}
	if err := p.begin(); err != nil {
		return nil, p.storageError("creating", err)
	}
	if err := s.register(p); err != nil {
		return nil, err
	}
	return p, nil
}

// claimDir chooses the dir in service with the fewest partitions for one that is to be made, and counts it there until
// it is registered, staged or unclaimed: so those which choose at the same time spread.
func (s *Store) claimDir(tp TopicPartition) (*logDir, error) {
	count := map[*logDir]int64{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.staged {
		count[d]++
	}
	for _, d := range s.claims {
		count[d]++
	}
	if d := s.bare[tp]; d != nil && d.err() == nil {
		s.claims[tp] = d
		return d, nil
	}
	var best *logDir
	for _, d := range s.dirs {
		count[d] += d.parts.Load()
		if d.err() == nil && (best == nil || count[d] < count[best]) {
			best = d
		}
	}
	if best == nil {
		return nil, s.dirs[0].err()
	}
	s.claims[tp] = best
	return best, nil
}

// unclaim ends a claim, if there is one.
func (s *Store) unclaim(tp TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claims, tp)
}

// Delete closes partitions and renames their folders to <topic>-<n>.<uuid>-delete, durably with one sync for each log
// dir; Run removes them after file.delete.delay.ms. Readers that hold data keep it. ErrUnknown for those that are not
// there; the others are deleted all the same. It needs no disk space.
func (s *Store) Delete(tps ...TopicPartition) error {
	var errs []error
	renamed := map[*logDir]bool{}
	for _, tp := range tps {
		p, path, err := s.takeOut(tp, deleteFolderSuffix)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if path != "" {
			s.addTrash(path, p.cfg.Load().FileDeleteDelayMs)
			renamed[p.dir] = true
		}
	}
	for d := range renamed {
		errs = append(errs, d.syncRenames())
	}
	return errors.Join(errs...)
}

// MarkStray closes a partition that the cluster's metadata does not know and renames its folder to
// <topic>-<n>.<uuid>-stray, where it stays for a person to look at.
func (s *Store) MarkStray(tp TopicPartition) error {
	p, _, err := s.takeOut(tp, strayFolderSuffix)
	if err != nil {
		return err
	}
	return p.dir.syncRenames()
}

// syncRenames makes the new names of folders durable.
func (d *logDir) syncRenames() error {
	err := vfs.SyncDir(d.store.fs, d.path)
	if err == nil {
		return nil
	}
	d.fail(err)
	return fmt.Errorf("removing partitions of %s: %w: %w", d.path, ErrDirOffline, err)
}

// takeOut closes a partition and renames its folder, or removes it if there is nothing in it: then path is empty. The
// caller syncs the log dir.
func (s *Store) takeOut(tp TopicPartition, suffix string) (p *Partition, path string, err error) {
	s.mu.Lock()
	p = s.parts[tp]
	delete(s.parts, tp)
	s.sorted = nil
	s.mu.Unlock()
	if p == nil {
		return nil, "", fmt.Errorf("removing %s: %w", tp, ErrUnknown)
	}
	p.touch(inAll)
	p.dir.parts.Add(-1)
	p.close(ErrClosed)
	id := newID()
	// A name of 249 characters with number, id and suffix would exceed 255.
	name := tp.String()
	ending := "." + hex.EncodeToString(id[:]) + suffix
	if len(name)+len(ending) > 255 {
		name = name[:255-len(ending)]
	}
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	p.signMu.Lock()
	defer p.signMu.Unlock()
	if p.bare {
		if err := s.fs.RemoveAll(p.path); err != nil {
			return nil, "", p.storageError("removing", err)
		}
		return p, "", nil
	}
	path = filepath.Join(p.dir.path, name+ending)
	if err := s.fs.Rename(p.path, path); err != nil {
		return nil, "", p.storageError("removing", err)
	}
	return p, path, nil
}

// close ends the service of a partition: waiters and watchers get err, files close when their readers are done.
func (p *Partition) close(err error) {
	p.appendMu.Lock()
	p.mu.Lock()
	if p.closed == nil {
		p.closed = err
	}
	segs := p.segments
	p.mu.Unlock()
	p.appendMu.Unlock()
	p.failWaiters(err)
	for _, s := range segs {
		s.retire()
	}
	p.notify(EventClosed)
}

// Close flushes everything, writes producer snapshots, checkpoints and the clean shutdown marker, and releases
// the locks. Stop Run and appending first. If ctx ends early, or anything fails, the marker of that dir is not
// written and the next Open recovers.
func (s *Store) Close(ctx context.Context) error {
	parts := s.Partitions()
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	failed := make([]error, len(s.dirs))
	for _, p := range parts {
		p.mu.Lock()
		p.closing = true
		p.mu.Unlock()
	}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(maxParallelSyncs)
	for _, p := range parts {
		g.Go(func() error {
			defer s.shut.Add(1)
			if err := p.shutDown(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[p.dir.index] = errors.Join(failed[p.dir.index], err)
			}
			return nil
		})
	}
	_ = g.Wait() // its functions return nil: errors are kept by dir
	for i, d := range s.dirs {
		if failed[i] == nil && d.err() == nil { // one that is offline was reported when it failed
			failed[i] = d.shutDown()
		}
	}
	for _, p := range parts {
		p.close(ErrClosed)
	}
	for _, d := range s.dirs {
		d.flusher.stop()
	}
	s.tasks.Wait()
	return errors.Join(append(failed, s.unlock())...)
}

// Shut is how many partitions Close is done with: who bounds it can see whether it gets on.
func (s *Store) Shut() int64 { return s.shut.Load() }

// shutDown makes a partition durable as it is, with all its files.
func (p *Partition) shutDown(ctx context.Context) error {
	if err := p.Err(); err != nil {
		return nil // it was not in service: nothing was promised
	}
	if err := p.WaitFlushed(ctx, p.LogEndOffset()); err != nil {
		return fmt.Errorf("closing %s: %w", p.tp, err)
	}
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	if p.bare {
		return nil
	}
	p.mu.Lock()
	segs, leo := p.segments, p.leo.Load()
	if _, there := p.snapshots[leo]; !there && len(p.prod.byID) > 0 {
		p.snapshots[leo] = p.prod.encodeSnapshot()
	}
	epochs, epochsDirty := p.epochs, p.epochsDirty
	p.mu.Unlock()
	for _, s := range segs {
		if !s.sealed.Load() {
			if err := p.seal(s); err != nil {
				return p.storageError("closing", err)
			}
		}
	}
	if err := p.writeSnapshots(); err != nil {
		return p.storageError("closing", err)
	}
	if !epochsDirty || p.epochsOnDisk(epochs, leo) {
		return nil
	}
	if err := vfs.WriteFileAtomic(p.store.fs, p.file(leaderEpochFile), epochs.encode()); err != nil {
		return p.storageError("closing", err)
	}
	return nil
}

// epochsOnDisk says whether the file has the epochs of all records there are. An epoch without records is assigned
// again at the next start: so thousands of partitions that nobody wrote to close without a sync each.
func (p *Partition) epochsOnDisk(epochs epochList, leo int64) bool {
	onDisk, err := readEpochs(p.store.fs, p.file(leaderEpochFile))
	used := slices.DeleteFunc(slices.Clone(epochs), func(e epochEntry) bool { return e.start >= leo })
	return err == nil && slices.Equal(onDisk, used)
}

// shutDown writes what a dir needs for a start without recovery; the marker comes last.
func (d *logDir) shutDown() error {
	if err := d.checkpointAll(); err != nil {
		return fmt.Errorf("closing log dir %s: %w", d.path, err)
	}
	path := filepath.Join(d.path, cleanShutdownFile)
	if err := vfs.WriteFileAtomic(d.store.fs, path, []byte(`{"version":0,"brokerEpoch":-1}`)); err != nil {
		return fmt.Errorf("closing log dir %s: %w", d.path, err)
	}
	return nil
}

func (s *Store) nowMs() int64 { return s.cfg.Now().UnixMilli() }

// Stats are figures of the whole store.
type Stats struct {
	Flushes    int64
	FlushTime  time.Duration
	Cleaning   int     // compactions that run
	DirtyRatio float64 // of the partition that needs compaction most
}

// Stats looks at all partitions.
func (s *Store) Stats() Stats {
	out := Stats{Flushes: s.flushes.Load(), FlushTime: time.Duration(s.flushNanos.Load()), Cleaning: int(s.cleaning.Load())}
	for _, p := range s.Partitions() {
		r, _ := p.cleanable()
		out.DirtyRatio = max(out.DirtyRatio, r.ratio)
	}
	return out
}

// Segments is the number of segments of a log.
func (p *Partition) Segments() int { return len(p.segmentList()) }
