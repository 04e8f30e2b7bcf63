package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/props"
)

// Kind is what a file is.
type Kind string

// The kinds of files.
const (
	Log        Kind = "log"        // record batches of a segment
	Index      Kind = "index"      // offsets to positions
	TimeIndex  Kind = "timeindex"  // timestamps to offsets
	TxnIndex   Kind = "txnindex"   // aborted transactions
	Snapshot   Kind = "snapshot"   // producers
	Epochs     Kind = "epochs"     // leader-epoch-checkpoint
	Checkpoint Kind = "checkpoint" // offsets by partition
	Image      Kind = "image"      // .checkpoint: a snapshot of the metadata, record batches
	Properties Kind = "properties" // meta.properties, partition.metadata
	Unknown    Kind = ""
)

// Options say what of a file is wanted.
type Options struct {
	// Deep hands out the records of batches, Data with their keys and values.
	Deep, Data bool
	// MaxBytes leaves out batches that end behind so many bytes of a .log file, 0: none.
	MaxBytes int64
	// Decoder is for keys and values. Auto goes by the folder's name.
	Decoder Decoder
}

var (
	suffixKinds = map[string]Kind{".log": Log, ".index": Index, ".timeindex": TimeIndex, ".txnindex": TxnIndex, ".snapshot": Snapshot}
	nameKinds   = map[string]Kind{
		"leader-epoch-checkpoint": Epochs, "partition.metadata": Properties, "meta.properties": Properties,
		"recovery-point-offset-checkpoint": Checkpoint, "replication-offset-checkpoint": Checkpoint,
		"log-start-offset-checkpoint": Checkpoint, "cleaner-offset-checkpoint": Checkpoint,
	}
	imageName = regexp.MustCompile(`^(\d{20}-\d{10}|bootstrap)\.checkpoint$`)
	// transient are files on their way in or out: .log.deleted, .index.swap.
	transient = []string{".deleted", ".cleaned", ".swap"}
)

// kindOf goes by the name of a file, transient ones included.
func kindOf(name string) Kind {
	for _, s := range transient {
		name = strings.TrimSuffix(name, s)
	}
	if k, ok := nameKinds[name]; ok {
		return k
	}
	if imageName.MatchString(name) {
		return Image
	}
	_, suffix, ok := logstore.SegmentFile(name)
	if !ok {
		return Unknown
	}
	return suffixKinds[suffix]
}

// Walk lists the files that File reads: path itself, or what lies in that
// folder and below it, in the order of their names. Folders of partitions that
// were deleted or set aside are skipped, and so are transient files.
func Walk(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if kindOf(filepath.Base(path)) == Unknown {
			return nil, fmt.Errorf("%s: not a file of a log dir: expected .log, .index, .timeindex, .txnindex, .snapshot, .checkpoint, a checkpoint by its name, or a folder", path)
		}
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return nil
		case kindOf(e.Name()) != Unknown && !slices.ContainsFunc(transient, func(s string) bool { return strings.HasSuffix(e.Name(), s) }):
			files = append(files, p)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no files of a log dir in this folder", path)
	}
	return files, err
}

// reading is one file that is being read.
type reading struct {
	path string
	opts Options
	base int64 // of the segment, -1 for files that are none
	emit func(any) error
}

// problem hands out what is wrong; position -1 if message names the place.
func (r *reading) problem(position int64, format string, args ...any) error {
	return r.emit(&Problem{"problem", r.path, position, fmt.Sprintf(format, args...)})
}

// File reads one file and calls emit for *Opened and then for all that it holds
// (see the structs above) and every *Problem. It returns what emit returned, or
// why the file cannot be read at all.
func File(path string, opts Options, emit func(item any) error) error {
	name := filepath.Base(path)
	kind := kindOf(name)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if opts.Decoder == Auto {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if opts.Decoder = decoderFor(filepath.Base(filepath.Dir(abs))); kind == Image {
			opts.Decoder = Metadata
		}
	}
	opts.Deep = opts.Deep || opts.Data
	r := &reading{path: path, opts: opts, base: -1, emit: emit}
	if base, _, ok := logstore.SegmentFile(name); ok {
		r.base = base
	}
	if err := emit(&Opened{"file", path, kind, info.Size()}); err != nil {
		return err
	}
	switch kind {
	case Log, Image:
		return r.log()
	case Index:
		return r.index()
	case TimeIndex:
		return r.timeIndex()
	case TxnIndex, Snapshot, Epochs, Checkpoint, Properties:
		return r.small(kind)
	case Unknown:
	}
	return fmt.Errorf("%s: not a file of a log dir", path)
}

// maxSmall bounds files that are read whole, in bytes.
const maxSmall = 1 << 30

// small reads a file that is decoded whole.
func (r *reading) small(kind Kind) error {
	info, err := os.Stat(r.path)
	if err != nil {
		return err
	}
	if info.Size() > maxSmall {
		return r.problem(maxSmall, "the file has %d bytes, at most %d expected", info.Size(), maxSmall)
	}
	data, err := os.ReadFile(r.path)
	if err != nil {
		return err
	}
	items, err := decodeSmall(kind, data, r.path, r.base)
	for _, it := range items {
		if err := r.emit(it); err != nil {
			return err
		}
	}
	if err != nil {
		return r.problem(-1, "%s", strings.TrimSuffix(err.Error(), ": "+logstore.ErrCorrupt.Error()))
	}
	return nil
}

// decodeSmall returns what it could read, also with an error.
func decodeSmall(kind Kind, data []byte, path string, base int64) (items []any, err error) {
	switch kind {
	case TxnIndex:
		var list []logstore.AbortedEntry
		list, err = logstore.DecodeTxnIndex(data, path, base)
		for _, e := range list {
			items = append(items, &AbortedTxn{"aborted", e.ProducerID, e.FirstOffset, e.LastOffset, e.LastStableOffset})
		}
	case Snapshot:
		var list []logstore.SnapshotProducer
		list, err = logstore.DecodeSnapshot(data, path)
		for _, p := range list {
			items = append(items, producerOf(p))
		}
	case Epochs:
		var list []logstore.EpochStart
		list, err = logstore.DecodeEpochs(data, path)
		for _, e := range list {
			items = append(items, &Epoch{"epoch", e.Epoch, e.StartOffset})
		}
	case Checkpoint:
		var list []logstore.PartitionOffset
		list, err = logstore.DecodeCheckpoint(data, path)
		for _, m := range list {
			items = append(items, &Mark{"mark", m.Topic, m.Partition, m.Offset})
		}
	case Properties:
		items, err = decodeProperties(data, path)
	case Log, Index, TimeIndex, Image, Unknown:
		err = errors.New("inspect: not a small file: " + path)
	}
	return items, err
}

func producerOf(p logstore.SnapshotProducer) *Producer {
	first := int32(-1)
	if p.LastSequence >= 0 {
		// Sequences wrap from 2147483647 to 0.
		first = int32((uint32(p.LastSequence) - uint32(p.OffsetDelta)) & (1<<31 - 1))
	}
	return &Producer{"producer", p.ProducerID, p.Epoch, p.CoordinatorEpoch, p.TxnFirstOffset, first, p.LastSequence, p.LastOffset, p.LastTimestamp}
}

func decodeProperties(data []byte, path string) (items []any, err error) {
	if filepath.Base(path) == "partition.metadata" {
		// "topic_id: ..." reads as a property, too, but what it must hold is stricter.
		if _, err := logstore.ParsePartitionMetadata(data, path); err != nil {
			return nil, err
		}
	}
	m, err := props.Parse(path, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		items = append(items, &Property{"property", name, m[name]})
	}
	return items, nil
}
