package main

import (
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"sync/atomic"
)

// How the garbage collector weighs memory against time: most of the heap is buffers
// without pointers, which cost a collection nothing, so that collecting more often
// than Go does by itself saves memory for little time.
const (
	// mostPercent is what the heap grows by between collections while it is small.
	mostPercent = 80
	// leastPercent is what it grows by however large it is.
	leastPercent = 30
	// softLimit is the size in bytes beyond which it grows by less than mostPercent.
	softLimit = 230 << 20
)

// paceCollector sets the collector's pace for the life of the process, unless GOGC
// does. A limit in GOMEMLIMIT holds as well. (debug.SetMemoryLimit instead would give
// pages back to the system and take them again, for half as much CPU time more.)
func paceCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	var last atomic.Int64
	afterEachCollection(func(live uint64) {
		if percent := heapGrowth(live); last.Swap(int64(percent)) != int64(percent) { // setting it stops the world
			debug.SetGCPercent(percent)
		}
	})
}

// heapGrowth is the percentage by which a heap with so many live bytes may grow, in
// steps of 5.
func heapGrowth(live uint64) int {
	if live >= softLimit {
		return leastPercent
	}
	room := (softLimit - live) * 100 / max(live, 1) / 5 * 5
	return int(min(max(room, leastPercent), mostPercent))
}

// afterEachCollection calls f with the live bytes of the heap, now and whenever they
// have been counted.
func afterEachCollection(f func(live uint64)) {
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	runtimemetrics.Read(sample)
	f(sample[0].Value.Uint64())
	type sentinel struct{ _ [16]byte }
	runtime.AddCleanup(new(sentinel), afterEachCollection, f)
}
