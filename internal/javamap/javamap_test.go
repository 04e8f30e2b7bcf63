package javamap_test

import (
	"slices"
	"testing"

	"github.com/leat-project/leat/internal/javamap"
)

func TestHash(t *testing.T) {
	for s, want := range map[string]uint32{"": 0, "a": 97, "name": 3373707, "\U0001F600": 0xd83d*31 + 0xde00} {
		if got := javamap.Hash(s); got != want {
			t.Errorf("Hash(%q) = %d, want %d", s, got, want)
		}
	}
}

// The order is that of a task configuration which Java wrote to its config topic.
func TestOrder(t *testing.T) {
	want := []string{"connector.class", "file", "task.class", "tasks.max", "batch.size", "name", "topic", "value.converter"}
	m := map[string]bool{}
	for _, k := range want {
		m[k] = true
	}
	if got := javamap.Order(m); !slices.Equal(got, want) {
		t.Fatalf("order = %v, want %v", got, want)
	}
}

func TestText(t *testing.T) {
	if got, want := javamap.Text(map[string]any{"a": 1, "b": nil, "p": "x"}), "{p=x, a=1, b=null}"; got != want {
		t.Errorf("text = %s, want %s", got, want)
	}
	if got := javamap.Text(nil); got != "null" {
		t.Errorf("text of no map = %s, want null", got)
	}
}
