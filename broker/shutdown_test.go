package broker_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// answers reads what a connection still brings and returns the frames without
// their lengths.
func answers(t *testing.T, w *wire) [][]byte {
	t.Helper()
	var out [][]byte
	for {
		var size [4]byte
		if _, err := io.ReadFull(w.conn, size[:]); err != nil {
			if errors.Is(err, io.EOF) || isReset(err) {
				return out
			}
			t.Fatalf("after %d answers: %v", len(out), err)
		}
		body := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(w.conn, body); err != nil {
			t.Fatalf("an answer was cut: %v", err)
		}
		out = append(out, body)
	}
}

// isReset is how a connection ends whose last requests were not read.
func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// A broker that is told to stop answers what it has read, wakes what waits,
// takes no more, and finds everything in order when it comes back.
func TestCleanShutdown(t *testing.T) {
	b := brokertest.Start(t, nil)
	w, parked, busy := newWire(t, b), newWire(t, b), newWire(t, b)
	create(t, w, "t", "leat.flush.before.ack", "always")
	append1(t, w, "t", batchOf(t, nil, "v"))
	wait := fetchOf("t", 1)
	wait.MaxWaitMillis, wait.MinBytes = int32(2*testTime/time.Millisecond), 1<<20
	parked.send(wait)
	parked.silent(20 * time.Millisecond)
	const sends = 200
	var first []sent
	for i := range sends {
		first = append(first, busy.send(produceOf("t", -1, batchOf(t, nil, fmt.Sprint(i)))))
	}
	const seen = 5 // the broker is in the middle of them
	for _, s := range first[:seen] {
		s.answer()
	}
	began := time.Now()
	b.Stop()
	if took := time.Since(began); took > testTime/2 {
		t.Errorf("stopping took %v", took)
	}
	if c, err := net.Dial("tcp", b.Addr()); err == nil {
		c.Close()
		t.Error("a connection was taken after the stop")
	}
	if n := len(answers(t, parked)); n > 1 {
		t.Errorf("one parked fetch was answered %d times", n)
	}
	acknowledged := int64(1 + seen)
	for i, frame := range answers(t, busy) {
		resp := kmsg.NewPtrProduceResponse()
		resp.Version = 9
		if err := resp.ReadFrom(frame[5:]); err != nil || int32(binary.BigEndian.Uint32(frame)) != int32(i+1+seen) {
			t.Fatalf("answer %d: %v", i, err)
		}
		p := produced(resp)
		if p.ErrorCode == 0 && p.BaseOffset != acknowledged {
			t.Fatalf("answer %d: offset %d, want %d", i, p.BaseOffset, acknowledged)
		}
		if p.ErrorCode == 0 {
			acknowledged++
		}
	}
	b.Restart()
	w = newWire(t, b)
	p := fetched(ask[*kmsg.FetchResponse](w, fetchOf("t", 0), 12))
	if p.ErrorCode != 0 || p.HighWatermark < acknowledged {
		t.Errorf("after the restart %d records are there, %d were acknowledged", p.HighWatermark, acknowledged)
	}
	meta := kmsg.NewPtrMetadataRequest()
	meta.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("t")}}
	if m := ask[*kmsg.MetadataResponse](w, meta, 12).Topics[0].Partitions[0]; m.LeaderEpoch != 0 {
		t.Errorf("the leader epoch is %d, as after a crash", m.LeaderEpoch)
	}
}

// Who waits for a rebalance when the broker is told to stop gets an answer upon
// which it looks for the coordinator; nobody waits for the rebalance, which may
// take five minutes.
func TestShutdownDuringRebalance(t *testing.T) {
	b := brokertest.Start(t, nil)
	w := newWire(t, b)
	findCoordinator(t, w, 0, "g")
	first := &groupMember{w: w, group: "g"}
	first.enter()
	joining := &groupMember{w: newWire(t, b), group: "g"}
	joining.id = joining.join().answer().(*kmsg.JoinGroupResponse).MemberID
	joining.join() // parked until the first joins again
	rebalancing := func() bool {
		beat := kmsg.NewPtrHeartbeatRequest()
		beat.Group, beat.MemberID, beat.Generation = "g", first.id, first.generation
		return ask[*kmsg.HeartbeatResponse](w, beat, 4).ErrorCode == kerr.RebalanceInProgress.Code
	}
	eventually(t, "the rebalance", rebalancing)
	// In another group a follower waits for its leader's assignment.
	leader, follower := &groupMember{w: newWire(t, b), group: "h"}, &groupMember{w: newWire(t, b), group: "h"}
	leader.joined()
	follower.id = follower.join().answer().(*kmsg.JoinGroupResponse).MemberID
	both := follower.join()
	eventually(t, "a second generation", func() bool {
		leader.joined()
		return leader.generation > 1
	})
	follower.generation = both.answer().(*kmsg.JoinGroupResponse).Generation
	follower.sync()
	follower.w.silent(20 * time.Millisecond)

	began := time.Now()
	b.Stop()
	if took := time.Since(began); took > time.Minute {
		t.Errorf("stopping took %v", took)
	}
	for name, parked := range map[string]struct {
		w  *wire
		as kmsg.Response
	}{
		"JoinGroup": {joining.w, &kmsg.JoinGroupResponse{Version: 9}},
		"SyncGroup": {follower.w, &kmsg.SyncGroupResponse{Version: 5}},
	} {
		frames := answers(t, parked.w)
		if len(frames) != 1 {
			t.Errorf("%s got %d answers, want 1", name, len(frames))
			continue
		}
		if err := parked.as.ReadFrom(frames[0][5:]); err != nil {
			t.Fatal(err)
		}
		if got := failures(parked.as); len(got) != 1 || got[0] != kerr.NotCoordinator.Code {
			t.Errorf("%s was answered with %v, want NOT_COORDINATOR", name, got)
		}
	}
}
