package broker

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/leat-project/leat/broker/controller"
)

// autoCreations are the topics that are being created because a client asked
// for them (auto.create.topics.enable).
type autoCreations struct {
	mu   sync.Mutex
	busy map[string]bool
}

// begin says whether the caller is to create the topic.
func (a *autoCreations) begin(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[name] {
		return false
	}
	if a.busy == nil {
		a.busy = map[string]bool{}
	}
	a.busy[name] = true
	return true
}

func (a *autoCreations) end(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, name)
}

// absentTopic is what Metadata says of a topic that there is not. Where it is
// wanted, the topic is created in the background: as with Kafka, it shows in a
// later answer, so that a client that looks whether a topic is gone does not
// find it back at once.
func (b *Broker) absentTopic(name string, allowed bool) int16 {
	if err := controller.CheckTopicName(name); err != nil {
		return kerr.InvalidTopicException.Code
	}
	if allowed && b.cfg.bool("auto.create.topics.enable") && b.creations.begin(name) {
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
		err = b.ensureInternal(ctx, name)
	} else {
		_, err = b.ctl.CreateTopic(ctx, controller.NewTopic{Name: name, Partitions: -1, ReplicationFactor: -1}, false)
	}
	// It may also be there already, or the broker may be ending.
	if err != nil && b.ctl.Image().Topic(name) == nil && ctx.Err() == nil {
		b.log.Warn("creating a topic on first use", "topic", name, "err", err)
	}
}
