// Package slab hands out byte slices from blocks that are never reused, so that
// string and byte values may alias them for as long as they like (the rule of
// connect/data). It saves an allocation for every small text that a change
// event needs.
package slab

const blockSize = 64 << 10

// Bytes is the free end of the current block. The zero value is ready. It is not
// safe for concurrent use.
type Bytes struct{ block []byte }

// Start returns an empty slice with room for n bytes. Append at most n bytes to
// it and give the result to Keep before the next Start.
func (s *Bytes) Start(n int) []byte {
	if cap(s.block)-len(s.block) < n {
		s.block = make([]byte, 0, max(blockSize, n))
	}
	end := len(s.block)
	return s.block[end : end : end+n]
}

// Keep takes what was appended to Start's slice out of the block and returns it
// without spare capacity.
func (s *Bytes) Keep(b []byte) []byte {
	s.block = s.block[:len(s.block)+len(b)]
	return b[:len(b):len(b)]
}
