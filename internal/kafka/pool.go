package kafka

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// BatchPool reuses the memory of a consumer's compressed batches and of its records.
// Give it to the client by Opts and call Recycle on every record that is done with;
// what is not recycled is left to the garbage collector. It is safe for concurrent
// use.
//
// Memory is kept by its size, in classes of which each is an eighth to a seventh
// larger than the one before, so that little more is occupied than is used.
type BatchPool struct {
	bytes   [maxClass + 1]sync.Pool // of *[]byte, by the class of the capacity
	records [maxClass + 1]sync.Pool // of *[]kgo.Record, likewise
	ratio   atomic.Uint64           // uncompressed to compressed size, in 1/256, a rolling average
}

const (
	// maxClass is the class of the largest memory that is kept, 16 Mi bytes or
	// records.
	maxClass = 8 * (24 - 2)
	// slack is what a batch's memory has more than the batch: a reader looks for
	// the end of the data with room to spare.
	slack = 1 << 10
)

var (
	_ kgo.PoolDecompressBytes = (*BatchPool)(nil)
	_ kgo.PoolRecords         = (*BatchPool)(nil)
	_ kgo.HookFetchBatchRead  = (*BatchPool)(nil)
)

// Opts makes a consumer use the pool.
func (p *BatchPool) Opts() []kgo.Opt { return []kgo.Opt{kgo.WithPools(p), kgo.WithHooks(p)} }

// sizeOf is the size of a class: eight classes double it.
func sizeOf(class int) int { return (8 + class%8) << (class / 8) / 2 }

// class is the smallest class whose size is at least n, and may be beyond maxClass.
func class(n int) int {
	if n <= sizeOf(0) {
		return 0
	}
	double := max(bits.Len(uint(n-1))-3, 0) // of class 8*double the size is below n
	c := 8 * double
	for sizeOf(c) < n {
		c++
	}
	return c
}

// take returns a slice of at least capacity n from the pools by class, nil if
// there is none.
func take[T any](pools *[maxClass + 1]sync.Pool, n int) []T {
	if c := class(n); c <= maxClass {
		if s, ok := pools[c].Get().(*[]T); ok {
			return *s
		}
	}
	return nil
}

// give keeps a slice for take: in the largest class that it can serve.
func give[T any](pools *[maxClass + 1]sync.Pool, s []T) {
	c := class(cap(s))
	if sizeOf(c) > cap(s) {
		c--
	}
	if c >= 0 && c <= maxClass {
		pools[c].Put(&s)
	}
}

// GetDecompressBytes returns memory that is likely to be enough for a batch.
func (p *BatchPool) GetDecompressBytes(compressed []byte, _ kgo.CompressionCodecType) []byte {
	n := int(uint64(len(compressed))*max(p.ratio.Load(), 256)/256*9/8) + slack
	if s := take[byte](&p.bytes, n); s != nil {
		return s
	}
	if c := class(n); c <= maxClass {
		n = sizeOf(c)
	}
	return make([]byte, 0, n)
}

// PutDecompressBytes takes memory back.
func (p *BatchPool) PutDecompressBytes(b []byte) { give(&p.bytes, b) }

// GetRecords returns n records.
func (p *BatchPool) GetRecords(n int) []kgo.Record {
	if s := take[kgo.Record](&p.records, n); s != nil {
		return s[:0]
	}
	if c := class(n); c <= maxClass {
		return make([]kgo.Record, 0, sizeOf(c))
	}
	return make([]kgo.Record, 0, n)
}

// PutRecords takes records back.
func (p *BatchPool) PutRecords(rs []kgo.Record) { give(&p.records, rs) }

// OnFetchBatchRead learns how well batches compress.
func (p *BatchPool) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	if m.CompressionType == 0 || m.CompressedBytes <= 0 {
		return
	}
	now := uint64(m.UncompressedBytes) * 256 / uint64(m.CompressedBytes)
	if old := p.ratio.Load(); old != 0 {
		now = (7*old + now) / 8
	}
	p.ratio.Store(now) // of two at the same time one is enough
}
