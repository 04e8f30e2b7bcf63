package logstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/recordbatch"
	"github.com/leat-project/leat/internal/vfs"
)

// A cleaner without threads compacts nothing; two threads compact two logs,
// from the change on and not from the end of the back-off.
func TestTuningAppliesAtOnce(t *testing.T) {
	s := open(t, vfs.NewMem())
	defer closeStore(t, s)
	cleaner := logstore.CleanerConfig{Backoff: time.Hour}
	s.Tune(logstore.Tuning{Cleaner: cleaner})
	var logs []*logstore.Partition
	for n := range int32(2) {
		cfg := logstore.DefaultLogConfig()
		cfg.Compact, cfg.Delete, cfg.MinDirtyRatio, cfg.SegmentBytes = true, false, 0.01, 300
		p, err := s.Create(logstore.TopicPartition{Topic: "c", Partition: n}, logstore.TopicID{byte(n + 1)}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			mustAppend(t, p, batch(1))
		}
		logs = append(logs, p)
	}
	before := logs[0].Size()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if _, err := logs[0].Append(batch(1), logstore.AppendOptions{}); err != nil || logs[0].Size() < before {
		t.Fatalf("compacted without threads, %v", err)
	}
	s.Tune(logstore.Tuning{CleanerThreads: 2, Cleaner: cleaner})
	deadline := time.Now().Add(time.Minute)
	for _, p := range logs {
		for p.Size() >= before {
			if time.Now().After(deadline) {
				t.Fatalf("%s was not compacted", p.TopicPartition())
			}
		}
	}
}

func TestProducerExpirationIsTuned(t *testing.T) {
	s := open(t, vfs.NewMem(), func(c *logstore.Config) { c.ProducerExpirationCheck = 10 * time.Millisecond })
	defer closeStore(t, s)
	p := create(t, s)
	mustAppend(t, p, batch(1, producer(7, 0, 0), func(b *recordbatch.Builder) {}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	s.Tune(logstore.Tuning{ProducerExpiration: time.Millisecond})
	deadline := time.Now().Add(time.Minute)
	for len(p.ActiveProducers()) > 0 {
		if time.Now().After(deadline) {
			t.Fatal("the producer did not expire")
		}
	}
}
