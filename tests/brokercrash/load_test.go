package brokercrash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// round is the pause between two rounds of a writer, so that a run stays small
// enough to be compared record by record.
const round = 8 * time.Millisecond

func (w *world) startLoad() {
	for i, run := range []func(*rand.Rand){
		func(r *rand.Rand) { w.write(r, "plain", numbered) },
		func(r *rand.Rand) {
			w.write(r, "latest", func(r *rand.Rand, _ int64) string { return fmt.Sprint("k", r.IntN(20)) })
		},
		func(r *rand.Rand) { w.write(r, "brief", numbered) },
		func(r *rand.Rand) { w.transact(r, "tx") },
		w.copy,
		w.commit,
		w.writeOther,
		w.transactOther,
		w.copyOther,
	} {
		rng := rand.New(rand.NewPCG(w.seed, uint64(i+1)))
		w.load.Go(func() { run(rng) })
	}
}

func numbered(_ *rand.Rand, n int64) string { return fmt.Sprint(n) }

// running says whether to go on, and paces.
func (w *world) running() bool {
	select {
	case <-time.After(round):
	case <-w.ctx.Done():
		return false
	}
	return !w.stop.Load() && !w.t.Failed()
}

// write produces numbered records idempotently. franz-go repeats until they are
// in: an error is one of the broker's making.
func (w *world) write(rng *rand.Rand, topic string, key func(*rand.Rand, int64) string) {
	// Uncompressed, so that logs grow and retention has something to remove.
	cl := w.client(kgo.MaxBufferedRecords(200), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	for w.running() {
		for range 1 + rng.IntN(12) {
			p := rng.Int32N(partitions)
			n := w.journal.next(topic, p)
			r := &kgo.Record{Topic: topic, Partition: p, Key: []byte(key(rng, n)), Value: []byte(plainValue(n, rng.IntN(300)))}
			cl.Produce(w.ctx, r, func(r *kgo.Record, err error) {
				if err != nil {
					w.t.Errorf("producing record %d of %s-%d: %v", n, topic, p, err)
					return
				}
				w.journal.acknowledged(topic, p)
			})
		}
	}
	if err := cl.Flush(w.ctx); err != nil {
		w.t.Errorf("flushing %s: %v", topic, err)
	}
}

// transact runs transactions over all partitions of a topic, a fifth of them
// aborted. After an answer that was lost it goes on with a new client of the
// same transactional id, which ends what the old one left open.
func (w *world) transact(rng *rand.Rand, topic string) {
	n := 0
	for w.running() {
		cl := w.client(kgo.TransactionalID("writer-" + topic))
		for w.running() {
			n++
			if !w.transactOnce(cl, rng, topic, fmt.Sprintf("%s.%d", topic, n)) {
				break
			}
		}
		cl.Close()
	}
	// Whoever comes last ends what may still be open.
	cl := w.client(kgo.TransactionalID("writer-" + topic))
	defer cl.Close()
	if _, _, err := cl.ProducerID(w.ctx); err != nil {
		w.t.Errorf("%s: ending the last transaction: %v", topic, err)
	}
}

func (w *world) transactOnce(cl *kgo.Client, rng *rand.Rand, topic, name string) bool {
	if err := cl.BeginTransaction(); err != nil {
		return false
	}
	size := 1 + rng.IntN(12)
	w.journal.ended(name, size, unsure)
	var failed atomic.Bool
	for i := range size {
		r := &kgo.Record{Topic: topic, Partition: rng.Int32N(partitions), Value: []byte(txnValue(name, i, rng.IntN(200)))}
		cl.Produce(w.ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(true)
			}
		})
	}
	if err := cl.Flush(w.ctx); err != nil {
		return false
	}
	commit := rng.IntN(5) > 0 && !failed.Load()
	if err := cl.EndTransaction(w.ctx, kgo.TransactionEndTry(commit)); err != nil {
		return false
	}
	if commit {
		w.journal.ended(name, size, committed)
	} else {
		w.journal.ended(name, size, aborted)
	}
	return true
}

// short bounds one poll.
func (w *world) short(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(w.ctx, d)
}

// copy consumes plain and produces copy, offsets in the transaction. It ends
// when everything is copied.
func (w *world) copy(rng *rand.Rand) {
	for w.unfinished("copier", "plain") {
		s, err := kgo.NewGroupTransactSession(w.options(kgo.TransactionalID("copier"), kgo.ConsumerGroup("copier"), kgo.ConsumeTopics("plain"),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.InstanceID("copier"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
		if err != nil {
			w.t.Error(err)
			return
		}
		for w.unfinished("copier", "plain") && w.copyOnce(s, rng) {
		}
		s.Close()
	}
}

func (w *world) copyOnce(s *kgo.GroupTransactSession, rng *rand.Rand) bool {
	ctx, cancel := w.short(200 * time.Millisecond)
	defer cancel()
	fs := s.PollRecords(ctx, w.copySize())
	w.checkFetch("copier", fs, nil)
	if fs.NumRecords() == 0 {
		return true
	}
	if err := s.Begin(); err != nil {
		return false
	}
	fs.EachRecord(func(r *kgo.Record) {
		s.Produce(w.ctx, &kgo.Record{Topic: "copy", Partition: r.Partition, Value: r.Value}, nil)
	})
	_, err := s.End(w.ctx, kgo.TransactionEndTry(rng.IntN(6) > 0))
	return err == nil
}

// copySize bounds a transaction of a copier, in records. When the killing is
// over there is only the rest to be copied.
func (w *world) copySize() int {
	if w.stop.Load() {
		return 2000
	}
	return 100
}

// unfinished paces a copier; once the writers have stopped it says whether the
// group's offsets have not reached the end of the topic.
func (w *world) unfinished(group, topic string) bool {
	if w.running() {
		return true
	}
	if w.ctx.Err() != nil || w.t.Failed() {
		return false
	}
	want := w.journal.sentTo(topic)
	got := w.fetchOffsets(group)
	for p := range int32(partitions) {
		if got[place(topic, p)] < want[p] {
			return true
		}
	}
	return false
}

// commit reads plain in a group of its own and commits.
func (w *world) commit(*rand.Rand) {
	const group = "committer"
	cl := w.client(kgo.ConsumerGroup(group), kgo.InstanceID("one"), kgo.ConsumeTopics("plain"), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	for w.running() {
		ctx, cancel := w.short(100 * time.Millisecond)
		fs := cl.PollRecords(ctx, 200)
		cancel()
		w.checkFetch(group, fs, nil)
		if fs.NumRecords() == 0 {
			continue
		}
		ctx, cancel = w.short(2 * time.Second)
		if err := cl.CommitRecords(ctx, fs.Records()...); err == nil {
			fs.EachRecord(func(r *kgo.Record) { w.journal.offsetCommitted(group, r.Topic, r.Partition, r.Offset+1) })
		}
		cancel()
	}
}
