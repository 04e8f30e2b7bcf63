package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ElectLeaders (43), versions 0-2. The only replica leads already:
// ELECTION_NOT_NEEDED (KIP-460). Null topics ask for all partitions, of which
// those with nothing to do are not listed.

func (b *Broker) electLeaders(_ context.Context, r *request, req *kmsg.ElectLeadersRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrElectLeadersResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewElectLeadersResponseTopic()
		rt.Topic = t.Topic
		topic := img.Topic(t.Topic)
		for _, n := range t.Partitions {
			rp := kmsg.NewElectLeadersResponseTopicPartition()
			rp.Partition, rp.ErrorCode = n, kerr.ElectionNotNeeded.Code
			if topic == nil || n < 0 || int(n) >= len(topic.Partitions) {
				rp.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			rp.ErrorMessage = kmsg.StringPtr(kerr.ErrorForCode(rp.ErrorCode).(*kerr.Error).Description)
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
