package logstore_test

import (
	"os"
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
