package broker

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/group"
)

// OffsetFetch (9), versions 1-10.
//
// Null topics mean all that are committed (v2). v7 requireStable (KIP-447),
// v8 several groups (KIP-709), v9 member epochs, v10 topic ids. An unknown
// group or partition has offset -1 and no error.

func (b *Broker) offsetFetch(ctx context.Context, r *request, req *kmsg.OffsetFetchRequest) kmsg.Response {
	resp := kmsg.NewPtrOffsetFetchResponse()
	if req.Version >= 8 {
		for i := range req.Groups {
			resp.Groups = append(resp.Groups, b.fetchGroup(ctx, req, &req.Groups[i]))
		}
		return resp
	}
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group = req.Group
	if req.Topics != nil {
		one.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	for _, t := range req.Topics {
		gt := kmsg.NewOffsetFetchRequestGroupTopic()
		gt.Topic, gt.Partitions = t.Topic, t.Partitions
		one.Topics = append(one.Topics, gt)
	}
	g := b.fetchGroup(ctx, req, &one)
	resp.ErrorCode = g.ErrorCode
	for _, t := range g.Topics {
		rt := kmsg.NewOffsetFetchResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata, rp.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	if req.Version == 1 && g.ErrorCode != 0 { // no top-level error yet
		return failOffsets(req, g.ErrorCode)
	}
	return resp
}

func failOffsets(req *kmsg.OffsetFetchRequest, code int16) kmsg.Response {
	resp := kmsg.NewPtrOffsetFetchResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetFetchResponseTopic()
		rt.Topic = t.Topic
		for _, n := range t.Partitions {
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata, rp.ErrorCode = n, -1, -1, kmsg.StringPtr(""), code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (b *Broker) fetchGroup(ctx context.Context, req *kmsg.OffsetFetchRequest, g *kmsg.OffsetFetchRequestGroup) kmsg.OffsetFetchResponseGroup {
	out := kmsg.NewOffsetFetchResponseGroup()
	out.Group = g.Group
	loop, code := b.groupLoop(g.Group)
	if code != 0 {
		out.ErrorCode = code
		return out
	}
	found, err := read(ctx, loop, func(_ *tx, s *group.Shard) (found kmsg.OffsetFetchResponseGroup) {
		found.Group = g.Group
		if found.ErrorCode = s.CheckReader(g.Group, g.MemberID, g.MemberEpoch); found.ErrorCode == 0 {
			found.Topics = b.groupOffsets(s, req, g)
		}
		return found
	})
	if err != nil {
		out.ErrorCode = fault.Code(err)
		return out
	}
	return found
}

// groupOffsets runs on the group's coordinator.
func (b *Broker) groupOffsets(s *group.Shard, req *kmsg.OffsetFetchRequest, g *kmsg.OffsetFetchRequestGroup) []kmsg.OffsetFetchResponseGroupTopic {
	img := b.ctl.Image()
	byID := req.Version >= 10
	want := g.Topics
	if want == nil {
		committed := s.Committed(g.Group)
		for _, name := range slices.Sorted(maps.Keys(committed)) {
			t := kmsg.NewOffsetFetchRequestGroupTopic()
			t.Topic, t.Partitions = name, committed[name]
			slices.Sort(t.Partitions)
			if topic := img.Topic(name); topic != nil {
				t.TopicID = topic.ID
			} else if byID {
				continue // a topic without id cannot be named
			}
			want = append(want, t)
		}
	}
	out := make([]kmsg.OffsetFetchResponseGroupTopic, 0, len(want))
	for _, t := range want {
		rt := kmsg.NewOffsetFetchResponseGroupTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		var code int16
		if byID {
			_, code = namedTopic(img, &rt.Topic, &rt.TopicID, true)
		}
		for _, f := range s.FetchOffsets(g.Group, rt.Topic, t.Partitions, req.RequireStable) {
			rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.ErrorCode = f.Partition, f.Offset, f.LeaderEpoch, f.ErrorCode
			rp.Metadata = kmsg.StringPtr(f.Metadata)
			if code != 0 {
				rp.Offset, rp.LeaderEpoch, rp.ErrorCode = -1, -1, code
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		out = append(out, rt)
	}
	return out
}
