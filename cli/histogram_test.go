package cli

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 || h.average() != 0 {
		t.Error("an empty histogram has values")
	}
	for i := 1; i <= 100_000; i++ {
		h.add(time.Duration(i) * 100 * time.Microsecond)
	}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0.00001, 100 * time.Microsecond}, {0.5, 5 * time.Second}, {0.99, 9900 * time.Millisecond}, {1, 10 * time.Second}} {
		if got := h.quantile(c.q); got < c.want || float64(got) > float64(c.want)*1.001 {
			t.Errorf("quantile %v: %v, want %v", c.q, got, c.want)
		}
	}
	if h.max != 10*time.Second || h.average() != 5*time.Second+50*time.Microsecond {
		t.Errorf("max %v, average %v", h.max, h.average())
	}
	for _, us := range []uint64{0, 1, 2047, 2048, 2049, 4095, 4096, 1 << 40, 1<<63 - 1} {
		i := bucket(us)
		if end := bucketEnd(i); end < us || bucket(end) != i {
			t.Errorf("%d is in bucket %d, which ends at %d (bucket %d)", us, i, end, bucket(end))
		}
	}
}
