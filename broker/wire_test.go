package broker_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/broker/recordbatch"
)

// wire is a connection on which requests are sent byte by byte as a test wants
// them: pipelined, at any version, without what a client would add.
type wire struct {
	t    testing.TB
	conn net.Conn
	last int32 // correlation id
}

func newWire(t *testing.T, b *brokertest.Broker) *wire {
	t.Helper()
	w := &wire{t: t, conn: dial(t, b)}
	if err := w.conn.SetDeadline(time.Now().Add(testTime)); err != nil {
		t.Fatal(err)
	}
	return w
}

// sent is a request whose answer is not read yet.
type sent struct {
	w  *wire
	id int32
	as kmsg.Response
}

// send writes a request, whose version is set, and returns at once.
func (w *wire) send(req kmsg.Request) sent {
	w.t.Helper()
	w.last++
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("wire")).AppendRequest(nil, req, w.last)
	if _, err := w.conn.Write(frame); err != nil {
		w.t.Fatalf("sending %s version %d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return sent{w, w.last, req.ResponseKind()}
}

// answer reads the next answer of the connection, which must be to this
// request, and must be decoded to its last byte.
func (s sent) answer() kmsg.Response {
	w := s.w
	w.t.Helper()
	name := kmsg.NameForKey(s.as.Key())
	var size [4]byte
	if _, err := io.ReadFull(w.conn, size[:]); err != nil {
		w.t.Fatalf("reading the answer to %s version %d: %v", name, s.as.GetVersion(), err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(w.conn, body); err != nil {
		w.t.Fatalf("reading the answer to %s version %d: %v", name, s.as.GetVersion(), err)
	}
	if id := int32(binary.BigEndian.Uint32(body)); id != s.id {
		w.t.Fatalf("the answer is to request %d, want %d, %s", id, s.id, name)
	}
	body = body[4:]
	if s.as.IsFlexible() && s.as.Key() != 18 { // ApiVersions keeps the old header
		if body[0] != 0 {
			w.t.Fatalf("%s version %d: tags in the header: % x", name, s.as.GetVersion(), body[:1])
		}
		body = body[1:]
	}
	if err := s.as.ReadFrom(body); err != nil {
		w.t.Fatalf("decoding the answer to %s version %d: %v", name, s.as.GetVersion(), err)
	}
	if again := s.as.AppendTo(nil); !bytes.Equal(again, body) {
		w.t.Fatalf("the answer to %s version %d is encoded otherwise than by kmsg:\n got % x\nwant % x", name, s.as.GetVersion(), body, again)
	}
	return s.as
}

// ask sends one request and reads its answer.
func ask[R kmsg.Response](w *wire, req kmsg.Request, version int16) R {
	w.t.Helper()
	req.SetVersion(version)
	resp, ok := w.send(req).answer().(R)
	if !ok {
		w.t.Fatalf("asked %s for another answer than its own", kmsg.NameForKey(req.Key()))
	}
	return resp
}

// silent fails when something arrives within d.
func (w *wire) silent(d time.Duration) {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		w.t.Fatal(err)
	}
	if n, err := w.conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatalf("an answer came early, or the end: %d bytes, %v", n, err)
	}
	if err := w.conn.SetReadDeadline(time.Now().Add(testTime)); err != nil {
		w.t.Fatal(err)
	}
}

// produceOf asks to append a batch to partition 0 of a topic.
func produceOf(topic string, acks int16, batch []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, acks, 10000
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = batch
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.ProduceRequestTopicPartition{rp}
	req.Topics = []kmsg.ProduceRequestTopic{rt}
	return req
}

func produced(resp kmsg.Response) kmsg.ProduceResponseTopicPartition {
	return resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
}

// batchOf is a batch of records with these values and the time of now.
func batchOf(t testing.TB, change func(*recordbatch.Builder), values ...string) []byte {
	t.Helper()
	var b recordbatch.Builder
	if change != nil {
		change(&b)
	}
	for _, v := range values {
		b.Add(time.Now().UnixMilli(), []byte("k"), []byte(v))
	}
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fetchOf asks for partition 0 of a topic from an offset on, without waiting.
func fetchOf(topic string, offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes, req.SessionEpoch = 12, 1, 1<<20, -1
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch, rp.LastFetchedEpoch = offset, 1<<20, -1, -1
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.FetchRequestTopicPartition{rp}
	req.Topics = []kmsg.FetchRequestTopic{rt}
	return req
}

func fetched(resp kmsg.Response) kmsg.FetchResponseTopicPartition {
	return resp.(*kmsg.FetchResponse).Topics[0].Partitions[0]
}

// create makes a topic of one partition, with configs given as key and value.
func create(t *testing.T, w *wire, topic string, configs ...string) [16]byte {
	t.Helper()
	req := createOf(topic, configs...)
	resp := ask[*kmsg.CreateTopicsResponse](w, req, 7)
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		t.Fatalf("creating %s: %v", topic, err)
	}
	return resp.Topics[0].TopicID
}

func createOf(topic string, configs ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10000
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, 1, 1
	for i := 0; i < len(configs); i += 2 {
		rc := kmsg.NewCreateTopicsRequestTopicConfig()
		rc.Name, rc.Value = configs[i], &configs[i+1]
		rt.Configs = append(rt.Configs, rc)
	}
	req.Topics = append(req.Topics, rt)
	return req
}

// wantCode compares a protocol error code.
func wantCode(t testing.TB, what string, got int16, want *kerr.Error) {
	t.Helper()
	code := int16(0)
	if want != nil {
		code = want.Code
	}
	if got != code {
		t.Errorf("%s: %v, want %v", what, kerr.ErrorForCode(got), want)
	}
}
