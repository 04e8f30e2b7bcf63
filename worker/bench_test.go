package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/broker/brokertest"
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
	"github.com/leat-project/leat/worker/task"
)

// rowSource makes rows of 12 columns as fast as it is asked to.
type rowSource struct {
	probeConnector
	left *atomic.Int64
}

func (*rowSource) Define(*config.Def) {}
func (s *rowSource) NewTask() connect.SourceTask {
	return &rowTask{left: s.left, partition: connect.NewPartition(map[string]any{"t": "rows"})}
}

var rowSchema = func() *data.Schema {
	b := data.NewStruct("row")
	for i := range 4 {
		b.Field(fmt.Sprintf("i%d", i), data.Int64Schema)
		b.Field(fmt.Sprintf("s%d", i), data.StringSchema)
		b.Field(fmt.Sprintf("d%d", i), data.OptionalFloat64Schema)
	}
	return b.Build()
}()

type rowTask struct {
	left      *atomic.Int64
	partition *connect.Partition
	n         int64
}

type rowOffset int64

func (o rowOffset) OffsetMap() map[string]any { return map[string]any{"n": int64(o)} }

func (t *rowTask) Start(connect.SourceContext, map[string]string) error { return nil }
func (t *rowTask) Stop() error                                          { return nil }
func (t *rowTask) Poll(ctx context.Context, b *connect.Batch) error {
	if t.left.Load() <= 0 {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		return nil
	}
	for !b.Full() && t.left.Load() > 0 {
		t.left.Add(-1)
		t.n++
		r := b.Add()
		row := b.Arena().Struct(rowSchema)
		for i := range 4 {
			row.Set(3*i, data.Int64(t.n*int64(i+1)))
			row.Set(3*i+1, data.String("some text of a row"))
			row.Set(3*i+2, data.Float64(float64(t.n)/7))
		}
		r.Topic, r.SourcePartition, r.SourceOffset = "rows", t.partition, rowOffset(t.n)
		r.ValueSchema, r.Value = rowSchema, data.StructOf(row)
		b.Grow(250)
	}
	return nil
}

// noOffsets is an offset store that forgets.
type noOffsets struct{}

func (noOffsets) Put(context.Context, string, []store.SourceOffset) error { return nil }
func (noOffsets) Read(_ context.Context, _ string, ps ...*connect.Partition) ([]map[string]any, error) {
	return make([]map[string]any, len(ps)), nil
}

// BenchmarkSource runs rows of 12 columns through a source task into a broker.
func BenchmarkSource(b *testing.B) {
	br := brokertest.Start(b, map[string]string{"leat.flush.before.ack": "never"})
	var left atomic.Int64
	cfg, err := conf.Parse(conf.Distributed, workerProps(br.Addr()))
	if err != nil {
		b.Fatal(err)
	}
	reg := &plugin.Registry{}
	converters.Register(reg)
	reg.AddSource("bench.Source", "1", func() connect.SourceConnector { return &rowSource{left: &left} })
	p, err := reg.Find("bench.Source")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	left.Store(int64(b.N))
	t := task.Start(b.Context(), task.Spec{ID: model.TaskID{Connector: "bench"}, Plugin: p, Target: model.TargetStarted,
		Connector: map[string]string{"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}},
		task.Deps{Conf: cfg, Registry: reg, Offsets: noOffsets{}, Log: slog.New(slog.DiscardHandler),
			Report: func(_ model.TaskID, s model.State, trace string) {
				if s == model.Failed {
					b.Error(trace)
				}
			}, TopicUsed: func(model.TaskID, string) {}})
	for t.Stats().Written.Load() < int64(b.N) {
		select {
		case <-t.Done():
			b.Fatal("the task ended")
		case <-time.After(time.Millisecond):
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	t.Stop(false)
	<-t.Done()
}

// nullSink counts what it is given.
type nullSink struct {
	probeConnector
	got *atomic.Int64
}

func (*nullSink) Define(*config.Def)          {}
func (s *nullSink) NewTask() connect.SinkTask { return &nullTask{s.got} }

type nullTask struct{ got *atomic.Int64 }

func (t *nullTask) Start(connect.SinkContext, map[string]string) error { return nil }
func (t *nullTask) Stop() error                                        { return nil }
func (t *nullTask) Put(_ context.Context, b *connect.Batch) error {
	t.got.Add(int64(b.Len()))
	return nil
}

// BenchmarkSink runs JSON rows of 12 columns from a broker through a sink task.
func BenchmarkSink(b *testing.B) {
	br := brokertest.Start(b, map[string]string{"leat.flush.before.ack": "never"})
	cl, err := kgo.NewClient(kgo.SeedBrokers(br.Addr()), kgo.AllowAutoTopicCreation())
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	row := []byte(`{"i0":1,"s0":"some text of a row","d0":1.25,"i1":2,"s1":"some text of a row","d1":1.25,"i2":3,"s2":"some text of a row",` +
		`"d2":1.25,"i3":4,"s3":"some text of a row","d3":1.25}`)
	for range b.N {
		cl.Produce(b.Context(), &kgo.Record{Topic: "rows", Value: row}, nil)
	}
	if err := cl.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	cfg, err := conf.Parse(conf.Distributed, workerProps(br.Addr()))
	if err != nil {
		b.Fatal(err)
	}
	reg := &plugin.Registry{}
	converters.Register(reg)
	var got atomic.Int64
	reg.AddSink("bench.Sink", "1", func() connect.SinkConnector { return &nullSink{got: &got} })
	p, err := reg.Find("bench.Sink")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	t := task.Start(b.Context(), task.Spec{ID: model.TaskID{Connector: "bench"}, Plugin: p, Target: model.TargetStarted,
		Config:    map[string]string{"topics": "rows"},
		Connector: map[string]string{"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"}},
		task.Deps{Conf: cfg, Registry: reg, Log: slog.New(slog.DiscardHandler), TopicUsed: func(model.TaskID, string) {},
			Report: func(_ model.TaskID, s model.State, trace string) {
				if s == model.Failed {
					b.Error(trace)
				}
			}})
	for got.Load() < int64(b.N) {
		select {
		case <-t.Done():
			b.Fatal("the task ended")
		case <-time.After(time.Millisecond):
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.StopTimer()
	t.Stop(true)
	<-t.Done()
}
