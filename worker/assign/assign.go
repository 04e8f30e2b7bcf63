// Package assign decides who runs what. It is pure: the herder gives it the members
// and the work, and writes down what it says.
package assign

import (
	"cmp"
	"maps"
	"slices"

	"github.com/leat-project/leat/worker/model"
)

// Assignment is what one member runs.
type Assignment struct {
	Connectors []string // sorted
	Tasks      []model.TaskID
}

// Assign distributes connectors and tasks over members.
//
// members must be non-empty and unique. Everything stays with its previous owner
// unless that owner is gone or has more than its share (the idea of KIP-415);
// the rest goes to whoever has least, so that loads differ by at most one for
// connectors and for tasks. The result has an entry a member and lists everything
// exactly once. It performs no I/O and never fails.
func Assign(prev map[string]Assignment, members []string, connectors []string, tasks []model.TaskID) map[string]Assignment {
	members = slices.Sorted(slices.Values(members))
	conns := spread(owners(prev, func(a Assignment) []string { return a.Connectors }), members, connectors, cmp.Compare[string])
	work := spread(owners(prev, func(a Assignment) []model.TaskID { return a.Tasks }), members, tasks, Compare)
	out := make(map[string]Assignment, len(members))
	for _, m := range members {
		out[m] = Assignment{Connectors: conns[m], Tasks: work[m]}
	}
	return out
}

// Compare orders tasks by connector and number.
func Compare(a, b model.TaskID) int {
	return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Task, b.Task))
}

func owners[T comparable](prev map[string]Assignment, of func(Assignment) []T) map[T]string {
	owner := map[T]string{}
	for _, m := range slices.Sorted(maps.Keys(prev)) {
		for _, x := range of(prev[m]) {
			owner[x] = m
		}
	}
	return owner
}

func spread[T comparable](owner map[T]string, members []string, work []T, compare func(a, b T) int) map[string][]T {
	work = slices.Compact(slices.SortedFunc(slices.Values(work), compare))
	out := make(map[string][]T, len(members))
	for _, m := range members {
		out[m] = nil
	}
	floor, extra := len(work)/len(members), len(work)%len(members)
	var free []T
	for _, w := range work {
		m, ok := owner[w]
		if _, alive := out[m]; !ok || !alive {
			free = append(free, w)
			continue
		}
		// A member keeps its share; the odd ones keep one more while there
		// are odd ones left.
		switch n := len(out[m]); {
		case n < floor:
		case n == floor && extra > 0:
			extra--
		default:
			free = append(free, w)
			continue
		}
		out[m] = append(out[m], w)
	}
	for _, w := range free {
		least := slices.MinFunc(members, func(a, b string) int { return cmp.Compare(len(out[a]), len(out[b])) })
		out[least] = append(out[least], w)
	}
	for m := range out {
		slices.SortFunc(out[m], compare)
	}
	return out
}
