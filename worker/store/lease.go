package store

import "context"

// Lease says whether this worker may write the config topic, and numbers the
// assignments it acts under. It is checked before and after every config write.
type Lease interface {
	// Check returns nil while this worker is the one writer of the pool.
	Check(ctx context.Context) error
	// Generation rises with every assignment; statuses carry it.
	Generation() int
}

// SoleWriter is the lease of a pool of one worker.
type SoleWriter struct{ Gen int }

var _ Lease = SoleWriter{}

// Check implements Lease.
func (SoleWriter) Check(context.Context) error { return nil }

// Generation implements Lease.
func (s SoleWriter) Generation() int { return s.Gen }
