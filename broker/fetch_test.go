package broker_test

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/broker/recordbatch"
)

// append1 appends a batch to partition 0 of a topic and returns its offset.
func append1(t *testing.T, w *wire, topic string, batch []byte) int64 {
	t.Helper()
	p := produced(ask[*kmsg.ProduceResponse](w, produceOf(topic, -1, batch), 9))
	if p.ErrorCode != 0 {
		t.Fatalf("appending to %s: %v", topic, kerr.ErrorForCode(p.ErrorCode))
	}
	return p.BaseOffset
}

// The first batch is returned whole, whatever the limits say; only the first.
func TestTrapFirstBatchBeyondLimits(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "a")
	create(t, w, "b")
	large := batchOf(t, nil, string(make([]byte, 200_000)))
	for _, topic := range []string{"a", "a", "b"} {
		append1(t, w, topic, large)
	}
	req := fetchOf("a", 0)
	req.MaxBytes = 1
	req.Topics[0].Partitions[0].PartitionMaxBytes = 1
	req.Topics = append(req.Topics, fetchOf("b", 0).Topics...)
	resp := ask[*kmsg.FetchResponse](w, req, 12)
	a, second := resp.Topics[0].Partitions[0], resp.Topics[1].Partitions[0]
	if len(a.RecordBatches) != len(large) || len(second.RecordBatches) != 0 || a.ErrorCode != 0 || second.ErrorCode != 0 {
		t.Fatalf("%d and %d bytes, want %d and 0", len(a.RecordBatches), len(second.RecordBatches), len(large))
	}
}

// A fetch at the end waits, one beyond it does not.
func TestTrapFetchAtTheEnd(t *testing.T) {
	b := brokertest.Start(t, nil)
	w, other := newWire(t, b), newWire(t, b)
	create(t, w, "t")
	append1(t, w, "t", batchOf(t, nil, "v"))
	beyond := fetchOf("t", 2)
	beyond.MaxWaitMillis = int32(testTime.Milliseconds())
	p := fetched(ask[*kmsg.FetchResponse](w, beyond, 12))
	wantCode(t, "fetching beyond the end", p.ErrorCode, kerr.OffsetOutOfRange)
	if p.HighWatermark != -1 || p.LastStableOffset != -1 || p.LogStartOffset != -1 {
		t.Errorf("offsets beyond the end = %d, %d, %d, want -1", p.HighWatermark, p.LastStableOffset, p.LogStartOffset)
	}
	at := fetchOf("t", 1)
	at.MaxWaitMillis = int32(testTime.Milliseconds())
	waiting := w.send(at)
	w.silent(50 * time.Millisecond)
	append1(t, other, "t", batchOf(t, nil, "w"))
	if p := fetched(waiting.answer()); p.ErrorCode != 0 || p.HighWatermark != 2 || len(p.RecordBatches) == 0 {
		t.Errorf("the fetch woke with %+v", p)
	}
	// The end of the topic wakes it, too.
	at.Topics[0].Partitions[0].FetchOffset = 2
	waiting = w.send(at)
	w.silent(50 * time.Millisecond)
	gone := kmsg.NewPtrDeleteTopicsRequest()
	gone.TimeoutMillis, gone.TopicNames = 10000, []string{"t"}
	if resp := ask[*kmsg.DeleteTopicsResponse](other, gone, 5); resp.Topics[0].ErrorCode != 0 {
		t.Fatal(kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	}
	p = fetched(waiting.answer())
	if p.ErrorCode != kerr.UnknownTopicOrPartition.Code && p.ErrorCode != kerr.NotLeaderForPartition.Code {
		t.Errorf("a fetch of a topic that was deleted: %v", kerr.ErrorForCode(p.ErrorCode))
	}
	// An epoch that is not the leader's is told at once.
	create(t, w, "u")
	at = fetchOf("u", 0)
	at.MaxWaitMillis, at.Topics[0].Partitions[0].CurrentLeaderEpoch = int32(testTime.Milliseconds()), 9
	wantCode(t, "a leader epoch to come", fetched(ask[*kmsg.FetchResponse](w, at, 12)).ErrorCode, kerr.UnknownLeaderEpoch)
}

// What readers of committed data see while a transaction is open, and after.
func TestTrapReadCommitted(t *testing.T) {
	b := brokertest.Start(t, nil)
	ctx := testContext(t)
	w, reader := newWire(t, b), newWire(t, b)
	create(t, w, "t")
	latest := func(isolation int8) int64 {
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID, req.IsolationLevel = -1, isolation
		req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: -1, CurrentLeaderEpoch: -1}}}}
		return ask[*kmsg.ListOffsetsResponse](w, req, 5).Topics[0].Partitions[0].Offset
	}
	committed := func(offset int64) *kmsg.FetchRequest {
		req := fetchOf("t", offset)
		req.IsolationLevel = 1
		return req
	}
	append1(t, w, "t", batchOf(t, nil, "plain"))
	p := newRawProducer(t, ctx, b, time.Minute)
	p.add("t")
	if code := p.produce(9, "t", 0); code != 0 {
		t.Fatal(kerr.ErrorForCode(code))
	}
	append1(t, w, "t", batchOf(t, nil, "plain"))
	if lso, end := latest(1), latest(0); lso != 1 || end != 3 {
		t.Errorf("latest offsets with an open transaction = %d committed, %d in all, want 1 and 3", lso, end)
	}
	for _, version := range []int16{4, 12} {
		if got := fetched(ask[*kmsg.FetchResponse](w, committed(0), version)); got.AbortedTransactions == nil || len(got.AbortedTransactions) != 0 || got.LastStableOffset != 1 || got.HighWatermark != 3 {
			t.Errorf("version %d: read_committed fetch = %+v, want a list of no aborted transactions, and 1, 3", version, got)
		}
		if got := fetched(ask[*kmsg.FetchResponse](w, fetchOf("t", 0), version)); got.AbortedTransactions != nil {
			t.Errorf("version %d: read_uncommitted fetch has aborted transactions %v, want null", version, got.AbortedTransactions)
		}
	}
	// The last stable offset wakes a reader that waits at it.
	req := committed(1)
	req.Version, req.MaxWaitMillis = 12, int32(testTime.Milliseconds())
	waiting := reader.send(req)
	reader.silent(50 * time.Millisecond)
	if code := p.end(false); code != 0 {
		t.Fatal(kerr.ErrorForCode(code))
	}
	got := fetched(waiting.answer())
	if len(got.AbortedTransactions) != 1 || got.AbortedTransactions[0].ProducerID != p.id || got.AbortedTransactions[0].FirstOffset != 1 || len(got.RecordBatches) == 0 {
		t.Errorf("after the abort = %+v, want the aborted transaction at 1", got)
	}
	// The marker has an offset: a reader of all that lags by it, for ever.
	if lso, end := latest(1), latest(0); lso != 4 || end != 4 {
		t.Errorf("latest offsets after the abort = %d, %d, want 4, with the marker", lso, end)
	}
}

// fetchSession talks to the broker as a client with a session of KIP-227.
type session struct {
	w     *wire
	id    int32
	epoch int32
}

// ask fetches partition 0 of topics that are new or changed, from offset 0, and
// returns the answered topics and their first partitions.
func (s *session) ask(topics []string, forget ...string) (*kmsg.FetchResponse, map[string]kmsg.FetchResponseTopicPartition) {
	s.w.t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.SessionID, req.SessionEpoch = 1, 1<<20, s.id, s.epoch
	for _, name := range topics {
		req.Topics = append(req.Topics, fetchOf(name, 0).Topics...)
	}
	for _, name := range forget {
		req.ForgottenTopics = append(req.ForgottenTopics, kmsg.FetchRequestForgottenTopic{Topic: name, Partitions: []int32{0}})
	}
	resp := ask[*kmsg.FetchResponse](s.w, req, 12)
	if resp.ErrorCode == 0 {
		s.epoch++
	}
	out := map[string]kmsg.FetchResponseTopicPartition{}
	for _, rt := range resp.Topics {
		out[rt.Topic] = rt.Partitions[0]
	}
	return resp, out
}

func TestTrapFetchSession(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"max.incremental.fetch.session.cache.slots": "2"})
	w := newWire(t, b)
	for _, topic := range []string{"a", "b", "c"} {
		create(t, w, topic)
	}
	for range 2 {
		append1(t, w, "b", batchOf(t, nil, "v"))
	}
	s := &session{w: w}
	want := func(what string, got map[string]kmsg.FetchResponseTopicPartition, names ...string) {
		t.Helper()
		var have []string
		for name := range got {
			have = append(have, name)
		}
		slices.Sort(have)
		if !slices.Equal(have, names) {
			t.Fatalf("%s: the answer has %v, want %v", what, have, names)
		}
	}
	first, got := s.ask([]string{"a", "b", "c", "none"})
	want("the full answer", got, "a", "b", "c", "none")
	if s.id = first.SessionID; s.id == 0 {
		t.Fatal("no session was made")
	}
	// b has data until its offset moves on; errors are told every time.
	_, got = s.ask(nil)
	want("nothing changed", got, "b", "none")
	_, got = s.ask(nil, "b")
	want("b forgotten", got, "none")
	wantCode(t, "a topic that is not there, the third time", got["none"].ErrorCode, kerr.UnknownTopicOrPartition)
	_, got = s.ask(nil, "none")
	want("the missing one forgotten", got)

	append1(t, w, "a", batchOf(t, nil, "v"))
	if _, got = s.ask(nil); len(got["a"].RecordBatches) == 0 {
		t.Fatalf("a new record is not in the answer: %v", got)
	}
	// At the end of a, only its offsets can change: by a write of another
	// transaction the high watermark, by DeleteRecords the start.
	move := func(topic string, offset int64) {
		req := kmsg.NewPtrDeleteRecordsRequest()
		req.TimeoutMillis = 10000
		req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: offset}}}}
		if resp := ask[*kmsg.DeleteRecordsResponse](w, req, 2); resp.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Fatal(resp)
		}
	}
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.SessionID, req.SessionEpoch, req.Topics = 1, 1<<20, s.id, s.epoch, fetchOf("a", 1).Topics
	if resp := ask[*kmsg.FetchResponse](w, req, 12); resp.ErrorCode != 0 || len(resp.Topics) != 0 {
		t.Fatalf("at the end of a: %+v", resp)
	}
	s.epoch++
	move("a", 1)
	if _, got = s.ask(nil); got["a"].LogStartOffset != 1 || len(got["a"].RecordBatches) != 0 {
		t.Fatalf("after DeleteRecords: %v, want a with its new start", got)
	}
	_, got = s.ask(nil)
	want("told once", got)

	// The rules of ids and epochs.
	if again, _ := (&session{w: w, id: s.id, epoch: s.epoch + 5}).ask(nil); again.ErrorCode != kerr.InvalidFetchSessionEpoch.Code {
		t.Errorf("another epoch: %v", kerr.ErrorForCode(again.ErrorCode))
	}
	if none, _ := (&session{w: w, id: s.id + 1, epoch: 1}).ask(nil); none.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("another id: %v", kerr.ErrorForCode(none.ErrorCode))
	}
	byID := kmsg.NewPtrFetchRequest()
	byID.MaxBytes, byID.SessionID, byID.SessionEpoch = 1, s.id, s.epoch
	wantCode(t, "a session of names, asked by ids", ask[*kmsg.FetchResponse](w, byID, 13).ErrorCode, kerr.FetchSessionTopicIDError)
	// A full cache gives no session, but an answer.
	if other, _ := (&session{w: w}).ask([]string{"a"}); other.SessionID == 0 {
		t.Error("no second session")
	}
	if third, got := (&session{w: w}).ask([]string{"b"}); third.SessionID != 0 || third.ErrorCode != 0 || len(got) != 1 {
		t.Errorf("with the cache full: session %d, %v", third.SessionID, got)
	}
	// Epoch -1 ends a session.
	if last, _ := (&session{w: w, id: s.id, epoch: -1}).ask([]string{"b"}); last.ErrorCode != 0 || last.SessionID != 0 {
		t.Errorf("ending the session: %+v", last)
	}
	if none, _ := s.ask(nil); none.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("after its end: %v", kerr.ErrorForCode(none.ErrorCode))
	}
}

// A record's offset is found by its time, for readers of all and of committed
// data; -1 where none is that new.
func TestTimeLookUps(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	create(t, w, "t")
	base := time.Now().Add(-time.Hour).UnixMilli()
	for i := range int64(5) {
		var rb recordbatch.Builder
		rb.Add(base+i*100, nil, []byte("first"))
		rb.Add(base+i*100+50, nil, []byte("second"))
		batch, err := rb.Build(nil)
		if err != nil {
			t.Fatal(err)
		}
		append1(t, w, "t", batch)
	}
	for _, c := range []struct{ at, offset, time int64 }{
		{0, 0, base}, {base, 0, base}, {base + 1, 1, base + 50}, {base + 150, 3, base + 150}, {base + 351, 8, base + 400},
		{base + 450, 9, base + 450}, {base + 451, -1, -1}, {-1, 10, -1}, {-2, 0, -1}, {-3, 9, base + 450}, {-4, 0, -1}, {-5, -1, -1},
	} {
		for isolation := range int8(2) {
			req := kmsg.NewPtrListOffsetsRequest()
			req.ReplicaID, req.IsolationLevel = -1, isolation
			req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: c.at, CurrentLeaderEpoch: -1}}}}
			p := ask[*kmsg.ListOffsetsResponse](w, req, 9).Topics[0].Partitions[0]
			if p.ErrorCode != 0 || p.Offset != c.offset || p.Timestamp != c.time {
				t.Errorf("time %d, isolation %d: offset %d, time %d, code %d; want %d, %d", c.at, isolation, p.Offset, p.Timestamp, p.ErrorCode, c.offset, c.time)
			}
		}
	}
}
