package broker

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
)

// A fetch that waits learns of a new leader epoch at once, and does not sleep
// until its time is up. On one node nothing that a client can ask for begins an
// epoch, so this looks from inside.
func TestFetchWakesForALeaderEpoch(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	cfg, err := ParseConfig(map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- b.Run(ctx) }() // waited for below
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	const patience = 30 * time.Second
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	await := func(what string, cond func() bool) {
		t.Helper()
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		for !cond() {
			select {
			case <-look.C:
			case <-bounded.Done():
				t.Fatalf("%s: not within %v", what, patience)
			}
		}
	}
	await("the start, which begins epochs", func() bool {
		b.txns.mu.Lock()
		defer b.txns.mu.Unlock()
		return b.txns.started
	})
	if _, err := b.ctl.CreateTopic(bounded, controller.NewTopic{Name: "t", Partitions: 1, ReplicationFactor: 1}, false); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", b.Addr("").String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes, req.SessionEpoch, req.MaxWaitMillis = 12, 1, 1<<20, -1, 10*int32(patience.Milliseconds())
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.PartitionMaxBytes, rp.CurrentLeaderEpoch, rp.LastFetchedEpoch = 1<<20, 0, -1
	req.Topics = []kmsg.FetchRequestTopic{{Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{rp}}}
	if _, err := c.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		t.Fatal(err)
	}
	await("the fetch being parked", func() bool { return b.metrics.parked.Load() > 0 })
	if err := b.ctl.BumpLeaderEpochs(bounded, func(topic string, _ int32) bool { return topic == "t" }); err != nil {
		t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatalf("waiting for the answer: %v", err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, body); err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 12
	if err := resp.ReadFrom(body[5:]); err != nil {
		t.Fatal(err)
	}
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != kerr.FencedLeaderEpoch.Code {
		t.Errorf("the fetch was answered with %v, want FENCED_LEADER_EPOCH", kerr.ErrorForCode(code))
	}
}
