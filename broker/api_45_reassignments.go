package broker

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
)

// AlterPartitionReassignments (45), versions 0-1, and
// ListPartitionReassignments (46), version 0 (KIP-455).
//
// With one broker a partition has one possible set of replicas, so that a
// reassignment to it is done at once and nothing is ever under way.

func (b *Broker) alterReassignments(_ context.Context, r *request, req *kmsg.AlterPartitionAssignmentsRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			rp.Partition = p.Partition
			if err := b.reassign(img.Topic(t.Topic), p); err != nil {
				rp.ErrorCode, rp.ErrorMessage = fault.Code(err), fault.Message(err)
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (b *Broker) reassign(t *controller.Topic, p kmsg.AlterPartitionAssignmentsRequestTopicPartition) error {
	switch {
	case t == nil || p.Partition < 0 || int(p.Partition) >= len(t.Partitions):
		return kerr.UnknownTopicOrPartition
	case p.Replicas == nil:
		return kerr.NoReassignmentInProgress
	case len(p.Replicas) == 0:
		return fault.New(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	case !slices.Equal(p.Replicas, []int32{b.cfg.NodeID}):
		return fault.New(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a broker other than %d, but no such broker is registered.", b.cfg.NodeID)
	}
	return nil
}

func (b *Broker) listReassignments(_ context.Context, r *request, _ *kmsg.ListPartitionReassignmentsRequest) kmsg.Response {
	return kmsg.NewPtrListPartitionReassignmentsResponse()
}
