package logstore_test

import (
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/internal/vfs"
)

// TestRepeatedBatchesAfterRoll repeats all batches that a client may have had in flight when the process died just
// after a roll: each is recognised, for the snapshot taken at the roll knows them.
func TestRepeatedBatchesAfterRoll(t *testing.T) {
	const inFlight = 5
	disk := vfs.NewMem()
	open := func() (*logstore.Store, error) {
		return logstore.Open(logstore.Config{Dirs: []string{"/data"}, FS: disk, NodeID: 1})
	}
	s, err := open()
	if err != nil {
		t.Fatal(err)
	}
	cfg := logstore.DefaultLogConfig()
	cfg.SegmentMs = 1000
	p, err := s.Create(orders, logstore.TopicID{1}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * inFlight {
		mustAppend(t, p, batchAt(epoch0, 2, producer(7, 0, int32(2*i))))
	}
	mustAppend(t, p, batchAt(epoch0+5000, 1)) // rolls
	s.Checkpoint()                            // recovery begins behind the roll
	before := disk.CrashClone(nil)
	closeStore(t, s)
	disk = before
	if s, err = open(); err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	p = s.Get(orders)
	for i := inFlight; i < 2*inFlight; i++ {
		info, err := p.Append(batchAt(epoch0, 2, producer(7, 0, int32(2*i))), logstore.AppendOptions{})
		if err != nil || !info.Duplicate || info.BaseOffset != int64(2*i) {
			t.Errorf("repeating batch %d gives %+v, %v, want a duplicate of offset %d", i, info, err, 2*i)
		}
	}
	mustAppend(t, p, batchAt(epoch0, 2, producer(7, 0, 4*inFlight)))
}
