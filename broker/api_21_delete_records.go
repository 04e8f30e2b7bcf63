package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
	"github.com/leat-project/leat/broker/settings"
)

// DeleteRecords (21), versions 0-2. -1 is the high watermark. Refused for
// internal topics and where cleanup.policy lacks delete (KIP-107). Answered when
// the log starts are on the disk, unless that is full: what was deleted does not
// come back. Kafka writes them once a minute.

func (b *Broker) deleteRecords(_ context.Context, r *request, req *kmsg.DeleteRecordsRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewDeleteRecordsResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewDeleteRecordsResponseTopicPartition()
			rp.Partition = p.Partition
			rp.LowWatermark, rp.ErrorCode = b.deletePartitionRecords(img, img.Topic(t.Topic), p)
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	// Once for all of them. On a full disk the answer is no worse than Kafka's: a crash within a minute undoes it.
	if err := b.store.SaveStarts(); err != nil {
		b.log.Warn("deleted records would come back in a crash, trying again within log.flush.start.offset.checkpoint.interval.ms", "err", err)
	}
	for i, t := range resp.Topics {
		for j, p := range t.Partitions {
			if log := b.store.Get(logstore.TopicPartition{Topic: t.Topic, Partition: p.Partition}); p.ErrorCode == 0 && log != nil && log.Err() != nil {
				resp.Topics[i].Partitions[j].LowWatermark, resp.Topics[i].Partitions[j].ErrorCode = -1, storeCode(log.Err())
			}
		}
	}
	return resp
}

func (b *Broker) deletePartitionRecords(img *controller.Image, t *controller.Topic, p kmsg.DeleteRecordsRequestTopicPartition) (int64, int16) {
	if t != nil && controller.IsInternal(t.Name) {
		return -1, kerr.InvalidTopicException.Code
	}
	log, _, code := b.partition(t, p.Partition)
	if code != 0 {
		return -1, code
	}
	policy, _ := b.cfg.topicValue(img, img.Config(controller.Resource{Type: controller.TopicResource, Name: t.Name}), "cleanup.policy")
	if !slices.Contains(settings.SplitList(policy), "delete") {
		return -1, kerr.PolicyViolation.Code
	}
	offset := p.Offset
	if offset == -1 {
		offset = log.HighWatermark()
	}
	if offset < 0 {
		return -1, kerr.OffsetOutOfRange.Code
	}
	low, err := log.DeleteRecordsBefore(offset)
	if err != nil {
		return -1, storeCode(err)
	}
	return low, 0
}
