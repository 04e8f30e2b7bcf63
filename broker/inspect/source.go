package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/leat-project/leat/broker/logstore"
)

// Topic is what log dirs hold of a topic.
type Topic struct {
	Name       string           `json:"name"`
	ID         logstore.TopicID `json:"-"`
	Partitions []*Partition     `json:"partitions"` // sorted; numbers may be missing
	// Configs are the topic's own settings, where the metadata of the cluster
	// is in one of the log dirs, too.
	Configs map[string]string `json:"configs"`
}

// Partition is a partition folder, read and checked.
type Partition struct {
	Partition   int32    `json:"partition"`
	Folder      string   `json:"folder"`
	Start       int64    `json:"start_offset"`
	End         int64    `json:"end_offset"`
	Segments    int      `json:"segments"`
	Bytes       int64    `json:"bytes"`
	LeaderEpoch int32    `json:"leader_epoch"` // the last one, -1 none
	Files       []string `json:"files"`        // names of those that are whole
	// Rebuild are indexes that are not: they can be made anew from the log.
	Rebuild []string `json:"rebuild,omitempty"`
	// Open are the first offsets of transactions that never ended, by producer.
	Open map[int64]int64 `json:"open_transactions,omitempty"`

	MaxProducerID int64 `json:"max_producer_id"` // -1 none

	bare bool // an empty folder: our broker makes the files with the first record
}

// Source is what Topics found.
type Source struct {
	Topics []*Topic
	// Skipped are folders that were left out, with the reason.
	Skipped []string
	// Unclean are log dirs whose broker was not shut down cleanly.
	Unclean []string
}

// CorruptError lists what is wrong with files that must be whole.
type CorruptError struct{ Problems []*Problem }

// Error has a line for each problem.
func (e *CorruptError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Topics reads and checks the partitions in the paths given: log dirs, or
// single folders <topic>-<n>. want says which topics. Files that are damaged,
// apart from indexes, are a *CorruptError; a log dir that a broker has open is a
// *vfs.LockedError.
func Topics(paths []string, want func(topic string) bool) (*Source, error) {
	s := &Source{}
	byName := map[string]*Topic{}
	var dirs []string
	var corrupt CorruptError
	for _, path := range paths {
		path, err := filepath.Abs(path) // "." has a name, too
		if err != nil {
			return nil, err
		}
		folders, dir, err := s.folders(path)
		if err != nil {
			return nil, err
		}
		marks, err := logStarts(dir)
		if err != nil {
			return nil, err
		}
		for _, folder := range folders {
			tp, _ := logstore.ParseFolder(filepath.Base(folder))
			if !want(tp.Topic) {
				continue
			}
			p, problems, err := readPartition(folder, tp.Partition, marks[tp])
			if err != nil {
				return nil, err
			}
			corrupt.Problems = append(corrupt.Problems, problems...)
			if err := addPartition(byName, tp.Topic, folder, p); err != nil {
				return nil, err
			}
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range dirs { // when all topics are known: the metadata may be in another dir than they
		if err := addConfigs(byName, dir); err != nil {
			return nil, err
		}
	}
	if len(corrupt.Problems) > 0 {
		return nil, &corrupt
	}
	for _, t := range byName {
		if t.ID == (logstore.TopicID{}) {
			s.Skipped = append(s.Skipped, t.Partitions[0].Folder+": no partition of the topic has a record: create it instead")
			continue
		}
		slices.SortFunc(t.Partitions, func(a, b *Partition) int { return cmp.Compare(a.Partition, b.Partition) })
		s.Topics = append(s.Topics, t)
	}
	slices.Sort(s.Skipped)
	slices.SortFunc(s.Topics, func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// folders lists the partition folders of a log dir, or path if it is one, and
// the log dir.
func (s *Source) folders(path string) (folders []string, dir string, err error) {
	names, err := os.ReadDir(path)
	if err != nil {
		return nil, "", err
	}
	if _, ok := logstore.ParseFolder(filepath.Base(path)); ok && !slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() == "meta.properties" }) {
		dir = filepath.Dir(path)
		return []string{path}, dir, s.mayRead(dir)
	}
	for _, e := range names {
		switch _, ok := logstore.ParseFolder(e.Name()); {
		case !e.IsDir():
		case ok:
			folders = append(folders, filepath.Join(path, e.Name()))
		default:
			s.Skipped = append(s.Skipped, filepath.Join(path, e.Name())+": not a folder of a partition in service")
		}
	}
	if len(folders) == 0 {
		return nil, "", fmt.Errorf("%s: expected a folder <topic>-<n>, or a log dir with such folders", path)
	}
	return folders, path, s.mayRead(path)
}

// mayRead refuses a log dir that is in use and notes one that was not closed.
func (s *Source) mayRead(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "meta.properties")); err != nil {
		return nil // a folder that lies somewhere else: there is nothing to ask
	}
	if err := unlocked(filepath.Join(dir, ".lock")); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err != nil && !slices.Contains(s.Unclean, dir) {
		s.Unclean = append(s.Unclean, dir)
	}
	return nil
}

// logStarts are the log start offsets that are not those of the first segments.
func logStarts(dir string) (map[logstore.TopicPartition]int64, error) {
	path := filepath.Join(dir, "log-start-offset-checkpoint")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := logstore.DecodeCheckpoint(data, path)
	if err != nil {
		return nil, err
	}
	out := map[logstore.TopicPartition]int64{}
	for _, m := range list {
		out[m.TopicPartition] = m.Offset
	}
	return out, nil
}

func addPartition(byName map[string]*Topic, topic, folder string, p *Partition) error {
	path := filepath.Join(folder, "partition.metadata")
	var id logstore.TopicID
	if !p.bare {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading the topic's id: %w", err)
		}
		if id, err = logstore.ParsePartitionMetadata(data, path); err != nil {
			return err
		}
	}
	t := byName[topic]
	if t == nil {
		t = &Topic{Name: topic, Configs: map[string]string{}}
		byName[topic] = t
	}
	if t.ID == (logstore.TopicID{}) {
		t.ID = id
	}
	if !p.bare && t.ID != id {
		return fmt.Errorf("%s: the topic id is %s, but in %s it is %s: one of them is of an older topic of this name", path, id, t.Partitions[0].Folder, t.ID)
	}
	for _, other := range t.Partitions {
		if other.Partition == p.Partition {
			return fmt.Errorf("%s and %s are the same partition: give only one of them", other.Folder, folder)
		}
	}
	t.Partitions = append(t.Partitions, p)
	return nil
}

// readPartition checks the files of a folder and adds them up.
func readPartition(folder string, number int32, start int64) (*Partition, []*Problem, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	if len(entries) == 0 {
		return &Partition{Partition: number, Folder: folder, LeaderEpoch: -1, MaxProducerID: -1, bare: true}, nil, nil
	}
	r := &partitionReader{p: &Partition{Partition: number, Folder: folder, Start: start, LeaderEpoch: -1, MaxProducerID: -1, Open: map[int64]int64{}}, first: true}
	for _, e := range entries {
		name := e.Name()
		kind := kindOf(name)
		if kind == Unknown || kind == Properties || slices.ContainsFunc(transient, func(s string) bool { return strings.HasSuffix(name, s) }) {
			if strings.HasSuffix(name, ".swap") {
				r.problems = append(r.problems, &Problem{"problem", filepath.Join(folder, name), 0,
					"compaction was interrupted while it replaced files: start its broker once and stop it"})
			}
			continue
		}
		if err := r.file(name, kind); err != nil {
			return nil, nil, err
		}
	}
	r.check()
	return r.p, r.problems, nil
}

type partitionReader struct {
	p        *Partition
	problems []*Problem
	first    bool
	epochs   int64 // start of the last epoch
	snapshot int64 // offset of the newest
}

func (r *partitionReader) file(name string, kind Kind) error {
	path := filepath.Join(r.p.Folder, name)
	base, _, _ := logstore.SegmentFile(name)
	if kind == Log {
		if err := r.segment(path, base); err != nil {
			return err
		}
	}
	if kind == Snapshot && base >= r.snapshot {
		r.snapshot = base
	}
	bad := false
	err := File(path, Options{Decoder: Raw}, func(item any) error {
		switch x := item.(type) {
		case *Problem:
			if kind != Index && kind != TimeIndex {
				r.problems = append(r.problems, x)
			}
			bad = true
		case *Batch:
			r.p.End = max(r.p.End, x.LastOffset+1)
			r.p.MaxProducerID = max(r.p.MaxProducerID, x.ProducerID)
			r.track(x)
		case *Producer:
			r.p.MaxProducerID = max(r.p.MaxProducerID, x.ProducerID)
		case *Epoch:
			r.p.LeaderEpoch, r.epochs = x.Epoch, x.StartOffset
		}
		return nil
	})
	if bad {
		r.p.Rebuild = append(r.p.Rebuild, name)
	} else {
		r.p.Files = append(r.p.Files, name)
	}
	return err
}

// track follows transactions: a marker, which is the control batch of a
// producer, ends what the producer's data began.
func (r *partitionReader) track(b *Batch) {
	if !b.Transactional {
		return
	}
	if b.Control {
		delete(r.p.Open, b.ProducerID)
		return
	}
	if _, there := r.p.Open[b.ProducerID]; !there {
		r.p.Open[b.ProducerID] = b.BaseOffset
	}
}

func (r *partitionReader) segment(path string, base int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if r.first {
		r.p.Start = max(r.p.Start, base)
		r.first = false
	} else if base < r.p.End {
		r.problems = append(r.problems, &Problem{"problem", path, 0, fmt.Sprintf("the segment begins at offset %d, but the one before it ends at %d", base, r.p.End)})
	}
	r.p.End = max(r.p.End, base)
	r.p.Segments++
	r.p.Bytes += info.Size()
	return nil
}

// check compares the files with each other.
func (r *partitionReader) check() {
	if r.p.Segments == 0 {
		r.problems = append(r.problems, &Problem{"problem", r.p.Folder, -1, r.p.Folder + ": no .log file"})
		return
	}
	if r.p.Start > r.p.End {
		r.problems = append(r.problems, &Problem{"problem", r.p.Folder, -1, fmt.Sprintf("%s: log-start-offset-checkpoint beside it says that the log starts at offset %d, but it ends at %d: take its line out of that file if it is wrong", r.p.Folder, r.p.Start, r.p.End)})
	}
	for _, x := range []struct {
		what   string
		offset int64
	}{{"leader-epoch-checkpoint", r.epochs}, {"the newest .snapshot", r.snapshot}} {
		if x.offset > r.p.End {
			r.problems = append(r.problems, &Problem{"problem", r.p.Folder, -1, fmt.Sprintf("%s: %s knows offset %d, but the log ends at %d: its last segments are missing", r.p.Folder, x.what, x.offset, r.p.End)})
		}
	}
}
