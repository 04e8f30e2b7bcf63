package herder

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/leat-project/leat/worker/assign"
	"github.com/leat-project/leat/worker/model"
	"github.com/leat-project/leat/worker/store"
)

// TestPlan runs testdata/plan: each case says what should run ("want", one line a
// connector: name, config offset, target, tasks@commit offset) and what runs
// ("runs": connector or task, its config offset, target, flags), and shows the
// effects.
func TestPlan(t *testing.T) {
	datadriven.RunTest(t, "testdata/plan", func(t *testing.T, d *datadriven.TestData) string {
		want := map[string]store.Connector{}
		conns, tasks := map[string]connView{}, map[model.TaskID]taskView{}
		for _, line := range strings.Split(d.Input, "\n") {
			f := strings.Fields(line)
			switch f[0] {
			case "want":
				c := store.Connector{Name: f[1], Target: model.TargetState(f[3])}
				var n int
				scan(t, f[2], "config@%d", &c.ConfigOffset)
				scan(t, f[4], "tasks=%d@%d", &n, &c.TasksOffset)
				c.Tasks = make([]map[string]string, n)
				want[f[1]] = c
			case "connector":
				v := connView{Target: model.TargetState(f[3]), Stopping: has(f, "stopping"), Restart: has(f, "restart")}
				scan(t, f[2], "config@%d", &v.Config)
				conns[f[1]] = v
			case "task":
				v := taskView{Target: model.TargetState(f[3]), Stopping: has(f, "stopping"), Restart: has(f, "restart"), Ended: has(f, "failed")}
				scan(t, f[2], "config@%d", &v.Config)
				id, err := model.ParseTaskID(f[1])
				if err != nil {
					t.Fatal(err)
				}
				tasks[id] = v
			default:
				d.Fatalf(t, "line %q", line)
			}
		}
		connectors, ids := work(want)
		mine := assign.Assign(nil, []string{"w"}, connectors, ids)["w"]
		var out strings.Builder
		for _, e := range plan(want, mine, conns, tasks) {
			fmt.Fprintln(&out, e)
		}
		if out.Len() == 0 {
			return "nothing to do\n"
		}
		return out.String()
	})
}

func scan(t *testing.T, text, format string, into ...any) {
	t.Helper()
	if _, err := fmt.Sscanf(text, format, into...); err != nil {
		t.Fatalf("%q is not %q: %v", text, format, err)
	}
}

func has(fields []string, flag string) bool {
	for _, f := range fields[4:] {
		if f == flag {
			return true
		}
	}
	return false
}
