package pipeline

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
)

// Encoded is a batch on its way to Kafka: the producer's records, the memory of
// their bytes, and what each of the task's records has to be acknowledged as. It is
// reused once every record is acknowledged.
type Encoded struct {
	// Records are the records to produce, in order.
	Records []kgo.Record
	// Items are all records of the batch in order, dropped ones included.
	Items []Item

	heads  []kgo.RecordHeader // rest of the current block of headers
	blocks [][]kgo.RecordHeader
	block  int // next of blocks to reuse

	chunks [][]byte // all memory, for reuse
	next   int      // next chunk to reuse
	free   []byte   // rest of the current chunk: length 0
	bytes  int
}

// Item is what is left of one of the task's records.
type Item struct {
	Partition *connect.Partition
	Offset    connect.Offset
	Record    int32 // index into Records, -1 if dropped
}

const (
	chunkSize = 256 << 10
	// headerBlock is how many headers are allocated at once.
	headerBlock = 2048
	// fullBytes is what a batch of the producer should hold: a schema in each
	// record makes 2,000 records many MiB, and everybody's buffers with them.
	fullBytes = 2 << 20
	// minRoom is the least room a value starts with: less, and a new chunk is
	// begun.
	minRoom = 2 << 10
)

// Bytes returns the number of encoded bytes.
func (e *Encoded) Bytes() int { return e.bytes }

func (e *Encoded) full() bool { return e.bytes >= fullBytes }

// Reset empties e for reuse. Nothing may use its bytes any more.
func (e *Encoded) Reset() {
	clear(e.Records)
	clear(e.Items)
	for _, b := range e.blocks[:e.block] {
		clear(b)
	}
	e.heads, e.block = nil, 0
	e.Records, e.Items, e.next, e.free, e.bytes = e.Records[:0], e.Items[:0], 0, nil, 0
}

// grow makes room for n records, so that pointers to Records stay valid.
func (e *Encoded) grow(n int) {
	if cap(e.Records)-len(e.Records) < n {
		e.Records = append(make([]kgo.Record, 0, len(e.Records)+n), e.Records...)
	}
	if cap(e.Items)-len(e.Items) < n {
		e.Items = append(make([]Item, 0, len(e.Items)+n), e.Items...)
	}
}

// headers returns an empty slice with room for the n headers of a record.
func (e *Encoded) headers(n int) []kgo.RecordHeader {
	if n == 0 || n > headerBlock {
		return nil
	}
	if len(e.heads) < n {
		if e.block == len(e.blocks) {
			e.blocks = append(e.blocks, make([]kgo.RecordHeader, headerBlock))
		}
		e.heads = e.blocks[e.block]
		e.block++
	}
	h := e.heads[:0:n]
	e.heads = e.heads[n:]
	return h
}

// room returns an empty slice with capacity to append an encoded value to.
func (e *Encoded) room() []byte {
	if cap(e.free) < minRoom {
		if e.next == len(e.chunks) {
			e.chunks = append(e.chunks, make([]byte, chunkSize))
		}
		e.free = e.chunks[e.next][:0]
		e.next++
	}
	return e.free
}

// keep takes what a converter made of the slice that room returned and gives it its
// final form: no spare capacity.
func (e *Encoded) keep(dst, b []byte) []byte {
	if b == nil {
		return nil
	}
	e.bytes += len(b)
	if len(b) == 0 {
		return []byte{}
	}
	if cap(dst) > 0 && &b[:1][0] == &dst[:1][0] {
		e.free = dst[len(b):len(b):cap(dst)]
	} // else the converter had to allocate, or gave a slice of its own
	return b[:len(b):len(b)]
}

func (e *Encoded) add(r *connect.Record, rec *kgo.Record) {
	e.Items = append(e.Items, Item{Partition: r.SourcePartition, Offset: r.SourceOffset, Record: int32(len(e.Records))})
	e.Records = append(e.Records, *rec)
}

func (e *Encoded) drop(r *connect.Record) {
	e.Items = append(e.Items, Item{Partition: r.SourcePartition, Offset: r.SourceOffset, Record: -1})
}
