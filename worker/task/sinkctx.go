package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/worker/pipeline"
)

// commitDone keeps the first error of an offset commit.
func commitDone(failed *error) func(*kgo.Client, *kmsg.OffsetCommitRequest, *kmsg.OffsetCommitResponse, error) {
	return func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			*failed = err
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil && *failed == nil {
					*failed = fmt.Errorf("partition %s-%d: %w", t.Topic, p.Partition, err)
				}
			}
		}
	}
}

// sinkContext is what the plugin sees.
type sinkContext struct{ s *sink }

var _ connect.SinkContext = (*sinkContext)(nil)

func (c *sinkContext) Context() context.Context                { return c.s.run }
func (c *sinkContext) Connector() string                       { return c.s.spec.ID.Connector }
func (c *sinkContext) Task() int                               { return c.s.spec.ID.Task }
func (c *sinkContext) Logger() *slog.Logger                    { return c.s.log }
func (c *sinkContext) Go(fn func(ctx context.Context) error)   { c.s.goPlugin(fn) }
func (c *sinkContext) ByteBudget() int                         { return byteBudget }
func (c *sinkContext) Assignment() []connect.TopicPartition    { return c.s.openPartitions() }
func (c *sinkContext) Seek(o map[connect.TopicPartition]int64) { maps.Copy(c.s.rewinds, o) }
func (c *sinkContext) Pause(tps ...connect.TopicPartition)     { c.s.consumer.setPaused(true, tps) }
func (c *sinkContext) Resume(tps ...connect.TopicPartition)    { c.s.consumer.setPaused(false, tps) }
func (c *sinkContext) RequestCommit()                          { c.s.wantsSync = true }
func (c *sinkContext) Timeout(d time.Duration)                 { c.s.timeout = d }

func (c *sinkContext) ErrantReporter() connect.ErrantReporter {
	if !c.s.errs.Reporting() {
		return nil
	}
	return errantReporter{c.s}
}

type errantReporter struct{ s *sink }

// Report implements connect.ErrantReporter.
func (e errantReporter) Report(r *connect.Record, err error) error {
	in, rerr := e.s.consumed(r)
	if rerr != nil {
		return rerr
	}
	if err := e.s.errs.PutFailed(in, err); err != nil {
		if e.s.reported == nil {
			e.s.reported = err
		}
		return err
	}
	return nil
}

// consumed finds the consumed record of a record that the plugin was given, or
// serializes one that the plugin made itself.
func (s *sink) consumed(r *connect.Record) (*kgo.Record, error) {
	if in := find(s.origin, r); in != nil {
		return in, nil
	}
	for i := range s.live {
		if in := find(s.live[i].origin, r); in != nil {
			return in, nil
		}
	}
	out := &kgo.Record{Topic: r.OriginalTopic, Partition: r.OriginalPartition, Offset: r.Offset}
	if r.Timestamp != connect.NoTimestamp {
		out.Timestamp = time.UnixMilli(r.Timestamp)
	}
	var err error
	if out.Key, err = s.conv.Key.FromConnect([]byte{}, r.Topic, &r.Headers, r.KeySchema, r.Key); err != nil {
		return nil, fmt.Errorf("serializing the key of a reported record: %w", err)
	}
	if out.Value, err = s.conv.Value.FromConnect([]byte{}, r.Topic, &r.Headers, r.ValueSchema, r.Value); err != nil {
		return nil, fmt.Errorf("serializing the value of a reported record: %w", err)
	}
	for _, h := range r.Headers {
		v, err := s.conv.Header.FromConnectHeader([]byte{}, r.Topic, h.Key, h.Schema, h.Value)
		if err != nil {
			return nil, fmt.Errorf("serializing header %s of a reported record: %w", h.Key, err)
		}
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: v})
	}
	return out, nil
}

func find(origin []*kgo.Record, r *connect.Record) *kgo.Record {
	for _, in := range origin {
		if in.Offset == r.Offset && in.Partition == r.OriginalPartition && in.Topic == r.OriginalTopic {
			return in
		}
	}
	return nil
}

// letGo releases a batch. One that the plugin retained stays findable for as long
// as the next few batches.
func (s *sink) letGo(b *connect.Batch, origin []*kgo.Record) {
	const keep = 8
	if len(origin) > 0 && s.errs.Reporting() {
		s.live = append(s.live, liveBatch{origin})
		if len(s.live) > keep {
			s.live[0] = liveBatch{}
			s.live = s.live[1:]
		}
	}
	b.Release()
}

// deadLetters makes the dead letter queue of a sink task, and its topic if it is
// missing; nil without one.
func deadLetters(ctx context.Context, deps *Deps, spec *Spec, ec pipeline.ErrorConfig, log *slog.Logger) (*pipeline.DeadLetters, error) {
	if ec.DeadLetterTopic == "" {
		return nil, nil
	}
	id := spec.ID
	admin := deps.Conf.Admin("connector-dlq-adminclient-"+id.String(), spec.Connector)
	opts, err := kafka.Options(admin, kafka.Admin, log)
	if err != nil {
		return nil, fmt.Errorf("admin client of the dead letter queue: %w", err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("admin client of the dead letter queue: %w", err)
	}
	defer client.Close()
	if err := ensureDeadLetterTopic(ctx, kadm.NewClient(client), ec, log); err != nil {
		return nil, connect.Cause(connect.ClassConnect, "Could not initialize dead letter queue with topic="+ec.DeadLetterTopic, err)
	}
	opts, err = kafka.Options(deps.Conf.Producer(id.Connector, id.Task, spec.Connector, true), kafka.Producer, log)
	if err != nil {
		return nil, fmt.Errorf("producer of the dead letter queue: %w", err)
	}
	producer, err := kgo.NewClient(append(opts, kgo.UnknownTopicRetries(-1))...)
	if err != nil {
		return nil, fmt.Errorf("producer of the dead letter queue: %w", err)
	}
	return pipeline.NewDeadLetters(ec, producer), nil
}

func ensureDeadLetterTopic(ctx context.Context, adm *kadm.Client, ec pipeline.ErrorConfig, log *slog.Logger) error {
	list, err := adm.ListTopics(ctx, ec.DeadLetterTopic)
	if err != nil {
		return err
	}
	if d := list[ec.DeadLetterTopic]; d.Err == nil && len(d.Partitions) > 0 {
		return nil
	}
	log.Error(fmt.Sprintf("Topic %s doesn't exist. Will attempt to create topic.", ec.DeadLetterTopic),
		pipeline.Logger, "org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter")
	_, err = adm.CreateTopic(ctx, 1, int16(ec.DeadLetterRF), nil, ec.DeadLetterTopic)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return err
}
