package resttest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/internal/logtail"
	"github.com/leat-project/leat/rest"
	"github.com/leat-project/leat/worker/validate"
)

// SourceClass is the one connector of Registry: it needs topic, and has a PASSWORD
// key database.password.
const SourceClass = "org.example.TestSourceConnector"

// Registry returns a registry that holds SourceClass.
func Registry() *plugin.Registry {
	reg := &plugin.Registry{}
	reg.AddSource(SourceClass, "1.0", func() connect.SourceConnector { return source{} })
	return reg
}

type source struct{ connect.SourceConnector }

func (source) Define(d *config.Def) {
	d.String(nil, "file").Default(nil).Doc("A file.")
	d.String(nil, "topic").Check(config.NonEmpty).Doc("A topic.")
	d.Password(nil, "database.password").Default(nil).Doc("A secret.")
}

// Start serves the API over h on a free port until the test ends.
func Start(t testing.TB, h *Herder, reg *plugin.Registry) *rest.Server {
	t.Helper()
	cfg, err := rest.ParseConfig(map[string]string{"listeners": "http://127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s := rest.NewServer(cfg, h, reg, slog.New(slog.DiscardHandler))
	s.Loggers, s.Logs = h.Levels, logtail.New()
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	h.WorkerID = s.WorkerID()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("REST server ended with: %v", err)
		}
	})
	return s
}

// StartDefault serves the API with Registry's connector.
func StartDefault(t testing.TB) *rest.Server {
	t.Helper()
	reg := Registry()
	return Start(t, New(validate.New(reg, validate.Worker{GroupID: "test"})), reg)
}
