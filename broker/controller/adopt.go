package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/fault"
)

// AdoptedTopic is a topic whose logs another cluster wrote.
type AdoptedTopic struct {
	NewTopic
	ID TopicID
	// LeaderEpochs are those that the partitions begin with here: above every
	// epoch in their logs.
	LeaderEpochs []int32
}

// AdoptTopics adds topics with the ids and leader epochs that their logs have,
// all of them or, with an error, none. nextProducerID is above every producer id
// in the logs: ids that this cluster gives out from now on begin there, as an id
// that a log knows already would have its sequences refused. With validateOnly
// it only says whether it could.
func (c *Controller) AdoptTopics(ctx context.Context, topics []AdoptedTopic, nextProducerID int64, validateOnly bool) error {
	return c.propose(ctx, func(img *Image) ([]Record, error) {
		var all []Record
		names := map[TopicID]string{}
		for _, t := range topics {
			records, err := c.planAdoption(img, t)
			if err != nil {
				return nil, err
			}
			if other, twice := names[t.ID]; twice {
				return nil, fault.New(kerr.InvalidRequest, "Topics '%s' and '%s' have the same id %s.", other, t.Name, t.ID)
			}
			names[t.ID] = t.Name
			all = append(all, records...)
		}
		if validateOnly {
			return nil, nil
		}
		if img.nextProducer < nextProducerID {
			all = append(all, &ProducerIDsRecord{Broker: c.cfg.NodeID, Next: nextProducerID})
		}
		return all, nil
	})
}

func (c *Controller) planAdoption(img *Image, t AdoptedTopic) ([]Record, error) {
	if t.ID == (TopicID{}) {
		return nil, fault.New(kerr.InvalidRequest, "Topic '%s' has no id.", t.Name)
	}
	records, _, err := c.planTopic(img, t.NewTopic)
	if err != nil {
		return nil, err
	}
	if other := img.TopicByID(t.ID); other != nil {
		return nil, fault.New(kerr.TopicAlreadyExists, "Topic '%s' has the id %s of topic '%s'.", t.Name, t.ID, other.Name)
	}
	for _, r := range records {
		switch r := r.(type) {
		case *TopicRecord:
			r.ID = t.ID
		case *PartitionRecord:
			r.Topic = t.ID
			if int(r.Partition) < len(t.LeaderEpochs) {
				r.LeaderEpoch = t.LeaderEpochs[r.Partition]
			}
		}
	}
	return records, nil
}
