package txn_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/txn"
)

type bench struct {
	shard   *txn.Shard
	tx      *coordinator.Tx
	now     time.Time
	markers []txn.Markers
	records []coordinator.Record
	fresh   int64
}

func newBench() *bench {
	b := &bench{now: time.Unix(1000, 0), fresh: 100}
	b.shard = txn.NewShard(b.config())
	b.tx = coordinator.NewTx(b.now)
	b.shard.Loaded(b.tx)
	return b
}

func (b *bench) config() txn.Config {
	return txn.Config{
		MaxTimeout: time.Minute, AbortCheck: time.Second, IDExpiration: time.Hour, ExpireCheck: time.Minute,
		WriteMarkers: func(m txn.Markers) { b.markers = append(b.markers, m) },
	}
}

func (b *bench) commit() {
	for _, batch := range b.tx.Commit() {
		b.records = append(b.records, batch.Records...)
	}
}

func (b *bench) init(id int64, epoch int16) (txn.Producer, error) {
	in := txn.Init{ID: "x", Timeout: 10 * time.Second, ProducerID: id, Epoch: epoch, Fresh: -1}
	p, err := b.shard.InitProducer(b.tx, in)
	if p.NeedFresh {
		b.fresh++
		in.Fresh = b.fresh
		p, err = b.shard.InitProducer(b.tx, in)
	}
	b.commit()
	return p, err
}

func (b *bench) add(p txn.Producer, version int16) error {
	err := b.shard.Add(b.tx, "x", p.ID, p.Epoch, version, []txn.Partition{{Topic: "t", Partition: 0}})
	b.commit()
	return err
}

func (b *bench) end(p txn.Producer, commit, v2 bool) (txn.Producer, error) {
	e := txn.End{ID: "x", ProducerID: p.ID, Epoch: p.Epoch, Commit: commit, V2: v2, Fresh: -1}
	next, err := b.shard.EndTxn(b.tx, e)
	if next.NeedFresh {
		b.fresh++
		e.Fresh = b.fresh
		next, err = b.shard.EndTxn(b.tx, e)
	}
	b.commit()
	return next, err
}

// complete answers the last request for markers.
func (b *bench) complete() {
	b.shard.Completed(b.tx, b.markers[len(b.markers)-1])
	b.commit()
}

func (b *bench) state() txn.State {
	d, _ := b.shard.Describe("x")
	return d.State
}

func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error = %v, want %v", err, kind)
	}
}

func TestVersion1(t *testing.T) {
	b := newBench()
	p, _ := b.init(-1, -1)
	_, err := b.end(p, true, false)
	want(t, err, kerr.InvalidTxnState)
	want(t, b.add(p, 0), nil)
	_, err = b.end(p, true, false)
	want(t, err, nil)
	if b.state() != txn.PrepareCommit || len(b.markers) != 1 || !b.markers[0].Commit || b.markers[0].Epoch != p.Epoch {
		t.Fatalf("state %v, markers %+v", b.state(), b.markers)
	}
	want(t, b.add(p, 0), kerr.ConcurrentTransactions)
	_, err = b.end(p, true, false)
	want(t, err, kerr.ConcurrentTransactions)
	_, err = b.end(p, false, false)
	want(t, err, kerr.InvalidTxnState)
	b.complete()
	_, err = b.end(p, true, false) // the answer may have been lost
	want(t, err, nil)
	if b.state() != txn.CompleteCommit {
		t.Fatalf("state = %v", b.state())
	}
}

func TestVersion2MovesTheEpoch(t *testing.T) {
	b := newBench()
	p, _ := b.init(-1, -1)
	want(t, b.add(p, 2), nil)
	next, err := b.end(p, true, true)
	want(t, err, nil)
	if next.ID != p.ID || next.Epoch != p.Epoch+1 || b.markers[0].Epoch != next.Epoch || !b.markers[0].V2 {
		t.Fatalf("next %+v, markers %+v", next, b.markers)
	}
	_, err = b.end(p, true, true)
	want(t, err, kerr.ConcurrentTransactions)
	b.complete()
	again, err := b.end(p, true, true)
	want(t, err, nil)
	if again != next {
		t.Fatalf("a retry got %+v, want %+v", again, next)
	}
	_, err = b.end(p, false, true)
	want(t, err, kerr.InvalidTxnState)
	_, err = b.end(next, true, true)
	want(t, err, kerr.InvalidTxnState)
	third, err := b.end(next, false, true) // abort of an empty transaction
	want(t, err, nil)
	if third.Epoch != next.Epoch+1 || b.state() != txn.PrepareAbort {
		t.Fatalf("next %+v, state %v", third, b.state())
	}
}

func TestNewProducerFencesTheOld(t *testing.T) {
	b := newBench()
	p, _ := b.init(-1, -1)
	want(t, b.add(p, 0), nil)
	_, err := b.init(-1, -1)
	want(t, err, kerr.ConcurrentTransactions)
	if b.state() != txn.PrepareAbort || b.markers[0].Commit {
		t.Fatalf("state %v, markers %+v", b.state(), b.markers)
	}
	b.complete()
	q, err := b.init(-1, -1)
	want(t, err, nil)
	if q.ID != p.ID || q.Epoch <= p.Epoch {
		t.Fatalf("the new producer is %+v, the old %+v", q, p)
	}
	want(t, b.add(p, 0), kerr.ProducerFenced)
	_, err = b.end(p, true, false)
	want(t, err, kerr.ProducerFenced)
}

func TestProducerRenewsItsEpoch(t *testing.T) {
	b := newBench()
	p, _ := b.init(-1, -1)
	q, err := b.init(p.ID, p.Epoch)
	want(t, err, nil)
	if q.Epoch != p.Epoch+1 {
		t.Fatalf("epoch = %d", q.Epoch)
	}
	retried, err := b.init(p.ID, p.Epoch)
	want(t, err, nil)
	if retried != q {
		t.Fatalf("a retry got %+v, want %+v", retried, q)
	}
	r, _ := b.init(-1, -1)
	_, err = b.init(q.ID, q.Epoch)
	want(t, err, kerr.ProducerFenced)
	if r.Epoch != q.Epoch+1 {
		t.Fatalf("epoch = %d", r.Epoch)
	}
}

func TestEpochsRunOut(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		b := newBench()
		p, _ := b.init(-1, -1)
		for p.Epoch < math.MaxInt16-1 {
			p, _ = b.init(p.ID, p.Epoch)
		}
		if !v2 {
			q, err := b.init(p.ID, p.Epoch)
			want(t, err, nil)
			if q.ID == p.ID || q.Epoch != 0 {
				t.Fatalf("after epoch %d comes %+v", p.Epoch, q)
			}
			continue
		}
		want(t, b.add(p, 2), nil)
		next, err := b.end(p, true, true)
		want(t, err, nil)
		b.complete()
		if next.ID == p.ID || next.Epoch != 0 {
			t.Fatalf("after epoch %d comes %+v", p.Epoch, next)
		}
		retried, err := b.end(p, true, true)
		want(t, err, nil)
		if retried != next {
			t.Fatalf("a retry got %+v, want %+v", retried, next)
		}
		// A producer that did not see the answer and begins anew finds out.
		again, err := b.init(p.ID, p.Epoch)
		want(t, err, nil)
		if again != next {
			t.Fatalf("the producer from before got %+v, want %+v", again, next)
		}
		want(t, b.add(next, 2), nil)
	}
}

// The epoch above the last one fences and is nobody's: it ends nothing.
func TestFencingEpochIsNobodys(t *testing.T) {
	b := newBench()
	p, _ := b.init(-1, -1)
	for p.Epoch < math.MaxInt16-1 {
		p, _ = b.init(p.ID, p.Epoch)
	}
	want(t, b.add(p, 2), nil)
	_, err := b.init(-1, -1) // fences
	want(t, err, kerr.ConcurrentTransactions)
	b.complete()
	p.Epoch = math.MaxInt16
	_, err = b.end(p, false, true)
	want(t, err, kerr.ProducerFenced)
	if q, err := b.init(-1, -1); err != nil || q.ID == p.ID || q.Epoch != 0 {
		t.Fatalf("the next producer is %+v, %v, want a fresh id", q, err)
	}
}

// A state that there is not keeps the log from being loaded: to guess would be
// to end a transaction the wrong way.
func TestUnknownStateIsRefused(t *testing.T) {
	b := newBench()
	if _, err := b.init(-1, -1); err != nil {
		t.Fatal(err)
	}
	r := b.records[0]
	const stateAt = 2 + 8 + 2 + 4 // behind version, producer id, epoch, timeout
	r.Value[stateAt] = 9
	err := txn.NewShard(b.config()).Replay(coordinator.Entry{Key: r.Key, Value: r.Value})
	if err == nil || !strings.Contains(err.Error(), "transactional id x: state 9") {
		t.Fatalf("error = %v", err)
	}
}

func TestTimeout(t *testing.T) {
	b := newBench()
	p, _ := b.init(-1, -1)
	want(t, b.add(p, 2), nil)
	b.now = b.now.Add(11 * time.Second)
	b.tx.Advance(b.now)
	b.commit()
	if b.state() != txn.PrepareAbort || len(b.markers) != 1 || b.markers[0].Epoch <= p.Epoch {
		t.Fatalf("state %v, markers %+v", b.state(), b.markers)
	}
	_, err := b.end(p, true, true)
	want(t, err, kerr.ProducerFenced)
}

func TestPreparedTransactionIsFinishedAfterReload(t *testing.T) {
	b := newBench()
	p, _ := b.init(-1, -1)
	want(t, b.add(p, 2), nil)
	next, _ := b.end(p, true, true)
	records := b.records
	b.markers = nil
	b.shard = txn.NewShard(b.config())
	for _, r := range records {
		if err := b.shard.Replay(coordinator.Entry{Key: r.Key, Value: r.Value}); err != nil {
			t.Fatal(err)
		}
	}
	b.tx = coordinator.NewTx(b.now)
	b.shard.Loaded(b.tx)
	b.commit()
	if len(b.markers) != 1 || b.markers[0].Epoch != next.Epoch || !b.markers[0].Commit || len(b.markers[0].Partitions) != 1 {
		t.Fatalf("markers after the reload = %+v", b.markers)
	}
	b.complete()
	want(t, b.add(next, 2), nil)
}
