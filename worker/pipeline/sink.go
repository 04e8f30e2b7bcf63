package pipeline

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// Sink turns consumed records into batches for Put.
type Sink struct {
	chain  Chain
	conv   *Converters
	errors *Errors

	pos     int // key, value, headers, then the transforms
	index   int
	hdr     int // headers of the record in hand that are converted
	stage   Stage
	class   string
	scratch []connect.Header // for what converters see
	block   []connect.Header // rest of what records take theirs from
}

// NewSink returns the pipeline of a sink task. It owns chain and conv.
func NewSink(chain Chain, conv *Converters, e *Errors) *Sink {
	return &Sink{chain: chain, conv: conv, errors: e}
}

// Close closes transforms and converters.
func (s *Sink) Close() error {
	err := s.chain.Close()
	if cerr := s.conv.Close(); err == nil {
		err = cerr
	}
	return err
}

// Decode appends recs to b and, for each record it appended, the consumed record to
// origin, which it returns. Records that are dropped are in neither. Keys and values
// may alias the consumed bytes.
func (s *Sink) Decode(ctx context.Context, recs []*kgo.Record, b *connect.Batch, origin []*kgo.Record) ([]*kgo.Record, error) {
	s.index, s.pos = 0, 0
	for s.index < len(recs) {
		var err error
		origin, err = s.run(recs, b, origin)
		if err == nil {
			break
		}
		retry, err := s.errors.decide(ctx, Failure{Stage: s.stage, Class: s.class, Err: err, Consumed: recs[s.index]})
		if err != nil {
			return origin, err
		}
		if retry {
			continue
		}
		b.Records = b.Records[:len(b.Records)-1]
		s.index, s.pos = s.index+1, 0
	}
	return origin, nil
}

// run decodes from where the pipeline stands until the end or the first error. While
// a record is in hand it is the last of b.
func (s *Sink) run(recs []*kgo.Record, b *connect.Batch, origin []*kgo.Record) (out []*kgo.Record, err error) {
	out = origin
	defer func() {
		if p := recover(); p != nil {
			err = NewPanic(p)
		}
	}()
	for ; s.index < len(recs); s.index++ {
		in := recs[s.index]
		if s.pos == 0 && !s.begun(b, in) {
			s.begin(in, b)
		}
		r := &b.Records[len(b.Records)-1]
		keep, err := s.one(in, r, b.Arena())
		if err != nil {
			return out, err
		}
		if keep {
			out = append(out, in)
			b.Grow(len(in.Key) + len(in.Value))
		} else {
			b.Records = b.Records[:len(b.Records)-1]
		}
		s.pos, s.errors.attempt = 0, 0
	}
	return out, nil
}

// begun reports whether the last record of b is in already: its key converter is
// tried again.
func (s *Sink) begun(b *connect.Batch, in *kgo.Record) bool {
	n := len(b.Records)
	if n == 0 || s.errors.attempt == 0 {
		return false
	}
	r := &b.Records[n-1]
	return r.Offset == in.Offset && r.OriginalPartition == in.Partition && r.OriginalTopic == in.Topic
}

func (s *Sink) begin(in *kgo.Record, b *connect.Batch) {
	r := b.Add()
	r.Topic, r.OriginalTopic = in.Topic, in.Topic
	r.Partition, r.OriginalPartition = in.Partition, in.Partition
	r.Offset = in.Offset
	r.TimestampType = TimestampType(in)
	if r.TimestampType != connect.NoTimestampType {
		r.Timestamp = in.Timestamp.UnixMilli()
	}
	s.hdr = 0
	s.scratch = s.scratch[:0]
	for _, h := range in.Headers {
		s.scratch = append(s.scratch, connect.Header{Key: h.Key, Value: bytesOf(h.Value)})
	}
}

// bytesOf is how converters see the headers of a consumed record.
func bytesOf(b []byte) data.Value {
	if b == nil {
		return data.Null
	}
	return data.Bytes(b)
}

// headers returns an empty slice with room for the n headers of a record.
func (s *Sink) headers(n int) []connect.Header {
	if len(s.block) < n {
		s.block = make([]connect.Header, max(n, headerBlock))
	}
	h := s.block[:0:n]
	s.block = s.block[n:]
	return h
}

func (s *Sink) one(in *kgo.Record, r *connect.Record, arena *data.Arena) (keep bool, err error) {
	if s.pos == 0 {
		s.stage, s.class = KeyConverter, s.conv.KeyClass
		if r.KeySchema, r.Key, err = s.conv.Key.ToConnect(arena, in.Topic, s.scratch, in.Key); err != nil {
			return false, err
		}
		s.pos++
	}
	if s.pos == 1 {
		s.stage, s.class = ValueConverter, s.conv.ValueClass
		if r.ValueSchema, r.Value, err = s.conv.Value.ToConnect(arena, in.Topic, s.scratch, in.Value); err != nil {
			return false, err
		}
		s.pos++
	}
	if s.pos == 2 {
		s.stage, s.class = HeaderConverter, s.conv.HeaderClass
		if n := len(in.Headers); n > 0 && r.Headers == nil {
			r.Headers = s.headers(n)
		}
		for ; s.hdr < len(in.Headers); s.hdr++ {
			h := &in.Headers[s.hdr]
			schema, v, err := s.conv.Header.ToConnectHeader(arena, in.Topic, h.Key, h.Value)
			if err != nil {
				return false, err
			}
			r.Headers = append(r.Headers, connect.Header{Key: h.Key, Schema: schema, Value: v})
		}
		s.pos++
	}
	for ; s.pos-3 < len(s.chain); s.pos++ {
		t := &s.chain[s.pos-3]
		s.stage, s.class = Transformation, t.class
		if keep, err = t.run(r); err != nil || !keep {
			return false, err
		}
	}
	return true, nil
}
