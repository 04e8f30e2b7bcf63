package broker

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/controller"
)

// creations are the topics that are being created because a client needs them:
// one that it asked for (auto.create.topics.enable), or an internal one.
type creations struct {
	mu   sync.Mutex // guards busy
	busy map[string]chan struct{}
}

// begin says whether the caller is to create the topic. made is closed when
// whoever does has tried.
func (c *creations) begin(name string) (made <-chan struct{}, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if made := c.busy[name]; made != nil {
		return made, false
	}
	if c.busy == nil {
		c.busy = map[string]chan struct{}{}
	}
	c.busy[name] = make(chan struct{})
	return c.busy[name], true
}

func (c *creations) end(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.busy[name])
	delete(c.busy, name)
}

// absentTopic is what Metadata says of a topic that there is not. Where it is
// wanted, the topic is created in the background: as with Kafka, it shows in a
// later answer, so that a client that looks whether a topic is gone does not
// find it back at once.
func (b *Broker) absentTopic(name string, allowed bool) int16 {
	if err := controller.CheckTopicName(name); err != nil {
		return kerr.InvalidTopicException.Code
	}
	if !allowed || !b.cfg.bool("auto.create.topics.enable") {
		return kerr.UnknownTopicOrPartition.Code
	}
	if _, mine := b.creations.begin(name); mine {
		b.tasks(func(ctx context.Context) error {
			defer b.creations.end(name)
			b.autoCreate(ctx, name)
			return nil
		})
	}
	return kerr.UnknownTopicOrPartition.Code
}

func (b *Broker) autoCreate(ctx context.Context, name string) {
	var err error
	if controller.IsInternal(name) {
		err = b.createInternal(ctx, name)
	} else {
		_, err = b.ctl.CreateTopic(ctx, controller.NewTopic{Name: name, Partitions: -1, ReplicationFactor: -1}, false)
	}
	// It may also be there already, or the broker may be ending.
	if err != nil && b.ctl.Image().Topic(name) == nil && ctx.Err() == nil {
		b.log.Warn("creating a topic on first use", "topic", name, "err", err)
	}
}
