package logstore_test

import (
	"bytes"
	"testing"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// Of many aborted transactions a reader is given those that overlap what it
// reads, also from an index whose entries were exchanged: that is made anew.
func TestAbortedTransactionsOfARead(t *testing.T) {
	const n = 50
	mem := vfs.NewMem()
	s := open(t, mem)
	p := create(t, s)
	for i := range n {
		mustAppend(t, p, batch(1, producer(int64(1+i), 0, 0), txn))
		mustAppend(t, p, recordbatch.AppendMarker(nil, int64(1+i), 0, recordbatch.Marker{}, epoch0), coordinator)
	}
	check := func(p *logstore.Partition) {
		t.Helper()
		for i := range int64(n) {
			r, err := p.Read(logstore.ReadOptions{Offset: 2 * i, MaxBytes: len(batch(1)), Bound: logstore.BoundLastStable})
			if err != nil {
				t.Fatal(err)
			}
			if want := (logstore.AbortedTxn{ProducerID: 1 + i, FirstOffset: 2 * i}); len(r.Aborted) != 1 || r.Aborted[0] != want {
				t.Errorf("at offset %d: %v, want %v", 2*i, r.Aborted, want)
			}
			r.Release()
		}
	}
	check(p)
	closeStore(t, s)
	const entry = 34
	change(t, mem, "/data/orders-0/00000000000000000000.txnindex", func(b []byte) []byte {
		first, second := bytes.Clone(b[:entry]), bytes.Clone(b[entry:2*entry])
		return append(append(second, first...), b[2*entry:]...)
	})
	s = open(t, mem)
	check(s.Get(orders))
	closeStore(t, s)
}
