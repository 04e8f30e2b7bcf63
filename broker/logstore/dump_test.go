package logstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// TestWriteSample writes a folder for Kafka's own tools into LEAT_LOG_SAMPLE, if that is set: every codec, an
// idempotent and two transactional producers, several segments, indexes of all kinds.
func TestWriteSample(t *testing.T) {
	dir := t.TempDir()
	if d := os.Getenv("LEAT_LOG_SAMPLE"); d != "" {
		dir = d
	}
	s := open(t, vfs.OS{}, func(c *logstore.Config) { c.Dirs = []string{dir} })
	p := create(t, s, func(c *logstore.LogConfig) { c.SegmentBytes, c.IndexIntervalBytes = 64<<10, 1024 })
	seq := int32(0)
	for i := range 400 {
		codec := recordbatch.Codec(i % 5)
		epoch := func(o *logstore.AppendOptions) { o.LeaderEpoch = int32(i / 100) }
		mustAppend(t, p, batchAt(epoch0+int64(i), 20, producer(1, 0, seq), func(b *recordbatch.Builder) { b.Codec = codec }), epoch)
		seq += 20
		if i%10 == 0 {
			id := int64(100 + i%3)
			mustAppend(t, p, batchAt(epoch0+int64(i), 2, producer(id, int16(i), 0), txn), epoch)
			m := recordbatch.AppendMarker(nil, id, int16(i), recordbatch.Marker{Commit: i%20 == 0, CoordinatorEpoch: 3}, epoch0+int64(i))
			mustAppend(t, p, m, epoch, coordinator)
		}
	}
	closeStore(t, s)
	s = open(t, vfs.OS{}, func(c *logstore.Config) { c.Dirs = []string{dir} })
	p = s.Get(orders)
	if got, _ := readAll(t, p, 0, logstore.BoundHighWatermark); len(got) != 400*20+40*2+40 {
		t.Fatalf("%d records read back", len(got))
	}
	closeStore(t, s)
}

// TestReadsKafkaFolder opens what Apache Kafka 4.3.1 wrote (testdata/README.md), as after a clean stop and as after a
// crash, and appends to it.
func TestReadsKafkaFolder(t *testing.T) {
	for _, clean := range []bool{true, false} {
		mem := vfs.NewMem()
		copyTree(t, mem, "testdata/kafka-4.3.1", "/data")
		if !clean {
			if err := mem.Remove("/data/.kafka_cleanshutdown"); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, mem)
		p := s.Get(logstore.TopicPartition{Topic: "small-one", Partition: 0})
		if p == nil || p.Err() != nil {
			t.Fatalf("clean %v: the partition is not there: %+v", clean, p)
		}
		all := entries(t, p, logstore.BoundLastStable)
		markers := int(p.LogEndOffset()) - len(all)
		if len(all) != 100 || markers == 0 || p.TopicID() == (logstore.TopicID{}) || len(p.ActiveProducers()) != 2 {
			t.Fatalf("clean %v: %d records, %d markers, id %s, producers %+v", clean, len(all), markers, p.TopicID(), p.ActiveProducers())
		}
		if at, err := p.OffsetForTimestamp(0, logstore.BoundHighWatermark); err != nil || at.Offset != 0 {
			t.Fatalf("clean %v: first timestamp is at %+v, %v", clean, at, err)
		}
		end := p.LogEndOffset()
		if info := mustAppend(t, p, batch(1), func(o *logstore.AppendOptions) { o.LeaderEpoch = 100 }); info.BaseOffset != end {
			t.Fatalf("clean %v: append got offset %d, want %d", clean, info.BaseOffset, end)
		}
		closeStore(t, s)
	}
}

func copyTree(t *testing.T, to vfs.FS, from, dir string) {
	t.Helper()
	if err := to.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		src, dst := filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())
		if e.IsDir() {
			copyTree(t, to, src, dst)
			continue
		}
		data, err := os.ReadFile(src)
		if err != nil {
			t.Fatal(err)
		}
		if err := vfs.WriteFileAtomic(to, dst, data); err != nil {
			t.Fatal(err)
		}
	}
}
