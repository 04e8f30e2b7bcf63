package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
)

// Small stand-ins for the file connectors, which a test of the worker may not import.

func registerFiles(r *plugin.Registry) {
	r.AddSource("org.apache.kafka.connect.file.FileStreamSourceConnector", "4.3.1", func() connect.SourceConnector { return &fileSource{} })
	r.AddSink("org.apache.kafka.connect.file.FileStreamSinkConnector", "4.3.1", func() connect.SinkConnector { return &fileSink{} })
}

type fileSource struct{ probeConnector }

func (*fileSource) Define(d *config.Def) {
	d.String(nil, "file").Default(nil)
	d.String(nil, "topic")
	d.Int(nil, "batch.size").Default(2000)
}
func (*fileSource) NewTask() connect.SourceTask { return &fileSourceTask{} }

// AlterOffsets accepts everything.
func (*fileSource) AlterOffsets(context.Context, map[string]string, []connect.PartitionOffset) (bool, error) {
	return true, nil
}

type fileSourceTask struct {
	topic     string
	reader    *bufio.Reader
	partition *connect.Partition
	position  int64
}

func (t *fileSourceTask) Start(ctx connect.SourceContext, props map[string]string) error {
	f, err := os.Open(props["file"])
	if err != nil {
		return err
	}
	t.topic, t.partition = props["topic"], connect.NewPartition(map[string]any{"filename": props["file"]})
	stored, err := ctx.Offsets().Offsets(ctx.Context(), t.partition)
	if err != nil {
		return err
	}
	if stored[0] != nil {
		t.position = stored[0]["position"].(int64)
	}
	_, err = f.Seek(t.position, 0)
	t.reader = bufio.NewReader(f)
	return err
}

func (t *fileSourceTask) Poll(ctx context.Context, b *connect.Batch) error {
	for {
		line, err := t.reader.ReadString('\n')
		if err != nil {
			break
		}
		t.position += int64(len(line))
		r := b.Add()
		r.Topic, r.SourcePartition, r.SourceOffset = t.topic, t.partition, connect.OffsetMap{"position": t.position}
		r.ValueSchema, r.Value = data.StringSchema, data.String(strings.TrimSuffix(line, "\n"))
	}
	if b.Len() == 0 {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (t *fileSourceTask) Stop() error { return nil }

type fileSink struct{ probeConnector }

func (*fileSink) Define(d *config.Def)      { d.String(nil, "file").Default(nil) }
func (*fileSink) NewTask() connect.SinkTask { return &fileSinkTask{} }

type fileSinkTask struct{ f *os.File }

func (t *fileSinkTask) Start(_ connect.SinkContext, props map[string]string) (err error) {
	t.f, err = os.OpenFile(props["file"], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return err
}

func (t *fileSinkTask) Put(_ context.Context, b *connect.Batch) error {
	for i := range b.Records {
		if _, err := fmt.Fprintln(t.f, b.Records[i].Value); err != nil {
			return err
		}
	}
	return nil
}

func (t *fileSinkTask) Stop() error { return t.f.Close() }
