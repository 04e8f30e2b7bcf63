package store

import (
	"context"
	"sync/atomic"
)

// Lease says whether this worker may write the config topic, and numbers the
// assignments it acts under. It is checked before and after every config write.
type Lease interface {
	// Check returns nil while this worker is the one writer of the pool.
	Check(ctx context.Context) error
	// Generation rises with every assignment; statuses carry it.
	Generation() int
}

// SoleWriter is the lease of a pool of one worker. Its generation is known once the
// statuses are read.
type SoleWriter struct{ gen atomic.Int64 }

var _ Lease = (*SoleWriter)(nil)

// Check implements Lease.
func (*SoleWriter) Check(context.Context) error { return nil }

// Generation implements Lease.
func (s *SoleWriter) Generation() int { return int(s.gen.Load()) }

// SetGeneration sets the generation.
func (s *SoleWriter) SetGeneration(n int) { s.gen.Store(int64(n)) }
