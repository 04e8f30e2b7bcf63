package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestClasses(t *testing.T) {
	for c := range maxClass {
		if sizeOf(c+1) < sizeOf(c) || class(sizeOf(c)) > c || sizeOf(class(sizeOf(c)+1)) < sizeOf(c)+1 {
			t.Errorf("class %d of size %d", c, sizeOf(c))
		}
	}
	for n := range 100_000 {
		if c := class(n); sizeOf(c) < n || n > 100 && sizeOf(c) > n*8/7 {
			t.Fatalf("size %d in class %d of size %d", n, c, sizeOf(c))
		}
	}
}

func TestBatchPool(t *testing.T) {
	p := &BatchPool{}
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
	// sync.Pool may forget, and does so on purpose under the race detector.
	reused := false
	for range 100 {
		b[:1][0] = 7
		p.PutDecompressBytes(b)
		again := p.GetDecompressBytes(compressed, kgo.CodecLz4)
		reused = reused || &again[:1][0] == &b[:1][0]
		b = again
	}
	if !reused {
		t.Error("no memory was used again")
	}
	if small := p.GetDecompressBytes(compressed[:10], kgo.CodecLz4); cap(small) > 2048 {
		t.Errorf("a batch of 10 bytes occupies %d", cap(small))
	}
	if rs := p.GetRecords(5); len(rs) != 0 || cap(rs) < 5 || cap(rs) > 8 {
		t.Errorf("%d records, capacity %d, for 5", len(rs), cap(rs))
	}
	if rs := p.GetRecords(0); cap(rs) > 4 {
		t.Errorf("capacity %d for none", cap(rs))
	}
	p.PutRecords(nil)
	huge := p.GetDecompressBytes(make([]byte, 2<<20), kgo.CodecLz4)
	if cap(huge) < 40<<20 {
		t.Errorf("capacity %d of a batch beyond the classes", cap(huge))
	}
	p.PutDecompressBytes(huge)
}
