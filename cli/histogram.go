package cli

import (
	"math/bits"
	"time"
)

// histogram counts durations in bounded memory: exact in microseconds below 2 ms,
// and within 0.1 % above. It is not safe for concurrent use.
type histogram struct {
	counts [64 * subBuckets]uint64
	n      uint64
	sum    time.Duration
	max    time.Duration
}

const (
	subBits    = 10
	subBuckets = 1 << subBits
)

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)/time.Microsecond))]++
	h.n++
	h.sum += d
	h.max = max(h.max, d)
}

// bucket numbers are those of the value itself up to 2*subBuckets; each doubling
// of the value takes subBuckets more.
func bucket(us uint64) int {
	shift := max(0, bits.Len64(us)-subBits-1)
	return shift*subBuckets + int(us>>shift)
}

// bucketEnd is the largest value in a bucket, in microseconds.
func bucketEnd(i int) uint64 {
	if i < 2*subBuckets {
		return uint64(i)
	}
	shift := i/subBuckets - 1
	return uint64(i-shift*subBuckets+1)<<shift - 1
}

// quantile returns the smallest duration that a share q of all does not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := max(1, uint64(q*float64(h.n)+0.999999))
	for i, c := range h.counts {
		if c >= rank {
			return min(time.Duration(bucketEnd(i))*time.Microsecond, h.max)
		}
		rank -= c
	}
	return h.max
}

func (h *histogram) average() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}
