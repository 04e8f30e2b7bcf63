package rest_test

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

// fakeHerder keeps connectors in memory and shows one running task each: enough
// to judge the API's paths, codes and bodies.
type fakeHerder struct {
	validator *validate.Validator
	workerID  string
	levels    *loglevel.Levels

	mu         sync.Mutex // guards connectors
	connectors map[string]*fakeConnector
}

type fakeConnector struct {
	config map[string]string
	target model.TargetState
	tasks  int
	topics []string
	plugin *plugin.Plugin
	// committed: somebody has waited for records to flow, as the recordings do
	// before they look at offsets.
	committed bool
}

const fakeCluster = "fake-cluster"

func (f *fakeHerder) Connectors(context.Context) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.connectors)), nil
}

func (f *fakeHerder) find(name, notFound string) (*fakeConnector, error) {
	c := f.connectors[name]
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

func (f *fakeHerder) Connector(_ context.Context, name string) (model.ConnectorInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(name, notFound)
	if err != nil {
		return model.ConnectorInfo{}, err
	}
	return c.info(name), nil
}

func (c *fakeConnector) info(name string) model.ConnectorInfo {
	info := model.ConnectorInfo{Name: name, Config: maps.Clone(c.config), Tasks: []model.TaskID{}, Type: model.ConnectorType(c.plugin.Kind)}
	for i := range c.tasks {
		info.Tasks = append(info.Tasks, model.TaskID{Connector: name, Task: i})
	}
	return info
}

var states = map[model.TargetState]model.State{model.TargetStarted: model.Running,
	model.TargetPaused: model.Paused, model.TargetStopped: model.Stopped}

func (f *fakeHerder) ConnectorStatus(_ context.Context, name string) (model.ConnectorStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(name, "No status found for connector %s")
	if err != nil {
		return model.ConnectorStatus{}, err
	}
	return f.status(name, c, states[c.target]), nil
}

func (f *fakeHerder) status(name string, c *fakeConnector, state model.State) model.ConnectorStatus {
	s := model.ConnectorStatus{Name: name, Tasks: []model.TaskStatus{}, Type: model.ConnectorType(c.plugin.Kind),
		Connector: model.ConnectorState{State: state, WorkerID: f.workerID, Version: c.plugin.Version}}
	for i := range c.tasks {
		s.Tasks = append(s.Tasks, model.TaskStatus{ID: i, State: state, WorkerID: f.workerID, Version: c.plugin.Version})
	}
	return s
}

func (f *fakeHerder) TaskStatus(ctx context.Context, id model.TaskID) (model.TaskStatus, error) {
	s, err := f.ConnectorStatus(ctx, id.Connector)
	if err != nil || id.Task >= len(s.Tasks) {
		return model.TaskStatus{}, model.NotFound("No status found for task %s", id)
	}
	return s.Tasks[id.Task], nil
}

func (f *fakeHerder) Tasks(_ context.Context, name string) ([]model.TaskInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(name, notFound)
	if err != nil {
		return nil, err
	}
	var tasks []model.TaskInfo
	for i := range c.tasks {
		config := maps.Clone(c.config)
		config["task.class"] = "org.apache.kafka.connect.file.FileStreamSourceTask"
		tasks = append(tasks, model.TaskInfo{ID: model.TaskID{Connector: name, Task: i}, Config: config})
	}
	return tasks, nil
}

func (f *fakeHerder) Topics(_ context.Context, name string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.connectors[name]; c != nil {
		c.committed = true
		return c.topics, nil
	}
	return nil, nil
}

func (f *fakeHerder) ResetTopics(context.Context, string) error { return nil }

func (f *fakeHerder) Create(ctx context.Context, name string, config map[string]string, initial model.TargetState) (model.ConnectorInfo, error) {
	p, err := f.check(ctx, config)
	if err != nil {
		return model.ConnectorInfo{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.connectors[name] != nil {
		return model.ConnectorInfo{}, model.AlreadyExists("Connector %s already exists", name)
	}
	c := &fakeConnector{config: config, target: initial, plugin: p, topics: []string{config["topic"]}}
	if initial == model.TargetStarted {
		c.tasks = 1
	}
	f.connectors[name] = c
	return c.info(name), nil
}

func (f *fakeHerder) check(ctx context.Context, config map[string]string) (*plugin.Plugin, error) {
	report, err := f.validator.Validate(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := report.Err(); err != nil {
		return nil, err
	}
	return f.validator.Connector(config["connector.class"])
}

func (f *fakeHerder) PutConfig(ctx context.Context, name string, config map[string]string) (model.ConnectorInfo, bool, error) {
	if _, err := f.Connector(ctx, name); err != nil {
		info, err := f.Create(ctx, name, config, model.TargetStarted)
		return info, true, err
	}
	if _, err := f.check(ctx, config); err != nil {
		return model.ConnectorInfo{}, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connectors[name].config = config
	return f.connectors[name].info(name), false, nil
}

func (f *fakeHerder) PatchConfig(ctx context.Context, name string, patch map[string]*string) (model.ConnectorInfo, error) {
	info, err := f.Connector(ctx, name)
	if err != nil {
		return info, err
	}
	for k, v := range patch {
		if v == nil {
			delete(info.Config, k)
			continue
		}
		info.Config[k] = *v
	}
	info, _, err = f.PutConfig(ctx, name, info.Config)
	return info, err
}

func (f *fakeHerder) Delete(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.find(name, notFound)
	delete(f.connectors, name)
	return err
}

func (f *fakeHerder) Validate(ctx context.Context, config map[string]string) (*validate.Infos, error) {
	return f.validator.Validate(ctx, config)
}

func (f *fakeHerder) RestartConnector(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.find(name, unknownNew)
	return err
}

func (f *fakeHerder) Restart(_ context.Context, r model.RestartRequest) (model.ConnectorStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(r.Connector, unknownNew)
	if err != nil {
		return model.ConnectorStatus{}, err
	}
	if r.OnlyFailed {
		return f.status(r.Connector, c, states[c.target]), nil
	}
	return f.status(r.Connector, c, model.Restarting), nil
}

func (f *fakeHerder) RestartTask(_ context.Context, id model.TaskID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(id.Connector, unknownNew)
	if err == nil && id.Task >= c.tasks {
		err = model.NotFound("Unknown task: %s", id)
	}
	return err
}

func (f *fakeHerder) target(name string, t model.TargetState) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(name, unknown)
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

func (f *fakeHerder) Pause(_ context.Context, name string) error {
	return f.target(name, model.TargetPaused)
}

func (f *fakeHerder) Resume(_ context.Context, name string) error {
	return f.target(name, model.TargetStarted)
}

func (f *fakeHerder) Stop(_ context.Context, name string) error {
	return f.target(name, model.TargetStopped)
}

func (f *fakeHerder) Offsets(_ context.Context, name string) ([]model.ConnectorOffset, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := f.find(name, notFound)
	if err != nil || !c.committed {
		return nil, err
	}
	file := c.config["file"]
	stat, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	return []model.ConnectorOffset{{Partition: map[string]any{"filename": file}, Offset: map[string]any{"position": stat.Size()}}}, nil
}

func (f *fakeHerder) AlterOffsets(ctx context.Context, name string, _ []model.ConnectorOffset) (string, error) {
	_, err := f.Connector(ctx, name)
	return "The offsets for this connector have been altered successfully", err
}

func (f *fakeHerder) ResetOffsets(ctx context.Context, name string) (string, error) {
	_, err := f.Connector(ctx, name)
	return "The offsets for this connector have been reset successfully", err
}

func (f *fakeHerder) ClusterID(context.Context) (string, error) { return fakeCluster, nil }

func (f *fakeHerder) Ready(context.Context) (bool, error) { return true, nil }

func (f *fakeHerder) SetClusterLogLevel(_ context.Context, logger, level string) error {
	f.levels.Set(logger, level)
	return nil
}
