package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
)

// AlterConfigs (33), versions 0-2: gives a resource exactly the keys listed.
// Old clients use it; new ones IncrementalAlterConfigs.

func (b *Broker) alterConfigs(ctx context.Context, r *request, req *kmsg.AlterConfigsRequest) kmsg.Response {
	resp := kmsg.NewPtrAlterConfigsResponse()
	repeated := map[resourceKey]int{}
	for _, res := range req.Resources {
		repeated[resourceKey{int8(res.ResourceType), res.ResourceName}]++
	}
	for _, res := range req.Resources {
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = res.ResourceType, res.ResourceName
		var entries []controller.ConfigEntry
		for _, c := range res.Configs {
			entries = append(entries, controller.ConfigEntry{Name: c.Name, Value: c.Value})
		}
		target := controller.Resource{Type: controller.ResourceType(res.ResourceType), Name: res.ResourceName}
		err := errRepeated
		if repeated[resourceKey{int8(res.ResourceType), res.ResourceName}] == 1 {
			began := time.Now()
			err = b.ctl.ReplaceConfigs(ctx, target, entries, req.ValidateOnly)
			waitedSince(ctx, began)
		}
		if err != nil {
			b.report("altering configuration", res.ResourceName, err)
			out.ErrorCode, out.ErrorMessage = fault.Code(err), fault.Message(err)
		}
		resp.Resources = append(resp.Resources, out)
	}
	return resp
}
