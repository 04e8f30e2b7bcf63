package kafka

import "sync"

// shelf keeps slices to be used again. Unlike sync.Pool it does not lose them to a
// garbage collection, which with memory of this size brings on the next one; so
// what it keeps is bounded, and whoever owns it clears it when there is nothing to
// do. It is safe for concurrent use.
type shelf[T any] struct {
	mu   sync.Mutex // guards the others
	free [][]T      // oldest first
	kept int        // their capacity
}

// mostKept bounds the number of slices on a shelf.
const mostKept = 256

// take returns the smallest slice of at least capacity n, without elements; nil if
// there is none of less than twice that.
func (s *shelf[T]) take(n int) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := -1
	for i, b := range s.free {
		if cap(b) >= n && cap(b) < 2*n && (best < 0 || cap(b) < cap(s.free[best])) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	return s.remove(best)
}

// give keeps a slice; the oldest go where there are more than most elements.
func (s *shelf[T]) give(b []T, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(b) == 0 {
		return
	}
	s.free, s.kept = append(s.free, b), s.kept+cap(b)
	for s.kept > most || len(s.free) > mostKept {
		s.remove(0)
	}
}

func (s *shelf[T]) remove(i int) []T {
	b := s.free[i]
	copy(s.free[i:], s.free[i+1:])
	s.free[len(s.free)-1] = nil
	s.free = s.free[:len(s.free)-1]
	s.kept -= cap(b)
	return b[:0]
}

func (s *shelf[T]) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free, s.kept = nil, 0
}
