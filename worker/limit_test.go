package worker_test

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/worker/model"
)

// TestLargestRecord produces records around max.request.size: the largest batch of
// one record that fits is written whole, and one byte more fails the task.
func TestLargestRecord(t *testing.T) {
	b := startBroker(t)
	n := startNode(t, b.Addr(), nil)
	// What else a batch of one record needs is the client's business, within reason.
	largest := 1048576 - slack + sort.Search(slack, func(i int) bool { return !fits(t, b.Addr(), 1048576-slack+i) }) - 1
	if largest < 1048576-slack {
		t.Fatalf("a value of %d bytes does not fit into max.request.size of 1048576", 1048576-slack)
	}
	for _, c := range []struct {
		size int
		want model.State
	}{{largest - 1, model.Running}, {largest, model.Running}, {largest + 1, model.Failed}} {
		t.Run(fmt.Sprint(c.size), func(t *testing.T) {
			name := fmt.Sprint("big", c.size)
			config := sourceConfig(name, fmt.Sprint("repeat:", c.size))
			n.create(name, config)
			if c.want == model.Failed {
				st := n.await(name, model.Running, model.Failed)
				if !strings.Contains(st.Tasks[0].Trace, "RecordTooLargeException") {
					t.Fatalf("trace: %s", st.Tasks[0].Trace)
				}
				return
			}
			eventually(t, "the record is written", func() bool {
				rs := all(t, b.Addr(), name)
				return len(rs) == 1 && len(rs[0].Value) == c.size
			})
		})
	}
}

// slack is more than a batch of one small-keyed record adds to its value.
const slack = 256

// fits reports whether a client with Java's defaults takes a value of n bytes.
func fits(t *testing.T, addr string, n int) bool {
	t.Helper()
	opts, err := kafka.Options(map[string]string{"bootstrap.servers": addr}, kafka.Producer, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(opts, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(-1))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := &kgo.Record{Topic: "probe", Key: []byte("k1"), Value: make([]byte, n)}
	err = client.ProduceSync(t.Context(), r).FirstErr()
	if err != nil && !errors.Is(err, kerr.MessageTooLarge) {
		t.Fatal(err)
	}
	return err == nil
}
