package broker

import (
	"math/bits"
	"sync"
)

// bufferPool keeps byte slices in classes of powers of two, from 512 bytes to
// 16 MiB; longer ones are left to the garbage collector.
type bufferPool struct {
	classes [maxClass - minClass + 1]sync.Pool
}

const (
	minClass = 9
	maxClass = 24
)

// buffer is a pooled slice. Its holder calls release once.
type buffer struct {
	b     []byte
	class int // -1: not pooled
	pool  *bufferPool
	held  *inflight // where its bytes are counted, nil if they are not
	bytes int64
}

// uncount takes the buffer out of what is held for requests. A buffer that
// outlives its request is uncounted and never released.
func (b *buffer) uncount() {
	if b != nil && b.held != nil {
		b.held.give(b.bytes)
		b.held = nil
	}
}

// get returns a buffer of length n.
func (p *bufferPool) get(n int) *buffer {
	class := max(bits.Len(uint(max(n, 1)-1)), minClass)
	if class > maxClass {
		return &buffer{b: make([]byte, n), class: -1}
	}
	if v := p.classes[class-minClass].Get(); v != nil {
		buf := v.(*buffer)
		buf.b = buf.b[:n]
		return buf
	}
	return &buffer{b: make([]byte, n, 1<<class), class: class, pool: p}
}

// release gives the buffer back. A slice that grew beyond its class moves to
// the class of its new capacity.
func (b *buffer) release() {
	b.uncount()
	if b == nil || b.class < 0 {
		return
	}
	c := cap(b.b)
	if c>>b.class != 1 || c != 1<<b.class {
		b.class = bits.Len(uint(c)) - 1 // round down: the class is a promise of capacity
		if b.class < minClass || b.class > maxClass {
			return
		}
	}
	b.pool.classes[b.class-minClass].Put(b)
}
