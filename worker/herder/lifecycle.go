package herder

import (
	"context"

	"github.com/leat-project/leat/worker/model"
)

// Pause asks all workers to pause a connector and its tasks.
func (h *Herder) Pause(ctx context.Context, name string) error {
	return h.retarget(ctx, name, model.TargetPaused)
}

// Resume asks all workers to run a connector and its tasks.
func (h *Herder) Resume(ctx context.Context, name string) error {
	return h.retarget(ctx, name, model.TargetStarted)
}

func (h *Herder) retarget(ctx context.Context, name string, t model.TargetState) error {
	return h.do(ctx, func(ctx context.Context) error {
		if _, ok := h.configs.Connector(name); !ok {
			return model.NotFound("Unknown connector %s", name)
		}
		return h.configs.PutTarget(ctx, name, t)
	})
}

// Stop empties the task list of a connector, then stops it.
func (h *Herder) Stop(ctx context.Context, name string) error {
	return h.do(ctx, func(ctx context.Context) error {
		c, ok := h.configs.Connector(name)
		if !ok {
			return model.NotFound("Unknown connector %s", name)
		}
		if c.Target != model.TargetStopped || len(c.Tasks) > 0 {
			if err := h.configs.PutTasks(ctx, name, nil); err != nil {
				return err
			}
		}
		return h.configs.PutTarget(ctx, name, model.TargetStopped)
	})
}

// RestartConnector restarts the connector instance only.
func (h *Herder) RestartConnector(ctx context.Context, name string) error {
	return h.do(ctx, func(context.Context) error {
		if _, ok := h.configs.Connector(name); !ok {
			return model.NotFound("Unknown connector: %s", name)
		}
		h.restartConnector(name, false)
		return nil
	})
}

// RestartTask restarts one task.
func (h *Herder) RestartTask(ctx context.Context, id model.TaskID) error {
	return h.do(ctx, func(context.Context) error {
		c, ok := h.configs.Connector(id.Connector)
		if !ok {
			return model.NotFound("Unknown connector: %s", id.Connector)
		}
		if id.Task < 0 || id.Task >= len(c.Tasks) {
			return model.NotFound("Unknown task: %s", id)
		}
		h.restartTask(id, false)
		return nil
	})
}

// Restart publishes a restart request and returns the status with what will restart.
func (h *Herder) Restart(ctx context.Context, r model.RestartRequest) (model.ConnectorStatus, error) {
	var planned model.ConnectorStatus
	err := h.do(ctx, func(ctx context.Context) error {
		if _, ok := h.configs.Connector(r.Connector); !ok {
			return model.NotFound("Unknown connector: %s", r.Connector)
		}
		var err error
		if planned, err = h.ConnectorStatus(ctx, r.Connector); err != nil {
			return model.NotFound("Status for connector %s not found", r.Connector)
		}
		selectRestart(r, &planned)
		return h.configs.PutRestart(ctx, r)
	})
	return planned, err
}

// selectRestart marks in st what a request restarts.
func selectRestart(r model.RestartRequest, st *model.ConnectorStatus) {
	pick := func(s *model.State) {
		if !r.OnlyFailed || *s == model.Failed {
			*s = model.Restarting
		}
	}
	pick(&st.Connector.State)
	if !r.IncludeTasks {
		return
	}
	for i := range st.Tasks {
		pick(&st.Tasks[i].State)
	}
}

// restart acts on a restart request that was read back. It runs on the loop.
func (h *Herder) restart(r model.RestartRequest) {
	st, err := h.ConnectorStatus(context.Background(), r.Connector)
	if err != nil {
		h.log.Debug("a restart request for a connector without status", "connector", r.Connector)
		return
	}
	selectRestart(r, &st)
	if st.Connector.State == model.Restarting {
		h.restartConnector(r.Connector, true)
	}
	for _, t := range st.Tasks {
		if t.State == model.Restarting {
			h.restartTask(model.TaskID{Connector: r.Connector, Task: t.ID}, true)
		}
	}
}

// restartConnector marks a connector; announce: RESTARTING is written on the way, as
// Java does for the requests of KIP-745 only.
func (h *Herder) restartConnector(name string, announce bool) {
	if c, ok := h.conns[name]; ok {
		c.restart, c.announce = true, c.announce || announce
	}
}

func (h *Herder) restartTask(id model.TaskID, announce bool) {
	if t, ok := h.tasks[id]; ok {
		t.restart, t.announce = true, t.announce || announce
	}
}
