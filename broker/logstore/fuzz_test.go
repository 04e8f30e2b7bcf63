package logstore

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// FuzzFiles puts anything into each file of a partition folder and of its log dir and opens it, as after a crash and as after a clean
// stop. The store must refuse, repair, or serve whole batches in order; it must not panic or hang.
func FuzzFiles(f *testing.F) {
	names := []string{segmentName(0, logSuffix), segmentName(0, indexSuffix), segmentName(0, timeIndexSuffix),
		segmentName(0, txnIndexSuffix), segmentName(4, snapshotSuffix), leaderEpochFile, partitionMetadataFile,
		segmentName(0, logSuffix) + swapSuffix}
	for i := range names {
		names[i] = "/data/t-0/" + names[i]
	}
	for _, name := range []string{recoveryPointFile, logStartFile, highWatermarkFile, cleanerFile, metaPropertiesFile} {
		names = append(names, "/data/"+name)
	}
	base := sampleFolder(f)
	for i, name := range names {
		data, err := vfs.ReadFile(base, name, 1<<20)
		if err != nil && !errors.Is(err, errNotExist) {
			f.Fatal(err)
		}
		f.Add(uint8(i), true, data)
		f.Add(uint8(i), false, data)
	}
	f.Fuzz(func(t *testing.T, which uint8, clean bool, data []byte) {
		mem := base.CrashClone(nil)
		name := names[int(which)%len(names)]
		if err := writeWhole(mem, name, data); err != nil {
			t.Fatal(err)
		}
		if !clean {
			if err := mem.Remove("/data/" + cleanShutdownFile); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(Config{Dirs: []string{"/data"}, FS: mem, NodeID: 1, Logger: slog.New(slog.DiscardHandler)})
		if name == "/data/"+metaPropertiesFile && err != nil && strings.Contains(err.Error(), metaPropertiesFile) {
			return // whose folder is it? A person has to say
		}
		if err != nil {
			t.Fatalf("one bad partition keeps the store from opening: %v", err)
		}
		if p := s.Get(TopicPartition{"t", 0}); p.Err() == nil {
			readOut(t, p)
			if _, err := p.OffsetForTimestamp(5, BoundHighWatermark); err != nil && !errors.Is(err, ErrStorage) && !isBatchError(err) {
				t.Fatalf("time look-up gives %v", err)
			}
		}
		if err := s.Close(t.Context()); err != nil && !errors.Is(err, ErrStorage) {
			t.Fatal(err)
		}
	})
}

func isBatchError(err error) bool {
	var e *recordbatch.Error
	return errors.As(err, &e)
}

// sampleFolder is a disk with a partition that was closed cleanly.
func sampleFolder(f *testing.F) *vfs.Mem {
	mem := vfs.NewMem()
	now := func() time.Time { return time.UnixMilli(100) }
	s, err := Open(Config{Dirs: []string{"/data"}, FS: mem, NodeID: 1, Now: now})
	if err != nil {
		f.Fatal(err)
	}
	cfg := DefaultLogConfig()
	cfg.IndexIntervalBytes = 10
	p, err := s.Create(TopicPartition{"t", 0}, TopicID{1}, cfg)
	if err != nil {
		f.Fatal(err)
	}
	var b recordbatch.Builder
	for i := range 3 {
		b.Reset()
		b.Transactional, b.ProducerID, b.BaseSequence = true, 1, int32(i)
		b.Add(int64(i), []byte("k"), []byte("v"))
		data, err := b.Build(nil)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := p.Append(data, AppendOptions{}); err != nil {
			f.Fatal(err)
		}
	}
	marker := recordbatch.AppendMarker(nil, 1, 0, recordbatch.Marker{}, 9)
	if _, err := p.Append(marker, AppendOptions{Origin: OriginCoordinator}); err != nil {
		f.Fatal(err)
	}
	if err := s.Close(f.Context()); err != nil {
		f.Fatal(err)
	}
	return mem.CrashClone(nil)
}

// readOut reads a log to its end.
func readOut(t *testing.T, p *Partition) {
	for from := p.LogStartOffset(); from < p.LogEndOffset(); {
		r, err := p.Read(ReadOptions{Offset: from, MaxBytes: 1 << 20, MinOneBatch: true, Bound: BoundLastStable})
		if err != nil && !errors.Is(err, ErrStorage) {
			t.Fatalf("reading at %d: %v", from, err)
		}
		data, err2 := r.AppendTo(nil)
		r.Release()
		if err != nil || err2 != nil || len(data) == 0 {
			return
		}
		for len(data) > 0 {
			b, rest, err := recordbatch.Next(data)
			if err != nil || b.NextOffset() <= from {
				return // after a clean stop the log is not read; the client finds out
			}
			from, data = b.NextOffset(), rest
		}
	}
}
