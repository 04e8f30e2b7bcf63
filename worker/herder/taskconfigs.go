package herder

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/leat-project/leat/connect/plugin"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/provider"
)

// tasksGiven compares what a connector asks for with what is committed, and writes
// it when it differs or when the connector's configuration changed since. props is
// what the plugin was given.
func (h *Herder) tasksGiven(ctx context.Context, c *conn, configs []map[string]string, props map[string]string) {
	want, ok := h.configs.Connector(c.name)
	if !ok || h.conns[c.name] != c || c.stopping || want.ConfigOffset != c.config || want.Target != model.TargetStarted {
		return // asked of an instance that is not the one any more
	}
	for i := range configs {
		configs[i] = h.finishTaskConfig(c, configs[i], props)
	}
	same := want.TasksOffset >= 0 && !want.Inconsistent && want.Applied.Equal(want.Config) &&
		slices.EqualFunc(want.Tasks, configs, maps.Equal)
	if same {
		return
	}
	if err := h.configs.PutTasks(ctx, c.name, configs); err != nil {
		h.log.Error("writing task configurations, trying again", "connector", c.name, "err", err)
		time.AfterFunc(time.Second, c.requestConfigs)
	}
}

// finishTaskConfig adds what the worker adds to every task configuration, and puts
// references to providers back.
func (h *Herder) finishTaskConfig(c *conn, config, props map[string]string) map[string]string {
	out := provider.Restore(config, c.raw, props)
	out["task.class"] = taskClass(c.plugin)
	if c.plugin.Kind == plugin.Sink {
		for _, k := range []string{"topics", "topics.regex"} {
			if v := c.raw[k]; v != "" {
				out[k] = v
			}
		}
	}
	return out
}

// taskClasser is a connector that names the Java class of its tasks.
type taskClasser interface{ TaskClass() string }

// taskClass is the Java class name of a connector's tasks: what the plugin says,
// else by the two usual habits of naming.
func taskClass(p *plugin.Plugin) string {
	var instance any
	if p.Kind == plugin.Source {
		instance = p.NewSource()
	} else {
		instance = p.NewSink()
	}
	if t, ok := instance.(taskClasser); ok {
		return t.TaskClass()
	}
	if strings.HasPrefix(p.Class, "io.debezium.") {
		return p.Class + "Task"
	}
	return strings.TrimSuffix(p.Class, "Connector") + "Task"
}
