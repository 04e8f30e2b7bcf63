package logstore_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

func upTo(from, to int64) []int64 {
	var out []int64
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func TestAppendReadReopen(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(map[bool]string{true: "clean", false: "killed"}[clean], func(t *testing.T) {
			fsys := vfs.NewMem()
			s := open(t, fsys)
			p := create(t, s, smallSegments)
			for i := range 100 {
				info := mustAppend(t, p, batchAt(epoch0+int64(i*10), 3), func(o *logstore.AppendOptions) { o.LeaderEpoch = int32(i / 50) })
				if info.BaseOffset != int64(3*i) || info.LastOffset != int64(3*i+2) {
					t.Fatalf("batch %d got offsets [%d, %d]", i, info.BaseOffset, info.LastOffset)
				}
			}
			check := func(p *logstore.Partition) {
				t.Helper()
				if p.LogEndOffset() != 300 || p.HighWatermark() != 300 || p.LastStableOffset() != 300 || p.FlushedOffset() != 300 {
					t.Fatalf("end %d, high watermark %d, last stable %d, flushed %d, want 300",
						p.LogEndOffset(), p.HighWatermark(), p.LastStableOffset(), p.FlushedOffset())
				}
				for _, from := range []int64{0, 1, 50, 149, 299, 300} {
					if got, _ := readAll(t, p, from, logstore.BoundHighWatermark); !slices.Equal(got, upTo(from, 300)) {
						t.Fatalf("reading from %d gives %v", from, got)
					}
				}
				if e := p.EpochEndOffset(0); e != (logstore.EpochEnd{Epoch: 0, EndOffset: 150}) {
					t.Fatalf("epoch 0 ends at %+v, want 150", e)
				}
				if at, err := p.OffsetForTimestamp(epoch0+500, logstore.BoundHighWatermark); err != nil || at.Offset != 150 || at.LeaderEpoch != 1 {
					t.Fatalf("time look-up gives %+v, %v, want offset 150 of epoch 1", at, err)
				}
				if at, err := p.MaxTimestampOffset(); err != nil || at.Offset != 299 {
					t.Fatalf("largest timestamp is at %+v, %v, want offset 299", at, err)
				}
			}
			check(p)
			if clean {
				closeStore(t, s)
			} else {
				fsys = fsys.CrashClone(nil)
			}
			s = open(t, fsys)
			defer closeStore(t, s)
			p = s.Get(orders)
			if p == nil || p.Err() != nil {
				t.Fatalf("partition is not there after reopening: %v", p.Err())
			}
			if p.TopicID() != (logstore.TopicID{1, 2, 3}) {
				t.Fatalf("topic id is %s", p.TopicID())
			}
			check(p)
			if info := mustAppend(t, p, batch(1), func(o *logstore.AppendOptions) { o.LeaderEpoch = 1 }); info.BaseOffset != 300 {
				t.Fatalf("append after reopening got offset %d, want 300", info.BaseOffset)
			}
		})
	}
}

func TestReadLimits(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s)
	size := len(batch(3))
	for range 5 {
		mustAppend(t, p, batch(3))
	}
	for _, c := range []struct {
		name    string
		o       logstore.ReadOptions
		wantLen int
		wantErr error
	}{
		{"whole", logstore.ReadOptions{MaxBytes: 1 << 20}, 5 * size, nil},
		{"cut", logstore.ReadOptions{MaxBytes: 2*size + 1}, 2*size + 1, nil},
		{"one batch at least", logstore.ReadOptions{MaxBytes: 1, MinOneBatch: true}, size, nil},
		{"too little", logstore.ReadOptions{MaxBytes: 1}, 0, nil},
		{"inside a batch", logstore.ReadOptions{Offset: 4, MaxBytes: 1 << 20}, 4 * size, nil},
		{"at the end", logstore.ReadOptions{Offset: 15, MaxBytes: 1 << 20}, 0, nil},
		{"behind the end", logstore.ReadOptions{Offset: 16, MaxBytes: 1 << 20}, 0, logstore.ErrOffsetOutOfRange},
		{"negative", logstore.ReadOptions{Offset: -1, MaxBytes: 1 << 20}, 0, logstore.ErrOffsetOutOfRange},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := p.Read(c.o)
			defer r.Release()
			if !errors.Is(err, c.wantErr) || r.Len() != c.wantLen {
				t.Fatalf("Read = %d bytes, %v, want %d, %v", r.Len(), err, c.wantLen, c.wantErr)
			}
		})
	}
}

func TestIdempotence(t *testing.T) {
	fsys := vfs.NewMem()
	s := open(t, fsys)
	p := create(t, s)
	wrap := int32(1<<31 - 2)
	steps := []struct {
		name    string
		b       []byte
		wantErr error
		wantDup int64 // offset of the original, -1 none
	}{
		{"first", batch(2, producer(7, 0, 0)), nil, -1},
		{"next", batch(2, producer(7, 0, 2)), nil, -1},
		{"repeated", batch(2, producer(7, 0, 0)), nil, 0},
		{"gap", batch(1, producer(7, 0, 5)), logstore.ErrOutOfOrderSequence, -1},
		{"overlap", batch(1, producer(7, 0, 3)), logstore.ErrOutOfOrderSequence, -1},
		{"new epoch, not from 0", batch(1, producer(7, 1, 3)), logstore.ErrOutOfOrderSequence, -1},
		{"new epoch", batch(1, producer(7, 1, 0)), nil, -1},
		{"old epoch", batch(1, producer(7, 0, 4)), logstore.ErrInvalidProducerEpoch, -1},
		{"unknown producer starts anywhere", batch(2, producer(8, 3, wrap)), nil, -1},
		{"sequence wraps", batch(1, producer(8, 3, 0)), nil, -1},
		{"repeated over the wrap", batch(2, producer(8, 3, wrap)), nil, 5},
	}
	for _, st := range steps {
		info, err := p.Append(st.b, logstore.AppendOptions{})
		if !errors.Is(err, st.wantErr) {
			t.Fatalf("%s: error is %v, want %v", st.name, err, st.wantErr)
		}
		if err == nil && (info.Duplicate != (st.wantDup >= 0) || info.Duplicate && info.BaseOffset != st.wantDup) {
			t.Fatalf("%s: duplicate %v at %d, want %d", st.name, info.Duplicate, info.BaseOffset, st.wantDup)
		}
	}
	// The last batch of each producer is known after a restart of either kind.
	for _, clean := range []bool{false, true} {
		waitFlushed(t, p, p.LogEndOffset())
		if clean {
			closeStore(t, s)
		} else {
			fsys = fsys.CrashClone(nil)
		}
		s = open(t, fsys)
		p = s.Get(orders)
		if info, err := p.Append(batch(1, producer(8, 3, 0)), logstore.AppendOptions{}); err != nil || !info.Duplicate || info.BaseOffset != 7 {
			t.Fatalf("clean %v: repeating the last batch gives %+v, %v, want duplicate of 7", clean, info, err)
		}
		if _, err := p.Append(batch(1, producer(7, 0, 0)), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrInvalidProducerEpoch) {
			t.Fatalf("clean %v: old epoch gives %v", clean, err)
		}
	}
	closeStore(t, s)
}

func TestTransactions(t *testing.T) {
	fsys := vfs.NewMem()
	s := open(t, fsys)
	p := create(t, s)
	mustAppend(t, p, batch(2))                         // 0-1
	mustAppend(t, p, batch(2, producer(1, 0, 0), txn)) // 2-3
	mustAppend(t, p, batch(2, producer(2, 0, 0), txn)) // 4-5
	mustAppend(t, p, batch(1))                         // 6
	if lso := p.LastStableOffset(); lso != 2 {
		t.Fatalf("last stable offset is %d with open transactions from 2 on", lso)
	}
	if !p.HasOngoingTransaction(1, 0) || p.HasOngoingTransaction(1, 1) || p.HasOngoingTransaction(9, 0) {
		t.Fatal("HasOngoingTransaction is wrong")
	}
	if _, err := p.Append(batch(1, producer(1, 0, 2)), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrInvalidTxnState) {
		t.Fatalf("plain batch inside a transaction gives %v", err)
	}
	marker := func(id int64, epoch int16, commit bool, coord int32) []byte {
		return recordbatch.AppendMarker(nil, id, epoch, recordbatch.Marker{Commit: commit, CoordinatorEpoch: coord}, epoch0)
	}
	mustAppend(t, p, marker(2, 0, false, 5), coordinator) // 7: abort
	if lso := p.LastStableOffset(); lso != 2 {
		t.Fatalf("last stable offset is %d, transaction at 2 is still open", lso)
	}
	mustAppend(t, p, marker(1, 0, true, 5), coordinator) // 8: commit
	if lso := p.LastStableOffset(); lso != 9 {
		t.Fatalf("last stable offset is %d, want 9", lso)
	}
	if _, err := p.Append(marker(2, 0, true, 4), logstore.AppendOptions{Origin: logstore.OriginCoordinator}); !errors.Is(err, logstore.ErrCoordinatorFenced) {
		t.Fatalf("marker of an old coordinator gives %v", err)
	}
	if _, err := p.Append(marker(2, 0, true, 5), logstore.AppendOptions{}); err == nil {
		t.Fatal("a client may append a marker")
	}
	aborted := func(p *logstore.Partition) []logstore.AbortedTxn {
		t.Helper()
		r, err := p.Read(logstore.ReadOptions{MaxBytes: 1 << 20, Bound: logstore.BoundLastStable})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		return r.Aborted
	}
	want := []logstore.AbortedTxn{{ProducerID: 2, FirstOffset: 4}}
	if got := aborted(p); !slices.Equal(got, want) {
		t.Fatalf("aborted transactions are %v, want %v", got, want)
	}
	mustAppend(t, p, batch(1, producer(1, 0, 2), txn)) // 9: left open
	for _, clean := range []bool{false, true} {
		if clean {
			closeStore(t, s)
		} else {
			fsys = fsys.CrashClone(nil)
		}
		s = open(t, fsys)
		p = s.Get(orders)
		if got := aborted(p); !slices.Equal(got, want) {
			t.Fatalf("clean %v: aborted transactions are %v, want %v", clean, got, want)
		}
		if lso, hw := p.LastStableOffset(), p.HighWatermark(); lso != 9 || hw != 10 {
			t.Fatalf("clean %v: last stable %d, high watermark %d, want 9, 10", clean, lso, hw)
		}
	}
	mustAppend(t, p, marker(1, 0, false, 5), coordinator)
	if lso := p.LastStableOffset(); lso != 11 {
		t.Fatalf("last stable offset is %d, want 11", lso)
	}
	closeStore(t, s)
}

func TestDeleteRecordsAndRetention(t *testing.T) {
	fsys := vfs.NewMem()
	s := open(t, fsys)
	p := create(t, s, smallSegments, func(c *logstore.LogConfig) { c.RetentionMs = logstore.Unlimited })
	for range 200 {
		mustAppend(t, p, batch(1))
	}
	before := p.Size()
	if start, err := p.DeleteRecordsBefore(150); err != nil || start != 150 {
		t.Fatalf("DeleteRecordsBefore = %d, %v", start, err)
	}
	if p.Size() >= before {
		t.Fatalf("size is %d after deleting, was %d", p.Size(), before)
	}
	if _, err := p.DeleteRecordsBefore(201); !errors.Is(err, logstore.ErrOffsetOutOfRange) {
		t.Fatalf("deleting beyond the high watermark gives %v", err)
	}
	closeStore(t, s)
	s = open(t, fsys)
	p = s.Get(orders)
	if p.LogStartOffset() != 150 {
		t.Fatalf("log start is %d after reopening, want 150", p.LogStartOffset())
	}
	if got, _ := readAll(t, p, 150, logstore.BoundHighWatermark); !slices.Equal(got, upTo(150, 200)) {
		t.Fatalf("records left are %v", got)
	}
	cfg := p.Config()
	cfg.SegmentBytes, cfg.RetentionBytes = 4096, 0
	p.SetConfig(cfg)
	if _, err := p.ApplyRetention(); err != nil {
		t.Fatal(err)
	}
	if p.LogStartOffset() != 200 || p.Size() != 0 {
		t.Fatalf("with retention.bytes=0 the log starts at %d with %d bytes, want 200, 0", p.LogStartOffset(), p.Size())
	}
	if info := mustAppend(t, p, batch(1)); info.BaseOffset != 200 {
		t.Fatalf("next offset is %d, want 200", info.BaseOffset)
	}
	closeStore(t, s)
}

func TestRetentionByTime(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s, func(c *logstore.LogConfig) { c.RetentionMs, c.SegmentMs = 3000, 500 })
	for i := range 10 {
		mustAppend(t, p, batchAt(epoch0-10_000+int64(i)*1000, 1))
	}
	// The clock stands at epoch0+1000: what is older than epoch0-2000 goes.
	if n, err := p.ApplyRetention(); err != nil || n != 8 {
		t.Fatalf("ApplyRetention removed %d segments, %v, want 8", n, err)
	}
	if p.LogStartOffset() != 8 {
		t.Fatalf("log start is %d, want 8", p.LogStartOffset())
	}
}

// Deleting records is no occasion to look at their age: that comes with the next check.
func TestDeleteRecordsLeavesOldOnes(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s, func(c *logstore.LogConfig) { c.RetentionMs = 3000 })
	for range 10 {
		mustAppend(t, p, batchAt(epoch0-10_000, 1))
	}
	if start, err := p.DeleteRecordsBefore(4); err != nil || start != 4 {
		t.Fatalf("DeleteRecordsBefore(4) = %d, %v, want 4", start, err)
	}
	if n, err := p.ApplyRetention(); err != nil || n != 1 || p.LogStartOffset() != 10 {
		t.Fatalf("ApplyRetention removed %d segments up to %d, %v, want 1 up to 10", n, p.LogStartOffset(), err)
	}
}

func TestDeletePartition(t *testing.T) {
	fsys := vfs.NewMem()
	s := open(t, fsys)
	p := create(t, s)
	mustAppend(t, p, batch(1))
	r, err := p.Read(logstore.ReadOptions{MaxBytes: 100000})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(orders); err != nil {
		t.Fatal(err)
	}
	if data, err := r.AppendTo(nil); err != nil || len(data) == 0 {
		t.Fatalf("a reader lost its data: %v", err)
	}
	r.Release()
	if _, err := p.Append(batch(1), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrClosed) {
		t.Fatalf("appending to a deleted partition gives %v", err)
	}
	if err := s.Delete(orders); !errors.Is(err, logstore.ErrUnknown) {
		t.Fatalf("deleting twice gives %v", err)
	}
	if p = create(t, s); p.LogEndOffset() != 0 {
		t.Fatal("created anew with old data")
	}
	mustAppend(t, p, batch(1))
	closeStore(t, s)
	s = open(t, fsys)
	defer closeStore(t, s)
	if n := len(s.Partitions()); n != 1 {
		t.Fatalf("%d partitions after reopening, want 1", n)
	}
}

func TestTruncate(t *testing.T) {
	fsys := vfs.NewMem()
	s := open(t, fsys)
	p := create(t, s, smallSegments)
	for i := range 100 {
		mustAppend(t, p, batch(2, producer(1, 0, int32(2*i))), func(o *logstore.AppendOptions) { o.LeaderEpoch = int32(i / 10) })
	}
	for _, to := range []int64{199, 120, 30} {
		if err := p.Truncate(to); err != nil {
			t.Fatalf("truncating to %d: %v", to, err)
		}
		want := to &^ 1 // batches of two go whole
		if p.LogEndOffset() != want || p.HighWatermark() != want {
			t.Fatalf("truncated to %d: end %d, high watermark %d, want %d", to, p.LogEndOffset(), p.HighWatermark(), want)
		}
		if got, _ := readAll(t, p, 0, logstore.BoundLogEnd); !slices.Equal(got, upTo(0, want)) {
			t.Fatalf("truncated to %d: records are %v", to, got)
		}
		if got := p.ActiveProducers()[0].LastSequence; got != int32(want-1) {
			t.Fatalf("truncated to %d: last sequence is %d, want %d", to, got, want-1)
		}
		if got := p.LeaderEpoch(); got != int32((want-1)/20) {
			t.Fatalf("truncated to %d: leader epoch is %d", to, got)
		}
	}
	if err := p.TruncateFully(500); err != nil {
		t.Fatal(err)
	}
	if info := mustAppend(t, p, batch(1)); info.BaseOffset != 500 || p.LogStartOffset() != 500 {
		t.Fatalf("started over at %d, log start %d, want 500", info.BaseOffset, p.LogStartOffset())
	}
	closeStore(t, s)
}

func TestReplicaAppend(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s)
	p.SetReplicated(true)
	b := batch(3)
	recordbatch.Batch(b).AssignOffsets(10, 4)
	replica := func(o *logstore.AppendOptions) { o.Origin = logstore.OriginReplica }
	mustAppend(t, p, b, replica)
	if p.LogEndOffset() != 13 || p.HighWatermark() != 0 || p.LeaderEpoch() != 4 {
		t.Fatalf("end %d, high watermark %d, epoch %d, want 13, 0, 4", p.LogEndOffset(), p.HighWatermark(), p.LeaderEpoch())
	}
	if _, err := p.Append(b, logstore.AppendOptions{Origin: logstore.OriginReplica}); !errors.Is(err, logstore.ErrUnexpectedOffset) {
		t.Fatalf("appending the same offsets gives %v", err)
	}
	if hw := p.SetHighWatermark(100); hw != 13 {
		t.Fatalf("high watermark is %d, want 13", hw)
	}
	if _, err := p.Append(batch(1), logstore.AppendOptions{LeaderEpoch: 3}); !errors.Is(err, logstore.ErrFencedLeaderEpoch) {
		t.Fatalf("appending with an old leader epoch gives %v", err)
	}
}
