package worker_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/converters"
	"github.com/leat-project/leat/worker"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/model"
)

// runStandalone runs a standalone worker with connectors until check is content.
func runStandalone(t *testing.T, props map[string]string, files []worker.ConnectorFile, check func(w *worker.Worker) bool) {
	t.Helper()
	cfg, unknown, err := worker.ParseConfig(conf.Standalone, props)
	if err != nil || len(unknown) > 0 {
		t.Fatalf("unknown %v, error %v", unknown, err)
	}
	reg := &plugin.Registry{}
	converters.Register(reg)
	registerProbes(reg)
	w, err := worker.New(cfg, reg, worker.Deps{Log: slog.New(newLogCatcher()), WorkerID: "w:1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	if err := w.AddConnectors(ctx, files); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connectors did their work", func() bool { return check(w) })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestStandalone(t *testing.T) {
	b := startBroker(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "out")
	write := func(name, text string) worker.ConnectorFile {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := worker.LoadConnectorFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	files := []worker.ConnectorFile{
		write("src.properties", "name=src\nconnector.class=probe.ProbeSource\ntopic=t\nvalues=a|b\n"),
		write("snk.json", `{"name":"snk","config":{"name":"snk","connector.class":"probe.ProbeSink","topics":"t","file":"`+file+`"}}`),
		write("flat.json", `{"name":"flat","connector.class":"probe.ProbeSource","topic":"other","values":"x","tasks.max":1}`),
	}
	props := map[string]string{"bootstrap.servers": b.Addr(), "offset.storage.file.filename": filepath.Join(dir, "offsets"),
		"key.converter": stringConverter, "value.converter": stringConverter, "offset.flush.interval.ms": "100"}
	written := func(w *worker.Worker) bool {
		o, err := w.Herder().Offsets(t.Context(), "src")
		st, serr := w.Herder().ConnectorStatus(t.Context(), "flat")
		return err == nil && len(o) == 1 && o[0].Offset["n"] == int64(2) && len(lines(t, file)) == 2 &&
			serr == nil && len(st.Tasks) == 1 && st.Tasks[0].State == model.Running
	}
	runStandalone(t, props, files, written)
	// The second run knows from the file that the source is done.
	runStandalone(t, props, files, written)
	if got := values(t, file); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("sink wrote %v", got)
	}
}

// Numbers reach the connector as they are written.
func TestConnectorFileNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(path, []byte(`{"name":"a","big":12345678901234567890,"fraction":1.0,"yes":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := worker.LoadConnectorFile(path)
	if err != nil || f.Config.Text("big") != "12345678901234567890" || f.Config.Text("fraction") != "1.0" || f.Config.Text("yes") != "true" {
		t.Fatalf("config = %v, error %v", f.Config, err)
	}
}

func TestConnectorFileErrors(t *testing.T) {
	for name, text := range map[string]string{"nameless.properties": "connector.class=x\n", "broken.json": "{", "nested.json": `{"name":"a","x":[1]}`, "two.json": `{"name":"a"} {"name":"b"}`,
		"state.json": `{"name":"a","config":{"x":"y"},"initial_state":"FLYING"}`} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := worker.LoadConnectorFile(path); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
