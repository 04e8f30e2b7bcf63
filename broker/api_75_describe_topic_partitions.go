package broker

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
)

// DescribeTopicPartitions (75), version 0: like Metadata for topics, in pages
// sorted by name (KIP-966). An empty list asks for all topics.

func (b *Broker) describeTopicPartitions(_ context.Context, r *request, req *kmsg.DescribeTopicPartitionsRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	names, all := b.pageNames(img, req)
	left := int(min(b.cfg.int("max.request.partition.size.limit"), int64(max(req.ResponsePartitionLimit, 1))))
	for _, name := range names {
		t := img.Topic(name)
		if t == nil {
			if !all {
				resp.Topics = append(resp.Topics, missingTopic(name))
			}
			continue
		}
		first := 0
		if req.Cursor != nil && req.Cursor.Topic == name {
			first = min(int(max(req.Cursor.Partition, 0)), len(t.Partitions))
		}
		if left == 0 {
			resp.NextCursor = cursor(name, first)
			break
		}
		n := min(left, len(t.Partitions)-first)
		resp.Topics = append(resp.Topics, topicPage(t, first, n))
		if left -= n; first+n < len(t.Partitions) {
			resp.NextCursor = cursor(name, first+n)
			break
		}
	}
	return resp
}

// pageNames returns the names from the cursor on.
func (b *Broker) pageNames(img *controller.Image, req *kmsg.DescribeTopicPartitionsRequest) (names []string, all bool) {
	for _, t := range req.Topics {
		names = append(names, t.Topic)
	}
	if all = len(names) == 0; all {
		for _, t := range img.Topics() {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if req.Cursor != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return strings.Compare(n, req.Cursor.Topic) < 0 })
	}
	return names, all
}

func missingTopic(name string) kmsg.DescribeTopicPartitionsResponseTopic {
	rt := kmsg.NewDescribeTopicPartitionsResponseTopic()
	rt.Topic, rt.ErrorCode = kmsg.StringPtr(name), kerr.UnknownTopicOrPartition.Code
	if controller.CheckTopicName(name) != nil {
		rt.ErrorCode = kerr.InvalidTopicException.Code
	}
	return rt
}

func cursor(topic string, partition int) *kmsg.DescribeTopicPartitionsResponseNextCursor {
	c := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	c.Topic, c.Partition = topic, int32(partition)
	return &c
}

func topicPage(t *controller.Topic, first, n int) kmsg.DescribeTopicPartitionsResponseTopic {
	rt := kmsg.NewDescribeTopicPartitionsResponseTopic()
	rt.Topic, rt.TopicID, rt.IsInternal, rt.AuthorizedOperations = kmsg.StringPtr(t.Name), t.ID, controller.IsInternal(t.Name), topicOperations
	for i := first; i < first+n; i++ {
		p := t.Partitions[i]
		rp := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		rp.Partition, rp.LeaderID, rp.LeaderEpoch, rp.Replicas, rp.ISR = int32(i), p.Leader, p.LeaderEpoch, p.Replicas, p.ISR
		// Empty, not null: Java's admin client does not look before it reads them.
		rp.EligibleLeaderReplicas, rp.LastKnownELR = []int32{}, []int32{}
		rt.Partitions = append(rt.Partitions, rp)
	}
	return rt
}
