package assign_test

import (
	"slices"
	"testing"

	"github.com/leat-project/leat/worker/assign"
	"github.com/leat-project/leat/worker/model"
)

func tasks(name string, n int) []model.TaskID {
	var out []model.TaskID
	for i := range n {
		out = append(out, model.TaskID{Connector: name, Task: i})
	}
	return out
}

func TestAssign(t *testing.T) {
	for _, c := range []struct {
		name    string
		prev    []string
		members []string
		moves   int // tasks that change their owner
	}{
		{"one worker runs all", nil, []string{"a"}, 0},
		{"nothing moves without a change", []string{"a", "b", "c"}, []string{"a", "b", "c"}, 0},
		{"a new worker takes only its share", []string{"a", "b"}, []string{"a", "b", "c"}, 3},
		{"a lost worker's tasks go elsewhere", []string{"a", "b", "c"}, []string{"a", "b"}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			work := append(tasks("x", 5), tasks("y", 5)...)
			conns := []string{"y", "x"}
			var prev map[string]assign.Assignment
			if c.prev != nil {
				prev = assign.Assign(nil, c.prev, conns, work)
			}
			got := assign.Assign(prev, c.members, conns, work)
			seen := map[model.TaskID]string{}
			least, most := len(work), 0
			for m, a := range got {
				least, most = min(least, len(a.Tasks)), max(most, len(a.Tasks))
				for _, id := range a.Tasks {
					if seen[id] != "" {
						t.Fatalf("%v is assigned to %s and %s", id, seen[id], m)
					}
					seen[id] = m
				}
			}
			if len(seen) != len(work) || most-least > 1 {
				t.Fatalf("%d of %d tasks assigned, loads %d to %d", len(seen), len(work), least, most)
			}
			moves := 0
			for m, a := range prev {
				for _, id := range a.Tasks {
					if seen[id] != m {
						moves++
					}
				}
			}
			if moves != c.moves {
				t.Fatalf("%d tasks moved, want %d: %v", moves, c.moves, got)
			}
			var all []string
			for _, a := range got {
				all = append(all, a.Connectors...)
			}
			if slices.Sort(all); !slices.Equal(all, []string{"x", "y"}) {
				t.Fatalf("connectors = %v", all)
			}
		})
	}
}
