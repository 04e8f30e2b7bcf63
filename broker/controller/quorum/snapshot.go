package quorum

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// A snapshot is a file <end, 20 digits>-<epoch, 10 digits>.checkpoint: the
// state of the machine before offset end, whose last record had that epoch. It
// is a sequence of record batches with offsets from 0, each with its CRC:
//
//	control batch   snapshot header
//	data batches    metadata records
//	control batch   snapshot footer; a file without it is cut short
//
// It is written to a file .checkpoint.part, synced, renamed, and the folder is
// synced; then snapshots and segments before the previous one are removed. A
// crash at any point leaves the old snapshot with its log or the new one.
const (
	snapshotSuffix = ".checkpoint"
	partSuffix     = ".checkpoint.part"
)

// snapshotBatch is how many bytes of records go into one batch.
const snapshotBatch = 256 << 10

// maxSnapshot bounds what is read into memory, in bytes.
const maxSnapshot = 1 << 30

// Position is a place in the log: End is the offset behind the last record,
// Epoch that record's.
type Position struct {
	End   int64
	Epoch int32
}

func snapshotName(p Position) string {
	return fmt.Sprintf("%020d-%010d%s", p.End, p.Epoch, snapshotSuffix)
}

func parseSnapshotName(name string) (Position, bool) {
	text, ok := strings.CutSuffix(name, snapshotSuffix)
	end, epoch, dash := strings.Cut(text, "-")
	if !ok || !dash {
		return Position{}, false
	}
	e, err1 := strconv.ParseInt(end, 10, 64)
	n, err2 := strconv.ParseInt(epoch, 10, 32)
	p := Position{e, int32(n)}
	return p, err1 == nil && err2 == nil && snapshotName(p) == name
}

// findSnapshots lists the snapshots of a folder, oldest first, and removes
// what a crash left half written.
func findSnapshots(fsys vfs.FS, dir string) ([]Position, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("listing metadata snapshots: %w", err)
	}
	var found []Position
	for _, name := range names {
		if p, ok := parseSnapshotName(name); ok {
			found = append(found, p)
		}
		if strings.HasSuffix(name, partSuffix) {
			if err := fsys.Remove(filepath.Join(dir, name)); err != nil {
				return nil, fmt.Errorf("removing a half written snapshot: %w", err)
			}
		}
	}
	slices.SortFunc(found, func(a, b Position) int { return int(min(max(a.End-b.End, -1), 1)) })
	return found, nil
}

// encodeSnapshot makes the content of a snapshot file.
func encodeSnapshot(at Position, lastTime int64, records iter.Seq[[]byte]) ([]byte, error) {
	var out []byte
	next := int64(0)
	seal := func(start int) {
		b := recordbatch.Batch(out[start:])
		b.AssignOffsets(next, at.Epoch)
		next = b.NextOffset()
	}
	out, err := appendControl(out, snapshotHeader, lastTime, snapshotHeaderValue(lastTime))
	if err != nil {
		return nil, err
	}
	seal(0)
	var b recordbatch.Builder
	flush := func() error {
		if b.Count() == 0 {
			return nil
		}
		start := len(out)
		if out, err = b.Build(out); err != nil {
			return err
		}
		seal(start)
		b.Reset()
		return nil
	}
	for r := range records {
		if b.Add(lastTime, nil, r); b.Size() >= snapshotBatch {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	start := len(out)
	if out, err = appendControl(out, snapshotFooter, lastTime, snapshotFooterValue()); err != nil {
		return nil, err
	}
	seal(start)
	return out, nil
}

// writeSnapshot makes a snapshot durable under its name.
func writeSnapshot(fsys vfs.FS, dir string, at Position, content []byte) error {
	path := filepath.Join(dir, snapshotName(at))
	part := strings.TrimSuffix(path, snapshotSuffix) + partSuffix
	f, err := fsys.Create(part)
	if err != nil {
		return fmt.Errorf("creating a metadata snapshot: %w", err)
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = vfs.SyncFile(f, part)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(part, path)
	}
	if err != nil {
		if gone := fsys.Remove(part); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return fmt.Errorf("writing metadata snapshot %s: %w", path, err)
	}
	return vfs.SyncDir(fsys, dir)
}

// readSnapshot reads and checks a whole snapshot file.
func readSnapshot(fsys vfs.FS, dir string, at Position) ([]byte, error) {
	path := filepath.Join(dir, snapshotName(at))
	data, err := vfs.ReadFile(fsys, path, maxSnapshot)
	if err != nil {
		return nil, fmt.Errorf("reading metadata snapshot: %w", err)
	}
	if err := eachInSnapshot(data, func([]byte) error { return nil }); err != nil {
		return nil, fmt.Errorf("metadata snapshot %s %w: restore it from a backup, or remove it if an older one and the log behind that are there: %w", path, err, logstore.ErrCorrupt)
	}
	return data, nil
}

// eachInSnapshot calls fn with the metadata records of a snapshot in order.
// Errors begin with the position.
func eachInSnapshot(data []byte, fn func(value []byte) error) error {
	var rd recordbatch.Reader
	footer := false
	next := int64(0)
	for rest := data; len(rest) > 0; {
		at := len(data) - len(rest)
		bad := func(err error) error { return fmt.Errorf("at position %d: %w", at, err) }
		b, after, err := recordbatch.Next(rest)
		switch {
		case err != nil:
			return bad(err)
		case !b.CRCValid():
			return bad(errors.New("the crc does not match"))
		case b.BaseOffset() != next:
			return bad(fmt.Errorf("a batch has offset %d, expected %d", b.BaseOffset(), next))
		case footer:
			return bad(errors.New("a batch follows the footer"))
		case b.Control() != (at == 0) && !(b.Control() && len(after) == 0):
			return bad(errors.New("a control batch is not where header or footer belong"))
		}
		if err := rd.Reset(b); err != nil {
			return bad(err)
		}
		for rd.Next() {
			r := rd.Record()
			if b.Control() {
				kind := controlKind(r.Key)
				if footer = kind == snapshotFooter; !footer && kind != snapshotHeader {
					return bad(fmt.Errorf("control record of type %d", kind))
				}
				continue
			}
			if err := fn(r.Value); err != nil {
				return bad(err)
			}
		}
		if rd.Err() != nil {
			return bad(rd.Err())
		}
		rest, next = after, b.NextOffset()
	}
	if !footer {
		return fmt.Errorf("at position %d: the file ends without a footer", len(data))
	}
	return nil
}

// Snapshot implements raft.Storage: what a voter gets that is too far behind.
func (s *storage) Snapshot() (*raftpb.Snapshot, error) {
	_, conf, err := s.InitialState()
	if err != nil {
		return nil, err
	}
	snap := &raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{ConfState: conf, Index: new(uint64(s.snap.End)), Term: new(uint64(s.snap.Epoch))}}
	if s.snap.End > 0 {
		if snap.Data, err = readSnapshot(s.cfg.FS, s.log.Path(), s.snap); err != nil {
			s.failed = err
			return nil, err
		}
	}
	return snap, nil
}

// install replaces log and state by a snapshot from the leader.
func (s *storage) install(snap *raftpb.Snapshot) (Position, error) {
	at := Position{int64(snap.GetMetadata().GetIndex()), int32(snap.GetMetadata().GetTerm())}
	if err := eachInSnapshot(snap.GetData(), func([]byte) error { return nil }); err != nil {
		return at, fmt.Errorf("metadata snapshot from the leader %w", err)
	}
	if err := writeSnapshot(s.cfg.FS, s.log.Path(), at, snap.GetData()); err != nil {
		return at, fmt.Errorf("%w: %w", logstore.ErrStorage, err)
	}
	if err := s.log.TruncateFully(at.End); err != nil {
		return at, fmt.Errorf("emptying the metadata log for a snapshot: %w", err)
	}
	s.first, s.terms, s.recent = at, nil, nil
	s.noteSnapshot(at)
	s.sinceSnapshot = 0
	return at, nil
}

func (s *storage) noteSnapshot(at Position) {
	s.snap = at
	if !slices.Contains(s.snaps, at) {
		s.snaps = append(s.snaps, at)
	}
}

// compact takes a snapshot that is durable into use: log and snapshots before
// the one before it go. That one and the log behind it stay for voters that
// lag a little, and as a second copy. covered is what sinceSnapshot was when the
// snapshot was begun: records that came while it was written are not in it.
func (s *storage) compact(at Position, covered int64) error {
	if at.End <= s.snap.End {
		return nil // one from the leader came meanwhile
	}
	before := s.snap
	s.noteSnapshot(at)
	s.sinceSnapshot -= covered
	if before.End > s.first.End {
		s.first = before
		i := 0
		for i+1 < len(s.terms) && s.terms[i+1].offset <= s.first.End {
			i++
		}
		s.terms = slices.Clone(s.terms[i:])
	}
	return s.prune()
}

// prune removes snapshots but the newest two, and the log before these.
func (s *storage) prune() error {
	for len(s.snaps) > 2 {
		path := filepath.Join(s.log.Path(), snapshotName(s.snaps[0]))
		if err := s.cfg.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old metadata snapshot: %w", err)
		}
		s.snaps = s.snaps[1:]
	}
	if len(s.snaps) < 2 {
		return nil
	}
	if _, err := s.log.DeleteRecordsBefore(s.snaps[0].End); err != nil {
		return fmt.Errorf("removing metadata log that is in snapshot %s: %w", snapshotName(s.snaps[0]), err)
	}
	return nil
}
