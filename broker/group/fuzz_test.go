package group

import (
	"regexp"
	"testing"
	"time"

	"github.com/leat-project/leat/broker/coordinator"
)

// seedRecords are records of every kind that this package writes.
func seedRecords() []coordinator.Record {
	now := time.UnixMilli(1000)
	instance := "i"
	classic := newGroup("g", now)
	classic.protocolType, classic.protocol, classic.generation, classic.leader = "consumer", "range", 3, "m"
	classic.add(&member{id: "m", instance: &instance, client: Client{ID: "c", Host: "/h"}, sessionTimeout: time.Second,
		rebalanceTimeout: time.Second, protocols: []protocol{{"range", []byte{1, 2}}}, assignment: []byte{3}})
	modern := newGroup("h", now)
	modern.consumer, modern.protocolType = newConsumerGroup(), ConsumerProtocol
	modern.consumer.epoch, modern.consumer.targetEpoch, modern.consumer.hash = 4, 4, 99
	p := parts{{[16]byte{1}, 0}: true, {[16]byte{1}, 7}: true}
	m := &consumer{id: "m", instance: &instance, names: []string{"t"}, regex: &instance, epoch: 4, previous: 3, assigned: p, revoking: p}
	return []coordinator.Record{
		offsetRecord("g", "t", 0, offset{offset: 5, leaderEpoch: 1, metadata: "x", committed: 9, expires: -1}),
		offsetRecord("g", "t", 0, offset{offset: 5, leaderEpoch: -1, committed: 9, expires: 20}),
		offsetTombstone("g", "t", 0),
		classic.metadataRecord(now), {Key: groupKey("g")},
		modern.epochRecord(), modern.targetEpochRecord(), modern.memberRecord(m), targetRecord("h", "m", p), currentRecord("h", m),
		tombstone(epochKey, "h"), tombstone(memberMetadataKey, "h", "m"), tombstone(targetMemberKey, "h", "m"), tombstone(currentMemberKey, "h", "m"),
	}
}

// FuzzReplay puts any two records into a shard, between a good beginning and the calls that look at what came of it.
// Replay may refuse a record; the shard must go on.
func FuzzReplay(f *testing.F) {
	seeds := seedRecords()
	for i, r := range seeds {
		next := seeds[(i+1)%len(seeds)]
		f.Add(r.Key, r.Value, next.Key, next.Value, uint8(i))
	}
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 []byte, how uint8) {
		s := NewShard(fuzzConfig())
		if how&1 != 0 {
			for _, r := range seeds {
				if err := s.Replay(coordinator.Entry{Key: r.Key, Value: r.Value, ProducerID: -1}); err != nil {
					t.Fatalf("a record of our own was refused: %v", err)
				}
			}
		}
		for i, r := range []coordinator.Record{{Key: key1, Value: value1}, {Key: key2, Value: value2}} {
			if how>>(1+i)&1 != 0 {
				r.Value = nil
			}
			// Refusing is right for nonsense; that it does not panic is asked for.
			_ = s.Replay(coordinator.Entry{Key: r.Key, Value: r.Value, Timestamp: 1000, ProducerID: 1, Transactional: how>>3&1 != 0})
		}
		if err := s.Replay(coordinator.Entry{Marker: true, ProducerID: 1, Commit: how>>4&1 != 0}); err != nil {
			t.Fatalf("marker: %v", err)
		}
		lookAround(t, s)
	})
}

func fuzzConfig() Config {
	return Config{
		MinSessionTimeout: time.Second, MaxSessionTimeout: time.Hour, MaxSize: 100, ConsumerMaxSize: 100, MetadataMaxBytes: 4096,
		OffsetRetention: time.Hour, RetentionCheck: time.Minute, Assignors: []string{"uniform", "range"},
		ConsumerSession:   func(string) time.Duration { return time.Minute },
		ConsumerHeartbeat: func(string) time.Duration { return time.Second },
		Topics:            func() Topics { return noTopics{} },
	}
}

// noTopics is a cluster without topics.
type noTopics struct{}

func (noTopics) Topic(string) (id [16]byte, partitions int32, ok bool) { return id, 0, false }
func (noTopics) Name([16]byte) (string, bool)                          { return "", false }
func (noTopics) Match(*regexp.Regexp) []string                         { return nil }

// lookAround lists and describes all groups, lets every timer fire, and writes what came of the shard.
func lookAround(t *testing.T, s *Shard) {
	t.Helper()
	tx := coordinator.NewTx(time.UnixMilli(2000))
	s.Loaded(tx)
	_ = s.List()
	for id := range s.groups {
		_ = s.Describe(id, 5)
		_ = s.DescribeConsumer(id)
	}
	for _, at := range []time.Duration{time.Minute, time.Hour, 1000 * time.Hour} {
		tx.Advance(time.UnixMilli(2000).Add(at))
	}
	again := NewShard(fuzzConfig())
	for _, b := range tx.Commit() {
		for _, r := range b.Records {
			if err := again.Replay(coordinator.Entry{Key: r.Key, Value: r.Value, ProducerID: -1}); err != nil {
				t.Fatalf("the shard wrote a record that it refuses: %v", err)
			}
		}
	}
	s.Abandon(coordinator.ErrStopped)
}
