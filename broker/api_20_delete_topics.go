package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
)

// DeleteTopics (20), versions 1-6. v6 by name or by id (KIP-516). A topic
// named twice is INVALID_REQUEST.

func (b *Broker) deleteTopics(ctx context.Context, r *request, req *kmsg.DeleteTopicsRequest) kmsg.Response {
	resp := kmsg.NewPtrDeleteTopicsResponse()
	topics := req.Topics
	for _, name := range req.TopicNames {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &name
		topics = append(topics, t)
	}
	seen := map[controller.TopicID]bool{}
	for _, t := range topics {
		rt := kmsg.NewDeleteTopicsResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		if err := b.deleteTopic(ctx, t, &rt, seen); err != nil {
			b.report("deleting a topic", topicLabel(t), err)
			rt.ErrorCode, rt.ErrorMessage = fault.Code(err), fault.Message(err)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (b *Broker) deleteTopic(ctx context.Context, t kmsg.DeleteTopicsRequestTopic, rt *kmsg.DeleteTopicsResponseTopic, seen map[controller.TopicID]bool) error {
	if !b.cfg.bool("delete.topic.enable") {
		return kerr.TopicDeletionDisabled
	}
	img := b.ctl.Image()
	var topic *controller.Topic
	if t.Topic != nil {
		if t.TopicID != [16]byte{} {
			return fault.New(kerr.InvalidRequest, "You may not specify both topic name and topic id.")
		}
		if topic = img.Topic(*t.Topic); topic == nil {
			return kerr.UnknownTopicOrPartition
		}
	} else if topic = img.TopicByID(t.TopicID); topic == nil {
		return kerr.UnknownTopicID
	}
	if seen[topic.ID] {
		return fault.New(kerr.InvalidRequest, "Duplicate topic in the request.")
	}
	seen[topic.ID] = true
	rt.Topic, rt.TopicID = &topic.Name, topic.ID
	defer waitedSince(ctx, time.Now())
	return b.ctl.DeleteTopic(ctx, topic.ID)
}

func topicLabel(t kmsg.DeleteTopicsRequestTopic) string {
	if t.Topic != nil {
		return *t.Topic
	}
	return controller.TopicID(t.TopicID).String()
}
