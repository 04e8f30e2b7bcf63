package group_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/group"
)

// pendOffset is a TxnOffsetCommit of producer 9 that stays in the running
// round.
func (b *bench) pendOffset(offset int64, verified bool) func() int16 {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.Group, req.ProducerID, req.Generation = 5, "g", 9, -1
	rt := kmsg.NewTxnOffsetCommitRequestTopic()
	rt.Topic = "t"
	rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	rp.Offset = offset
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	resp.Topics = []kmsg.TxnOffsetCommitResponseTopic{{Topic: "t", Partitions: []kmsg.TxnOffsetCommitResponseTopicPartition{{}}}}
	b.shard.CommitTxn(b.tx, req, resp, func() bool { return verified }, func() {})
	return func() int16 { return resp.Topics[0].Partitions[0].ErrorCode }
}

func (b *bench) endTxn(commit bool) {
	end := group.TxnEnd{ProducerID: 9, Marker: coordinator.Marker{Commit: commit}, Check: func() error { return nil }}
	b.shard.EndTxn(b.tx, end, func(err error) {
		if err != nil {
			b.t.Errorf("ending the transaction: %v", err)
		}
	})
}

func (b *bench) wantOffset(want int64) {
	b.t.Helper()
	if f := b.shard.FetchOffsets("g", "t", []int32{0}, false); f[0].Offset != want {
		b.t.Fatalf("offset = %d, want %d", f[0].Offset, want)
	}
}

func TestOffsetsDoNotFollowTheirMarker(t *testing.T) {
	b := newBench(t)
	code := b.pendOffset(5, true)
	b.endTxn(true)
	late := b.pendOffset(6, true) // verified before the marker was written
	b.commit()
	if code() != 0 || late() != kerr.InvalidTxnState.Code {
		t.Fatalf("codes = %d and %d, want 0 and INVALID_TXN_STATE", code(), late())
	}
	b.wantOffset(5)
	unverified := b.pendOffset(6, false)
	b.commit()
	if unverified() != kerr.InvalidTxnState.Code {
		t.Fatalf("code = %d, want INVALID_TXN_STATE", unverified())
	}
	again := b.pendOffset(7, true)
	b.endTxn(false)
	b.commit()
	if again() != 0 {
		t.Fatalf("code in the next transaction = %d", again())
	}
	b.wantOffset(5)
}

// The log has the plain commit last, so it holds, whenever the marker comes.
func TestLaterCommitHolds(t *testing.T) {
	b := newBench(t)
	b.pendOffset(5, true)
	b.commit()
	b.commitOffset("", -1, 9)
	b.endTxn(true)
	b.commit()
	b.wantOffset(9)
}

// reloaded reads everything that was written into a fresh shard.
func (b *bench) reloaded() {
	b.t.Helper()
	restored := group.NewShard(testConfig)
	for _, e := range b.entries {
		if err := restored.Replay(e); err != nil {
			b.t.Fatal(err)
		}
	}
	b.shard, b.tx = restored, coordinator.NewTx(b.now)
	restored.Loaded(b.tx)
}

// What was deleted while a transaction was open does not come back with its
// end, neither at once nor after a restart.
func TestDeletedOffsetsStayAway(t *testing.T) {
	for name, forget := range map[string]func(*bench){
		"topic": func(b *bench) { b.shard.TopicDeleted(b.tx, "t", topicID) },
		"group": func(b *bench) {
			if code := b.shard.Delete(b.tx, "g"); code != 0 {
				b.t.Errorf("deleting the group: %v", kerr.ErrorForCode(code))
			}
		},
		"offset": func(b *bench) {
			topics := []kmsg.OffsetDeleteRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}}
			if code, _ := b.shard.DeleteOffsets(b.tx, "g", topics); code != 0 {
				b.t.Errorf("deleting the offset: %v", kerr.ErrorForCode(code))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.pendOffset(5, true)
			b.commit()
			forget(b)
			b.commit()
			b.endTxn(true)
			b.commit()
			b.wantOffset(-1)
			b.reloaded()
			b.wantOffset(-1)
			b.pendOffset(6, true)
			b.endTxn(true)
			b.commit()
			b.wantOffset(6)
			b.reloaded()
			b.wantOffset(6)
		})
	}
}

// The order of records in the log decides between a pending offset and a plain
// one, while the broker runs and after a start.
func TestPendingOffsetAndLaterRecords(t *testing.T) {
	pend := func(offset int64) func(*bench) { return func(b *bench) { b.pendOffset(offset, true) } }
	plain := func(offset int64) func(*bench) { return func(b *bench) { b.commitOffset("", -1, offset) } }
	commit := func(b *bench) { b.endTxn(true) }
	for _, tc := range []struct {
		name  string
		steps []func(*bench)
		want  int64
	}{
		{"pending, plain", []func(*bench){pend(5), plain(9), commit}, 9},
		{"plain, pending", []func(*bench){plain(9), pend(5), commit}, 5},
		{"pending, plain, pending", []func(*bench){pend(5), plain(9), pend(6), commit}, 6},
		{"pending, plain, abort", []func(*bench){pend(5), plain(9), func(b *bench) { b.endTxn(false) }}, 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			for _, step := range tc.steps {
				step(b)
				b.commit()
			}
			b.wantOffset(tc.want)
			b.reloaded()
			b.wantOffset(tc.want)
		})
	}
}

func TestUnknownRecords(t *testing.T) {
	b := newBench(t)
	var kind coordinator.UnknownKind
	if err := b.shard.Replay(coordinator.Entry{Key: []byte{0, 99, 1}, Value: []byte{0, 0}}); !errors.As(err, &kind) || kind != 99 {
		t.Errorf("a key of kind 99 gives %v", err)
	}
	b.commitOffset("", -1, 5)
	record := b.records[len(b.records)-1]
	record.Value[1] = 77
	if err := b.shard.Replay(coordinator.Entry{Key: record.Key, Value: record.Value, ProducerID: -1}); err == nil || errors.As(err, &kind) {
		t.Errorf("a value of version 77 gives %v, want an error that ends the loading", err)
	}
}

// A group of which only tombstones are left in the log is not there after a
// start, whether it had plain offsets or those of a transaction.
func TestNothingIsLeftOfADeletedGroup(t *testing.T) {
	for name, offsets := range map[string]func(*bench){
		"plain":   func(b *bench) { b.commitOffset("", -1, 5) },
		"pending": func(b *bench) { b.pendOffset(5, true) },
	} {
		b := newBench(t)
		offsets(b)
		b.commit()
		if code := b.shard.Delete(b.tx, "g"); code != 0 {
			t.Fatalf("%s: deleting: %v", name, kerr.ErrorForCode(code))
		}
		b.endTxn(true)
		b.commit()
		b.reloaded()
		if list := b.shard.List(); len(list) != 0 {
			t.Errorf("%s: after a start there are %+v", name, list)
		}
	}
}

// What is queued about a topic that was deleted does not touch the offsets of
// one that has its name since; nor is an offset taken for the old one.
func TestOffsetsOfATopicMadeAnew(t *testing.T) {
	b := newBench(t)
	b.commitOffset("", -1, 5)
	b.shard.TopicDeleted(b.tx, "t", [16]byte{1}) // the one before
	b.commit()
	b.wantOffset(5)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 10, "g", -1
	req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: [16]byte{1}, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 9}}}}
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.Topics = []kmsg.OffsetCommitResponseTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitResponseTopicPartition{{}}}}
	b.shard.Commit(b.tx, req, resp, func() {})
	b.commit()
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("a commit for the topic before: %v, want UNKNOWN_TOPIC_OR_PARTITION", kerr.ErrorForCode(code))
	}
	b.wantOffset(5)
	b.shard.TopicDeleted(b.tx, "t", topicID)
	b.commit()
	b.wantOffset(-1)
}
