package quorum

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
)

// storage is raft's view of the files: it implements raft.Storage. Only the
// goroutine that drives the RawNode calls it.
type storage struct {
	cfg  *Config
	log  *logstore.Partition
	hard quorumState
	// snap is the newest snapshot, snaps all that are kept, oldest first.
	snap  Position
	snaps []Position
	// first is where the log that raft may read begins: at the end of a
	// snapshot. What lies before it in the files is void.
	first Position
	// terms are the epochs of the log from first on, rising.
	terms []termStart
	// commit is what InitialState tells raft to be committed: an index.
	commit uint64
	// leader is who leads as far as is known, -1 nobody; named in the batches
	// that begin an epoch.
	leader int32
	// recent are the entries of the last append, which raft asks for next.
	recent []*raftpb.Entry
	// failed is the last error that went to raft, which panics on any.
	failed error
	// lastTime is the timestamp of the last batch, ms.
	lastTime int64
	// sinceSnapshot is the length of the log from snap on, in bytes. What was not
	// applied when the snapshot was begun counts as part of it.
	sinceSnapshot int64

	reader recordbatch.Reader
	buf    []byte
}

type termStart struct {
	offset int64
	epoch  int32
}

// openStorage reads quorum-state, finds the newest snapshot and checks every
// batch of the log behind it.
func openStorage(cfg *Config) (*storage, error) {
	s := &storage{cfg: cfg, log: cfg.Log, leader: -1}
	if err := s.log.Err(); err != nil {
		return nil, fmt.Errorf("opening the metadata log in %s: %w", s.log.Path(), err)
	}
	var err error
	if s.hard, err = readQuorumState(cfg.FS, s.log.Path()); err != nil {
		return nil, err
	}
	if s.snaps, err = findSnapshots(cfg.FS, s.log.Path()); err != nil {
		return nil, err
	}
	if n := len(s.snaps); n > 0 {
		s.snap = s.snaps[n-1]
	}
	s.first = s.snap
	if err := s.checkRange(); err != nil {
		return nil, err
	}
	if err := s.scan(); err != nil {
		return nil, err
	}
	last := s.first.Epoch
	if n := len(s.terms); n > 0 {
		last = s.terms[n-1].epoch
	}
	if s.log.LeaderEpoch() > last {
		if err := s.findLaterEpoch(last); err != nil {
			return nil, err
		}
	}
	switch {
	case s.hard.LeaderEpoch >= last:
	case s.hard.LeaderEpoch == 0:
		s.hard.LeaderEpoch = last // a log from before quorum-state was kept, or the file was removed
	default:
		return nil, fmt.Errorf("%s/%s has leaderEpoch %d, but the log holds epoch %d: the file is from an older state of the folder; restore it from the same backup as the log",
			s.log.Path(), quorumStateFile, s.hard.LeaderEpoch, last)
	}
	return s, nil
}

// checkRange makes sure that log and snapshot leave no gap.
func (s *storage) checkRange() error {
	start, end := s.log.LogStartOffset(), s.log.LogEndOffset()
	switch {
	case start > s.snap.End && s.snap.End > 0:
		return fmt.Errorf("the metadata log in %s begins at offset %d (with its first file, or where log-start-offset-checkpoint says), but its newest snapshot %s ends at %d: the records between are missing; restore the folder from a backup", s.log.Path(), start, snapshotName(s.snap), s.snap.End)
	case start > s.snap.End:
		return fmt.Errorf("the metadata log in %s begins at offset %d and there is no snapshot (*%s) of what was before: restore the folder from a backup", s.log.Path(), start, snapshotSuffix)
	case end < s.snap.End:
		// A snapshot that came from the leader is written before the log is
		// emptied for it.
		if err := s.log.TruncateFully(s.snap.End); err != nil {
			return fmt.Errorf("starting the metadata log at snapshot %s: %w", snapshotName(s.snap), err)
		}
	}
	return nil
}

// scan walks over the log, checks what replay will need, and notes its epochs.
func (s *storage) scan() error {
	return s.walk(s.first.End, s.log.LogEndOffset(), func(b recordbatch.Batch) (bool, error) {
		s.noteEpoch(b.BaseOffset(), b.LeaderEpoch())
		if n := len(s.terms); n > 1 && s.terms[n-2].epoch > b.LeaderEpoch() || b.LeaderEpoch() < s.first.Epoch {
			return false, fmt.Errorf("epoch %d follows a later one", b.LeaderEpoch())
		}
		s.lastTime = b.MaxTimestamp()
		s.sinceSnapshot += int64(b.Size())
		return true, nil
	})
}

// findLaterEpoch returns an error for a batch, of those that a snapshot has
// replaced, whose epoch is later than that of the end: the epoch of a batch is
// not covered by its CRC, and the log would refuse appends.
func (s *storage) findLaterEpoch(last int32) error {
	start := s.log.LogStartOffset()
	err := s.walk(start, s.log.LogEndOffset(), func(b recordbatch.Batch) (bool, error) {
		if b.LeaderEpoch() > last {
			return false, fmt.Errorf("epoch %d is later than %d, that of the end", b.LeaderEpoch(), last)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	res, err := s.log.Read(logstore.ReadOptions{Offset: start, MaxBytes: 1, MinOneBatch: true, Bound: logstore.BoundLogEnd})
	if err != nil {
		return fmt.Errorf("reading the metadata log at offset %d: %w", start, err)
	}
	defer res.Release()
	_, pos := res.File()
	return fmt.Errorf("metadata log %s before position %d, or its leader-epoch-checkpoint: epoch %d is later than %d, that of the end: restore the folder from a backup: %w",
		res.Path(), pos, s.log.LeaderEpoch(), last, logstore.ErrCorrupt)
}

func (s *storage) noteEpoch(offset int64, epoch int32) {
	if n := len(s.terms); n == 0 || s.terms[n-1].epoch != epoch {
		s.terms = append(s.terms, termStart{offset, epoch})
	}
}

// readChunk is how much of the log is read at a time, in bytes.
const readChunk = 1 << 20

// walk calls fn with the batches that hold the offsets [from, to), until it
// says false. Every batch is checked; an error names file and position.
func (s *storage) walk(from, to int64, fn func(recordbatch.Batch) (bool, error)) error {
	for next := from; next < to; {
		res, err := s.log.Read(logstore.ReadOptions{Offset: next, MaxBytes: readChunk, MinOneBatch: true, Bound: logstore.BoundLogEnd})
		if err != nil {
			return fmt.Errorf("reading the metadata log at offset %d: %w", next, err)
		}
		s.buf, err = res.AppendTo(s.buf[:0])
		_, pos := res.File()
		file := res.Path()
		res.Release()
		if err != nil {
			return fmt.Errorf("reading the metadata log at offset %d: %w", next, err)
		}
		was := next
		for buf := s.buf; len(buf) >= recordbatch.HeaderSize && recordbatch.Batch(buf).Size() <= len(buf) && next < to; {
			b, rest, err := recordbatch.Next(buf)
			at := pos + int64(len(s.buf)-len(buf))
			switch {
			case err != nil:
			case !b.CRCValid():
				err = errors.New("the crc does not match")
			case b.NextOffset() <= next:
				buf = rest // of a batch before the one asked for
				continue
			case b.BaseOffset() > next:
				err = fmt.Errorf("offset %d follows %d", b.BaseOffset(), next-1)
			}
			goOn := true
			if err == nil {
				goOn, err = fn(b)
			}
			if err != nil {
				return fmt.Errorf("metadata log %s at position %d: %w: restore the folder from a backup: %w", file, at, err, logstore.ErrCorrupt)
			}
			if !goOn {
				return nil
			}
			buf, next = rest, b.NextOffset()
		}
		if next == was {
			return fmt.Errorf("metadata log %s at position %d: no batch with offset %d: %w", file, pos, next, logstore.ErrCorrupt)
		}
	}
	return nil
}

func (s *storage) lastIndex() uint64 { return uint64(s.log.LogEndOffset()) }

// InitialState implements raft.Storage.
func (s *storage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	conf := &raftpb.ConfState{}
	for _, v := range s.cfg.Voters {
		conf.Voters = append(conf.Voters, raftID(v))
	}
	hs := &raftpb.HardState{Term: new(uint64(s.hard.LeaderEpoch)), Commit: new(s.commit)}
	if s.hard.VotedID >= 0 {
		hs.Vote = new(raftID(s.hard.VotedID))
	}
	return hs, conf, nil
}

// Entries implements raft.Storage.
func (s *storage) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	if lo <= uint64(s.first.End) {
		return nil, raft.ErrCompacted
	}
	if hi > s.lastIndex()+1 {
		return nil, raft.ErrUnavailable
	}
	if len(s.recent) > 0 && lo >= s.recent[0].GetIndex() {
		from := lo - s.recent[0].GetIndex()
		return limit(slices.Clone(s.recent[from:from+hi-lo]), maxSize), nil
	}
	var out []*raftpb.Entry
	var size uint64
	err := s.walk(int64(lo)-1, int64(hi)-1, func(b recordbatch.Batch) (bool, error) {
		have := len(out)
		var err error
		out, err = readBatch(out, b, lo, &s.reader)
		for _, e := range out[have:] {
			size += uint64(len(e.GetData())) + entryOverhead
		}
		return size <= maxSize, err
	})
	if err != nil {
		s.failed = err
		return nil, err
	}
	return limit(out[:min(uint64(len(out)), hi-lo)], maxSize), nil
}

// entryOverhead is what an entry counts beside its data.
const entryOverhead = 16

// limit keeps the first entries up to maxSize bytes, at least one.
func limit(entries []*raftpb.Entry, maxSize uint64) []*raftpb.Entry {
	var size uint64
	for i, e := range entries {
		if size += uint64(len(e.GetData())) + entryOverhead; i > 0 && size > maxSize {
			return entries[:i]
		}
	}
	return entries
}

// Term implements raft.Storage.
func (s *storage) Term(index uint64) (uint64, error) {
	offset := int64(index) - 1
	switch {
	case offset < s.first.End-1:
		return 0, raft.ErrCompacted
	case offset == s.first.End-1:
		return uint64(s.first.Epoch), nil
	case index > s.lastIndex():
		return 0, raft.ErrUnavailable
	}
	i, found := slices.BinarySearchFunc(s.terms, offset, func(t termStart, o int64) int {
		return int(min(max(t.offset-o, -1), 1))
	})
	if !found {
		i--
	}
	return uint64(s.terms[i].epoch), nil
}

// LastIndex implements raft.Storage.
func (s *storage) LastIndex() (uint64, error) { return s.lastIndex(), nil }

// FirstIndex implements raft.Storage.
func (s *storage) FirstIndex() (uint64, error) { return uint64(s.first.End) + 1, nil }

// append makes entries durable. Entries that are in the log already give way
// to them.
func (s *storage) append(entries []*raftpb.Entry) error {
	at := int64(entries[0].GetIndex()) - 1
	entries, err := s.makeRoom(at, entries)
	if err != nil {
		return err
	}
	s.recent = nil
	now := time.Now().UnixMilli()
	err = cutBatches(entries, func(run []*raftpb.Entry) error { return s.appendRun(run, now) })
	if err != nil {
		return fmt.Errorf("appending to the metadata log: %w", err)
	}
	s.recent = entries
	return nil
}

// appendRun appends one batch and flushes it.
func (s *storage) appendRun(run []*raftpb.Entry, now int64) error {
	buf, err := s.appendBatch(s.buf[:0], run, now)
	if err != nil {
		return err
	}
	s.buf = buf
	epoch := int32(run[0].GetTerm())
	info, err := s.log.Append(buf, logstore.AppendOptions{Origin: logstore.OriginCoordinator, LeaderEpoch: epoch})
	if err != nil {
		return err
	}
	if want := int64(run[0].GetIndex()) - 1; info.BaseOffset != want {
		panic(fmt.Sprintf("quorum: raft entry %d was stored at offset %d, not %d", run[0].GetIndex(), info.BaseOffset, want))
	}
	s.noteEpoch(info.BaseOffset, epoch)
	s.lastTime = now
	s.sinceSnapshot += int64(len(buf))
	return s.flush()
}

// flush returns when all of the log is durable.
func (s *storage) flush() error {
	flushed := make(chan error, 1)
	s.log.AfterFlush(s.log.LogEndOffset(), func(err error) { flushed <- err })
	return <-flushed
}

// makeRoom cuts the log at an offset that is to be written anew. Batches are
// cut whole, so entries before it in the same batch are returned in front.
func (s *storage) makeRoom(at int64, entries []*raftpb.Entry) ([]*raftpb.Entry, error) {
	if at >= s.log.LogEndOffset() {
		return entries, nil
	}
	var kept []*raftpb.Entry
	start := at
	err := s.walk(at, at+1, func(b recordbatch.Batch) (bool, error) {
		var err error
		start = max(b.BaseOffset(), s.first.End)
		kept, err = readBatch(nil, b, uint64(start)+1, &s.reader)
		return false, err
	})
	if err != nil {
		return nil, err
	}
	if err := s.log.Truncate(start); err != nil {
		return nil, fmt.Errorf("cutting the metadata log at offset %d: %w", start, err)
	}
	s.recent = nil
	s.terms = slices.DeleteFunc(s.terms, func(t termStart) bool { return t.offset >= start })
	return append(kept[:at-start:at-start], entries...), nil
}

// save makes term and vote durable.
func (s *storage) save(hs *raftpb.HardState) error {
	next := s.hard
	next.LeaderEpoch, next.LeaderID, next.VotedID, next.VotedDirectoryID = int32(hs.GetTerm()), s.leader, -1, noDirectory
	if v := hs.GetVote(); v != 0 {
		next.VotedID = nodeID(v)
	}
	if next.VotedID == s.cfg.NodeID {
		next.VotedDirectoryID = s.cfg.DirectoryID
	}
	if err := next.write(s.cfg.FS, s.log.Path()); err != nil {
		return fmt.Errorf("writing the raft state: %w: %w", logstore.ErrStorage, err)
	}
	s.hard = next
	return nil
}

// raftID and nodeID map between Kafka's node ids and raft's, which begin at 1.
func raftID(node int32) uint64 { return uint64(node) + 1 }
func nodeID(id uint64) int32   { return int32(id) - 1 }
