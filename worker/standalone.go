package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/kafka"
	"github.com/leat-project/leat/internal/props"
	"github.com/leat-project/leat/worker/conf"
	"github.com/leat-project/leat/worker/model"
)

// ConnectorFile is one connector of the command line of standalone mode.
type ConnectorFile struct {
	Name    string
	Config  model.Config
	Initial model.TargetState // "" is STARTED
}

// LoadConnectorFile reads a connector from a properties file or a JSON file, which
// holds either {"name", "config", "initial_state"} or a flat map.
func LoadConnectorFile(path string) (ConnectorFile, error) {
	f, err := loadConnectorFile(path)
	if err != nil {
		return f, fmt.Errorf("connector file %s: %w", path, err)
	}
	if f.Name == "" {
		f.Name = f.Config.Text("name")
	}
	if f.Name == "" {
		return f, fmt.Errorf("connector file %s: name is missing", path)
	}
	return f, nil
}

func loadConnectorFile(path string) (f ConnectorFile, err error) {
	if !strings.HasSuffix(strings.ToLower(path), ".json") {
		settings, err := props.Load(path)
		f.Config = model.ConfigOf(settings)
		return f, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	var posted struct {
		Name    string
		Config  map[string]any
		Initial string `json:"initial_state"`
	}
	if unmarshal(b, &posted) == nil && posted.Config != nil {
		f.Name = posted.Name
		if f.Initial, err = initialState(posted.Initial); err != nil {
			return f, err
		}
		f.Config, err = texts(posted.Config)
		return f, err
	}
	var flat map[string]any
	if err := unmarshal(b, &flat); err != nil {
		return f, fmt.Errorf("expected a JSON object of settings, or one with name and config: %w", err)
	}
	f.Config, err = texts(flat)
	return f, err
}

// unmarshal is json.Unmarshal, but keeps numbers as they are written.
func unmarshal(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON value")
	}
	return nil
}

func texts(m map[string]any) (model.Config, error) {
	out := model.Config{}
	for k, v := range m {
		switch v := v.(type) {
		case nil:
			out[k] = nil
		case string, json.Number, bool:
			text := fmt.Sprint(v)
			out[k] = &text
		default:
			return nil, fmt.Errorf("the value of %s is neither text nor number nor boolean", k)
		}
	}
	return out, nil
}

func initialState(s string) (model.TargetState, error) {
	switch strings.ToUpper(s) {
	case "":
		return "", nil
	case "RUNNING":
		return model.TargetStarted, nil
	case "PAUSED":
		return model.TargetPaused, nil
	case "STOPPED":
		return model.TargetStopped, nil
	}
	return "", fmt.Errorf("initial_state %q is none of RUNNING, PAUSED, STOPPED", s)
}

// AddConnectors creates the connectors of the command line; the first that fails
// ends it.
func (w *Worker) AddConnectors(ctx context.Context, files []ConnectorFile) error {
	for _, f := range files {
		if _, err := w.herder.Create(ctx, f.Name, f.Config, f.Initial); err != nil {
			return fmt.Errorf("connector %s: %w", f.Name, err)
		}
	}
	return nil
}

// clusterID asks Kafka for the id of its cluster and remembers the answer.
func clusterID(cfg *conf.Config, log *slog.Logger) func(context.Context) (string, error) {
	var mu sync.Mutex // guards id
	var id string
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		known := id
		mu.Unlock()
		if known != "" {
			return known, nil
		}
		opts, err := kafka.Options(cfg.Internal("shared-admin"), kafka.Admin, log)
		if err != nil {
			return "", err
		}
		client, err := kgo.NewClient(opts...)
		if err != nil {
			return "", err
		}
		defer client.Close()
		m, err := kadm.NewClient(client).BrokerMetadata(ctx)
		if err != nil {
			return "", fmt.Errorf("asking for the cluster id: %w", err)
		}
		mu.Lock()
		id = m.Cluster
		mu.Unlock()
		return m.Cluster, nil
	}
}
