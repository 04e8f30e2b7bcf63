package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The client of the data rows is frames on sockets, made beforehand: what a
// client library costs would hide what the broker does. It is the same for both
// brokers. Versions are those that both have with topics by name.
const (
	produceVersion  = 11
	fetchVersion    = 12
	metadataVersion = 12
)

var formatter = kmsg.NewRequestFormatter(kmsg.FormatterClientID("bench"))

// frameOf encodes a request with its length and correlation id 0.
func frameOf(req kmsg.Request) []byte { return formatter.AppendRequest(nil, req, 0) }

func metadataFrame() []byte {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = metadataVersion, []kmsg.MetadataRequestTopic{}
	return frameOf(req)
}

// readFrame reads one answer into buf, growing it, and returns what follows the
// length.
func readFrame(r *bufio.Reader, buf []byte) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if n > 1<<28 {
		return nil, fmt.Errorf("answer of %d bytes", n)
	}
	if cap(buf) < n {
		buf = make([]byte, n+n/4)
	}
	_, err := io.ReadFull(r, buf[:n])
	return buf[:n], err
}

// headerLen is the length of an answer's header with (empty) tags.
const headerLen = 5

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchHeader is the length of a record batch's header.
const batchHeader = 61

// newBatch makes one record batch of random values.
func newBatch(records, size int) []byte {
	var body []byte
	value := make([]byte, size)
	for i := range records {
		fillRandom(value)
		r := kmsg.Record{OffsetDelta: int32(i), Value: value}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // a varint 0 is one byte
		body = r.AppendTo(body)
	}
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: int32(records - 1), FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(records), Records: body,
	}
	b.Length = int32(batchHeader - 12 + len(body))
	out := b.AppendTo(nil)
	seal(out)
	return out
}

// seal computes the crc of a batch anew.
func seal(batch []byte) {
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli))
}

func fillRandom(p []byte) {
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, rand.Uint64())
		p = p[8:]
	}
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
}

// produceFrame is a Produce request of one batch with acks=all. The batch lies
// at the returned position.
func produceFrame(topic string, partition int32, batch []byte) (frame []byte, at int) {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = produceVersion, -1, 30_000
	p := kmsg.ProduceRequestTopicPartition{Partition: partition, Records: batch}
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{p}}}
	frame = frameOf(req)
	return frame, len(frame) - len(batch) - 3 // three structs end with empty tags
}

// checkProduced fails if an answer to produceFrame reports an error. It looks
// only at the code: header, one topic, one partition come before it.
func checkProduced(topic string, answer []byte) error {
	at := headerLen + 1 + 1 + len(topic) + 1 + 4
	if len(answer) < at+2 {
		return errors.New("answer to Produce is too short")
	}
	return kerr.ErrorForCode(int16(binary.BigEndian.Uint16(answer[at:])))
}

// reader fetches one or more partitions of a topic from their starts, as a
// consumer without a session does.
type reader struct {
	nc   net.Conn
	br   *bufio.Reader
	req  *kmsg.FetchRequest
	resp kmsg.FetchResponse
	out  []byte
	in   []byte
}

func newReader(addr, topic string, maxBytes int32, offsets map[int32]int64) (*reader, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	r := &reader{nc: nc, br: bufio.NewReaderSize(nc, 4<<10), req: kmsg.NewPtrFetchRequest()}
	r.req.Version, r.req.MaxWaitMillis, r.req.MinBytes, r.req.MaxBytes = fetchVersion, 500, 1, 50<<20
	r.req.SessionEpoch = -1
	t := kmsg.FetchRequestTopic{Topic: topic}
	for p, offset := range offsets {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.FetchOffset, part.PartitionMaxBytes = p, offset, maxBytes
		t.Partitions = append(t.Partitions, part)
	}
	r.req.Topics = []kmsg.FetchRequestTopic{t}
	return r, nil
}

// next makes one request and calls fn with each whole batch. The bytes are valid
// until the next call.
func (r *reader) next(fn func(partition int32, batch []byte)) error {
	r.out = formatter.AppendRequest(r.out[:0], r.req, 0)
	if _, err := r.nc.Write(r.out); err != nil {
		return err
	}
	var err error
	if r.in, err = readFrame(r.br, r.in[:cap(r.in)]); err != nil {
		return err
	}
	r.resp.Version = fetchVersion
	if err := r.resp.ReadFrom(r.in[headerLen:]); err != nil {
		return err
	}
	if err := kerr.ErrorForCode(r.resp.ErrorCode); err != nil {
		return err
	}
	for i := range r.resp.Topics {
		for j := range r.resp.Topics[i].Partitions {
			p := &r.resp.Topics[i].Partitions[j]
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
			r.batches(p.Partition, p.RecordBatches, fn)
		}
	}
	return nil
}

// batches walks over the whole batches and moves the partition's position.
func (r *reader) batches(partition int32, data []byte, fn func(int32, []byte)) {
	parts := r.req.Topics[0].Partitions
	for i := range parts {
		if parts[i].Partition != partition {
			continue
		}
		for len(data) >= batchHeader {
			n := 12 + int(binary.BigEndian.Uint32(data[8:]))
			if n > len(data) {
				return
			}
			last := int64(binary.BigEndian.Uint64(data)) + int64(binary.BigEndian.Uint32(data[23:]))
			if last >= parts[i].FetchOffset {
				parts[i].FetchOffset = last + 1
				fn(partition, data[:n])
			}
			data = data[n:]
		}
	}
}
