package herder

import (
	"context"
	"slices"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/assign"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
	"github.com/leat-project/leat/worker/task"
)

// TaskStats are the counters of a task in this worker.
type TaskStats struct {
	ID     model.TaskID
	Kind   plugin.Kind
	Stats  *task.Stats
	Errors *pipeline.ErrorStats // nil before the task has started
}

// Stats returns the counters of the tasks in this worker, failed ones included, and
// the names of the connectors that run here.
func (h *Herder) Stats(ctx context.Context) (connectors []string, tasks []TaskStats, err error) {
	err = h.do(ctx, func(context.Context) error {
		for name := range h.conns {
			connectors = append(connectors, name)
		}
		for id, r := range h.tasks {
			if r.task == nil {
				continue
			}
			tasks = append(tasks, TaskStats{ID: id, Kind: r.task.Kind(), Stats: r.task.Stats(), Errors: r.task.ErrorStats()})
		}
		return nil
	})
	slices.Sort(connectors)
	slices.SortFunc(tasks, func(a, b TaskStats) int { return assign.Compare(a.ID, b.ID) })
	return connectors, tasks, err
}
