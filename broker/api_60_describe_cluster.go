package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeCluster (60), versions 0-2. v1 endpoint type: 1 asks for brokers and
// 2, on a controller listener, for controllers (KIP-919). v2 fenced brokers
// (KIP-1073).

func (b *Broker) describeCluster(_ context.Context, r *request, req *kmsg.DescribeClusterRequest) kmsg.Response {
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.ClusterID, resp.ControllerID = b.ClusterID(), b.cfg.NodeID
	here, there := int8(1), "BROKER, but we wanted an endpoint of type CONTROLLER"
	if r.conn.listener.conf.Controller {
		here, there = 2, "CONTROLLER, but we wanted an endpoint of type BROKER"
	}
	switch {
	case req.Version < 1 || req.EndpointType == here:
		resp.EndpointType = here
	case req.EndpointType == 1 || req.EndpointType == 2:
		resp.ErrorCode = kerr.MismatchedEndpointType.Code
		resp.ErrorMessage = kmsg.StringPtr("The request was sent to an endpoint of type " + there)
		return resp
	default:
		resp.ErrorCode = kerr.UnsupportedEndpointType.Code
		return resp
	}
	self := b.self(r)
	rb := kmsg.NewDescribeClusterResponseBroker()
	rb.NodeID, rb.Host, rb.Port, rb.Rack = self.id, self.host, self.port, self.rack
	resp.Brokers = append(resp.Brokers, rb)
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	return resp
}
