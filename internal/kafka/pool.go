package kafka

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// BatchPool is how a consumer that works through large batches gets at their
// records: it decompresses them, into memory that is used again, and bounds what a
// fetch asks for by what it becomes. Give it to the client by Opts and call Recycle
// on every record that is done with; what is not recycled is left to the garbage
// collector. It is safe for concurrent use.
type BatchPool struct {
	bytes   shelf[byte]
	records shelf[kgo.Record]
	ratio   atomic.Uint64 // uncompressed to compressed size, in 1/256, a rolling average; 0 unknown
	codecs  kgo.Decompressor
	limits  FetchLimits
	bounded uint64 // the ratio at the last change that Bound made
}

const (
	// keptBytes and keptRecords bound the memory that waits to be used again.
	keptBytes   = 24 << 20
	keptRecords = 32 << 10
	// slack is what a batch's memory has more than the batch: a reader looks for
	// the end of the data with room to spare.
	slack = 1 << 10
)

var (
	_ kgo.PoolDecompressBytes = (*BatchPool)(nil)
	_ kgo.PoolRecords         = (*BatchPool)(nil)
	_ kgo.HookFetchBatchRead  = (*BatchPool)(nil)
	_ kgo.Decompressor        = (*BatchPool)(nil)
)

// NewBatchPool returns a pool for one consumer with the given limits.
func NewBatchPool(l FetchLimits) *BatchPool {
	p := &BatchPool{limits: l}
	p.codecs = kgo.DefaultDecompressor(p)
	return p
}

// Opts makes a consumer use the pool.
func (p *BatchPool) Opts() []kgo.Opt {
	return []kgo.Opt{kgo.WithPools(p), kgo.WithHooks(p), kgo.WithDecompressor(p)}
}

// Idle lets go of the memory that waits to be used again.
func (p *BatchPool) Idle() {
	p.bytes.clear()
	p.records.clear()
}

// Decompress implements kgo.Decompressor. What it does not do itself, and what is
// wrong, is left to the client's own.
func (p *BatchPool) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec == kgo.CodecLz4 {
		dst := p.GetDecompressBytes(src, codec)
		if out, ok := appendLZ4(dst[:0], src); ok {
			return out, nil
		}
		p.PutDecompressBytes(dst)
	}
	return p.codecs.Decompress(src, codec)
}

// GetDecompressBytes returns memory that is likely to be enough for a batch.
func (p *BatchPool) GetDecompressBytes(compressed []byte, _ kgo.CompressionCodecType) []byte {
	n := int(uint64(len(compressed))*max(p.ratio.Load(), 256)/256*17/16) + slack
	if b := p.bytes.take(n); b != nil {
		return b
	}
	return make([]byte, 0, n)
}

// PutDecompressBytes takes memory back.
func (p *BatchPool) PutDecompressBytes(b []byte) { p.bytes.give(b, keptBytes) }

// GetRecords returns n records.
func (p *BatchPool) GetRecords(n int) []kgo.Record {
	if rs := p.records.take(n); rs != nil {
		return rs
	}
	return make([]kgo.Record, 0, n)
}

// PutRecords takes records back.
func (p *BatchPool) PutRecords(rs []kgo.Record) { p.records.give(rs, keptRecords) }

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
