package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
)

// OffsetForLeaderEpoch (23), versions 2-4: where an epoch ended, so that
// consumers and followers notice a truncation (KIP-101, KIP-320).

func (b *Broker) offsetForLeaderEpoch(_ context.Context, r *request, req *kmsg.OffsetForLeaderEpochRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			rp.Partition, rp.LeaderEpoch, rp.EndOffset = p.Partition, -1, -1
			rp.ErrorCode = b.epochEnd(img.Topic(t.Topic), p, &rp)
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (b *Broker) epochEnd(t *controller.Topic, p kmsg.OffsetForLeaderEpochRequestTopicPartition, out *kmsg.OffsetForLeaderEpochResponseTopicPartition) int16 {
	log, state, code := b.partition(t, p.Partition)
	if code != 0 {
		return code
	}
	if code := fenced(p.CurrentLeaderEpoch, state); code != 0 {
		return code
	}
	end := log.EpochEndOffset(p.LeaderEpoch)
	out.LeaderEpoch, out.EndOffset = end.Epoch, end.EndOffset
	return 0
}
