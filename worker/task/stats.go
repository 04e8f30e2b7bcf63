package task

import "sync/atomic"

// Stats are the counters of one task, by the names of Java's source-task-metrics and
// sink-task-metrics.
type Stats struct {
	Polled, Written  atomic.Int64 // source: records before transforms, records acknowledged
	Active           atomic.Int64 // source: records polled whose outcome is not known yet
	Read, Sent       atomic.Int64 // sink: records consumed, records passed to Put
	Commits          atomic.Int64 // successful offset commits
	CommitFailures   atomic.Int64
	LostRecords      atomic.Int64 // sink: records that retention removed before they were read
	BatchSizeMax     atomic.Int64
	Retries          atomic.Int64 // calls of the plugin that ended with a retriable error
	PartitionsInHand atomic.Int64 // sink: assigned partitions
}

func storeMax(a *atomic.Int64, n int64) {
	for old := a.Load(); n > old && !a.CompareAndSwap(old, n); old = a.Load() {
	}
}
