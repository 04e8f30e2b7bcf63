package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/settings"
)

// CreateTopics (19), versions 2-7.
//
// Results come in the order of the request; a name given twice is
// INVALID_REQUEST. The answer follows the logs on disk, so that Metadata shows
// the topic with a leader. v5 returns partitions, replication factor and
// configuration (KIP-525), v7 the topic id.

func (b *Broker) createTopics(ctx context.Context, r *request, req *kmsg.CreateTopicsRequest) kmsg.Response {
	resp := kmsg.NewPtrCreateTopicsResponse()
	count := map[string]int{}
	for _, t := range req.Topics {
		count[t.Topic]++
	}
	done := map[string]bool{}
	for _, t := range req.Topics {
		if done[t.Topic] {
			continue
		}
		done[t.Topic] = true
		rt := kmsg.NewCreateTopicsResponseTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t.Topic, -1, -1
		topic, err := (*controller.Topic)(nil), error(nil)
		if count[t.Topic] > 1 {
			err = fault.New(kerr.InvalidRequest, "Duplicate topic name.")
		} else {
			topic, err = b.createTopic(ctx, t, req.ValidateOnly)
		}
		if err != nil {
			b.report("creating a topic", t.Topic, err)
			rt.ErrorCode, rt.ErrorMessage = fault.Code(err), fault.Message(err)
		} else {
			b.describeCreated(&rt, topic, t)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (b *Broker) createTopic(ctx context.Context, t kmsg.CreateTopicsRequestTopic, validateOnly bool) (*controller.Topic, error) {
	if t.Topic == controller.MetadataTopic {
		return nil, fault.New(kerr.InvalidRequest, "Creation of internal topic %s is prohibited.", t.Topic)
	}
	nt := controller.NewTopic{Name: t.Topic, Partitions: t.NumPartitions, ReplicationFactor: t.ReplicationFactor}
	for _, c := range t.Configs {
		nt.Configs = append(nt.Configs, controller.ConfigEntry{Name: c.Name, Value: c.Value})
	}
	if len(t.ReplicaAssignment) > 0 {
		nt.Assignment = map[int32][]int32{}
		for _, a := range t.ReplicaAssignment {
			nt.Assignment[a.Partition] = a.Replicas
		}
	}
	defer waitedSince(ctx, time.Now())
	return b.ctl.CreateTopic(ctx, nt, validateOnly)
}

// describeCreated fills in what versions 5 and 7 tell of a new topic.
func (b *Broker) describeCreated(rt *kmsg.CreateTopicsResponseTopic, topic *controller.Topic, t kmsg.CreateTopicsRequestTopic) {
	rt.TopicID = topic.ID
	rt.NumPartitions = int32(len(topic.Partitions))
	rt.ReplicationFactor = int16(len(topic.Partitions[0].Replicas))
	overrides := map[string]string{}
	for _, c := range t.Configs {
		overrides[c.Name] = *c.Value // null was refused
	}
	img := b.ctl.Image()
	for _, d := range settings.Topic.All() {
		v, src := b.cfg.topicValue(img, overrides, d.Name)
		c := kmsg.NewCreateTopicsResponseTopicConfig()
		c.Name, c.Value, c.Source = d.Name, &v, int8(src)
		rt.Configs = append(rt.Configs, c)
	}
}

// report logs what is our fault; what the client did wrong it is told.
func (b *Broker) report(what, name string, err error) {
	if code := fault.Code(err); code == kerr.UnknownServerError.Code || code == kerr.KafkaStorageError.Code {
		b.log.Error(what, "name", name, "err", err)
	}
}
