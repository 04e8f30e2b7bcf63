package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/broker/recordbatch"
)

func TestTrapAcks(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t", "min.insync.replicas", "2")
	// acks=0 has no answer: the next one is to the request after it.
	for range 3 {
		w.send(produceOf("t", 0, batchOf(t, nil, "v")))
	}
	// With one replica, two in sync cannot be asked for.
	if at := append1(t, w, "t", batchOf(t, nil, "v")); at != 3 {
		t.Errorf("acks=all after three records with acks=0 got offset %d, want 3", at)
	}
	for _, acks := range []int16{2, -2} {
		p := produced(ask[*kmsg.ProduceResponse](w, produceOf("t", acks, batchOf(t, nil, "v")), 9))
		wantCode(t, fmt.Sprint("acks=", acks), p.ErrorCode, kerr.InvalidRequiredAcks)
		if p.BaseOffset != -1 {
			t.Errorf("acks=%d: base offset %d, want -1", acks, p.BaseOffset)
		}
	}
	// What fails with acks=0 ends the connection, so that the producer looks.
	w.send(produceOf("none", 0, batchOf(t, nil, "v")))
	if _, err := w.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after a failure with acks=0: %v, want the end of the connection", err)
	}
}

func TestTrapRecordErrors(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "compacted", "cleanup.policy", "compact")
	create(t, w, "plain")
	create(t, w, "recent", "message.timestamp.before.max.ms", "60000")
	now := time.Now().UnixMilli()
	batch := func(key []byte, at int64) []byte {
		var rb recordbatch.Builder
		rb.Add(now, []byte("k"), []byte("good"))
		rb.Add(at, key, []byte("bad"))
		out, err := rb.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct {
		name, topic string
		batch       []byte
		want        *kerr.Error
	}{
		{"a record without key", "compacted", batch(nil, now), kerr.InvalidRecord},
		{"a record without key, where none is needed", "plain", batch(nil, now), nil},
		{"two hours ahead", "plain", batch([]byte("k"), now+7200_000), kerr.InvalidTimestamp},
		{"half an hour ahead", "plain", batch([]byte("k"), now+1800_000), nil},
		{"two minutes behind", "recent", batch([]byte("k"), now-120_000), kerr.InvalidTimestamp},
		{"half a minute behind", "recent", batch([]byte("k"), now-30_000), nil},
		{"a year behind", "plain", batch([]byte("k"), now-365*86400_000), nil},
	} {
		for _, version := range []int16{7, 8, 9} {
			p := produced(ask[*kmsg.ProduceResponse](w, produceOf(c.topic, -1, c.batch), version))
			wantCode(t, fmt.Sprintf("%s, version %d", c.name, version), p.ErrorCode, c.want)
			told := len(p.ErrorRecords) == 1 && p.ErrorRecords[0].RelativeOffset == 1 && p.ErrorRecords[0].ErrorMessage != nil && p.ErrorMessage != nil
			if want := c.want != nil && version >= 8; told != want {
				t.Errorf("%s, version %d: the bad record is named: %v, want %v (%+v)", c.name, version, told, want, p)
			}
		}
	}
}

// With LogAppendTime records get the broker's time, which the answer tells, and
// their own is not looked at.
func TestLogAppendTime(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "stamped", "message.timestamp.type", "LogAppendTime", "message.timestamp.before.max.ms", "1000", "message.timestamp.after.max.ms", "1000")
	var rb recordbatch.Builder
	rb.Add(5, nil, []byte("old"))
	rb.Add(time.Now().Add(1000*time.Hour).UnixMilli(), nil, []byte("new"))
	batch, err := rb.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().UnixMilli()
	p := produced(ask[*kmsg.ProduceResponse](w, produceOf("stamped", -1, batch), 9))
	if p.ErrorCode != 0 || p.LogAppendTime < before || p.LogAppendTime > time.Now().UnixMilli() {
		t.Fatalf("answered with %v, log append time %d", kerr.ErrorForCode(p.ErrorCode), p.LogAppendTime)
	}
	for _, r := range readBatch(t, w, "stamped", 0, 2) {
		if r.Timestamp != p.LogAppendTime {
			t.Errorf("record at %d has time %d, want %d", r.Offset, r.Timestamp, p.LogAppendTime)
		}
	}
	create(t, w, "own")
	if p := produced(ask[*kmsg.ProduceResponse](w, produceOf("own", -1, batchOf(t, nil, "v")), 9)); p.LogAppendTime != -1 {
		t.Errorf("with CreateTime the answer has log append time %d, want -1", p.LogAppendTime)
	}
}

// readBatch fetches the batch at an offset and reads its n records.
func readBatch(t *testing.T, w *wire, topic string, offset int64, n int) []recordbatch.Record {
	t.Helper()
	var rd recordbatch.Reader
	if err := rd.Reset(stored(t, w, topic, offset)); err != nil {
		t.Fatal(err)
	}
	var out []recordbatch.Record
	for rd.Next() {
		r := *rd.Record()
		r.Value = bytes.Clone(r.Value)
		out = append(out, r)
	}
	if rd.Err() != nil || len(out) != n {
		t.Fatalf("%d records at %d of %s, %v, want %d", len(out), offset, topic, rd.Err(), n)
	}
	return out
}

// stored is the batch at an offset.
func stored(t *testing.T, w *wire, topic string, offset int64) recordbatch.Batch {
	t.Helper()
	p := fetched(ask[*kmsg.FetchResponse](w, fetchOf(topic, offset), 12))
	batch, _, err := recordbatch.Next(p.RecordBatches)
	if err != nil || p.ErrorCode != 0 {
		t.Fatalf("fetching %s at %d: %v, %v", topic, offset, kerr.ErrorForCode(p.ErrorCode), err)
	}
	return batch
}

var codecNames = map[string]recordbatch.Codec{
	"uncompressed": recordbatch.None, "gzip": recordbatch.Gzip, "snappy": recordbatch.Snappy, "lz4": recordbatch.LZ4, "zstd": recordbatch.Zstd,
}

// A batch is stored as it came, down to the bit, unless compression.type asks
// for another codec than its own.
func TestRecompression(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	value := string(bytes.Repeat([]byte("compressible "), 1000))
	create(t, w, "producer")
	for to := range codecNames {
		create(t, w, to, "compression.type", to)
	}
	for from, codec := range codecNames {
		batch := batchOf(t, func(rb *recordbatch.Builder) { rb.Codec = codec }, value, value)
		for _, to := range []string{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"} {
			at := append1(t, w, to, bytes.Clone(batch))
			got := stored(t, w, to, at)
			want, same := codec, true
			if c, ok := codecNames[to]; ok {
				want, same = c, c == codec
			}
			const crc = 17 // base offset and leader epoch lie before it and are the broker's
			if got.Codec() != want || same && !bytes.Equal(got[crc:], batch[crc:]) || !got.CRCValid() {
				t.Errorf("%s to a topic of %s: stored with %s, %d of %d bytes", from, to, got.Codec(), len(got), len(batch))
			}
			for _, r := range readBatch(t, w, to, at, 2) {
				if string(r.Value) != value {
					t.Errorf("%s to a topic of %s: the value changed", from, to)
				}
			}
		}
	}
}

// max.message.bytes counts the whole batch, both as it came and as it is stored.
func TestMessageSizeLimit(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	value := string(bytes.Repeat([]byte("x"), 5000))
	plain := batchOf(t, nil, value)
	packed := batchOf(t, func(rb *recordbatch.Builder) { rb.Codec = recordbatch.Zstd }, value)
	for _, c := range []struct {
		name  string
		batch []byte
		limit int
		codec string
		want  *kerr.Error
	}{
		{"exact", plain, len(plain), "producer", nil},
		{"short", plain, len(plain) - 1, "producer", kerr.MessageTooLarge},
		{"as-it-came", plain, 1000, "zstd", kerr.MessageTooLarge},
		{"packed", packed, 1000, "producer", nil},
		{"as-stored", packed, 1000, "uncompressed", kerr.MessageTooLarge},
	} {
		create(t, w, c.name, "max.message.bytes", fmt.Sprint(c.limit), "compression.type", c.codec)
		p := produced(ask[*kmsg.ProduceResponse](w, produceOf(c.name, -1, bytes.Clone(c.batch)), 9))
		wantCode(t, fmt.Sprintf("%s: %d bytes, at most %d", c.name, len(c.batch), c.limit), p.ErrorCode, c.want)
	}
}

// Requests that are sent without waiting are answered in their order, and
// appended in it, whichever of them wait for a flush.
func TestTrapPipelinedInOrder(t *testing.T) {
	for _, flush := range []string{"always", "never"} {
		t.Run(flush, func(t *testing.T) {
			b := brokertest.Start(t, nil)
			w := newWire(t, b)
			create(t, w, "t", "leat.flush.before.ack", flush)
			create(t, w, "u", "leat.flush.before.ack", "never")
			var open []sent
			const rounds = 100
			for i := range rounds {
				open = append(open, w.send(produceOf("t", -1, batchOf(t, nil, fmt.Sprint(i)))))
				w.send(produceOf("u", 0, batchOf(t, nil, fmt.Sprint(i))))
				open = append(open, w.send(produceOf("u", 1, batchOf(t, nil, fmt.Sprint(i)))))
				versions := kmsg.NewPtrApiVersionsRequest()
				open = append(open, w.send(versions))
				parked := fetchOf("t", int64(i)+1)
				parked.MaxWaitMillis = 1
				open = append(open, w.send(parked))
			}
			var next [2]int64
			for _, s := range open { // answer fails on any other order
				resp, ok := s.answer().(*kmsg.ProduceResponse)
				if !ok {
					continue
				}
				n, step := 0, int64(1)
				if resp.Topics[0].Topic == "u" {
					n, step = 1, 2
				}
				p := produced(resp)
				if want := next[n] + step - 1; p.ErrorCode != 0 || p.BaseOffset != want {
					t.Fatalf("%s got offset %d, %v, want %d", resp.Topics[0].Topic, p.BaseOffset, kerr.ErrorForCode(p.ErrorCode), want)
				}
				next[n] += step
			}
			for i := range int64(rounds) {
				if r := readBatch(t, w, "t", i, 1)[0]; string(r.Value) != fmt.Sprint(i) {
					t.Fatalf("record %d is %s", i, r.Value)
				}
			}
		})
	}
}
