package task

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/worker/pipeline"
)

var partitions = map[string]*connect.Partition{
	"p": connect.NewPartition(map[string]any{"n": "p"}),
	"q": connect.NewPartition(map[string]any{"n": "q"}),
}

// fly makes a flight of records such as "p1 q1 p2- p3": source partition and offset,
// with - for a record that a transform dropped.
func fly(t *tracker, records string) *flight {
	f := &flight{enc: &pipeline.Encoded{}, ready: func() {}, onError: func(_ *kgo.Record, err error) bool { return err.Error() == "tolerated" }}
	for _, text := range strings.Fields(records) {
		name, dropped := strings.CutSuffix(text, "-")
		it := pipeline.Item{Partition: partitions[name[:1]], Offset: connect.OffsetMap{"n": name}, Record: -1}
		if !dropped {
			it.Record = int32(len(f.enc.Records))
			f.enc.Records = append(f.enc.Records, kgo.Record{Topic: "t", Offset: -1})
		}
		f.enc.Items = append(f.enc.Items, it)
	}
	f.pending.Store(int32(len(f.enc.Records)))
	t.push(f)
	return f
}

// ack acknowledges records of a flight by index, with their outcome.
func (f *flight) ack(err error, indexes ...int) {
	for _, i := range indexes {
		r := &f.enc.Records[i]
		if err == nil {
			r.Offset = int64(100 + i)
		}
		f.promise(r, err)
	}
}

func settleAll(t *tracker) (acks []string) {
	for f := t.pop(); f != nil; f = t.pop() {
		list, _ := t.settle(f, true)
		for _, a := range list {
			text := a.SourceOffset.OffsetMap()["n"].(string)
			if a.Dropped {
				text += " dropped"
			}
			acks = append(acks, text)
		}
	}
	return acks
}

func committable(t *tracker) map[string]string {
	out := map[string]string{}
	for _, p := range t.take() {
		out[p.partition.Fields()["n"].(string)] = p.offset.OffsetMap()["n"].(string)
	}
	return out
}

func want(t *testing.T, got map[string]string, wanted map[string]string) {
	t.Helper()
	if !maps.Equal(got, wanted) {
		t.Fatalf("committable = %v, want %v", got, wanted)
	}
}

func TestTrackerWaitsForTheFirst(t *testing.T) {
	tr := newTracker()
	first, second := fly(tr, "p1 p2"), fly(tr, "p3 q1")
	second.ack(nil, 0, 1)
	first.ack(nil, 1)
	if acks := settleAll(tr); acks != nil {
		t.Fatalf("acknowledged %v before the first record", acks)
	}
	want(t, committable(tr), map[string]string{})
	first.ack(nil, 0)
	if got := settleAll(tr); !slices.Equal(got, []string{"p1", "p2", "p3", "q1"}) {
		t.Fatalf("acks = %v", got)
	}
	want(t, committable(tr), map[string]string{"p": "p3", "q": "q1"})
}

func TestTrackerStopsAtAFailedRecord(t *testing.T) {
	tr := newTracker()
	first, second := fly(tr, "p1 q1 p2 p3 q2"), fly(tr, "p4 q3")
	first.ack(nil, 0, 1, 3, 4)
	first.ack(errors.New("lost"), 2)
	second.ack(nil, 0, 1)
	settleAll(tr)
	// p2 failed: nothing behind it counts for p, not even of later flights.
	want(t, committable(tr), map[string]string{"p": "p1", "q": "q3"})
}

func TestTrackerCountsDroppedAndToleratedAsDone(t *testing.T) {
	tr := newTracker()
	f := fly(tr, "p1 p2- p3 p4-")
	f.ack(nil, 0)
	f.ack(errors.New("tolerated"), 1)
	if got := settleAll(tr); !slices.Equal(got, []string{"p1", "p2 dropped", "p3 dropped", "p4 dropped"}) {
		t.Fatalf("acks = %v", got)
	}
	want(t, committable(tr), map[string]string{"p": "p4"})
	fly(tr, "q1-")
	settleAll(tr)
	want(t, committable(tr), map[string]string{"q": "q1"})
}

func TestTrackerKeepsWhatCouldNotBeStored(t *testing.T) {
	tr := newTracker()
	fly(tr, "p1 q1").ack(nil, 0, 1)
	settleAll(tr)
	taken := tr.take()
	fly(tr, "p2").ack(nil, 0)
	settleAll(tr)
	tr.putBack(taken)
	want(t, committable(tr), map[string]string{"p": "p2", "q": "q1"})
}
