package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

const (
	filenameField = "filename"
	positionField = "position"
)

type sourceConfig struct {
	File      string
	Topic     string
	BatchSize int
}

func (c *sourceConfig) Define(d *config.Def) {
	d.String(&c.File, "file").Default(nil).Importance(config.High).
		Doc("The file whose lines are read. Standard input if it is not set.")
	d.String(&c.Topic, "topic").Check(config.NonEmpty).Importance(config.High).
		Doc("The topic that the lines go to.")
	d.Int(&c.BatchSize, "batch.size").Default(2000).Importance(config.Low).
		Doc("The largest number of lines handed over at once.")
}

// Source is FileStreamSourceConnector.
type Source struct {
	sourceConfig
	props map[string]string
}

var (
	_ connect.SourceConnector      = (*Source)(nil)
	_ connect.OffsetAlterer        = (*Source)(nil)
	_ connect.ExactlyOnceConnector = (*Source)(nil)
	_ connect.SourceTask           = (*sourceTask)(nil)
)

// Start keeps the configuration.
func (s *Source) Start(_ connect.ConnectorContext, props map[string]string) error {
	s.props = props
	return config.Parse(&s.sourceConfig, props)
}

// TaskConfigs returns one task: a file has one reader.
func (s *Source) TaskConfigs(int) ([]map[string]string, error) {
	return []map[string]string{s.props}, nil
}

// Stop has nothing to release.
func (s *Source) Stop() error { return nil }

// NewTask returns a reader of the file.
func (s *Source) NewTask() connect.SourceTask { return &sourceTask{} }

// ExactlyOnceSupport is given for a file: its position says what was read.
func (s *Source) ExactlyOnceSupport(props map[string]string) bool { return props["file"] != "" }

// DefinesBoundaries is false: any line may end a transaction.
func (s *Source) DefinesBoundaries(map[string]string) bool { return false }

// AlterOffsets checks partitions and positions.
func (s *Source) AlterOffsets(_ context.Context, props map[string]string, offsets []connect.PartitionOffset) (bool, error) {
	var c sourceConfig
	if err := config.Parse(&c, props); err != nil {
		return false, err
	}
	if c.File == "" {
		return false, connect.ConnectErrorf("Offsets cannot be modified if the 'file' configuration is unspecified. " +
			"This is because stdin is used for input and offsets are not tracked.")
	}
	for _, o := range offsets {
		if o.Offset == nil {
			continue // a reset, whatever the partition
		}
		if _, ok := o.Offset[positionField]; !ok {
			return false, connect.ConnectErrorf("Offset objects should either be null or contain the key '%s'", positionField)
		}
		position, ok := o.Offset[positionField].(int64)
		if !ok {
			return false, connect.ConnectErrorf("The value for the '%s' key in the offset is expected to be a Long value", positionField)
		}
		if position < 0 {
			return false, connect.ConnectErrorf("The value for the '%s' key in the offset should be a non-negative value", positionField)
		}
		if _, ok := o.Partition[filenameField]; !ok {
			return false, connect.ConnectErrorf("Partition objects should contain the key '%s'", filenameField)
		}
	}
	return true, nil
}

// position is the number of bytes read up to and including a line's end.
type position int64

func (p position) OffsetMap() map[string]any { return map[string]any{positionField: int64(p)} }

type sourceTask struct {
	sourceConfig
	ctx       connect.SourceContext
	partition *connect.Partition // nil for standard input
	in        io.Reader          // nil until the file could be opened
	lines     lines
	pos       int64

	mu      sync.Mutex // guards close and stopped: Stop may come while Poll runs
	close   io.Closer  // nil for standard input
	stopped bool
}

func (t *sourceTask) Start(ctx connect.SourceContext, props map[string]string) error {
	if err := config.Parse(&t.sourceConfig, props); err != nil {
		return err
	}
	t.ctx = ctx
	if t.File == "" {
		t.in = os.Stdin
		return nil
	}
	t.partition = connect.NewPartition(map[string]any{filenameField: t.File})
	stored, err := ctx.Offsets().Offsets(ctx.Context(), t.partition)
	if err != nil {
		return fmt.Errorf("reading the stored position of %s: %w", t.File, err)
	}
	if len(stored) == 0 || stored[0] == nil || stored[0][positionField] == nil {
		return nil
	}
	n, ok := stored[0][positionField].(int64)
	if !ok {
		return connect.ConnectErrorf("Offset position is the incorrect type: %v of %s should be an integer", stored[0][positionField], t.File)
	}
	t.pos = n
	return nil
}

// open opens the file at the position; false while it does not exist.
func (t *sourceTask) open() (bool, error) {
	if t.in != nil {
		return true, nil
	}
	f, err := os.Open(t.File)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, connect.Retriable(connect.ConnectErrorf("opening the source file: %w", err))
	}
	if _, err := f.Seek(t.pos, io.SeekStart); err != nil {
		f.Close()
		return false, connect.ConnectErrorf("going to byte %d of the source file %s: %w", t.pos, t.File, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return false, f.Close()
	}
	t.in, t.close = f, f
	return true, nil
}

// Poll reads the lines that are there, or waits a second for some.
func (t *sourceTask) Poll(ctx context.Context, b *connect.Batch) error {
	opened, err := t.open()
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10) // lines alias it: a new one each time
	for opened && b.Len() < t.BatchSize && !b.Full() {
		if t.take(b) {
			continue
		}
		n, err := t.in.Read(buf[:cap(buf)])
		t.lines.add(buf[:n])
		if n == 0 || (err != nil && err != io.EOF) {
			if err != nil && err != io.EOF {
				return connect.ConnectErrorf("reading the source file %s: %w", t.File, err)
			}
			break
		}
	}
	if b.Len() > 0 {
		return nil
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return nil
}

// take adds the next whole line to b; false when there is none.
func (t *sourceTask) take(b *connect.Batch) bool {
	line, size, ok := t.lines.next()
	if !ok {
		return false
	}
	t.pos += int64(size)
	r := b.Add()
	r.Topic, r.ValueSchema, r.Value = t.Topic, data.StringSchema, data.String(line)
	r.Timestamp = time.Now().UnixMilli()
	if t.partition != nil {
		r.SourcePartition, r.SourceOffset = t.partition, position(t.pos)
	}
	b.Grow(size)
	return true
}

func (t *sourceTask) Stop() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	if t.close != nil {
		return t.close.Close() // ends a Read in progress
	}
	return nil
}
