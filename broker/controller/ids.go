package controller

import (
	"context"
	"maps"
	"slices"
)

// ProducerIDBlock is how many producer ids a broker gets at a time.
const ProducerIDBlock = 1000

// AllocateProducerIDs reserves a block of producer ids for this broker and
// returns its first. Ids are never handed out twice, because the block is in
// the metadata log before it is used.
func (c *Controller) AllocateProducerIDs(ctx context.Context) (int64, error) {
	var first int64
	err := c.propose(ctx, func(img *Image) ([]Record, error) {
		first = img.nextProducer
		return []Record{&ProducerIDsRecord{Broker: c.cfg.NodeID, Next: first + ProducerIDBlock}}, nil
	})
	return first, err
}

// FinalizeFeatures sets features to levels where they differ.
func (c *Controller) FinalizeFeatures(ctx context.Context, levels map[string]int16) error {
	return c.propose(ctx, func(img *Image) ([]Record, error) {
		var records []Record
		for _, name := range slices.Sorted(maps.Keys(levels)) {
			level := levels[name]
			if img.features[name] != level {
				records = append(records, &FeatureLevelRecord{Name: name, Level: level})
			}
		}
		return records, nil
	})
}
