package task

import (
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/worker/pipeline"
	"github.com/leat-project/leat/worker/store"
)

// flight is one encoded batch between dispatch and acknowledgement.
type flight struct {
	enc     *pipeline.Encoded
	pending atomic.Int32 // records without outcome
	failed  atomic.Bool  // some record has failedOffset
	ready   func()       // called when pending reaches zero
	onError func(r *kgo.Record, err error) (skip bool)
}

// Offsets of records that were not written, set by the promise.
const (
	failedOffset  = -2
	skippedOffset = -3 // tolerated: counts as done
)

// promise is called by the client once a record, serially.
func (f *flight) promise(r *kgo.Record, err error) {
	if err != nil {
		if f.onError(r, err) {
			r.Offset = skippedOffset
		} else {
			r.Offset = failedOffset
			f.failed.Store(true)
		}
	}
	if f.pending.Add(-1) == 0 {
		f.ready()
	}
}

// tracker keeps the batches in dispatch order and finds out which source offsets
// may be stored: for each source partition the offset of the longest prefix of its
// records that is done.
type tracker struct {
	mu     sync.Mutex // guards the fields below
	queue  []*flight
	pushed int64 // flights ever pushed
	popped int64 // flights ever popped
	bytes  int   // encoded bytes of the queue

	// Owned by the committer.
	offsets map[string]position // by partition key: done, not stored yet
	blocked map[string]bool     // partitions with a failed record
	acks    []connect.Ack
}

type position struct {
	partition *connect.Partition
	offset    connect.Offset
}

func newTracker() *tracker {
	return &tracker{offsets: map[string]position{}, blocked: map[string]bool{}}
}

func (t *tracker) push(f *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, f)
	t.pushed++
	t.bytes += f.enc.Bytes()
}

// full reports whether no further flight should be pushed for now.
func (t *tracker) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes >= maxInFlight
}

// sent returns how many flights were pushed, done how many of them are popped.
func (t *tracker) sent() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pushed
}

func (t *tracker) done() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.popped
}

// pop returns the oldest flight if all its records have an outcome.
func (t *tracker) pop() *flight {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 || t.queue[0].pending.Load() > 0 {
		return nil
	}
	f := t.queue[0]
	t.queue[0] = nil
	t.queue = t.queue[1:]
	t.popped++
	t.bytes -= f.enc.Bytes()
	return f
}

// settle moves what a popped flight says into offsets, and, if withAcks, returns
// one Ack a record in order, valid until the next call. It returns the number of
// records written.
func (t *tracker) settle(f *flight, withAcks bool) (acks []connect.Ack, written int) {
	t.acks = t.acks[:0]
	var last *connect.Partition
	var offset connect.Offset
	flush := func() {
		if last != nil && offset != nil {
			t.offsets[last.Key()] = position{last, offset}
		}
	}
	items := f.enc.Items
	for i := range items {
		it := &items[i]
		ack := connect.Ack{SourcePartition: it.Partition, SourceOffset: it.Offset, Dropped: true, Offset: -1}
		if it.Record >= 0 {
			r := &f.enc.Records[it.Record]
			if r.Offset == failedOffset {
				flush()
				last, offset = nil, nil
				if it.Partition != nil {
					t.blocked[it.Partition.Key()] = true
				}
				continue
			}
			if r.Offset != skippedOffset {
				ack.Dropped, ack.Topic, ack.Partition, ack.Offset = false, r.Topic, r.Partition, r.Offset
				written++
			}
		}
		if withAcks {
			t.acks = append(t.acks, ack)
		}
		// A partition pointer is shared by its records, so the key is looked
		// at only where the pointer changes.
		if it.Partition != last {
			flush()
			last, offset = it.Partition, nil
			if last != nil && len(t.blocked) > 0 && t.blocked[last.Key()] {
				last = nil
			}
		}
		if last != nil {
			offset = it.Offset
		}
	}
	flush()
	return t.acks, written
}

// take returns the offsets to store and empties the map; putBack returns them after a
// failed write, unless newer ones have come.
func (t *tracker) take() []position {
	out := make([]position, 0, len(t.offsets))
	for _, p := range t.offsets {
		out = append(out, p)
	}
	clear(t.offsets)
	return out
}

func (t *tracker) putBack(ps []position) {
	for _, p := range ps {
		if _, newer := t.offsets[p.partition.Key()]; !newer {
			t.offsets[p.partition.Key()] = p
		}
	}
}

func sourceOffsets(ps []position) []store.SourceOffset {
	out := make([]store.SourceOffset, len(ps))
	for i, p := range ps {
		out[i] = store.SourceOffset{Partition: p.partition, Offset: p.offset.OffsetMap()}
	}
	return out
}
