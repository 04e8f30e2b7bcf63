package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
)

// Metadata (3), versions 0-13.
//
// Brokers are named by the address of the listener the request came in on.
// v1 null for all topics (v0: an empty list), v4 allowAutoTopicCreation, v7
// leader epochs, v8 authorized operations (KIP-430), v10 topic ids, v12 query
// by id, v13 top-level error. A topic that is created on the way is unknown in
// this answer, and there in a later one (autocreate.go).

func (b *Broker) metadata(ctx context.Context, r *request, req *kmsg.MetadataRequest) kmsg.Response {
	resp := kmsg.NewPtrMetadataResponse()
	resp.Brokers = []kmsg.MetadataResponseBroker{b.self(r).metadata()}
	resp.ClusterID = kmsg.StringPtr(b.ClusterID())
	resp.ControllerID = b.cfg.NodeID
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = clusterOperations
	}
	if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
		img := b.ctl.Image()
		resp.Topics = make([]kmsg.MetadataResponseTopic, 0, len(img.Topics()))
		for _, t := range img.Topics() {
			resp.Topics = append(resp.Topics, b.topicMetadata(t, req))
		}
		return resp
	}
	for _, want := range req.Topics {
		resp.Topics = append(resp.Topics, b.askedTopic(want, req))
	}
	return resp
}

func (b *Broker) askedTopic(want kmsg.MetadataRequestTopic, req *kmsg.MetadataRequest) kmsg.MetadataResponseTopic {
	img := b.ctl.Image()
	var t *controller.Topic
	var code int16
	switch {
	case want.Topic == nil:
		if t = img.TopicByID(want.TopicID); t == nil {
			code = kerr.UnknownTopicID.Code
		}
	case req.Version >= 12 && want.TopicID != [16]byte{}:
		code = kerr.InvalidRequest.Code
	default:
		if t = img.Topic(*want.Topic); t == nil {
			code = b.absentTopic(*want.Topic, req.AllowAutoTopicCreation || req.Version < 4)
		}
	}
	if t == nil {
		mt := kmsg.NewMetadataResponseTopic()
		mt.ErrorCode, mt.Topic, mt.TopicID = code, want.Topic, want.TopicID
		mt.IsInternal = want.Topic != nil && controller.IsInternal(*want.Topic)
		return mt
	}
	return b.topicMetadata(t, req)
}

func (b *Broker) topicMetadata(t *controller.Topic, req *kmsg.MetadataRequest) kmsg.MetadataResponseTopic {
	mt := kmsg.NewMetadataResponseTopic()
	mt.Topic, mt.TopicID, mt.IsInternal = kmsg.StringPtr(t.Name), t.ID, controller.IsInternal(t.Name)
	if req.IncludeTopicAuthorizedOperations {
		mt.AuthorizedOperations = topicOperations
	}
	mt.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i, p := range t.Partitions {
		mp := &mt.Partitions[i]
		mp.Default()
		mp.Partition, mp.Leader, mp.LeaderEpoch, mp.Replicas, mp.ISR = int32(i), p.Leader, p.LeaderEpoch, p.Replicas, p.ISR
		if p.Leader < 0 {
			mp.ErrorCode = kerr.LeaderNotAvailable.Code
		}
	}
	return mt
}

// endpoint is a broker as clients of one listener see it.
type endpoint struct {
	id   int32
	host string
	port int32
	rack *string
}

// self is this broker on the listener of the request.
func (b *Broker) self(r *request) endpoint {
	l := r.conn.listener.conf
	e := endpoint{id: b.cfg.NodeID, host: l.AdvertisedHost, port: int32(l.AdvertisedPort)}
	if rack, ok := b.cfg.static["broker.rack"]; ok {
		e.rack = &rack
	}
	return e
}

func (e endpoint) metadata() kmsg.MetadataResponseBroker {
	mb := kmsg.NewMetadataResponseBroker()
	mb.NodeID, mb.Host, mb.Port, mb.Rack = e.id, e.host, e.port, e.rack
	return mb
}

// What an unrestricted principal may do: one bit for each operation code of
// AclOperation that applies to the resource.
const (
	topicOperations   = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
	groupOperations   = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11
	clusterOperations = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12
)
