package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/coordinator"
	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// FindCoordinator (10), versions 0-6.
//
// Key type 0 is a group, 1 a transactional id (v1); 2, share groups, is not
// served. v4 asks for several keys (KIP-699). The internal topic is created
// on first need, as a rule before the answer, so that the next request succeeds;
// where that takes long the answer is COORDINATOR_NOT_AVAILABLE.

func (b *Broker) findCoordinator(ctx context.Context, r *request, req *kmsg.FindCoordinatorRequest) kmsg.Response {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	self := b.self(r)
	keys := req.CoordinatorKeys
	if req.Version < 4 {
		keys = []string{req.CoordinatorKey}
	}
	for _, key := range keys {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Host, c.Port = key, self.id, self.host, self.port
		if err := b.coordinates(ctx, req.CoordinatorType, key); err != nil {
			c.NodeID, c.Host, c.Port = -1, "", -1
			c.ErrorCode, c.ErrorMessage = fault.Code(err), fault.Message(err)
		}
		resp.Coordinators = append(resp.Coordinators, c)
	}
	if req.Version < 4 {
		c := resp.Coordinators[0]
		resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Host, resp.Port = c.ErrorCode, c.ErrorMessage, c.NodeID, c.Host, c.Port
		resp.Coordinators = nil
	}
	return resp
}

// coordinates makes sure that the coordinator of a key is there.
func (b *Broker) coordinates(ctx context.Context, kind int8, key string) error {
	switch kind {
	case 0:
		if key == "" {
			return fault.New(kerr.InvalidGroupID, "the group id is empty")
		}
		return b.ensureInternal(ctx, controller.OffsetsTopic)
	case 1:
		if key == "" {
			return fault.New(kerr.InvalidRequest, "the transactional id is empty")
		}
		return b.ensureInternal(ctx, controller.TxnStateTopic)
	}
	return fault.New(kerr.InvalidRequest, "coordinator type %d is not served", kind)
}

// groupLoop finds the coordinator of a group.
func (b *Broker) groupLoop(id string) (*coordinator.Loop[*group.Shard], int16) {
	loop, err := b.groups.find(id)
	if err != nil {
		return nil, fault.Code(err)
	}
	return loop, 0
}
