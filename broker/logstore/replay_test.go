package logstore_test

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// TestReplayBehindSnapshot takes producer snapshots away, newest first, so that batches lie between the one that is
// left, or the start of the log, and what a start reads anyway. These must be in the state of producers all the same:
// sequences, epochs, what ended and what is still open.
func TestReplayBehindSnapshot(t *testing.T) {
	disk := vfs.NewMem()
	s := open(t, disk)
	p := create(t, s, smallSegments)
	fill := func() { // up to the next segment
		t.Helper()
		for before := p.Segments(); p.Segments() == before; {
			mustAppend(t, p, batch(8))
		}
	}
	send := func(id int64, epoch int16, seq int32, more ...func(*recordbatch.Builder)) int64 {
		t.Helper()
		return mustAppend(t, p, batch(2, append(more, producer(id, epoch, seq))...)).BaseOffset
	}
	marker := func(id int64, epoch int16) {
		t.Helper()
		mustAppend(t, p, recordbatch.AppendMarker(nil, id, epoch, recordbatch.Marker{CoordinatorEpoch: 4}, epoch0), coordinator)
	}
	// Each kind of change happens in a segment of its own.
	steady, ended := send(1, 0, 0), send(2, 0, 0, txn)
	fill()
	again := send(1, 0, 2)
	fill()
	marker(2, 1) // aborts, with a new epoch
	fill()
	unstable := send(3, 0, 0, txn)
	fill()
	fill()
	waitFlushed(t, p, p.LogEndOffset())
	s.Checkpoint()
	crashed := disk.CrashClone(nil)
	end := p.LogEndOffset()
	closeStore(t, s)

	snapshots := func(d *vfs.Mem) []string {
		t.Helper()
		names, err := d.List("/data/orders-0")
		if err != nil {
			t.Fatal(err)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".snapshot") })
		slices.Reverse(names)
		return names
	}
	check := func(t *testing.T, d *vfs.Mem) {
		t.Helper()
		s := open(t, d)
		defer closeStore(t, s)
		p := s.Get(orders)
		if p.Err() != nil || p.LogEndOffset() != end {
			t.Fatalf("the log ends at %d (%v), want %d", p.LogEndOffset(), p.Err(), end)
		}
		if got := p.LastStableOffset(); got != unstable {
			t.Errorf("last stable offset = %d, want %d, where a transaction is open", got, unstable)
		}
		r, err := p.Read(logstore.ReadOptions{Offset: ended, MaxBytes: 1 << 20, Bound: logstore.BoundLastStable})
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		if len(r.Aborted) != 1 || r.Aborted[0].FirstOffset != ended {
			t.Errorf("aborted transactions %+v, want one from %d", r.Aborted, ended)
		}
		for seq, offset := range map[int32]int64{0: steady, 2: again} {
			info, err := p.Append(batch(2, producer(1, 0, seq)), logstore.AppendOptions{})
			if err != nil || !info.Duplicate || info.BaseOffset != offset {
				t.Errorf("repeating sequence %d gives %+v, %v, want a duplicate of %d", seq, info, err, offset)
			}
		}
		if _, err := p.Append(batch(2, producer(1, 0, 8)), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOutOfOrderSequence) {
			t.Errorf("a gap in the sequence gives %v, want %v", err, logstore.ErrOutOfOrderSequence)
		}
		if _, err := p.Append(batch(2, producer(2, 0, 2), txn), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrInvalidProducerEpoch) {
			t.Errorf("the epoch before the marker gives %v, want %v", err, logstore.ErrInvalidProducerEpoch)
		}
		m := recordbatch.AppendMarker(nil, 2, 1, recordbatch.Marker{CoordinatorEpoch: 3}, epoch0)
		if _, err := p.Append(m, logstore.AppendOptions{Origin: logstore.OriginCoordinator}); !errors.Is(err, logstore.ErrCoordinatorFenced) {
			t.Errorf("the marker of an older coordinator gives %v, want %v", err, logstore.ErrCoordinatorFenced)
		}
		mustAppend(t, p, batch(2, producer(1, 0, 4)))
	}
	for name, from := range map[string]*vfs.Mem{"crash": crashed, "clean stop": disk} {
		all := snapshots(from)
		if len(all) < 5 {
			t.Fatalf("%s: snapshots %q, want one for each roll", name, all)
		}
		for lost := range len(all) + 1 {
			t.Run(name, func(t *testing.T) {
				d := from.CrashClone(nil)
				for _, file := range all[:lost] {
					if err := d.Remove(path.Join("/data/orders-0", file)); err != nil {
						t.Fatal(err)
					}
				}
				check(t, d)
				if t.Failed() {
					t.Logf("snapshots %q, lost %q", all, all[:lost])
				}
			})
		}
	}
}
