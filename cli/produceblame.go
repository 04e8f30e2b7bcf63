package cli

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// blame keeps what brokers say is wrong with which record of a batch (KIP-467), of
// one topic. A batch is refused as a whole, and its code alone does not tell which
// record is to blame and why; the client library drops the words that do, so blame
// reads them off its connections.
type blame struct {
	mu      sync.Mutex
	refused map[int32]*refusedBatch // by partition: the first
}

// refusedBatch is a batch that the broker did not take.
type refusedBatch struct {
	code    error
	message string
	records map[int32]string // by the place in the batch, from 0
	told    int32            // records of the partition whose failure the client has told of
}

// of returns the error of a record with the broker's words in it, where there are
// some. sure is false if another record of the batch is to blame. It must be called
// once for each record that failed, in their order.
func (b *blame) of(r *kgo.Record, err error) (told error, sure bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch := b.refused[r.Partition]
	if batch == nil || !errors.Is(err, batch.code) {
		return err, true
	}
	words, named := batch.records[batch.told]
	batch.told++
	switch {
	case named && words != "":
		return withDetail(err, words), true
	case named || len(batch.records) == 0:
		return withDetail(err, batch.message), true
	}
	return fmt.Errorf("another record of its batch was refused: %w", err), false
}

// dialer is the dialer of a client with opts, on whose connections blame listens.
func (b *blame) dialer(opts []kgo.Opt) (kgo.Opt, error) {
	plain, err := kgo.NewClient(opts...) // connects to nobody, only tells its dialer
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	defer plain.Close()
	dial := plain.OptValue(kgo.Dialer).(func(context.Context, string, string) (net.Conn, error))
	b.refused = map[int32]*refusedBatch{}
	return kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		c, err := dial(ctx, network, host)
		if err != nil {
			return nil, err
		}
		return &overheard{Conn: c, blame: b, versions: map[uint32]int16{}}, nil
	}), nil
}

func (b *blame) add(resp *kmsg.ProduceResponse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			code := kerr.ErrorForCode(p.ErrorCode)
			if code == nil || kerr.IsRetriable(code) || b.refused[p.Partition] != nil {
				continue
			}
			batch := &refusedBatch{code: code, message: deref(p.ErrorMessage), records: map[int32]string{}}
			for _, e := range p.ErrorRecords {
				batch.records[e.RelativeOffset] = deref(e.ErrorMessage)
			}
			b.refused[p.Partition] = batch
		}
	}
}

// overheard is a connection whose answers to Produce are read along the way.
type overheard struct {
	net.Conn
	blame *blame

	mu       sync.Mutex
	versions map[uint32]int16 // of Produce requests under way, by correlation id; guarded by mu

	frame []byte // what of the answer at hand has come; for the reader only
}

// Write sees whole requests: the client library writes each at once.
//
//	size int32 | key int16 | version int16 | correlation id int32 | ...
func (c *overheard) Write(b []byte) (int, error) {
	if len(b) >= 12 && int(binary.BigEndian.Uint32(b)) == len(b)-4 && binary.BigEndian.Uint16(b[4:]) == uint16(kmsg.Produce) {
		c.mu.Lock()
		c.versions[binary.BigEndian.Uint32(b[8:])] = int16(binary.BigEndian.Uint16(b[6:]))
		c.mu.Unlock()
	}
	return c.Conn.Write(b)
}

func (c *overheard) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.frame = append(c.frame, b[:n]...)
	for len(c.frame) >= 4 {
		size := int(binary.BigEndian.Uint32(c.frame))
		if len(c.frame)-4 < size {
			break
		}
		c.answer(c.frame[4 : 4+size])
		c.frame = append(c.frame[:0], c.frame[4+size:]...)
	}
	return n, err
}

// answer takes a correlation id, from version 9 on an empty list of tagged fields,
// and the body. What cannot be read is the client library's to complain about.
func (c *overheard) answer(b []byte) {
	if len(b) < 5 {
		return
	}
	id := binary.BigEndian.Uint32(b)
	c.mu.Lock()
	version, asked := c.versions[id]
	delete(c.versions, id)
	c.mu.Unlock()
	if !asked {
		return
	}
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(version)
	b = b[4:]
	if resp.IsFlexible() {
		b = b[1:]
	}
	if resp.ReadFrom(b) == nil {
		c.blame.add(resp)
	}
}
