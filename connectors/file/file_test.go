package file

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// taskContext is the runtime as far as a task that only reads needs it.
type taskContext struct {
	connect.SourceContext
	stored map[string]any
}

func (c taskContext) Context() context.Context      { return context.Background() }
func (c taskContext) Offsets() connect.OffsetReader { return offsets{c.stored} }

type offsets struct{ stored map[string]any }

func (o offsets) Offsets(context.Context, ...*connect.Partition) ([]map[string]any, error) {
	return []map[string]any{o.stored}, nil
}

func poll(t *testing.T, path string, stored map[string]any) ([]string, []int64) {
	t.Helper()
	task := (&Source{}).NewTask()
	if err := task.Start(taskContext{stored: stored}, map[string]string{"file": path, "topic": "t"}); err != nil {
		t.Fatal(err)
	}
	defer task.Stop()
	b := connect.NewBatch(0, 0, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no wait when there is nothing
	if err := task.Poll(ctx, b); err != nil {
		t.Fatal(err)
	}
	var text []string
	var at []int64
	for _, r := range b.Records {
		text = append(text, r.Value.Str())
		at = append(at, r.SourceOffset.OffsetMap()["position"].(int64))
	}
	return text, at
}

func TestSourceReadsWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.txt")
	if text, _ := poll(t, path, nil); text != nil {
		t.Fatalf("lines of a missing file = %q", text)
	}
	if err := os.WriteFile(path, []byte("one\nzw\xc3\xb6lf\r\n\rthree\runfinished"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, at := poll(t, path, nil)
	if want := []string{"one", "zw\u00f6lf", "", "three"}; !slices.Equal(text, want) {
		t.Fatalf("lines = %q, want %q", text, want)
	}
	if want := []int64{4, 12, 13, 19}; !slices.Equal(at, want) {
		t.Fatalf("positions = %v, want %v", at, want)
	}
	text, _ = poll(t, path, map[string]any{"position": int64(12)})
	if want := []string{"", "three"}; !slices.Equal(text, want) {
		t.Fatalf("lines after a restart = %q, want %q", text, want)
	}
}

func TestSinkWritesJavasText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.txt")
	task := (&Sink{}).NewTask()
	if err := task.Start(nil, map[string]string{"file": path}); err != nil {
		t.Fatal(err)
	}
	b := connect.NewBatch(0, 0, nil)
	for _, v := range []data.Value{data.String("a"), data.Int64(5), data.Null} {
		b.Add().Value = v
	}
	if err := task.Put(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	tp := connect.TopicPartition{Topic: "t"}
	got, err := task.(connect.PreCommitter).PreCommit(context.Background(), map[connect.TopicPartition]int64{tp: 3})
	if err != nil || got[tp] != 3 {
		t.Fatalf("PreCommit = %v, %v", got, err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "a\n5\nnull\n" {
		t.Fatalf("file = %q, %v", text, err)
	}
	if err := task.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestAlterOffsetsRefuses(t *testing.T) {
	s := &Source{}
	props := map[string]string{"file": "f", "topic": "t"}
	name := map[string]any{"filename": "f"}
	for _, c := range []struct {
		offset map[string]any
		want   string
	}{
		{map[string]any{"position": "x"}, "The value for the 'position' key in the offset is expected to be a Long value"},
		{map[string]any{"position": int64(-1)}, "The value for the 'position' key in the offset should be a non-negative value"},
		{map[string]any{}, "Offset objects should either be null or contain the key 'position'"},
	} {
		_, err := s.AlterOffsets(context.Background(), props, []connect.PartitionOffset{{Partition: name, Offset: c.offset}})
		if err == nil || err.Error() != c.want {
			t.Errorf("offset %v: error = %v, want %s", c.offset, err, c.want)
		}
	}
	ok, err := s.AlterOffsets(context.Background(), props, []connect.PartitionOffset{{Partition: name, Offset: map[string]any{"position": int64(4)}}})
	if !ok || err != nil {
		t.Errorf("a good offset: %v, %v", ok, err)
	}
}
