package inspect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/leat-project/leat/broker/recordbatch"
)

// log reads record batches. A wrong CRC or wrong records are problems of that
// batch; a length that cannot be ends the reading, as nothing says where the
// next batch begins.
func (r *reading) log() error {
	next := max(r.base, 0)
	var rd recordbatch.Reader
	err := r.batches(func(b recordbatch.Batch, pos int64) error {
		if r.opts.MaxBytes > 0 && pos+int64(b.Size()) > r.opts.MaxBytes {
			return errEnough
		}
		item := batchItem(b, pos)
		if err := r.emit(item); err != nil {
			return err
		}
		switch {
		case !item.Valid:
			return r.problem(pos, "the CRC of the batch is %d, expected %d", b.CRC(), b.ComputeCRC())
		case b.BaseOffset() < next || b.LastOffsetDelta() < 0:
			if err := r.problem(pos, "the batch has the offsets %d to %d, expected %d or more", b.BaseOffset(), b.LastOffset(), next); err != nil {
				return err
			}
		case r.base >= 0 && b.LastOffset()-r.base > math.MaxInt32:
			if err := r.problem(pos, "offset %d is too far from the segment's base offset %d", b.LastOffset(), r.base); err != nil {
				return err
			}
		}
		next = max(next, b.NextOffset())
		if !r.opts.Deep {
			return nil
		}
		return r.records(b, pos, &rd)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends the reading of a log at Options.MaxBytes.
var errEnough = errors.New("inspect: enough")

// batches calls fn with every batch and its position. b is valid during the
// call only.
func (r *reading) batches(fn func(b recordbatch.Batch, pos int64) error) error {
	f, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(f, int(min(info.Size(), 1<<20)))
	buf := make([]byte, recordbatch.HeaderSize)
	for pos, size := int64(0), info.Size(); pos < size; {
		if size-pos < recordbatch.HeaderSize {
			return r.problem(pos, "%d bytes are left, expected the header of a batch of %d bytes", size-pos, recordbatch.HeaderSize)
		}
		if _, err := io.ReadFull(in, buf[:recordbatch.HeaderSize]); err != nil {
			return fmt.Errorf("reading %s at %d: %w", r.path, pos, err)
		}
		h := recordbatch.Batch(buf[:recordbatch.HeaderSize])
		n := int64(h.Size())
		switch {
		case h.Magic() != 2:
			return r.problem(pos, "magic is %d, expected 2: older formats are not read", h.Magic())
		case n < recordbatch.HeaderSize:
			return r.problem(pos, "the length of the batch is %d bytes, expected at least %d", n, recordbatch.HeaderSize)
		case n > size-pos:
			return r.problem(pos, "the batch has %d bytes, but only %d are left in the file", n, size-pos)
		}
		if int64(cap(buf)) < n {
			buf = append(make([]byte, 0, n), buf[:recordbatch.HeaderSize]...)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(in, buf[recordbatch.HeaderSize:]); err != nil {
			return fmt.Errorf("reading %s at %d: %w", r.path, pos, err)
		}
		if err := fn(recordbatch.Batch(buf), pos); err != nil {
			return err
		}
		pos += n
	}
	return nil
}

func batchItem(b recordbatch.Batch, pos int64) *Batch {
	kind, horizon := "CreateTime", int64(-1)
	if b.LogAppendTime() {
		kind = "LogAppendTime"
	}
	if ms, ok := b.DeleteHorizon(); ok {
		horizon = ms
	}
	return &Batch{
		Type: "batch", Position: pos, Size: b.Size(), BaseOffset: b.BaseOffset(), LastOffset: b.LastOffset(), Count: b.Count(),
		LeaderEpoch: b.LeaderEpoch(), Codec: b.Codec().String(), TimestampType: kind, MaxTimestamp: b.MaxTimestamp(), DeleteHorizon: horizon,
		ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(), BaseSequence: b.BaseSequence(), LastSequence: b.LastSequence(),
		Transactional: b.Transactional(), Control: b.Control(), CRC: b.CRC(), Valid: b.CRCValid(),
	}
}

// records hands out the records of a batch.
func (r *reading) records(b recordbatch.Batch, pos int64, rd *recordbatch.Reader) error {
	if err := rd.Reset(b); err != nil {
		return r.problem(pos, "%s", err)
	}
	seq := b.BaseSequence()
	first := b.BaseOffset()
	for rd.Next() {
		rec := rd.Record()
		item := &Record{Type: "record", Offset: rec.Offset, Timestamp: rec.Timestamp, Sequence: -1, Control: b.Control(), KeySize: size(rec.Key), ValueSize: size(rec.Value)}
		if seq >= 0 {
			item.Sequence = recordbatch.AddSequence(seq, int32(rec.Offset-first))
		}
		var err error
		switch {
		case b.Control():
			item.Key, item.Value, err = decodeControl(rec.Key, rec.Value)
		case r.opts.Data:
			item.Key, item.Value, err = r.opts.Decoder.decode(rec.Key, rec.Value)
		}
		if r.opts.Data {
			item.Headers = headers(rec)
		}
		if e := r.emit(item); e != nil {
			return e
		}
		if err != nil {
			if e := r.problem(pos, "the record at offset %d: %v", rec.Offset, err); e != nil {
				return e
			}
		}
	}
	var bad *recordbatch.Error
	if errors.As(rd.Err(), &bad) {
		return r.problem(pos, "%s", bad.Msg)
	}
	return rd.Err()
}

func size(b []byte) int {
	if b == nil {
		return -1
	}
	return len(b)
}

func headers(rec *recordbatch.Record) []Header {
	var out []Header
	for _, h := range rec.ParseHeaders() {
		item := Header{Key: h.Key}
		if h.Value != nil {
			v := text(h.Value).Text
			item.Value = &v
		}
		out = append(out, item)
	}
	return out
}
