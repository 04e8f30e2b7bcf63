package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestBatchPool(t *testing.T) {
	p := NewBatchPool(FetchLimits{})
	compressed := make([]byte, 1000)
	if b := p.GetDecompressBytes(compressed, kgo.CodecLz4); cap(b) < 2000 || cap(b) > 4096 {
		t.Errorf("capacity %d of a batch of unknown ratio", cap(b))
	}
	for range 20 {
		p.OnFetchBatchRead(kgo.BrokerMetadata{}, "t", 0, kgo.FetchBatchMetrics{UncompressedBytes: 20_000, CompressedBytes: 1000, CompressionType: 3})
	}
	b := p.GetDecompressBytes(compressed, kgo.CodecLz4)
	if cap(b) < 20_000 || cap(b) > 30_000 {
		t.Fatalf("capacity %d where batches grow twentyfold", cap(b))
	}
	p.PutDecompressBytes(b)
	if small := p.GetDecompressBytes(compressed[:10], kgo.CodecLz4); cap(small) > 2048 {
		t.Errorf("a batch of 10 bytes occupies %d", cap(small))
	}
	if again := p.GetDecompressBytes(compressed, kgo.CodecLz4); &again[:1][0] != &b[:1][0] {
		t.Error("memory was not used again")
	}
	p.PutDecompressBytes(b)
	p.Idle()
	if again := p.GetDecompressBytes(compressed, kgo.CodecLz4); &again[:1][0] == &b[:1][0] {
		t.Error("memory was kept although there is nothing to do")
	}
	if rs := p.GetRecords(5); len(rs) != 0 || cap(rs) != 5 {
		t.Errorf("%d records, capacity %d, for 5", len(rs), cap(rs))
	}
	p.PutRecords(nil)
}

func TestShelf(t *testing.T) {
	var s shelf[byte]
	for _, n := range []int{100, 60, 80, 300} {
		s.give(make([]byte, n), 500)
	}
	// 540 are more than 500: the oldest has gone.
	for _, step := range []struct{ n, want int }{{301, 0}, {151, 300}, {70, 80}, {61, 0}, {60, 60}, {1, 0}} {
		if got := cap(s.take(step.n)); got != step.want {
			t.Errorf("asked for %d, got %d, want %d", step.n, got, step.want)
		}
	}
	if s.kept != 0 || len(s.free) != 0 {
		t.Errorf("%d elements in %d slices are left, want none", s.kept, len(s.free))
	}
	for range 2 * mostKept {
		s.give(make([]byte, 1), 1<<20)
	}
	if len(s.free) != mostKept || s.kept != mostKept {
		t.Errorf("%d elements in %d slices are kept, want %d", s.kept, len(s.free), mostKept)
	}
}

func TestFetchLimits(t *testing.T) {
	l, err := FetchLimitsOf(map[string]string{"bootstrap.servers": "h:1"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (FetchLimits{52428800, 1048576}); l != want {
		t.Fatalf("limits of Java's defaults: %+v, want %+v", l, want)
	}
	for _, c := range []struct {
		name  string
		in    FetchLimits
		ratio float64
		want  FetchLimits
	}{
		{"hardly compressed", l, 2, FetchLimits{fetchTotal / 2, l.Partition}},
		{"well compressed", l, 16, FetchLimits{fetchTotal / 16, fetchPartition / 16}},
		{"never too small", l, 100_000, FetchLimits{fetchLeast, fetchLeast}},
		{"what the user asks for is the most", FetchLimits{1000, 500}, 16, FetchLimits{1000, 500}},
		{"the user wants large fetches", FetchLimits{64 << 20, 32 << 20}, 4, FetchLimits{8 << 20, 8 << 20}},
	} {
		if got := c.in.within(c.ratio); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
