package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/internal/logtail"
	"github.com/leat-project/leat/rest/client"
	"github.com/leat-project/leat/worker/model"
)

func connectorCommand(d *Deps) *cobra.Command {
	a := &api{Deps: d}
	c := group("connector", "Manage connectors through the REST API",
		a.applyCommand(), a.listCommand(), a.getCommand(), a.statusCommand(), a.deleteCommand(), a.restartCommand(),
		a.targetCommand("pause", "Pause connectors and their tasks", "paused", (*client.Client).Pause),
		a.targetCommand("resume", "Start paused or stopped connectors", "resumed", (*client.Client).Resume),
		a.targetCommand("stop", "Stop connectors: tasks end, configuration and offsets stay", "stopped", (*client.Client).Stop),
		a.logsCommand())
	c.Aliases = []string{"connectors"}
	return a.bind(c)
}

// names completes connector names.
func (a *api) names(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
	defer cancel()
	c, err := a.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := c.Connectors(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// run is the body of a command on the REST API.
func (a *api) run(body func(ctx context.Context, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), requestTimeout)
		defer cancel()
		c, err := a.client()
		if err != nil {
			return err
		}
		return body(ctx, c, args)
	}
}

func (a *api) listCommand() *cobra.Command {
	return &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List connectors and their states", Args: args(cobra.NoArgs),
		RunE: a.run(func(ctx context.Context, c *client.Client, _ []string) error {
			views, err := c.Views(ctx)
			if err != nil {
				return err
			}
			statuses := []model.ConnectorStatus{}
			t := table{header: []string{"NAME", "TYPE", "STATE", "TASKS", "WORKER", "CLASS"}}
			for _, name := range slices.Sorted(maps.Keys(views)) {
				v := views[name]
				statuses = append(statuses, v.Status)
				t.add(name, string(v.Status.Type), string(v.Status.Connector.State), taskSummary(v.Status.Tasks),
					v.Status.Connector.WorkerID, v.Info.Config.Text("connector.class"))
			}
			if len(t.rows) == 0 {
				t.after = "no connectors; create one with: leat connector apply -f FILE\n"
			}
			return show(a.Out, a.output, statuses, t)
		})}
}

// taskSummary is running/all, and what the others are.
func taskSummary(tasks []model.TaskStatus) string {
	counts := map[model.State]int{}
	for _, t := range tasks {
		counts[t.State]++
	}
	s := fmt.Sprintf("%d/%d", counts[model.Running], len(tasks))
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		if state != model.Running {
			s += fmt.Sprintf(" %d %s", counts[state], state)
		}
	}
	return s
}

func (a *api) getCommand() *cobra.Command {
	return &cobra.Command{Use: "get NAME", Short: "Show a connector's configuration", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.names,
		RunE: a.run(func(ctx context.Context, c *client.Client, names []string) error {
			info, err := c.Connector(ctx, names[0])
			if err != nil {
				return err
			}
			info.Config = a.hideSecrets(ctx, c, info.Config)
			t := table{header: []string{"KEY", "VALUE"}}
			for _, k := range slices.Sorted(maps.Keys(info.Config)) {
				text := "null"
				if v := info.Config[k]; v != nil {
					text = *v
				}
				t.add(k, text)
			}
			return show(a.Out, a.output, info, t)
		})}
}

func (a *api) statusCommand() *cobra.Command {
	return &cobra.Command{Use: "status NAME", Short: "Show the states of a connector and its tasks", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.names,
		RunE: a.run(func(ctx context.Context, c *client.Client, names []string) error {
			s, err := c.Status(ctx, names[0])
			if err != nil {
				return err
			}
			t := table{header: []string{"WHAT", "STATE", "WORKER", "VERSION"}}
			t.add("connector "+s.Name, string(s.Connector.State), s.Connector.WorkerID, s.Connector.Version)
			t.after = trace("connector", s.Connector.Trace)
			for _, task := range s.Tasks {
				what := "task " + strconv.Itoa(task.ID)
				t.add(what, string(task.State), task.WorkerID, task.Version)
				t.after += trace(what, task.Trace)
			}
			return show(a.Out, a.output, s, t)
		})}
}

func trace(what, text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("\n%s failed with:\n%s\n", what, strings.TrimRight(text, "\n"))
}

func (a *api) deleteCommand() *cobra.Command {
	return &cobra.Command{Use: "delete NAME...", Aliases: []string{"rm"}, Short: "Delete connectors", Args: args(cobra.MinimumNArgs(1)), ValidArgsFunction: a.names,
		RunE: a.run(a.each("deleted", (*client.Client).Delete))}
}

func (a *api) targetCommand(use, short, done string, op func(*client.Client, context.Context, string) error) *cobra.Command {
	return &cobra.Command{Use: use + " NAME...", Short: short, Args: args(cobra.MinimumNArgs(1)), ValidArgsFunction: a.names,
		RunE: a.run(a.each(done, op))}
}

// each runs an operation on every connector named, until one fails.
func (a *api) each(done string, op func(*client.Client, context.Context, string) error) func(context.Context, *client.Client, []string) error {
	return func(ctx context.Context, c *client.Client, names []string) error {
		for _, name := range names {
			if err := op(c, ctx, name); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(a.Err, "connector %s %s\n", name, done); err != nil {
				return err
			}
		}
		return nil
	}
}

func (a *api) restartCommand() *cobra.Command {
	var tasks, failed bool
	task := -1
	c := &cobra.Command{Use: "restart NAME", Short: "Restart a connector, its tasks, or one task", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.names,
		Long: "Restart the connector instance; with --tasks its tasks too; with --failed only what is FAILED; with --task N one task.",
		RunE: a.run(func(ctx context.Context, c *client.Client, names []string) error {
			if task >= 0 {
				id := model.TaskID{Connector: names[0], Task: task}
				if err := c.RestartTask(ctx, id); err != nil {
					return err
				}
				_, err := fmt.Fprintf(a.Err, "task %s restarted\n", id)
				return err
			}
			if _, err := c.Restart(ctx, model.RestartRequest{Connector: names[0], IncludeTasks: tasks, OnlyFailed: failed}); err != nil {
				return err
			}
			_, err := fmt.Fprintf(a.Err, "connector %s restarting\n", names[0])
			return err
		})}
	c.Flags().BoolVar(&tasks, "tasks", false, "restart the tasks too")
	c.Flags().BoolVar(&failed, "failed", false, "restart only what is FAILED")
	c.Flags().IntVar(&task, "task", -1, "restart this task only")
	c.MarkFlagsMutuallyExclusive("task", "tasks")
	c.MarkFlagsMutuallyExclusive("task", "failed")
	return c
}

func (a *api) logsCommand() *cobra.Command {
	var follow bool
	c := &cobra.Command{Use: "logs NAME", Short: "Show a connector's last log lines (Leat workers only)", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.names,
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return c.Logs(cmd.Context(), names[0], follow, func(l logtail.Line) error {
				if a.output == "json" {
					return show(a.Out, a.output, l, table{})
				}
				_, err := fmt.Fprintln(a.Out, l.Text)
				return err
			})
		}}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new lines")
	return c
}
