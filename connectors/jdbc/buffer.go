package jdbc

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// buffer holds encoded rows until they are committed together, and the batches
// they came from.
type buffer struct {
	batches []*connect.Batch
	data    []byte  // COPY tuples
	entries []entry // in the order of the records
	index   keyIndex
	first   map[connect.TopicPartition]int64 // lowest offset of each partition
	lastTP  connect.TopicPartition
	dead    int
	raw     int // bytes of the batches as they came, which stay in memory with them
}

// entry is one record's row.
type entry struct {
	plan     *plan
	variant  *variant
	off, end uint32 // in data
	keyEnd   uint32 // the key is data[off+2:keyEnd]
	hash     uint32
	batch    int32 // in batches
	record   int32 // in the batch
	dead     bool  // a later operation on the key makes it needless
	gone     bool  // its partition is another task's now
}

func newBuffer() *buffer { return &buffer{first: map[connect.TopicPartition]int64{}} }

func (b *buffer) empty() bool { return len(b.batches) == 0 }

// take retains a batch whose records are going to be added.
func (b *buffer) take(batch *connect.Batch) {
	if n := len(b.batches); n > 0 && b.batches[n-1] == batch {
		return
	}
	batch.Retain()
	b.batches = append(b.batches, batch)
	b.raw += batch.Bytes()
}

// sees notes the position of a record, whether or not it makes a row.
func (b *buffer) sees(r *connect.Record) {
	tp := topicPartition(r)
	if tp == b.lastTP && len(b.first) > 0 {
		return
	}
	b.lastTP = tp
	if _, ok := b.first[tp]; !ok {
		b.first[tp] = r.Offset
	}
}

// release empties the buffer and gives its batches back.
func (b *buffer) release() {
	for _, batch := range b.batches {
		batch.Release()
	}
	clear(b.batches)
	clear(b.first)
	b.batches, b.raw = b.batches[:0], 0
	b.lastTP = connect.TopicPartition{}
	b.clearRows()
}

// clearRows forgets the rows but not where they came from.
func (b *buffer) clearRows() {
	clear(b.entries)
	b.data, b.entries, b.dead = b.data[:0], b.entries[:0], 0
	b.index.reset()
}

// record returns the record of an entry.
func (b *buffer) record(e *entry) *connect.Record { return &b.batches[e.batch].Records[e.record] }

func (b *buffer) key(e *entry) []byte { return b.data[e.off+2 : e.keyEnd] }

// latest returns the last entry of a key in a table, nil if there is none.
func (b *buffer) latest(t *table, key []byte, hash uint32) *entry {
	for slot := b.index.start(hash); ; slot = b.index.next(slot) {
		i := b.index.slots[slot]
		if i == 0 {
			return nil
		}
		e := &b.entries[i-1]
		if e.hash == hash && e.plan.table == t && bytes.Equal(b.key(e), key) {
			return e
		}
	}
}

// add appends an entry; a keyed one becomes the latest of its key.
func (b *buffer) add(e entry, keyed bool) {
	e.batch = int32(len(b.batches) - 1)
	b.entries = append(b.entries, e)
	if keyed {
		b.index.put(b, uint32(len(b.entries)))
	}
}

func (b *buffer) kill(e *entry) {
	if !e.dead {
		e.dead = true
		b.dead++
	}
}

// work groups the living rows by shape: deletes first, then the others, each in
// the order of first appearance.
func (b *buffer) work(dst []postgres.Rows) []postgres.Rows {
	dst = dst[:0]
	if len(b.entries) == 0 {
		return dst
	}
	if shape := b.entries[0].variant.shape; b.dead == 0 && b.uniform(shape) {
		return append(dst, postgres.Rows{Shape: shape, Tuples: b.data, Count: len(b.entries)})
	}
	for _, deletes := range []bool{true, false} {
		from := len(dst)
		for i := range b.entries {
			e := &b.entries[i]
			if e.dead || (e.variant.shape.Action == postgres.Delete) != deletes {
				continue
			}
			dst = appendRow(dst, from, e.variant.shape, b.data[e.off:e.end])
		}
	}
	return dst
}

func (b *buffer) uniform(shape *postgres.Shape) bool {
	for i := range b.entries {
		if b.entries[i].variant.shape != shape {
			return false
		}
	}
	return true
}

func appendRow(rows []postgres.Rows, from int, shape *postgres.Shape, tuple []byte) []postgres.Rows {
	for i := len(rows) - 1; i >= from; i-- {
		if rows[i].Shape == shape {
			rows[i].Tuples = append(rows[i].Tuples, tuple...)
			rows[i].Count++
			return rows
		}
	}
	return append(rows, postgres.Rows{Shape: shape, Tuples: append([]byte(nil), tuple...), Count: 1})
}

// patched returns the tuple at tuple with the absent columns taken from the
// older row of the same key: what the two leave in the table together. Both have
// columns of p in p's order. It returns the columns that are still absent.
func (p *plan) patched(dst []byte, tuple []byte, absent bitset, older []byte, olderAbsent bitset) ([]byte, bitset) {
	still := make(bitset, len(absent))
	count := len(dst)
	dst = append(dst, 0, 0)
	tuple, older = tuple[2:], older[2:]
	n := 0
	for i := range p.columns {
		var field []byte
		if !olderAbsent.has(i) {
			size := postgres.FieldSize(older)
			field, older = older[:size], older[size:]
		}
		if !absent.has(i) {
			size := postgres.FieldSize(tuple)
			field, tuple = tuple[:size], tuple[size:]
		}
		if field == nil {
			still.set(i)
			continue
		}
		dst = append(dst, field...)
		n++
	}
	binary.BigEndian.PutUint16(dst[count:], uint16(n))
	return dst, still
}

// bitset is a set of column numbers.
type bitset []byte

func (s bitset) has(i int) bool { return i/8 < len(s) && s[i/8]>>(i%8)&1 == 1 }

func (s bitset) set(i int) { s[i/8] |= 1 << (i % 8) }

func (s bitset) none() bool {
	for _, b := range s {
		if b != 0 {
			return false
		}
	}
	return true
}

// keyIndex finds the latest entry of a key: an open hash table of entry numbers,
// from 1, which keeps no copies of keys.
type keyIndex struct {
	slots []uint32
	used  int
	seed  maphash.Seed
}

const firstSlots = 1024

func (x *keyIndex) reset() {
	clear(x.slots)
	x.used = 0
}

func (x *keyIndex) hash(t *table, key []byte) uint32 {
	if len(x.slots) == 0 {
		x.slots, x.seed = make([]uint32, firstSlots), maphash.MakeSeed()
	}
	return uint32(maphash.Bytes(x.seed, key)) ^ t.id*0x9e3779b1
}

func (x *keyIndex) start(hash uint32) int { return int(hash) & (len(x.slots) - 1) }
func (x *keyIndex) next(slot int) int     { return (slot + 1) & (len(x.slots) - 1) }

// put makes entry n the latest of its key.
func (x *keyIndex) put(b *buffer, n uint32) {
	if 2*(x.used+1) > len(x.slots) {
		x.grow(b)
	}
	e := &b.entries[n-1]
	slot := x.start(e.hash)
	for x.slots[slot] != 0 {
		old := &b.entries[x.slots[slot]-1]
		if old.hash == e.hash && old.plan.table == e.plan.table && bytes.Equal(b.key(old), b.key(e)) {
			x.slots[slot] = n
			return
		}
		slot = x.next(slot)
	}
	x.slots[slot] = n
	x.used++
}

func (x *keyIndex) grow(b *buffer) {
	old := x.slots
	x.slots = make([]uint32, 2*len(old))
	for _, n := range old {
		if n == 0 {
			continue
		}
		slot := x.start(b.entries[n-1].hash)
		for x.slots[slot] != 0 {
			slot = x.next(slot)
		}
		x.slots[slot] = n
	}
}
