package txn_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/txn"
)

// FuzzReplay puts any record into a shard beside a good one, lists and describes what came of it, lets every timer
// fire and a client go on with its transactional id. What the shard then writes it must be able to read again.
func FuzzReplay(f *testing.F) {
	b := newBench()
	p, err := b.init(-1, -1)
	if err != nil {
		f.Fatal(err)
	}
	if err := b.add(p, 2); err != nil {
		f.Fatal(err)
	}
	good := b.records
	for _, r := range good {
		f.Add(r.Key, r.Value, int64(101), int16(0), true)
	}
	for state := range int8(8) { // one more than there are
		for version := range int16(2) {
			v := kmsg.NewTxnMetadataValue()
			v.Version, v.ProducerID, v.ProducerEpoch, v.State, v.TimeoutMillis = version, 7, 32766, kmsg.TransactionState(state), 1000
			v.Topics = []kmsg.TxnMetadataValueTopic{{Topic: "t", Partitions: []int32{0, 1}}}
			f.Add((&kmsg.TxnMetadataKey{TransactionalID: "y"}).AppendTo(nil), v.AppendTo(nil), int64(7), int16(32766), false)
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte, producerID int64, epoch int16, commit bool) {
		b := newBench()
		for _, r := range append(good[:len(good):len(good)], coordinator.Record{Key: key, Value: value}) {
			// Nonsense is refused; that nothing panics is asked for.
			_ = b.shard.Replay(coordinator.Entry{Key: r.Key, Value: r.Value, ProducerID: -1})
		}
		b.shard.Loaded(b.tx)
		b.commit()
		for _, d := range b.shard.List() {
			if _, ok := b.shard.Describe(d.ID); !ok {
				t.Fatalf("%q is listed and cannot be described", d.ID)
			}
			_, _ = b.shard.EndTxn(b.tx, txn.End{ID: d.ID, ProducerID: producerID, Epoch: epoch, Commit: commit, V2: commit, Fresh: 1001})
			_, _ = b.shard.InitProducer(b.tx, txn.Init{ID: d.ID, Timeout: time.Second, ProducerID: producerID, Epoch: epoch, Fresh: 1000})
			b.commit()
		}
		for _, m := range b.markers {
			b.shard.Completed(b.tx, m)
		}
		for range 4 {
			b.now = b.now.Add(time.Hour)
			b.tx.Advance(b.now)
		}
		b.commit()
		again := newBench()
		for _, r := range b.records {
			if err := again.shard.Replay(coordinator.Entry{Key: r.Key, Value: r.Value, ProducerID: -1}); err != nil {
				t.Fatalf("the shard wrote a record that it refuses: %v", err)
			}
		}
	})
}
