package herder

import (
	"context"
	"errors"
	"fmt"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
	"github.com/leat-project/leat/worker/validate"
)

// Connectors returns the names of all connectors.
func (h *Herder) Connectors(context.Context) ([]string, error) { return h.configs.Connectors(), nil }

// Connector returns one connector as it was posted.
func (h *Herder) Connector(_ context.Context, name string) (model.ConnectorInfo, error) {
	c, ok := h.configs.Connector(name)
	if !ok {
		return model.ConnectorInfo{}, model.NotFound("Connector %s not found", name)
	}
	return h.info(c), nil
}

func (h *Herder) info(c store.Connector) model.ConnectorInfo {
	info := model.ConnectorInfo{Name: c.Name, Config: c.Config, Tasks: []model.TaskID{}, Type: h.typeOf(c)}
	for i := range c.Tasks {
		info.Tasks = append(info.Tasks, model.TaskID{Connector: c.Name, Task: i})
	}
	return info
}

func (h *Herder) typeOf(c store.Connector) model.ConnectorType {
	p, err := h.Registry.Find(c.Config.Text("connector.class"), plugin.Source, plugin.Sink)
	switch {
	case err != nil:
		return model.UnknownType
	case p.Kind == plugin.Source:
		return model.SourceType
	}
	return model.SinkType
}

// ConnectorStatus returns the states as they were last written.
func (h *Herder) ConnectorStatus(_ context.Context, name string) (model.ConnectorStatus, error) {
	st, ok := h.statuses.Connector(name)
	if !ok {
		return model.ConnectorStatus{}, model.NotFound("No status found for connector %s", name)
	}
	c, ok := h.configs.Connector(name)
	out := model.ConnectorStatus{Name: name, Tasks: []model.TaskStatus{}, Type: model.UnknownType,
		Connector: model.ConnectorState{State: st.State, WorkerID: st.WorkerID, Trace: st.Trace, Version: st.Version}}
	if ok {
		out.Type = h.typeOf(c)
	}
	for _, id := range h.statuses.Tasks(name) {
		if t, ok := h.statuses.Task(id); ok {
			out.Tasks = append(out.Tasks, taskStatus(id, t))
		}
	}
	return out, nil
}

func taskStatus(id model.TaskID, t store.Status) model.TaskStatus {
	return model.TaskStatus{ID: id.Task, State: t.State, WorkerID: t.WorkerID, Trace: t.Trace, Version: t.Version}
}

// TaskStatus returns the state of one task.
func (h *Herder) TaskStatus(_ context.Context, id model.TaskID) (model.TaskStatus, error) {
	t, ok := h.statuses.Task(id)
	if !ok {
		return model.TaskStatus{}, model.NotFound("No status found for task %s", id)
	}
	return taskStatus(id, t), nil
}

// Tasks returns the task configurations.
func (h *Herder) Tasks(_ context.Context, name string) ([]model.TaskInfo, error) {
	c, ok := h.configs.Connector(name)
	if !ok {
		return nil, model.NotFound("Connector %s not found", name)
	}
	out := []model.TaskInfo{}
	for i, config := range c.Tasks {
		out = append(out, model.TaskInfo{ID: model.TaskID{Connector: name, Task: i}, Config: config})
	}
	return out, nil
}

// Topics returns the topics that a connector has used.
func (h *Herder) Topics(_ context.Context, name string) ([]string, error) {
	return h.statuses.Topics(name), nil
}

// ResetTopics forgets them.
func (h *Herder) ResetTopics(_ context.Context, name string) error {
	for _, t := range h.statuses.Topics(name) {
		h.statuses.DeleteTopic(name, t)
	}
	h.topics.forget(name)
	return nil
}

// Validate reports on a configuration.
func (h *Herder) Validate(ctx context.Context, config model.Config) (*validate.Infos, error) {
	return h.Validator.Validate(ctx, config)
}

// ClusterID returns the id of the Kafka cluster.
func (h *Herder) ClusterID(ctx context.Context) (string, error) { return h.Stores.ClusterID(ctx) }

// errStarting says what takes the start its time.
var errStarting = errors.New("The worker is reading its internal topics")

// Ready reports whether the worker has started and its loop answers.
func (h *Herder) Ready(ctx context.Context) (bool, error) {
	if !h.ready.Load() {
		return false, errStarting
	}
	if err := h.do(ctx, func(context.Context) error { return nil }); err != nil {
		return true, fmt.Errorf("the worker's control loop does not answer: %w", err)
	}
	return true, nil
}
