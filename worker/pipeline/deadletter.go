package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect"
)

// DeadLetters writes records to the dead letter topic. Its methods are safe for
// concurrent use.
type DeadLetters struct {
	topic   string
	headers bool
	client  *kgo.Client
	failed  atomic.Pointer[error] // the first that could not be written
}

// NewDeadLetters returns a queue that owns client.
func NewDeadLetters(cfg ErrorConfig, client *kgo.Client) *DeadLetters {
	return &DeadLetters{topic: cfg.DeadLetterTopic, headers: cfg.DeadLetterHeaders, client: client}
}

// Flush waits until every dead letter is durable or has failed.
func (d *DeadLetters) Flush(ctx context.Context) error { return d.client.Flush(ctx) }

// Failed returns the error of a dead letter that the broker refused for good, nil
// if there is none: its record is nowhere but in its own topic.
func (d *DeadLetters) Failed() error {
	if err := d.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close closes the producer.
func (d *DeadLetters) Close() { d.client.Close() }

func (d *DeadLetters) send(in, r *kgo.Record, done func(error)) {
	// Not the task's context: a dead letter is written even while the task stops.
	d.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			err = fmt.Errorf("the record of %s-%d at offset %d cannot be written to the dead letter queue %s: %w", in.Topic, in.Partition, in.Offset, d.topic, err)
			d.failed.CompareAndSwap(nil, &err)
		}
		done(err)
	})
}

// deadLetter copies the consumed record, bytes as they were, and appends the context
// headers.
func (e *Errors) deadLetter(f Failure) *kgo.Record {
	in := f.Consumed
	r := &kgo.Record{Topic: e.cfg.DeadLetterTopic, Key: in.Key, Value: in.Value, Partition: -1}
	if TimestampType(in) != connect.NoTimestampType {
		r.Timestamp = in.Timestamp
	} else {
		r.Timestamp = time.Now()
	}
	r.Headers = append(r.Headers, in.Headers...)
	if !e.cfg.DeadLetterHeaders {
		return r
	}
	add := func(name, value string) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "__connect.errors." + name, Value: []byte(value)})
	}
	add("topic", in.Topic)
	add("partition", strconv.Itoa(int(in.Partition)))
	add("offset", strconv.FormatInt(in.Offset, 10))
	add("connector.name", e.id.Connector)
	add("task.id", strconv.Itoa(e.id.Task))
	add("stage", string(f.Stage))
	add("class.name", f.Class)
	add("exception.class.name", connect.ClassOf(f.Err))
	if msg := message(f.Err); msg != "" {
		add("exception.message", msg)
	} else {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "__connect.errors.exception.message"})
	}
	add("exception.stacktrace", Trace(f.Err))
	return r
}
