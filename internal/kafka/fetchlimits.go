package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/connect/config"
)

// FetchLimits are the most bytes that a consumer asks for at once.
type FetchLimits struct {
	Total     int // fetch.max.bytes
	Partition int // max.partition.fetch.bytes
}

// FetchLimitsOf returns the limits in a consumer's properties.
func FetchLimitsOf(props map[string]string) (FetchLimits, error) {
	var c consumer
	if err := config.Parse(&c, props); err != nil {
		return FetchLimits{}, err
	}
	return FetchLimits{c.FetchMaxBytes, c.MaxPartitionBytes}, nil
}

const (
	// fetchTotal and fetchPartition are what a fetch may become when it is
	// decompressed, all of it at once: JSON with a schema in each record shrinks
	// thirtyfold, so that a MiB of it is a large part of the memory.
	fetchTotal     = 16 << 20
	fetchPartition = 6 << 20
	// fetchLeast is what is asked for however well batches compress; a broker
	// gives a whole batch in any case.
	fetchLeast = 32 << 10
)

// within lowers the limits to what batches that grow so many times may take.
func (l FetchLimits) within(ratio float64) FetchLimits {
	least := func(limit, grown int) int { return min(limit, max(int(float64(grown)/ratio), fetchLeast)) }
	return FetchLimits{least(l.Total, max(fetchTotal, l.Partition)), least(l.Partition, max(fetchPartition, l.Partition))}
}

// Bound makes the client's next fetches smaller, or larger again, by how well the
// last batches were compressed. It is for one goroutine.
func (p *BatchPool) Bound(cl *kgo.Client) {
	ratio := p.ratio.Load()
	if old := p.bounded; ratio == 0 || ratio > old*7/8 && ratio < old*9/8 {
		return
	}
	p.bounded = ratio
	l := p.limits.within(float64(max(ratio, 256)) / 256)
	cl.UpdateFetchMaxBytes(int32(max(l.Total, 1)), int32(max(l.Partition, 1)))
}
