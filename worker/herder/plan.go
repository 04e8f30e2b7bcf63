package herder

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/leat-project/leat/worker/assign"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
)

// connView is what plan sees of a connector that runs here.
type connView struct {
	Config   int64 // offset of its configuration's record
	Target   model.TargetState
	Stopping bool
	Restart  bool // asked for
}

// taskView is what plan sees of a task that runs here, or has failed here.
type taskView struct {
	Config   int64 // offset of the commit record of its configuration
	Target   model.TargetState
	Stopping bool
	Ended    bool // failed: holds nothing any more
	Restart  bool
}

// effectKind names what is to be done.
type effectKind int

const (
	startConnector effectKind = iota + 1
	stopConnector
	dropConnector // stop, and it is gone for good
	targetConnector
	startTask
	stopTask
	dropTask // stop, and it is gone for good
	targetTask
)

func (k effectKind) String() string {
	return [...]string{"", "start connector", "stop connector", "drop connector", "set target of connector",
		"start task", "stop task", "drop task", "set target of task"}[k]
}

// effect is one thing to do.
type effect struct {
	Kind      effectKind
	Connector string
	Task      model.TaskID
	Target    model.TargetState
}

func (e effect) String() string {
	switch e.Kind {
	case startConnector, targetConnector:
		return fmt.Sprintf("%s %s %s", e.Kind, e.Connector, e.Target)
	case stopConnector, dropConnector:
		return fmt.Sprintf("%s %s", e.Kind, e.Connector)
	case startTask, targetTask:
		return fmt.Sprintf("%s %s %s", e.Kind, e.Task, e.Target)
	}
	return fmt.Sprintf("%s %s", e.Kind, e.Task)
}

// plan returns, in a fixed order, what brings what runs (conns, tasks) closer to what
// should (want, as far as mine assigns it to this worker). What is stopping is left
// alone: when it has stopped, plan is asked again.
func plan(want map[string]store.Connector, mine assign.Assignment, conns map[string]connView, tasks map[model.TaskID]taskView) []effect {
	var out []effect
	for _, name := range slices.Sorted(maps.Keys(conns)) {
		v := conns[name]
		w, exists := want[name]
		switch {
		case v.Stopping:
		case !exists || !slices.Contains(mine.Connectors, name):
			out = append(out, effect{Kind: dropConnector, Connector: name})
		case v.Config != w.ConfigOffset || v.Restart:
			out = append(out, effect{Kind: stopConnector, Connector: name})
		case v.Target != w.Target:
			out = append(out, effect{Kind: targetConnector, Connector: name, Target: w.Target})
		}
	}
	for _, name := range mine.Connectors {
		if _, runs := conns[name]; !runs {
			out = append(out, effect{Kind: startConnector, Connector: name, Target: want[name].Target})
		}
	}
	return append(out, planTasks(want, mine, tasks)...)
}

func planTasks(want map[string]store.Connector, mine assign.Assignment, tasks map[model.TaskID]taskView) []effect {
	var out []effect
	for _, id := range slices.SortedFunc(maps.Keys(tasks), assign.Compare) {
		v := tasks[id]
		w, exists := want[id.Connector]
		switch {
		case v.Stopping:
		case !exists || !slices.Contains(mine.Tasks, id):
			out = append(out, effect{Kind: dropTask, Task: id})
		case v.Config != w.TasksOffset || v.Restart:
			out = append(out, effect{Kind: stopTask, Task: id})
		case v.Target != w.Target && !v.Ended:
			out = append(out, effect{Kind: targetTask, Task: id, Target: w.Target})
		}
	}
	for _, id := range mine.Tasks {
		if _, runs := tasks[id]; !runs {
			out = append(out, effect{Kind: startTask, Task: id, Target: want[id.Connector].Target})
		}
	}
	return out
}

// work lists all connectors and tasks there are to run.
func work(want map[string]store.Connector) (connectors []string, tasks []model.TaskID) {
	for name, c := range want {
		connectors = append(connectors, name)
		for i := range c.Tasks {
			tasks = append(tasks, model.TaskID{Connector: name, Task: i})
		}
	}
	slices.Sort(connectors)
	slices.SortFunc(tasks, func(a, b model.TaskID) int {
		return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Task, b.Task))
	})
	return connectors, tasks
}
