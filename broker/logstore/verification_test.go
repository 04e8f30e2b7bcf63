package logstore_test

import (
	"errors"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

func guarded(g logstore.Guard) func(*logstore.AppendOptions) {
	return func(o *logstore.AppendOptions) { o.Guarded, o.Guard = true, g }
}

func refused(t *testing.T, p *logstore.Partition, b []byte, g logstore.Guard, want error) {
	t.Helper()
	if _, err := p.Append(b, logstore.AppendOptions{Guarded: true, Guard: g}); !errors.Is(err, want) {
		t.Fatalf("append: %v, want %v", err, want)
	}
}

func abort(id int64, epoch int16) []byte {
	return recordbatch.AppendMarker(nil, id, epoch, recordbatch.Marker{}, epoch0)
}

func TestStaleVerificationIsWorthNothing(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s)
	first := batch(1, producer(7, 0, 0), txn)
	refused(t, p, first, 0, logstore.ErrInvalidTxnState)
	g := p.StartVerification(7, 0, 0)
	if g == 0 || p.StartVerification(7, 0, 0) != g {
		t.Fatal("requests of one transaction do not share their guard")
	}
	// The yes is on its way while the transaction is aborted.
	mustAppend(t, p, abort(7, 0), coordinator)
	refused(t, p, first, g, logstore.ErrInvalidTxnState)
	if p.Verified(7, 0, g) {
		t.Fatal("the guard outlived the marker")
	}
	g = p.StartVerification(7, 0, 0)
	mustAppend(t, p, first, guarded(g))
	if p.StartVerification(7, 0, 1) != 0 {
		t.Fatal("an open transaction is verified again")
	}
	mustAppend(t, p, batch(1, producer(7, 0, 1), txn), guarded(0))
	mustAppend(t, p, abort(7, 0), coordinator)
	refused(t, p, batch(1, producer(7, 0, 2), txn), 0, logstore.ErrInvalidTxnState)
}

// A batch must not overtake a lower sequence that is being verified.
func TestSequencesWaitForVerification(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s)
	g := p.StartVerification(7, 0, 5)
	refused(t, p, batch(1, producer(7, 0, 6), txn), p.StartVerification(7, 0, 6), logstore.ErrOutOfOrderSequence)
	mustAppend(t, p, batch(1, producer(7, 0, 5), txn), guarded(g))
	mustAppend(t, p, batch(1, producer(7, 0, 6), txn), guarded(0))
}

func TestNewEpochNeedsItsOwnVerification(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	p := create(t, s)
	old := p.StartVerification(7, 0, 0)
	fresh := p.StartVerification(7, 1, 0)
	if old == fresh {
		t.Fatal("two epochs share a guard")
	}
	refused(t, p, batch(1, producer(7, 0, 0), txn), old, logstore.ErrInvalidTxnState)
	mustAppend(t, p, batch(1, producer(7, 1, 0), txn), guarded(fresh))
}
