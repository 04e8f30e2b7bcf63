package pipeline

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
)

// Source turns batches of source records into bytes for the producer.
type Source struct {
	chain  Chain
	conv   *Converters
	errors *Errors

	// Where the record in hand is on its way: pos counts the transforms, then
	// headers, key, value.
	pos   int
	index int
	rec   kgo.Record // the record in hand
	plain int        // connect headers of it that are converted
	stage Stage
	class string
}

// NewSource returns the pipeline of a source task. It owns chain and conv.
func NewSource(chain Chain, conv *Converters, e *Errors) *Source {
	return &Source{chain: chain, conv: conv, errors: e}
}

// Close closes transforms and converters.
func (s *Source) Close() error {
	err := s.chain.Close()
	if cerr := s.conv.Close(); err == nil {
		err = cerr
	}
	return err
}

// Encode appends the records of b from the given one on to out, until out is full,
// and returns the next one to encode. When it returns an error, out holds what was
// encoded before the record that failed; that record and those behind it are not in
// out.
func (s *Source) Encode(ctx context.Context, b *connect.Batch, from int, out *Encoded) (next int, err error) {
	out.grow(len(b.Records) - from)
	now := time.Now()
	s.index, s.pos = from, 0
	for s.more(b, out) {
		err := s.run(b, out, now)
		if err == nil {
			break
		}
		r := &b.Records[s.index]
		retry, err := s.errors.decide(ctx, Failure{Stage: s.stage, Class: s.class, Err: err, Source: r})
		if err != nil {
			return s.index, err
		}
		if retry {
			continue
		}
		out.drop(r)
		s.index, s.pos = s.index+1, 0
	}
	return s.index, nil
}

// more reports whether there is a record to encode and room for it. One that is in
// hand already is brought to its end, since transforms have changed it.
func (s *Source) more(b *connect.Batch, out *Encoded) bool {
	return s.index < len(b.Records) && (s.pos > 0 || !out.full())
}

// run processes records from where the pipeline stands until the end of the batch,
// a full output or the first error.
func (s *Source) run(b *connect.Batch, out *Encoded, now time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = NewPanic(p)
		}
	}()
	for ; s.more(b, out); s.index++ {
		r := &b.Records[s.index]
		if r.OffsetOnly() {
			out.drop(r)
			continue
		}
		keep, err := s.one(r, out, now)
		if err != nil {
			return err
		}
		if keep {
			out.add(r, &s.rec)
		} else {
			out.drop(r)
		}
		s.pos, s.errors.attempt = 0, 0
	}
	return nil
}

func (s *Source) one(r *connect.Record, out *Encoded, now time.Time) (keep bool, err error) {
	n := len(s.chain)
	for ; s.pos < n; s.pos++ {
		t := &s.chain[s.pos]
		s.stage, s.class = Transformation, t.class
		if keep, err = t.run(r); err != nil || !keep {
			return false, err
		}
	}
	if s.pos == n {
		s.rec = kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: now, Headers: out.headers(len(r.Headers))}
		if err := setTimestamp(&s.rec, r); err != nil {
			return false, err
		}
		s.plain = 0
		if err := s.headers(r, out); err != nil {
			return false, err
		}
		s.pos++
	}
	if s.pos == n+1 {
		s.stage, s.class = KeyConverter, s.conv.KeyClass
		dst := out.room()
		key, err := s.conv.Key.FromConnect(dst, r.Topic, &r.Headers, r.KeySchema, r.Key)
		if err != nil {
			return false, err
		}
		s.rec.Key = out.keep(dst, key)
		s.pos++
	}
	s.stage, s.class = ValueConverter, s.conv.ValueClass
	dst := out.room()
	value, err := s.conv.Value.FromConnect(dst, r.Topic, &r.Headers, r.ValueSchema, r.Value)
	if err != nil {
		return false, err
	}
	s.rec.Value = out.keep(dst, value)
	if len(r.Headers) > s.plain { // a converter added some
		return true, s.headers(r, out)
	}
	return true, nil
}

// headers converts the headers that are not converted yet.
func (s *Source) headers(r *connect.Record, out *Encoded) error {
	s.stage, s.class = HeaderConverter, s.conv.HeaderClass
	for ; s.plain < len(r.Headers); s.plain++ {
		h := &r.Headers[s.plain]
		dst := out.room()
		v, err := s.conv.Header.FromConnectHeader(dst, r.Topic, h.Key, h.Schema, h.Value)
		if err != nil {
			return err
		}
		s.rec.Headers = append(s.rec.Headers, kgo.RecordHeader{Key: h.Key, Value: out.keep(dst, v)})
	}
	return nil
}

func setTimestamp(out *kgo.Record, r *connect.Record) error {
	switch {
	case r.Timestamp == connect.NoTimestamp || r.Timestamp == -1:
	case r.Timestamp < 0:
		return &fatal{connect.Errorf("org.apache.kafka.common.errors.InvalidRecordException", "Invalid record timestamp %d", r.Timestamp)}
	default:
		out.Timestamp = time.UnixMilli(r.Timestamp)
	}
	return nil
}

// fatal marks an error that no tolerance covers.
type fatal struct{ err error }

func (f *fatal) Error() string { return f.err.Error() }
func (f *fatal) Unwrap() error { return f.err }
