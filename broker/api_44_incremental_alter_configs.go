package broker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/fault"
)

// IncrementalAlterConfigs (44), versions 0-1: sets, deletes, appends to and
// subtracts from single keys, all of a resource or none (KIP-339).

func (b *Broker) incrementalAlterConfigs(ctx context.Context, r *request, req *kmsg.IncrementalAlterConfigsRequest) kmsg.Response {
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	repeated := map[resourceKey]int{}
	for _, res := range req.Resources {
		repeated[resourceKey{int8(res.ResourceType), res.ResourceName}]++
	}
	for _, res := range req.Resources {
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = res.ResourceType, res.ResourceName
		var changes []controller.ConfigChange
		for _, c := range res.Configs {
			changes = append(changes, controller.ConfigChange{Name: c.Name, Op: controller.ConfigOp(c.Op), Value: c.Value})
		}
		target := controller.Resource{Type: controller.ResourceType(res.ResourceType), Name: res.ResourceName}
		var err error
		switch {
		case repeated[resourceKey{int8(res.ResourceType), res.ResourceName}] > 1:
			err = errRepeated
		case res.ResourceType == loggerResource:
			err = b.alterLoggers(res, req.ValidateOnly)
		default:
			began := time.Now()
			err = b.ctl.AlterConfigs(ctx, target, changes, b.effective(target), req.ValidateOnly)
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

// resourceKey is a resource as a request names it.
type resourceKey struct {
	kind int8
	name string
}

var errRepeated = fault.New(kerr.InvalidRequest, "Each resource must appear at most once.")

// effective gives the value of a key of a resource without its own override.
func (b *Broker) effective(r controller.Resource) func(string) string {
	img := b.ctl.Image()
	return func(name string) string {
		if r.Type == controller.TopicResource {
			v, _ := b.cfg.topicValue(img, nil, name)
			return v
		}
		if chain := b.cfg.brokerChain(img, name); len(chain) > 0 {
			return chain[0].value
		}
		return ""
	}
}
