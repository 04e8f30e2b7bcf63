//go:build peers

package peers_test

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// inFlight is how many batches of a producer a broker knows again.
const inFlight = 5

// TestJavaTakesOurProducers puts the folder of a partition, with several
// batches in flight of each producer, under an Apache Kafka: from our snapshot
// it must know where each producer is.
func TestJavaTakesOurProducers(t *testing.T) {
	b := start(t)
	b.createTopic(t, "seq", 1)
	byName := kversion.Stable()
	byName.SetMaxKeyVersion(int16(kmsg.Produce), 12) // later ones name topics by id
	ours := b.client(t, kgo.MaxVersions(byName))
	now := time.Now()
	// Both end with a batch of another time than the one before.
	steady := func(i int) time.Time { return now.Add(time.Duration(i) * time.Second) }
	late := func(i int) time.Time {
		if i == inFlight+1 {
			return now.Add(-48 * time.Hour) // Kafka forgets such a producer
		}
		return now
	}
	for i := range inFlight + 2 {
		for id, at := range map[int64]func(int) time.Time{4000: steady, 5000: late} {
			if _, code := produceAs(t, ours, "seq", id, i, at(i)); code != nil {
				t.Fatalf("batch %d of producer %d: %v", i, id, code)
			}
		}
	}
	b.broker.Stop(t)
	out := b.dump(t, b.files(t, "seq-0", ".snapshot"))
	if n := len(regexp.MustCompile(`(?m)^producerId: 4000 `).FindAllString(out, -1)); n != inFlight {
		t.Errorf("Kafka's dump tool shows %d entries of producer 4000, want %d:\n%s", n, inFlight, out)
	}

	node := startKafka(t, b.kafka, t.TempDir())
	java := &bench{kafka: b.kafka}
	java.offline(t, "", topicsTool, "--bootstrap-server", node.addr, "--create", "--topic", "seq", "--partitions", "1")
	node.stop(t)
	replaceLog(t, filepath.Join(b.data, "seq-0"), filepath.Join(node.data, "seq-0"))
	node.launch(t)

	out = java.offline(t, "", transactionsTool, "--bootstrap-server", node.addr, "describe-producers", "--topic", "seq", "--partition", "0")
	contains(t, "Kafka's producers", strings.Join(strings.Fields(out), " "), "4000 0 -1 6 ")
	if strings.Contains(out, "5000") {
		t.Errorf("Kafka keeps a producer whose last batch is old:\n%s", out)
	}
	theirs, err := kgo.NewClient(kgo.SeedBrokers(node.addr), kgo.MaxVersions(byName))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	const last = inFlight + 1
	if offset, err := produceAs(t, theirs, "seq", 4000, last, steady(last)); err != nil || offset >= 2*(inFlight+2) {
		t.Errorf("repeating the last batch gives %v and offset %d, want the one that it has", err, offset)
	}
	if _, err := produceAs(t, theirs, "seq", 4000, last+2, now); err != kerr.OutOfOrderSequenceNumber {
		t.Errorf("a gap in the sequence gives %v, want OUT_OF_ORDER_SEQUENCE_NUMBER", err)
	}
	for _, id := range []int64{4000, 5000} {
		if offset, err := produceAs(t, theirs, "seq", id, last+1, now); err != nil || offset < 2*(inFlight+2) {
			t.Errorf("the next batch of producer %d gives %v and offset %d", id, err, offset)
		}
	}
}

// produceAs sends batch number seq of a producer, one record, and returns the
// error of the partition.
func produceAs(t *testing.T, cl *kgo.Client, topic string, id int64, seq int, at time.Time) (int64, error) {
	t.Helper()
	record := kmsg.Record{Value: []byte("x")}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // of which the length took one byte
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, FirstTimestamp: at.UnixMilli(), MaxTimestamp: at.UnixMilli(),
		ProducerID: id, FirstSequence: int32(seq), NumRecords: 1, Records: record.AppendTo(nil),
	}
	data := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(data[8:], uint32(len(data)-12))
	binary.BigEndian.PutUint32(data[17:], crc32.Checksum(data[21:], crc32.MakeTable(crc32.Castagnoli)))
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = data
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.ProduceRequestTopicPartition{rp}
	req.Topics = []kmsg.ProduceRequestTopic{rt}
	resp, err := req.RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	p := resp.Topics[0].Partitions[0]
	return p.BaseOffset, kerr.ErrorForCode(p.ErrorCode)
}

// replaceLog puts the files of one partition in place of those of another,
// which keeps its topic id.
func replaceLog(t *testing.T, from, to string) {
	t.Helper()
	files, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "partition.metadata" {
			if err := os.Remove(filepath.Join(to, f.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if files, err = os.ReadDir(from); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "partition.metadata" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
