package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
)

// UnregisterBroker (64), version 0 (KIP-500): takes a broker that is gone for
// good off the cluster's books. There is one broker, the one that answers: any
// other id is not registered, and its own is refused, as every partition would
// lose its only leader. (Kafka's controller does that to a running broker.)

func (b *Broker) unregisterBroker(_ context.Context, _ *request, req *kmsg.UnregisterBrokerRequest) kmsg.Response {
	resp := kmsg.NewPtrUnregisterBrokerResponse()
	err := fault.New(kerr.BrokerIDNotRegistered, "Broker ID %d is not currently registered", req.BrokerID)
	if req.BrokerID == b.cfg.NodeID {
		err = fault.New(kerr.InvalidRequest, "Broker %d is running and is the only one of this cluster: unregistered, it would leave all partitions without a leader. Stop it instead.", req.BrokerID)
	}
	resp.ErrorCode, resp.ErrorMessage = fault.Code(err), fault.Message(err)
	return resp
}
