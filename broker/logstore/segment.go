package logstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

var errNotExist = fs.ErrNotExist

// errGone says that a segment left the log while somebody looked at it: look at the list of segments again.
var errGone = errors.New("segment is not in the log any more")

// File name suffixes.
const (
	logSuffix       = ".log"
	indexSuffix     = ".index"
	timeIndexSuffix = ".timeindex"
	txnIndexSuffix  = ".txnindex"
	snapshotSuffix  = ".snapshot"
	deletedSuffix   = ".deleted"
	cleanedSuffix   = ".cleaned"
	swapSuffix      = ".swap"
)

// indexSuffixes are those of the two sparse indexes, by number.
var indexSuffixes = [...]string{indexSuffix, timeIndexSuffix}

var segmentSuffixes = [...]string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix}

// segmentName is the file name of an offset: 20 digits and a suffix.
func segmentName(offset int64, suffix string) string { return fmt.Sprintf("%020d%s", offset, suffix) }

// parseSegmentName is the inverse of segmentName.
func parseSegmentName(name, suffix string) (offset int64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	offset, err := strconv.ParseInt(digits, 10, 64)
	return offset, err == nil && offset >= 0
}

// segment is one .log file with its indexes. Appends are serialized by Partition.appendMu; everything else may
// run at the same time.
type segment struct {
	fs   vfs.FS
	dir  string // partition folder
	base int64
	// created is when this process made or opened the segment, in ms; jitter is in [0, 1).
	created int64
	jitter  float64

	// size is the length of the whole batches written, published after the write.
	size atomic.Int64
	// sealed: not active any more and everything, indexes included, is synced.
	sealed atomic.Bool

	// unchecked is the length of what was in the file at the start and was not read then. checkedFrom and checkedTo
	// bound the part of it that has been found whole since; see check.go.
	unchecked              atomic.Int64
	checkedFrom, checkedTo int64 // guarded by idxMu

	idxMu       sync.Mutex // guards what follows; held over index file writes, not over syncs or log I/O
	offsets     sparseIndex
	times       sparseIndex
	lastTimeTs  int64 // timestamp of the last time index entry, -1 none
	sinceIndex  int   // bytes appended since the last index entry
	maxTs       int64 // largest timestamp so far, -1 none
	maxTsOffset int64 // last offset of the batch that holds it
	firstTs     int64 // maxTimestamp of the first batch, -1 if it has none, or unknown
	aborted     []abortedEntry
	abortedNew  bool // aborted has entries that the .txnindex lacks
	unsynced    bool // index files were written since they were last synced

	fileMu     sync.Mutex // guards what follows; held over opening a file, for which all must wait
	file       vfs.File
	indexFiles [2]vfs.File // .index and .timeindex, open for look-ups only
	refs       int
	used       bool // since the last sweep of idle files
	gone       bool // out of the log: close with the last reference
}

// unknown is the timestamp of a first batch that was not looked at.
const unknown = -2

func newSegment(fsys vfs.FS, dir string, base, now int64) *segment {
	return &segment{
		fs: fsys, dir: dir, base: base, created: now, jitter: rand.Float64(),
		offsets: sparseIndex{size: offsetEntrySize}, times: sparseIndex{size: timeEntrySize},
		lastTimeTs: -1, maxTs: -1, maxTsOffset: -1, firstTs: unknown,
	}
}

func (s *segment) path(suffix string) string {
	return filepath.Join(s.dir, segmentName(s.base, suffix))
}

// create makes an empty .log file, failing nothing if an empty leftover is there.
func (s *segment) create() error {
	f, err := s.fs.Create(s.path(logSuffix))
	if err != nil {
		return err
	}
	s.file, s.used = f, true
	s.offsets.stale, s.times.stale = true, true
	return nil
}

// acquire returns the open .log file and holds it until release.
func (s *segment) acquire() (vfs.File, error) {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	if s.gone && s.file == nil {
		return nil, errGone
	}
	if s.file == nil {
		f, err := s.fs.Open(s.path(logSuffix))
		if err != nil {
			return nil, fmt.Errorf("opening segment: %w: %w", ErrStorage, err)
		}
		s.file = f
	}
	s.refs++
	s.used = true
	return s.file, nil
}

// acquireIndex returns the open file of an index (0 .index, 1 .timeindex) and holds it until release.
func (s *segment) acquireIndex(i int) (vfs.File, error) {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	if s.gone && s.indexFiles[i] == nil {
		return nil, errGone
	}
	if s.indexFiles[i] == nil {
		f, err := s.fs.Open(s.path(indexSuffixes[i]))
		if err != nil {
			return nil, fmt.Errorf("opening index: %w: %w", ErrStorage, err)
		}
		s.indexFiles[i] = f
	}
	s.refs++
	s.used = true
	return s.indexFiles[i], nil
}

func (s *segment) release() {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	s.refs--
	if s.gone && s.refs == 0 {
		s.closeLocked()
	}
}

// closeLocked closes the files. What was written is synced separately, so an error here loses nothing.
func (s *segment) closeLocked() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
	for i, f := range s.indexFiles {
		if f != nil {
			_ = f.Close()
			s.indexFiles[i] = nil
		}
	}
}

// closeIfIdle closes the file if nobody used it since the last call.
func (s *segment) closeIfIdle() {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	if s.refs == 0 && !s.used {
		s.closeLocked()
	}
	s.used = false
}

// isGone says whether the segment is out of the log.
func (s *segment) isGone() bool {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	return s.gone
}

// retire closes the file as soon as nobody holds it.
func (s *segment) retire() {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	s.gone = true
	if s.refs == 0 {
		s.closeLocked()
	}
}

// noteBatch updates timestamps and indexes for a batch that now lies at pos.
func (s *segment) noteBatch(b recordbatch.Batch, pos int64, interval int32) {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	ts := b.MaxTimestamp()
	if s.firstTs == unknown {
		s.firstTs = ts
	}
	if ts > s.maxTs {
		s.maxTs, s.maxTsOffset = ts, b.LastOffset()
	}
	if s.sinceIndex > int(interval) {
		// The entry names the batch at pos: the first that lies behind the threshold.
		s.offsets.pending = appendOffsetEntry(s.offsets.pending, b.LastOffset()-s.base, pos)
		s.addTimeLocked()
		s.sinceIndex = 0
	}
	s.sinceIndex += b.Size()
}

// addTimeLocked appends the largest timestamp so far to the time index, if it is new.
func (s *segment) addTimeLocked() {
	if s.maxTs <= s.lastTimeTs || s.maxTs < 0 {
		return
	}
	var e [timeEntrySize]byte
	binary.BigEndian.PutUint64(e[:], uint64(s.maxTs))
	binary.BigEndian.PutUint32(e[8:], uint32(s.maxTsOffset-s.base))
	s.times.pending = append(s.times.pending, e[:]...)
	s.lastTimeTs = s.maxTs
}

// pendingIndexBytes says how much of the indexes is only in memory.
func (s *segment) pendingIndexBytes() int {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	return max(len(s.offsets.pending), len(s.times.pending))
}

// indexFull says whether an index has reached its limit.
func (s *segment) indexFull(limit int32) bool {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	return s.offsets.bytes()+offsetEntrySize > int64(limit) || s.times.bytes()+timeEntrySize > int64(limit)
}

// writeIndexes writes what is pending, without a sync. With final set it first adds the last time index entry, as
// when the segment becomes inactive or the store closes.
func (s *segment) writeIndexes(final bool) error {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	if final {
		s.addTimeLocked()
	}
	if s.offsets.dirty() || s.times.dirty() || s.abortedNew {
		s.unsynced = true
	}
	if err := s.offsets.write(s.fs, s.path(indexSuffix)); err != nil {
		return err
	}
	if err := s.times.write(s.fs, s.path(timeIndexSuffix)); err != nil {
		return err
	}
	if !s.abortedNew {
		return nil
	}
	if err := writeWhole(s.fs, s.path(txnIndexSuffix), encodeTxnIndex(s.aborted)); err != nil {
		return err
	}
	s.abortedNew = false
	return nil
}

// completeIndexes writes the last entries and says whether the files need a sync.
func (s *segment) completeIndexes() (dirty bool, err error) {
	err = s.writeIndexes(true)
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	dirty, s.unsynced = s.unsynced, false
	return dirty, err
}

// empty says whether there are neither records nor files of records that were. Indexes of a segment without records
// are not looked at.
func (s *segment) empty() bool {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	return s.size.Load() == 0 && !s.abortedNew
}

// syncIndexes makes the index files durable. A failed sync is a *vfs.SyncError.
func (s *segment) syncIndexes() error {
	for _, suffix := range segmentSuffixes[1:] {
		if err := syncPath(s.fs, s.path(suffix)); err != nil && !errors.Is(err, errNotExist) {
			return err
		}
	}
	return nil
}

// syncPath syncs a closed file.
func syncPath(fsys vfs.FS, path string) error {
	f, err := fsys.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(vfs.SyncFile(f, path), f.Close())
}

// writeWhole creates a file with the content given, without a sync.
func writeWhole(fsys vfs.FS, path string, data []byte) error {
	f, err := fsys.Create(path)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Close())
	}
	return f.Close()
}

// addAborted records an aborted transaction whose marker lies in this segment.
func (s *segment) addAborted(e abortedEntry) {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	s.aborted = append(s.aborted, e)
	s.abortedNew = true
}

// positionAtOrBefore returns where to start scanning for an offset: the position of the last indexed batch whose
// last offset is not above it.
func (s *segment) positionAtOrBefore(offset int64) (int64, error) {
	rel := offset - s.base
	if rel <= 0 {
		return 0, nil
	}
	rel = min(rel, math.MaxInt32)
	above := func(e []byte) bool { r, _ := offsetEntry(e); return int64(r) > rel }
	e, ok, err := s.searchIndex(0, above)
	if err != nil || !ok {
		return 0, err
	}
	_, pos := offsetEntry(e[:])
	return int64(pos), nil
}

// offsetAtOrBeforeTime returns the last offset of a batch before which (inclusive) everything is older than ts or
// as old, base if unknown.
func (s *segment) offsetAtOrBeforeTime(ts int64) (int64, error) {
	above := func(e []byte) bool { t, _ := timeEntry(e); return t >= ts }
	e, ok, err := s.searchIndex(1, above)
	if err != nil || !ok {
		return s.base, err
	}
	_, rel := timeEntry(e[:])
	return s.base + int64(rel), nil
}

// startBefore returns the position of an indexed batch that lies at or before position end.
func (s *segment) startBefore(end int64) (int64, error) {
	above := func(e []byte) bool { _, p := offsetEntry(e); return int64(p) > end }
	e, ok, err := s.searchIndex(0, above)
	if err != nil || !ok {
		return 0, err
	}
	_, pos := offsetEntry(e[:])
	return int64(pos), nil
}

// searchIndex finds the last entry of an index (0 offsets, 1 times) for which above is false: in memory first, then
// in the file.
func (s *segment) searchIndex(i int, above func([]byte) bool) (e [timeEntrySize]byte, ok bool, err error) {
	x := &s.offsets
	if i == 1 {
		x = &s.times
	}
	s.idxMu.Lock()
	if at := lastLE(x.pending, x.size, above); at >= 0 {
		copy(e[:], x.pending[at*x.size:(at+1)*x.size])
		s.idxMu.Unlock()
		return e, true, nil
	}
	n, size := x.flushed, x.size
	if x.stale {
		n = 0
	}
	s.idxMu.Unlock()
	if n == 0 {
		return e, false, nil
	}
	f, err := s.acquireIndex(i)
	if err != nil {
		return e, false, err
	}
	defer s.release()
	e, ok, err = searchFile(f, n, size, above)
	if s.isGone() {
		// Retired before its files were replaced or renamed: what was read may be another segment's.
		return e, false, errGone
	}
	if err != nil {
		return e, false, fmt.Errorf("searching %s: %w: %w", s.path(indexSuffixes[i]), ErrStorage, err)
	}
	return e, ok, nil
}

// covers is how much time the segment would span with a batch whose largest timestamp is ts, in ms (Kafka:
// LogSegment.timeWaitedForRoll): since its first batch, or where that has no timestamp, for as long as it is there.
func (s *segment) covers(ts int64, now func() int64) int64 {
	if _, first := s.timestamps(); first >= 0 {
		return ts - first
	}
	return now() - s.created
}

// jitterOf is how much sooner than others the segment rolls, in ms: so those that began together do not end together.
func (s *segment) jitterOf(cfg *LogConfig) int64 {
	return int64(s.jitter * float64(min(cfg.SegmentJitterMs, cfg.rollMs())))
}

// timestamps returns the largest timestamp of the segment (-1 none) and that of its first batch (negative: none, or
// unknown).
func (s *segment) timestamps() (largest, first int64) {
	s.idxMu.Lock()
	defer s.idxMu.Unlock()
	return s.maxTs, s.firstTs
}
