package herder

import (
	"context"
	"sync"
	"time"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/pipeline"
	"github.com/leat-project/leat/worker/store"
	"github.com/leat-project/leat/worker/task"
)

// startTask starts a task, or makes it FAILED with the reason why it cannot be.
func (h *Herder) startTask(ctx context.Context, id model.TaskID, c store.Connector) {
	r := &running{config: c.TasksOffset, target: c.Target}
	h.tasks[id] = r
	spec, err := h.taskSpec(id, c)
	if err != nil {
		h.log.Error("a task cannot be started", "connector", id.Connector, "task", id.Task, "err", err)
		r.ended = true
		h.statuses.PutTask(id, h.status(model.Failed, pipeline.Trace(err), ""))
		return
	}
	version := spec.Plugin.Version
	offsets, giveBack := h.offsetsOf(id.Connector, spec.Connector)
	r.task = task.Start(ctx, spec, task.Deps{Conf: h.Conf, Registry: h.Registry, Offsets: offsets, Log: h.log,
		Report: func(id model.TaskID, s model.State, trace string) {
			switch s {
			case model.Unassigned:
				h.statuses.PutTaskSafe(id, h.status(s, "", ""))
			case model.Failed:
				h.statuses.PutTaskSafe(id, h.status(s, trace, version))
			default:
				h.statuses.PutTask(id, h.status(s, trace, version))
			}
		},
		TopicUsed: h.topics.used})
	// The watcher ends with the task.
	go func() {
		<-r.task.Done()
		giveBack()
		h.post(func(context.Context) { h.taskEnded(id, r) })
	}()
}

func (h *Herder) taskSpec(id model.TaskID, c store.Connector) (task.Spec, error) {
	p, err := h.Registry.Find(c.Config.Text("connector.class"), plugin.Source, plugin.Sink)
	if err != nil {
		return task.Spec{}, err
	}
	connector, err := h.Resolver.Resolve(c.Config.Texts())
	if err != nil {
		return task.Spec{}, err
	}
	config, err := h.Resolver.Resolve(c.Tasks[id.Task])
	if err != nil {
		return task.Spec{}, err
	}
	return task.Spec{ID: id, Plugin: p, Connector: connector, Config: config, Target: c.Target}, nil
}

// stopTask asks a task to stop; true if it had ended already. drop: its status goes,
// too.
func (h *Herder) stopTask(id model.TaskID, drop bool) bool {
	r := h.tasks[id]
	r.stopping, r.drop = true, drop
	if r.ended {
		h.taskEnded(id, r)
		return true
	}
	r.task.Stop(drop)
	r.kill = time.AfterFunc(h.Conf.ShutdownTimeout(), func() {
		h.log.Error("a task does not stop in time, it is abandoned", "connector", id.Connector, "task", id.Task,
			"timeout", h.Conf.ShutdownTimeout())
		r.task.Cancel()
		h.post(func(context.Context) {
			if h.tasks[id] == r {
				h.statuses.PutTaskSafe(id, h.status(model.Unassigned, "", ""))
				h.taskEnded(id, r)
			}
		})
	})
	return false
}

// taskEnded takes a task that ended out of the table, or keeps it there as failed.
func (h *Herder) taskEnded(id model.TaskID, r *running) {
	if h.tasks[id] != r {
		return // was abandoned before
	}
	r.ended = true
	if r.kill != nil {
		r.kill.Stop()
	}
	if !r.stopping {
		return // failed by itself
	}
	c, exists := h.configs.Connector(id.Connector)
	switch {
	case r.drop || !exists || id.Task >= len(c.Tasks): // may have gone while it stopped
		h.statuses.DeleteTask(id)
	case r.announce:
		h.statuses.PutTask(id, h.status(model.Restarting, "", ""))
	}
	delete(h.tasks, id)
}

// topicNotes keeps which topics are recorded already, so that a topic is written
// once and not with every batch.
type topicNotes struct {
	h    *Herder
	mu   sync.Mutex // guards seen
	seen map[topicUse]bool
}

type topicUse struct{ connector, topic string }

func (n *topicNotes) used(id model.TaskID, topic string) {
	if !n.h.Conf.TopicTracking {
		return
	}
	use := topicUse{id.Connector, topic}
	n.mu.Lock()
	if n.seen == nil {
		n.seen = map[topicUse]bool{}
	}
	known := n.seen[use]
	n.seen[use] = true
	n.mu.Unlock()
	if !known {
		n.h.statuses.PutTopic(store.TopicUse{Topic: topic, Connector: id.Connector, Task: id.Task, Discovered: time.Now()})
	}
}

// forget makes the topics of a connector news again.
func (n *topicNotes) forget(connector string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for use := range n.seen {
		if use.connector == connector {
			delete(n.seen, use)
		}
	}
}
