package broker

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
	"github.com/leat-project/leat/broker/settings"
)

// ConsumerGroupHeartbeat (68), versions 0-1: the whole of the consumer group
// protocol of KIP-848. v1 member ids made by the client, regular expressions.

func (b *Broker) consumerGroupHeartbeat(ctx context.Context, r *request, req *kmsg.ConsumerGroupHeartbeatRequest) kmsg.Response {
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	if b.ctl.Image().Features()["group.version"] < 1 || !slices.Contains(settings.SplitList(b.cfg.str("group.coordinator.rebalance.protocols")), "consumer") {
		resp.ErrorCode = kerr.UnsupportedVersion.Code
		return resp
	}
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		resp.ErrorCode = code
		return resp
	}
	var out *kmsg.ConsumerGroupHeartbeatResponse
	err := call(ctx, loop, func(t *tx, s *group.Shard, done func()) {
		s.ConsumerHeartbeat(t, req, r.client(), func(hr *kmsg.ConsumerGroupHeartbeatResponse) { out = hr; done() })
	})
	if err != nil {
		resp.ErrorCode = fault.Code(err)
		return resp
	}
	return out
}

// groupTopics is an image as groups see it.
type groupTopics struct{ img *controller.Image }

// Topic implements group.Topics.
func (g groupTopics) Topic(name string) ([16]byte, int32, bool) {
	t := g.img.Topic(name)
	if t == nil {
		return [16]byte{}, 0, false
	}
	return t.ID, int32(len(t.Partitions)), true
}

// Name implements group.Topics.
func (g groupTopics) Name(id [16]byte) (string, bool) {
	t := g.img.TopicByID(id)
	if t == nil {
		return "", false
	}
	return t.Name, true
}

// Match implements group.Topics. Internal topics are never matched.
func (g groupTopics) Match(re *regexp.Regexp) []string {
	var names []string
	for _, t := range g.img.Topics() {
		if !controller.IsInternal(t.Name) && re.MatchString(t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

// groupTiming resolves a duration that a group may override, within the
// broker's bounds.
func (b *Broker) groupTiming(key, least, most string) func(string) time.Duration {
	return func(id string) time.Duration {
		img := b.ctl.Image()
		d, _ := settings.Group.Lookup(key)
		value, ok := img.Config(controller.Resource{Type: controller.GroupResource, Name: id})[key]
		if !ok {
			value = b.cfg.brokerChain(img, d.Synonyms[0].Name)[0].value
		}
		return min(max(millis(parseLong(value)), b.cfg.ms(least)), b.cfg.ms(most))
	}
}
