package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// OffsetCommit (8), versions 2-10.
//
// Answered once the offsets are durable. v7 group instance id (KIP-345), v9
// member epochs (KIP-848), v10 topic ids. Unknown topics are refused one by
// one; whether the member may commit is the group's business.

func (b *Broker) offsetCommit(ctx context.Context, r *request, req *kmsg.OffsetCommitRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrOffsetCommitResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		topic, code := namedTopic(img, &t.Topic, &t.TopicID, req.Version >= 10)
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			if code == 0 && (p.Partition < 0 || int(p.Partition) >= len(topic.Partitions)) {
				rp.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	fail := func(code int16) {
		for i := range resp.Topics {
			for j := range resp.Topics[i].Partitions {
				resp.Topics[i].Partitions[j].ErrorCode = code
			}
		}
	}
	loop, code := b.groupLoop(req.Group)
	if code != 0 {
		fail(code)
		return resp
	}
	filled := resp // the variable changes below, while the loop may still be at work
	err := b.coordinatorWrite(ctx, loop, func(t *tx, s *group.Shard, done func()) { s.Commit(t, req, filled, done) })
	if err != nil {
		again := kmsg.NewPtrOffsetCommitResponse() // the loop may still hold resp
		again.Topics = cloneCommit(req)
		resp = again
		fail(fault.Code(err))
	}
	return resp
}

func cloneCommit(req *kmsg.OffsetCommitRequest) []kmsg.OffsetCommitResponseTopic {
	var out []kmsg.OffsetCommitResponseTopic
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition = p.Partition
			rt.Partitions = append(rt.Partitions, rp)
		}
		out = append(out, rt)
	}
	return out
}

// namedTopic finds a topic by name or, where byID, by id, and fills in the
// other of the two.
func namedTopic(img *controller.Image, name *string, id *[16]byte, byID bool) (*controller.Topic, int16) {
	var t *controller.Topic
	if byID {
		if t = img.TopicByID(*id); t == nil {
			return nil, kerr.UnknownTopicID.Code
		}
	} else if t = img.Topic(*name); t == nil {
		return nil, kerr.UnknownTopicOrPartition.Code
	}
	*name, *id = t.Name, t.ID
	return t, 0
}
