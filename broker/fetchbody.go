package broker

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/logstore"
)

// fetchBody is a Fetch answer that sends records straight from the log files.
type fetchBody struct {
	*kmsg.FetchResponse
	op *fetchOp
}

// inlineBytes is the size up to which records are copied into the answer:
// below it one write of a copy costs less than the calls of a sendfile.
const inlineBytes = 32 << 10

// splice is data that goes between two parts of the encoded answer.
type splice struct {
	at   int
	data *logstore.ReadResult
}

// send writes the answer and gives the log's files back.
func (f *fetchBody) send(c *conn, r *request) error {
	out := c.broker.buffers.get(4)
	defer out.release()
	enc := fetchEncoder{dst: r.appendHeader(out.b), version: f.Version, flexible: f.IsFlexible(), metrics: &c.broker.metrics}
	err := enc.encode(f)
	out.b = enc.dst
	if err != nil {
		return err
	}
	size := len(out.b) - 4
	for _, s := range enc.splices {
		size += s.data.Len()
	}
	binary.BigEndian.PutUint32(out.b, uint32(size))
	c.limitWrite()
	from := 0
	for _, s := range enc.splices {
		if _, err := c.nc.Write(out.b[from:s.at]); err != nil {
			return err
		}
		if _, err := s.data.WriteTo(c.nc); err != nil {
			return err
		}
		from = s.at
	}
	if from == len(out.b) {
		return nil
	}
	_, err = c.nc.Write(out.b[from:])
	return err
}

// release gives files and session back, sent or not.
func (f *fetchBody) release() {
	for _, p := range f.op.parts {
		p.out.Release()
		p.out = logstore.ReadResult{}
	}
	f.op.broker.sessions.close(f.op)
}

// fetchEncoder encodes a FetchResponse with its records left out: those are
// in the log.
type fetchEncoder struct {
	dst      []byte
	version  int16
	flexible bool
	splices  []splice
	metrics  *metrics
}

func (e *fetchEncoder) encode(f *fetchBody) error {
	e.dst = kbin.AppendInt32(e.dst, f.ThrottleMillis)
	if e.version >= 7 {
		e.dst = kbin.AppendInt16(e.dst, f.ErrorCode)
		e.dst = kbin.AppendInt32(e.dst, f.SessionID)
	}
	topics := f.op.answered()
	e.array(len(topics))
	for _, t := range topics {
		if err := e.topic(t); err != nil {
			return err
		}
	}
	e.tags() // node endpoints come with replication
	return nil
}

func (e *fetchEncoder) array(n int) {
	if e.flexible {
		e.dst = kbin.AppendCompactArrayLen(e.dst, n)
		return
	}
	e.dst = kbin.AppendArrayLen(e.dst, n)
}

func (e *fetchEncoder) tags() {
	if e.flexible {
		e.dst = append(e.dst, 0)
	}
}

// topic encodes a run of partitions of one topic.
func (e *fetchEncoder) topic(parts []*fetchPart) error {
	switch {
	case e.version >= 13:
		e.dst = kbin.AppendUuid(e.dst, parts[0].id)
	case e.flexible:
		e.dst = kbin.AppendCompactString(e.dst, parts[0].topic)
	default:
		e.dst = kbin.AppendString(e.dst, parts[0].topic)
	}
	e.array(len(parts))
	for _, p := range parts {
		e.count(p)
		if err := e.partition(p); err != nil {
			return err
		}
	}
	e.tags()
	return nil
}

// count leaves out topics that never existed: their names are the client's.
func (e *fetchEncoder) count(p *fetchPart) {
	if p.log == nil {
		return
	}
	counters := e.metrics.topic(p.topic)
	counters.fetches.Add(1)
	counters.bytesOut.Add(int64(p.out.Len()))
	if p.code != 0 {
		counters.failedFetches.Add(1)
	}
}

func (e *fetchEncoder) partition(p *fetchPart) error {
	hw, lso, start := p.offsets()
	e.dst = kbin.AppendInt32(e.dst, p.want.Partition)
	e.dst = kbin.AppendInt16(e.dst, p.code)
	e.dst = kbin.AppendInt64(e.dst, hw)
	e.dst = kbin.AppendInt64(e.dst, lso)
	if e.version >= 5 {
		e.dst = kbin.AppendInt64(e.dst, start)
	}
	e.aborted(p.out.Aborted)
	if e.version >= 11 {
		e.dst = kbin.AppendInt32(e.dst, -1) // preferred read replica
	}
	if err := e.records(&p.out); err != nil {
		return err
	}
	e.partitionTags(p)
	return nil
}

// offsets are what the client is told of the log; nothing after an error.
func (p *fetchPart) offsets() (hw, lso, start int64) {
	if p.code != 0 {
		return -1, -1, -1
	}
	return p.out.HighWatermark, p.out.LastStableOffset, p.out.LogStartOffset
}

// aborted is null for read_uncommitted and never null for read_committed.
func (e *fetchEncoder) aborted(list []logstore.AbortedTxn) {
	if list == nil {
		if e.flexible {
			e.dst = append(e.dst, 0)
			return
		}
		e.dst = kbin.AppendInt32(e.dst, -1)
		return
	}
	e.array(len(list))
	for _, a := range list {
		e.dst = kbin.AppendInt64(e.dst, a.ProducerID)
		e.dst = kbin.AppendInt64(e.dst, a.FirstOffset)
		e.tags()
	}
}

// records encodes the length and leaves the data to a splice, unless it is
// small.
func (e *fetchEncoder) records(r *logstore.ReadResult) error {
	n := r.Len()
	if e.flexible {
		e.dst = kbin.AppendUvarint(e.dst, uint32(n)+1)
	} else {
		e.dst = kbin.AppendInt32(e.dst, int32(n))
	}
	if n > inlineBytes {
		e.splices = append(e.splices, splice{len(e.dst), r})
		return nil
	}
	var err error
	e.dst, err = r.AppendTo(e.dst)
	return err
}

func (e *fetchEncoder) partitionTags(p *fetchPart) {
	if !e.flexible {
		return
	}
	if p.diverge.Epoch < 0 {
		e.dst = append(e.dst, 0)
		return
	}
	// One tag: 0, the diverging epoch, a struct with its own empty tags.
	e.dst = append(e.dst, 1, 0, 13)
	e.dst = kbin.AppendInt32(e.dst, p.diverge.Epoch)
	e.dst = kbin.AppendInt64(e.dst, p.diverge.EndOffset)
	e.dst = append(e.dst, 0)
}
