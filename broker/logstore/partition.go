package logstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/leat-project/leat/internal/vfs"
)

// Partition is one log. All methods are safe for concurrent use.
type Partition struct {
	store *Store
	dir   *logDir
	tp    TopicPartition
	id    TopicID
	path  string // folder
	cfg   atomic.Pointer[LogConfig]

	// layoutMu serializes what takes segments away: truncation, retention, the swaps of compaction.
	layoutMu sync.Mutex
	// appendMu serializes appends and truncations. It is held over writes to the page cache; only truncation, which
	// must keep appends out, syncs under it.
	appendMu sync.Mutex

	// mu guards the published state below. Fields marked (a) are changed only with appendMu held too, so the
	// holder of appendMu may read them without mu. The atomics are stored under mu and loaded by anyone.
	mu       sync.Mutex
	segments []*segment // sorted, never empty, replaced and not modified
	prod     producers  // changed under appendMu and mu, except that the high watermark moves under mu
	epochs   epochList  // (a)

	start, hw, lso, leo, flushed atomic.Int64

	replicated  bool // SetReplicated
	savedHW     int64
	closed      error // why nothing works any more, nil while open
	closing     bool  // Close is under way: no appends
	flush       flushState
	truncations int              // counts truncations: a flush that saw one proves nothing
	cutting     bool             // a truncation is under way: what is readable and durable does not rise
	snapshots   map[int64][]byte // offset -> content not yet on disk, nil if it is on disk
	bare        bool             // (a) there are no files yet; see bare.go
	made        int64            // of logDir.made, when the folder was made
	dirDirty    bool             // the folder gained a file since its last sync
	epochsDirty bool             // epochs differ from leader-epoch-checkpoint
	cleaned     int64            // end of the last compaction, -1 none
	unsettled   bool             // there is an adoptedStartFile; for who opens the partition
	gaps        []gap            // found by load and not told yet
	watchers    watchers

	// signMu admits one writer of partition.metadata, for whom the first appenders wait. It comes behind appendMu.
	signMu   sync.Mutex
	unsigned atomic.Bool // partition.metadata is not there yet

	touched atomic.Uint32 // a fileSet: the checkpoint files that may have to change
}

func newPartition(s *Store, d *logDir, tp TopicPartition, path string, cfg LogConfig) *Partition {
	p := &Partition{store: s, dir: d, tp: tp, path: path, prod: newProducers(), snapshots: map[int64][]byte{}, cleaned: -1}
	p.cfg.Store(&cfg)
	p.flush.lastMs = s.nowMs()
	return p
}

// TopicPartition is the name.
func (p *Partition) TopicPartition() TopicPartition { return p.tp }

// TopicID is the id in partition.metadata, zero if that file was missing.
func (p *Partition) TopicID() TopicID { return p.id }

// Dir is the index of the log dir in Store.Dirs.
func (p *Partition) Dir() int { return p.dir.index }

// Path is the folder of the partition.
func (p *Partition) Path() string { return p.path }

// Config is the configuration in force.
func (p *Partition) Config() LogConfig { return *p.cfg.Load() }

// SetConfig replaces the configuration at once.
func (p *Partition) SetConfig(cfg LogConfig) {
	cfg.setDefaults()
	p.cfg.Store(&cfg)
	p.tellGaps(&cfg)
	p.mu.Lock()
	ev := p.advanceLocked()
	dirty := p.flushed.Load() < p.leo.Load()
	p.mu.Unlock()
	p.notify(ev)
	if cfg.FlushBeforeAck && dirty {
		p.startFlush()
	}
}

// Err is nil, or ErrClosed, or ErrDirOffline.
func (p *Partition) Err() error {
	if err := p.dir.err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// LogStartOffset is the first offset that may be read.
func (p *Partition) LogStartOffset() int64 { return p.start.Load() }

// LogEndOffset is the offset that the next record gets.
func (p *Partition) LogEndOffset() int64 { return p.leo.Load() }

// HighWatermark is the end of what consumers may read.
func (p *Partition) HighWatermark() int64 { return p.hw.Load() }

// LastStableOffset is the end of what read_committed consumers may read.
func (p *Partition) LastStableOffset() int64 { return p.lso.Load() }

// FlushedOffset is the end of what a power cut cannot take.
func (p *Partition) FlushedOffset() int64 { return p.flushed.Load() }

// Size is the length of all segments in bytes.
func (p *Partition) Size() int64 {
	var n int64
	for _, s := range p.segmentList() {
		n += s.size.Load()
	}
	return n
}

func (p *Partition) segmentList() []*segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.segments
}

// activeLocked is the segment that is appended to. Caller holds mu.
func (p *Partition) activeLocked() *segment { return p.segments[len(p.segments)-1] }

// active is the segment that is appended to. It stays so while appendMu is held.
func (p *Partition) active() *segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.activeLocked()
}

// segmentFor returns the index of the segment that holds offset, or the first one behind it would be in.
func segmentFor(segs []*segment, offset int64) int {
	i, found := slices.BinarySearchFunc(segs, offset, func(s *segment, off int64) int {
		switch {
		case s.base < off:
			return -1
		case s.base > off:
			return 1
		}
		return 0
	})
	if found {
		return i
	}
	return max(i-1, 0)
}

func (p *Partition) newSegment(base int64) *segment {
	return newSegment(p.store.fs, p.path, base, p.store.nowMs())
}

// rollAppendLocked makes a new active segment at the log end. What the old one still needs (final index entries,
// sync, producer snapshot) is done by the next flush, which is started.
func (p *Partition) rollAppendLocked() error {
	base := p.leo.Load()
	seg := p.newSegment(base)
	if err := seg.create(); err != nil {
		return fmt.Errorf("rolling %s at offset %d: %w: %w", p.tp, base, ErrStorage, err)
	}
	snap := p.prod.encodeSnapshot()
	p.mu.Lock()
	p.segments = append(slices.Clip(p.segments), seg)
	p.dirDirty = true
	if _, there := p.snapshots[base]; !there {
		p.snapshots[base] = snap
	}
	p.mu.Unlock()
	p.startFlush()
	return nil
}

// AssignLeaderEpoch records that epoch starts at the log end: a new leader calls it before it appends.
// ErrFencedLeaderEpoch if a later epoch is recorded.
func (p *Partition) AssignLeaderEpoch(epoch int32) error {
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.assignEpochLocked(epoch, p.leo.Load())
}

func (p *Partition) assignEpochLocked(epoch int32, start int64) error {
	if last := p.epochs.last(); epoch < last {
		return fmt.Errorf("leader epoch %d of %s is below %d: %w", epoch, p.tp, last, ErrFencedLeaderEpoch)
	}
	if p.epochs.assign(epoch, start) {
		p.epochsDirty = true
	}
	return nil
}

// LeaderEpoch is the last epoch in the log's epoch list, -1 if there is none.
func (p *Partition) LeaderEpoch() int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epochs.last()
}

// EpochEndOffset answers OffsetsForLeaderEpoch (KIP-101, KIP-279).
func (p *Partition) EpochEndOffset(epoch int32) EpochEnd {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epochs.end(epoch, p.leo.Load())
}

// EpochAt is the leader epoch of an offset, -1 if unknown.
func (p *Partition) EpochAt(offset int64) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epochs.at(offset)
}

// ActiveProducers lists the producers whose state is kept, sorted by id.
func (p *Partition) ActiveProducers() []ActiveProducer {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]ActiveProducer, 0, len(p.prod.byID))
	for _, e := range p.prod.byID {
		last, _ := e.last()
		out = append(out, ActiveProducer{
			ProducerID: e.id, Epoch: e.epoch, LastSequence: last.lastSeq, LastTimestamp: e.lastTimestamp,
			CoordinatorEpoch: e.coordEpoch, TxnStartOffset: e.txnStart,
		})
	}
	slices.SortFunc(out, func(a, b ActiveProducer) int {
		if a.ProducerID < b.ProducerID {
			return -1
		}
		return 1
	})
	return out
}

// HasOngoingTransaction says whether a producer with this epoch has a transaction open here.
func (p *Partition) HasOngoingTransaction(producerID int64, epoch int16) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.prod.ongoingOf(producerID, epoch)
}

// expireProducers forgets idle producers.
func (p *Partition) expireProducers(beforeMs int64) {
	p.appendMu.Lock()
	defer p.appendMu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prod.expire(beforeMs)
}

// storageError names the partition and marks err as a failure of the disk. A failed sync takes the dir offline.
func (p *Partition) storageError(doing string, err error) error {
	var se *vfs.SyncError
	if errors.As(err, &se) {
		p.dir.fail(err)
		return fmt.Errorf("%s of %s: %w: %w", doing, p.tp, ErrDirOffline, err)
	}
	return fmt.Errorf("%s of %s: %w: %w", doing, p.tp, ErrStorage, err)
}

func (p *Partition) file(name string) string { return filepath.Join(p.path, name) }
