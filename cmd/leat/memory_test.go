package main

import (
	"runtime"
	"testing"
)

func TestHeapGrowth(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, mostPercent},
		{100 * mb, mostPercent},
		{150 * mb, 50},
		{170 * mb, 35},
		{200 * mb, leastPercent},
		{10_000 * mb, leastPercent},
	} {
		if got := heapGrowth(c.live); got != c.want {
			t.Errorf("live %d MB: %d %%, want %d", c.live/mb, got, c.want)
		}
	}
}

// TestAfterEachCollection: the hook arms itself again.
func TestAfterEachCollection(t *testing.T) {
	seen := make(chan uint64, 100)
	afterEachCollection(func(live uint64) {
		select {
		case seen <- live:
		default:
		}
	})
	for calls := 0; calls < 4; {
		select {
		case <-seen:
			calls++
		default:
			runtime.GC()
		}
	}
}
