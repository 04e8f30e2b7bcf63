package file

import (
	"bufio"
	"context"
	"os"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
)

type sinkConfig struct{ File string }

func (c *sinkConfig) Define(d *config.Def) {
	d.String(&c.File, "file").Default(nil).Importance(config.High).
		Doc("The file that lines are appended to. Standard output if it is not set.")
}

// Sink is FileStreamSinkConnector.
type Sink struct {
	sinkConfig
	props map[string]string
}

var (
	_ connect.SinkConnector = (*Sink)(nil)
	_ connect.OffsetAlterer = (*Sink)(nil)
	_ connect.SinkTask      = (*sinkTask)(nil)
	_ connect.PreCommitter  = (*sinkTask)(nil)
)

// Start keeps the configuration.
func (s *Sink) Start(_ connect.ConnectorContext, props map[string]string) error {
	s.props = props
	return config.Parse(&s.sinkConfig, props)
}

// TaskConfigs returns as many tasks as allowed; all append to the same file.
func (s *Sink) TaskConfigs(maxTasks int) ([]map[string]string, error) {
	configs := make([]map[string]string, maxTasks)
	for i := range configs {
		configs[i] = s.props
	}
	return configs, nil
}

// Stop has nothing to release.
func (s *Sink) Stop() error { return nil }

// NewTask returns a writer of the file.
func (s *Sink) NewTask() connect.SinkTask { return &sinkTask{} }

// AlterOffsets accepts everything: positions live in Kafka alone.
func (s *Sink) AlterOffsets(context.Context, map[string]string, []connect.PartitionOffset) (bool, error) {
	return true, nil
}

type sinkTask struct {
	sinkConfig
	file *os.File // standard output is not ours to close
	out  *bufio.Writer
}

func (t *sinkTask) Start(_ connect.SinkContext, props map[string]string) error {
	if err := config.Parse(&t.sinkConfig, props); err != nil {
		return err
	}
	if t.File == "" {
		t.out = bufio.NewWriter(os.Stdout)
		return nil
	}
	f, err := os.OpenFile(t.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return connect.ConnectErrorf("Couldn't find or create file '%s' for FileStreamSinkTask: %w", t.File, err)
	}
	t.file, t.out = f, bufio.NewWriterSize(f, 64<<10)
	return nil
}

// Put appends each value in Java's text form.
func (t *sinkTask) Put(_ context.Context, b *connect.Batch) error {
	for i := range b.Records {
		if _, err := t.out.WriteString(b.Records[i].Value.String() + "\n"); err != nil {
			return connect.ConnectErrorf("writing to %s: %w", t.name(), err)
		}
	}
	// As in Java the lines are in the file at once; PreCommit makes them durable.
	if err := t.out.Flush(); err != nil {
		return connect.ConnectErrorf("writing to %s: %w", t.name(), err)
	}
	return nil
}

// PreCommit flushes, so that all that was delivered is safe.
func (t *sinkTask) PreCommit(_ context.Context, offsets map[connect.TopicPartition]int64) (map[connect.TopicPartition]int64, error) {
	if err := t.out.Flush(); err != nil {
		return nil, connect.ConnectErrorf("writing to %s: %w", t.name(), err)
	}
	if t.file != nil {
		if err := t.file.Sync(); err != nil {
			return nil, connect.ConnectErrorf("writing %s to disk: %w", t.File, err)
		}
	}
	return offsets, nil
}

func (t *sinkTask) Stop() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

func (t *sinkTask) name() string {
	if t.File == "" {
		return "standard output"
	}
	return t.File
}
