package broker

import (
	"context"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
)

// ListConfigResources (74), versions 0-1: what configuration can be asked for.
// v0 lists client metrics subscriptions, of which there are none; v1 any type
// (KIP-1142).

func (b *Broker) listConfigResources(_ context.Context, r *request, req *kmsg.ListConfigResourcesRequest) kmsg.Response {
	resp := kmsg.NewPtrListConfigResourcesResponse()
	types := req.ResourceTypes
	if req.Version == 0 {
		types = []int8{clientMetricsResource}
	} else if len(types) == 0 {
		types = []int8{int8(controller.TopicResource), int8(controller.BrokerResource), loggerResource, clientMetricsResource, int8(controller.GroupResource)}
	}
	for _, kind := range types {
		names, ok := b.configResources(kind)
		if !ok {
			resp.ErrorCode, resp.ConfigResources = kerr.UnsupportedVersion.Code, nil
			return resp
		}
		for _, name := range names {
			res := kmsg.NewListConfigResourcesResponseConfigResource()
			res.Name, res.Type = name, kind
			resp.ConfigResources = append(resp.ConfigResources, res)
		}
	}
	return resp
}

// clientMetricsResource is the type of client metrics subscriptions.
const clientMetricsResource = 16

func (b *Broker) configResources(kind int8) ([]string, bool) {
	img := b.ctl.Image()
	switch {
	case kind == clientMetricsResource:
		return nil, true
	case kind == int8(controller.TopicResource):
		var names []string
		for _, t := range img.Topics() {
			names = append(names, t.Name)
		}
		return names, true
	case kind == int8(controller.BrokerResource), kind == loggerResource:
		return []string{strconv.Itoa(int(b.cfg.NodeID))}, true
	case kind == int8(controller.GroupResource):
		return img.Resources(controller.GroupResource), true
	}
	return nil, false
}
