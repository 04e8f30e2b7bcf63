package recordbatch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/recordbatch"
)

const now int64 = 1_700_000_000_000

var codecs = []recordbatch.Codec{recordbatch.None, recordbatch.Gzip, recordbatch.Snappy, recordbatch.LZ4, recordbatch.Zstd}

func build(t testing.TB, n int, change ...func(*recordbatch.Builder)) recordbatch.Batch {
	t.Helper()
	var b recordbatch.Builder
	for _, f := range change {
		f(&b)
	}
	for i := range n {
		b.Add(now+int64(i), fmt.Appendf(nil, "key%d", i), bytes.Repeat([]byte{'v'}, i), recordbatch.Header{Key: "h", Value: []byte{byte(i)}}, recordbatch.Header{Key: "null"})
	}
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rules() recordbatch.Rules {
	return recordbatch.Rules{MaxBytes: math.MaxInt32, Now: now, BeforeMax: math.MaxInt64, AfterMax: 3600_000}
}

// fix stores the CRC of a batch that a test changed.
func fix(b recordbatch.Batch) recordbatch.Batch {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.String(), func(t *testing.T) {
			b := build(t, 300, func(b *recordbatch.Builder) { b.Codec = c })
			if b.Size() != len(b) || b.Count() != 300 || b.LastOffset() != 299 || b.Codec() != c || b.MaxTimestamp() != now+299 || !b.CRCValid() {
				t.Fatalf("header is wrong: %x", b[:recordbatch.HeaderSize])
			}
			b.AssignOffsets(1000, 7)
			if !b.CRCValid() || b.BaseOffset() != 1000 || b.LeaderEpoch() != 7 || b.NextOffset() != 1300 {
				t.Fatal("assigning offsets broke the batch")
			}
			var rd recordbatch.Reader
			if err := rd.Reset(b); err != nil {
				t.Fatal(err)
			}
			n := 0
			for ; rd.Next(); n++ {
				r := rd.Record()
				if r.Offset != int64(1000+n) || r.Timestamp != now+int64(n) || string(r.Key) != fmt.Sprint("key", n) || len(r.Value) != n {
					t.Fatalf("record %d is %+v", n, r)
				}
				h := r.ParseHeaders()
				if len(h) != 2 || h[0].Key != "h" || !bytes.Equal(h[0].Value, []byte{byte(n)}) || h[1].Key != "null" || h[1].Value != nil {
					t.Fatalf("headers of record %d are %+v", n, h)
				}
			}
			if n != 300 || rd.Err() != nil {
				t.Fatalf("%d records, %v", n, rd.Err())
			}
		})
	}
}

// TestAgainstKmsg has franz-go's independent decoder read what Builder makes.
func TestAgainstKmsg(t *testing.T) {
	b := build(t, 3, func(b *recordbatch.Builder) {
		b.Idempotent, b.ProducerID, b.ProducerEpoch, b.BaseSequence = true, 5, 6, 7
	})
	var k kmsg.RecordBatch
	if err := k.ReadFrom(b); err != nil {
		t.Fatal(err)
	}
	if k.NumRecords != 3 || k.ProducerID != 5 || k.ProducerEpoch != 6 || k.FirstSequence != 7 || k.LastOffsetDelta != 2 || k.Magic != 2 {
		t.Fatalf("kmsg reads %+v", k)
	}
	var r kmsg.Record
	if err := r.ReadFrom(k.Records); err != nil || string(r.Key) != "key0" || len(r.Headers) != 2 {
		t.Fatalf("kmsg reads %+v, %v", r, err)
	}
}

func TestValidate(t *testing.T) {
	set := func(pos int, v ...byte) func(recordbatch.Batch) recordbatch.Batch {
		return func(b recordbatch.Batch) recordbatch.Batch { copy(b[pos:], v); return fix(b) }
	}
	same := func(b recordbatch.Batch) recordbatch.Batch { return b }
	for _, c := range []struct {
		name   string
		change func(recordbatch.Batch) recordbatch.Batch
		rules  func(*recordbatch.Rules)
		want   recordbatch.Kind
		errs   int // number of record errors
	}{
		{"good", same, nil, recordbatch.KindUnknown, 0},
		{"empty", func(recordbatch.Batch) recordbatch.Batch { return nil }, nil, recordbatch.InvalidRecord, 0},
		{"short", func(b recordbatch.Batch) recordbatch.Batch { return b[:10] }, nil, recordbatch.Corrupt, 0},
		{"cut", func(b recordbatch.Batch) recordbatch.Batch { return b[:len(b)-1] }, nil, recordbatch.Corrupt, 0},
		{"two batches", func(b recordbatch.Batch) recordbatch.Batch { return slices.Concat(b, b) }, nil, recordbatch.InvalidRecord, 0},
		{"old magic", set(16, 1), nil, recordbatch.InvalidRecord, 0},
		{"base offset", set(7, 1), nil, recordbatch.InvalidRecord, 0},
		{"bad crc", func(b recordbatch.Batch) recordbatch.Batch { b[len(b)-1] ^= 1; return b }, nil, recordbatch.Corrupt, 0},
		{"count", set(60, 9), nil, recordbatch.InvalidRecord, 0},
		{"no records", set(57, 0, 0, 0, 0), nil, recordbatch.InvalidRecord, 0},
		{"control", set(22, 0x20), nil, recordbatch.InvalidRecord, 0},
		{"unknown codec", set(22, 5), nil, recordbatch.InvalidRecord, 0},
		{"unknown attribute", set(21, 0x80), nil, recordbatch.InvalidRecord, 0},
		{"log append time", set(22, 0x08), nil, recordbatch.InvalidTimestamp, 0},
		{"producer without sequence", set(43, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff), nil, recordbatch.InvalidRecord, 0},
		{"transaction without producer", set(22, 0x10), nil, recordbatch.InvalidRecord, 0},
		{"garbage compressed", set(22, 1), func(r *recordbatch.Rules) { r.AlwaysInside = true }, recordbatch.Corrupt, 0},
		{"too large", same, func(r *recordbatch.Rules) { r.MaxBytes = 50 }, recordbatch.MessageTooLarge, 0},
		{"too new", same, func(r *recordbatch.Rules) { r.Now -= 3600_000 - 1 + 1 }, recordbatch.InvalidTimestamp, 2},
		{"too old", same, func(r *recordbatch.Rules) { r.Now += 1000; r.BeforeMax = 999 }, recordbatch.InvalidTimestamp, 1},
		{"times do not count", same, func(r *recordbatch.Rules) { r.Now = 0; r.LogAppendTime = true }, recordbatch.KindUnknown, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rules()
			if c.rules != nil {
				c.rules(&r)
			}
			_, err := recordbatch.Validate(c.change(build(t, 3)), r, new(recordbatch.Reader))
			checkKind(t, err, c.want, c.errs)
		})
	}
	t.Run("zstd in an old request", func(t *testing.T) {
		r := rules()
		r.NoZstd = true
		_, err := recordbatch.Validate(build(t, 3, func(b *recordbatch.Builder) { b.Codec = recordbatch.Zstd }), r, new(recordbatch.Reader))
		checkKind(t, err, recordbatch.UnsupportedCompression, 0)
	})
	for _, codec := range codecs {
		t.Run("keys required "+codec.String(), func(t *testing.T) {
			b := recordbatch.Builder{Codec: codec}
			b.Add(now, nil, []byte("x"))
			b.Add(now, []byte("k"), []byte("x"))
			b.Add(now, nil, []byte("x"))
			data, err := b.Build(nil)
			if err != nil {
				t.Fatal(err)
			}
			r := rules()
			r.KeysRequired = true
			_, err = recordbatch.Validate(data, r, new(recordbatch.Reader))
			checkKind(t, err, recordbatch.InvalidRecord, 2)
		})
	}
}

func checkKind(t *testing.T, err error, want recordbatch.Kind, records int) {
	t.Helper()
	if want == recordbatch.KindUnknown {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	var e *recordbatch.Error
	if !errors.As(err, &e) || e.Kind != want || len(e.Records) != records {
		t.Fatalf("error is %#v, want kind %s with %d records", err, want, records)
	}
}

func TestBombIsRefused(t *testing.T) {
	for _, c := range codecs[1:] {
		b := recordbatch.Builder{Codec: c}
		b.Add(now, nil, make([]byte, 4<<20))
		data, err := b.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		rd := recordbatch.Reader{MaxDecompressed: 1 << 20}
		if err := rd.Reset(data); err == nil || !strings.Contains(err.Error(), "limit") {
			t.Errorf("%s: 4 MiB with a limit of 1 MiB give %v", c, err)
		}
	}
}

func TestMaxTimestampIsCorrected(t *testing.T) {
	b := build(t, 3)
	binary.BigEndian.PutUint64(b[35:], uint64(now-5))
	got, err := recordbatch.Validate(fix(b), rules(), new(recordbatch.Reader))
	if err != nil || got.MaxTimestamp() != now+2 || !got.CRCValid() {
		t.Fatalf("largest timestamp is %d, %v, want %d", got.MaxTimestamp(), err, now+2)
	}
}

func TestRecompressAndLogAppendTime(t *testing.T) {
	for _, from := range codecs {
		for _, to := range codecs {
			b := build(t, 50, func(b *recordbatch.Builder) { b.Codec = from })
			var rd recordbatch.Reader
			out, err := recordbatch.Recompress(nil, b, to, 0, &rd)
			if err != nil {
				t.Fatalf("%s to %s: %v", from, to, err)
			}
			o := recordbatch.Batch(out)
			o.SetLogAppendTime(now + 999)
			if !o.CRCValid() || o.Codec() != to || o.Count() != 50 || !o.LogAppendTime() {
				t.Fatalf("%s to %s: header is wrong", from, to)
			}
			if err := rd.Reset(o); err != nil {
				t.Fatal(err)
			}
			n := 0
			for ; rd.Next(); n++ {
				if rd.Record().Timestamp != now+999 {
					t.Fatalf("timestamp is %d", rd.Record().Timestamp)
				}
			}
			if n != 50 || rd.Err() != nil {
				t.Fatalf("%s to %s: %d records, %v", from, to, n, rd.Err())
			}
		}
	}
}

func TestMarker(t *testing.T) {
	b := recordbatch.Batch(recordbatch.AppendMarker(nil, 9, 3, recordbatch.Marker{Commit: true, CoordinatorEpoch: 12}, now))
	m, ok, err := recordbatch.ReadMarker(b)
	if err != nil || !ok || !m.Commit || m.CoordinatorEpoch != 12 || !b.Control() || !b.Transactional() || b.BaseSequence() != -1 || b.LastSequence() != -1 {
		t.Fatalf("marker reads as %+v, %v, %v", m, ok, err)
	}
}

func TestSequencesWrap(t *testing.T) {
	for _, c := range []struct{ seq, n, want int32 }{{0, 5, 5}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 1, 3, 1}} {
		if got := recordbatch.AddSequence(c.seq, c.n); got != c.want {
			t.Errorf("AddSequence(%d, %d) = %d, want %d", c.seq, c.n, got, c.want)
		}
	}
}

func TestRebuilt(t *testing.T) {
	for _, codec := range codecs {
		b := build(t, 10, func(b *recordbatch.Builder) { b.Codec = codec })
		b.AssignOffsets(500, 2)
		var rd recordbatch.Reader
		if err := rd.Reset(b); err != nil {
			t.Fatal(err)
		}
		var kept []recordbatch.Record
		for rd.Next() {
			if rd.Record().Offset%3 == 0 {
				kept = append(kept, *rd.Record())
			}
		}
		out, err := recordbatch.AppendRebuilt(nil, b, kept, now+77, true)
		if err != nil {
			t.Fatal(err)
		}
		o := recordbatch.Batch(out)
		if h, ok := o.DeleteHorizon(); !ok || h != now+77 || o.LastOffset() != 509 || o.BaseOffset() != 500 || !o.CRCValid() || int(o.Count()) != len(kept) {
			t.Fatalf("%s: rebuilt header is wrong", codec)
		}
		if err := rd.Reset(o); err != nil {
			t.Fatal(err)
		}
		for i := 0; rd.Next(); i++ {
			if r := rd.Record(); r.Offset%3 != 0 || r.Timestamp != now+r.Offset-500 || r.HeaderCount != 2 {
				t.Fatalf("%s: record %d is %+v", codec, i, r)
			}
		}
		empty, err := recordbatch.AppendRebuilt(nil, b, nil, 0, false)
		if e := recordbatch.Batch(empty); err != nil || len(empty) != recordbatch.HeaderSize || e.LastOffset() != 509 || e.Count() != 0 || !e.CRCValid() {
			t.Fatalf("%s: empty batch is wrong", codec)
		}
	}
}

// FuzzValidate feeds the validation with anything. What it accepts must be readable and keep its promises.
func FuzzValidate(f *testing.F) {
	for _, c := range codecs {
		f.Add([]byte(build(f, 5, func(b *recordbatch.Builder) { b.Codec = c })), false)
	}
	f.Add([]byte(build(f, 1, func(b *recordbatch.Builder) { b.Transactional, b.ProducerID = true, 4 })), true)
	f.Add(recordbatch.AppendMarker(nil, 1, 1, recordbatch.Marker{}, now), true)
	f.Fuzz(func(t *testing.T, data []byte, keys bool) {
		if len(data) > recordbatch.HeaderSize {
			fix(data) // or nothing would ever get past the CRC
		}
		r := rules()
		r.KeysRequired, r.AlwaysInside = keys, true
		rd := &recordbatch.Reader{MaxDecompressed: 1 << 20}
		b, err := recordbatch.Validate(data, r, rd)
		if err != nil {
			var e *recordbatch.Error
			if !errors.As(err, &e) || e.Kind == recordbatch.KindUnknown {
				t.Fatalf("error without a kind: %v", err)
			}
			return
		}
		if err := rd.Reset(b); err != nil {
			t.Fatalf("accepted and not readable: %v", err)
		}
		n := int32(0)
		for ; rd.Next(); n++ {
			if rec := rd.Record(); rec.Offset != int64(n) || rec.Timestamp > b.MaxTimestamp() || keys && rec.Key == nil {
				t.Fatalf("record %d is %+v", n, rec)
			}
		}
		if rd.Err() != nil || n != b.Count() || !b.CRCValid() {
			t.Fatalf("%d of %d records, %v", n, b.Count(), rd.Err())
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var bl recordbatch.Builder
			for bl.Size() < 16<<10 {
				bl.Add(now, nil, make([]byte, size))
			}
			data, err := bl.Build(nil)
			if err != nil {
				b.Fatal(err)
			}
			var rd recordbatch.Reader
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := recordbatch.Validate(data, rules(), &rd); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
