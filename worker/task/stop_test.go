package task

import (
	"context"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
)

// A batch that waits for room when the task is stopped is left out, and with it all
// that comes behind: an offset of a later batch would pass over its records.
func TestStopLeavesNoGap(t *testing.T) {
	var reg plugin.Registry
	converters.Register(&reg)
	text := "org.apache.kafka.connect.storage.StringConverter"
	conv, err := pipeline.BuildConverters(&reg, map[string]string{"key.converter": text, "value.converter": text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for range 20 { // which of two ready channels select takes is a matter of luck
		stopInTheMiddle(t, conv, producer)
	}
}

func stopInTheMiddle(t *testing.T, conv *pipeline.Converters, producer *kgo.Client) {
	t.Helper()
	run, stop := context.WithCancelCause(t.Context())
	errs := pipeline.NewErrors(pipeline.ErrorConfig{}, model.TaskID{}, nil, slog.New(slog.DiscardHandler))
	s := &source{Task: &Task{run: run, stop: stop}, tracker: newTracker(), producer: producer, topics: &topicCreator{},
		pipe: pipeline.NewSource(nil, conv, errs), acked: make(chan struct{}, 1), landed: make(chan struct{}, 1)}
	s.encoded.New = func() any { return new(pipeline.Encoded) }
	s.tracker.bytes = maxInFlight // no room
	full, free := make(chan *connect.Batch), make(chan *connect.Batch, 2)
	ended := make(chan error, 1)
	inFlight, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	go func() { ended <- s.dispatchAll(inFlight, full, free) }()
	offer := func() *connect.Batch {
		b := connect.NewBatch(0, 0, nil)
		r := b.Add()
		r.Topic, r.ValueSchema, r.Value, r.SourcePartition = "t", data.StringSchema, data.String("v"), partitions["p"]
		return b
	}
	full <- offer() // waits for room
	<-free          // it is encoded
	s.tracker.mu.Lock()
	s.tracker.bytes = 0
	s.tracker.mu.Unlock()
	stop(errStop)
	select {
	case full <- offer():
		<-free
		t.Errorf("a batch was taken after one was left out; the end: %v", <-ended)
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	}
}
