package broker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/controller"
	"github.com/leat-project/leat/broker/logstore"
)

// ListOffsets (2), versions 1-11.
//
// -1 is the end that the isolation level allows, -2 the log start, other
// negative numbers as below; anything else is a timestamp: the first record
// not older. v4 leader epochs, v7 maximum timestamp (KIP-734), v8 earliest
// local (KIP-405), v9 latest tiered, v11 earliest pending upload.

// The special timestamps.
const (
	latestOffset          = -1
	earliestOffset        = -2
	maxTimestampOffset    = -3
	earliestLocalOffset   = -4
	latestTieredOffset    = -5
	earliestPendingUpload = -6
)

func (b *Broker) listOffsets(_ context.Context, r *request, req *kmsg.ListOffsetsRequest) kmsg.Response {
	img := b.ctl.Image()
	resp := kmsg.NewPtrListOffsetsResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewListOffsetsResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewListOffsetsResponseTopicPartition()
			rp.Partition, rp.Offset, rp.Timestamp, rp.LeaderEpoch = p.Partition, -1, -1, -1
			rp.ErrorCode = b.listOffset(img.Topic(t.Topic), req, p, &rp)
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (b *Broker) listOffset(t *controller.Topic, req *kmsg.ListOffsetsRequest, p kmsg.ListOffsetsRequestTopicPartition, out *kmsg.ListOffsetsResponseTopicPartition) int16 {
	log, state, code := b.partition(t, p.Partition)
	if code != 0 {
		return code
	}
	if code := fenced(p.CurrentLeaderEpoch, state); req.Version >= 4 && code != 0 {
		return code
	}
	if p.Timestamp < earliestPendingUpload || p.Timestamp < 0 && req.Version < timestampSince[-p.Timestamp] {
		return kerr.UnsupportedVersion.Code
	}
	bound := logstore.BoundHighWatermark
	if req.IsolationLevel == 1 {
		bound = logstore.BoundLastStable
	}
	found, err := lookUp(log, p.Timestamp, bound, state)
	out.Offset, out.Timestamp, out.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
	return storeCode(err)
}

// timestampSince is the version in which each special timestamp came.
var timestampSince = [...]int16{0, 0, 0, 7, 8, 9, 11}

func lookUp(log *logstore.Partition, timestamp int64, bound logstore.Bound, state controller.Partition) (logstore.TimestampOffset, error) {
	none := logstore.TimestampOffset{Offset: -1, Timestamp: -1, LeaderEpoch: -1}
	switch timestamp {
	case latestOffset:
		end := log.HighWatermark()
		if bound == logstore.BoundLastStable {
			end = log.LastStableOffset()
		}
		return logstore.TimestampOffset{Offset: end, Timestamp: -1, LeaderEpoch: state.LeaderEpoch}, nil
	case earliestOffset, earliestLocalOffset:
		start := log.LogStartOffset()
		return logstore.TimestampOffset{Offset: start, Timestamp: -1, LeaderEpoch: log.EpochAt(start)}, nil
	case maxTimestampOffset:
		return log.MaxTimestampOffset()
	case latestTieredOffset, earliestPendingUpload:
		return none, nil // nothing is tiered
	}
	return log.OffsetForTimestamp(timestamp, bound)
}
