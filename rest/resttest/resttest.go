// Package resttest runs the REST API over a herder in memory, for tests of the API
// and of its clients: connectors show one running task each and copy nothing.
package resttest

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/internal/loglevel"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/validate"
)

// Herder keeps connectors in memory. It is safe for concurrent use.
type Herder struct {
	Validator *validate.Validator
	// WorkerID is what statuses show. Set it when the server's address is known.
	WorkerID string
	// Levels are changed by SetClusterLogLevel.
	Levels *loglevel.Levels

	mu         sync.Mutex // guards connectors
	connectors map[string]*connector
}

// New returns a herder without connectors.
func New(v *validate.Validator) *Herder {
	return &Herder{Validator: v, Levels: loglevel.New(), connectors: map[string]*connector{}}
}

type connector struct {
	config model.Config
	target model.TargetState
	tasks  int
	topics []string
	plugin *plugin.Plugin
	// committed: somebody has waited for records to flow, as the recordings do
	// before they look at offsets.
	committed bool
}

// Cluster is the id of the Kafka cluster that is not there.
const Cluster = "fake-cluster"

// Connectors is of rest.Herder.
func (h *Herder) Connectors(context.Context) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.connectors)), nil
}

func (h *Herder) find(name, notFound string) (*connector, error) {
	c := h.connectors[name]
	if c == nil {
		return nil, model.NotFound(notFound, name)
	}
	return c, nil
}

const (
	notFound   = "Connector %s not found"
	unknown    = "Unknown connector %s"
	unknownNew = "Unknown connector: %s"
)

// Connector is of rest.Herder.
func (h *Herder) Connector(_ context.Context, name string) (model.ConnectorInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.find(name, notFound)
	if err != nil {
		return model.ConnectorInfo{}, err
	}
	return c.info(name), nil
}

func (c *connector) info(name string) model.ConnectorInfo {
	info := model.ConnectorInfo{Name: name, Config: maps.Clone(c.config), Tasks: []model.TaskID{}, Type: model.ConnectorType(c.plugin.Kind)}
	for i := range c.tasks {
		info.Tasks = append(info.Tasks, model.TaskID{Connector: name, Task: i})
	}
	return info
}

var states = map[model.TargetState]model.State{model.TargetStarted: model.Running,
	model.TargetPaused: model.Paused, model.TargetStopped: model.Stopped}

// ConnectorStatus is of rest.Herder.
func (h *Herder) ConnectorStatus(_ context.Context, name string) (model.ConnectorStatus, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.find(name, "No status found for connector %s")
	if err != nil {
		return model.ConnectorStatus{}, err
	}
	return h.status(name, c, states[c.target]), nil
}

func (h *Herder) status(name string, c *connector, state model.State) model.ConnectorStatus {
	s := model.ConnectorStatus{Name: name, Tasks: []model.TaskStatus{}, Type: model.ConnectorType(c.plugin.Kind),
		Connector: model.ConnectorState{State: state, WorkerID: h.WorkerID, Version: c.plugin.Version}}
	for i := range c.tasks {
		s.Tasks = append(s.Tasks, model.TaskStatus{ID: i, State: state, WorkerID: h.WorkerID, Version: c.plugin.Version})
	}
	return s
}

// TaskStatus is of rest.Herder.
func (h *Herder) TaskStatus(ctx context.Context, id model.TaskID) (model.TaskStatus, error) {
	s, err := h.ConnectorStatus(ctx, id.Connector)
	if err != nil || id.Task >= len(s.Tasks) {
		return model.TaskStatus{}, model.NotFound("No status found for task %s", id)
	}
	return s.Tasks[id.Task], nil
}

// Tasks is of rest.Herder.
func (h *Herder) Tasks(_ context.Context, name string) ([]model.TaskInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.find(name, notFound)
	if err != nil {
		return nil, err
	}
	var tasks []model.TaskInfo
	for i := range c.tasks {
		config := c.config.Texts()
		config["task.class"] = "org.apache.kafka.connect.file.FileStreamSourceTask"
		tasks = append(tasks, model.TaskInfo{ID: model.TaskID{Connector: name, Task: i}, Config: config})
	}
	return tasks, nil
}

// Topics is of rest.Herder.
func (h *Herder) Topics(_ context.Context, name string) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.connectors[name]; c != nil {
		c.committed = true
		return c.topics, nil
	}
	return nil, nil
}

// ResetTopics is of rest.Herder.
func (h *Herder) ResetTopics(context.Context, string) error { return nil }

// Create is of rest.Herder.
func (h *Herder) Create(ctx context.Context, name string, config model.Config, initial model.TargetState) (model.ConnectorInfo, error) {
	p, err := h.check(ctx, config)
	if err != nil {
		return model.ConnectorInfo{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.connectors[name] != nil {
		return model.ConnectorInfo{}, model.AlreadyExists("Connector %s already exists", name)
	}
	c := &connector{config: config, target: initial, plugin: p, topics: []string{config.Text("topic")}}
	if initial == model.TargetStarted {
		c.tasks = 1
	}
	h.connectors[name] = c
	return c.info(name), nil
}

func (h *Herder) check(ctx context.Context, config model.Config) (*plugin.Plugin, error) {
	report, err := h.Validator.Validate(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := report.Err(); err != nil {
		return nil, err
	}
	return h.Validator.Connector(config.Text("connector.class"))
}

// PutConfig is of rest.Herder.
func (h *Herder) PutConfig(ctx context.Context, name string, config model.Config) (model.ConnectorInfo, bool, error) {
	if _, err := h.Connector(ctx, name); err != nil {
		info, err := h.Create(ctx, name, config, model.TargetStarted)
		return info, true, err
	}
	if _, err := h.check(ctx, config); err != nil {
		return model.ConnectorInfo{}, false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.connectors[name].config = config
	return h.connectors[name].info(name), false, nil
}

// PatchConfig is of rest.Herder.
func (h *Herder) PatchConfig(ctx context.Context, name string, patch model.Config) (model.ConnectorInfo, error) {
	info, err := h.Connector(ctx, name)
	if err != nil {
		return info, err
	}
	info, _, err = h.PutConfig(ctx, name, info.Config.Patched(patch))
	return info, err
}

// Delete is of rest.Herder.
func (h *Herder) Delete(_ context.Context, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.find(name, notFound)
	delete(h.connectors, name)
	return err
}

// Validate is of rest.Herder.
func (h *Herder) Validate(ctx context.Context, config model.Config) (*validate.Infos, error) {
	return h.Validator.Validate(ctx, config)
}

// RestartConnector is of rest.Herder.
func (h *Herder) RestartConnector(_ context.Context, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.find(name, unknownNew)
	return err
}

// Restart is of rest.Herder.
func (h *Herder) Restart(_ context.Context, r model.RestartRequest) (model.ConnectorStatus, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.find(r.Connector, unknownNew)
	if err != nil {
		return model.ConnectorStatus{}, err
	}
	if r.OnlyFailed {
		return h.status(r.Connector, c, states[c.target]), nil
	}
	return h.status(r.Connector, c, model.Restarting), nil
}

// RestartTask is of rest.Herder.
func (h *Herder) RestartTask(_ context.Context, id model.TaskID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.find(id.Connector, unknownNew)
	if err == nil && id.Task >= c.tasks {
		err = model.NotFound("Unknown task: %s", id)
	}
	return err
}

func (h *Herder) target(name string, t model.TargetState) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.find(name, unknown)
	if err != nil {
		return err
	}
	c.target = t
	switch t {
	case model.TargetStopped:
		c.tasks = 0
	case model.TargetStarted:
		c.tasks = 1
	}
	return nil
}

// Pause is of rest.Herder.
func (h *Herder) Pause(_ context.Context, name string) error {
	return h.target(name, model.TargetPaused)
}

// Resume is of rest.Herder.
func (h *Herder) Resume(_ context.Context, name string) error {
	return h.target(name, model.TargetStarted)
}

// Stop is of rest.Herder.
func (h *Herder) Stop(_ context.Context, name string) error {
	return h.target(name, model.TargetStopped)
}

// Offsets is of rest.Herder.
func (h *Herder) Offsets(_ context.Context, name string) ([]model.ConnectorOffset, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.find(name, notFound)
	if err != nil || !c.committed {
		return nil, err
	}
	file := c.config.Text("file")
	stat, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	return []model.ConnectorOffset{{Partition: map[string]any{"filename": file}, Offset: map[string]any{"position": stat.Size()}}}, nil
}

// AlterOffsets is of rest.Herder.
func (h *Herder) AlterOffsets(ctx context.Context, name string, _ []model.ConnectorOffset) (string, error) {
	_, err := h.Connector(ctx, name)
	return "The offsets for this connector have been altered successfully", err
}

// ResetOffsets is of rest.Herder.
func (h *Herder) ResetOffsets(ctx context.Context, name string) (string, error) {
	_, err := h.Connector(ctx, name)
	return "The offsets for this connector have been reset successfully", err
}

// ClusterID is of rest.Herder.
func (h *Herder) ClusterID(context.Context) (string, error) { return Cluster, nil }

// Ready is of rest.Herder.
func (h *Herder) Ready(context.Context) (bool, error) { return true, nil }

// SetClusterLogLevel is of rest.Herder.
func (h *Herder) SetClusterLogLevel(_ context.Context, logger, level string) error {
	h.Levels.Set(logger, level)
	return nil
}
