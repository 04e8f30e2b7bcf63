package broker

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/txn"
)

// WriteTxnMarkers (27), versions 1-2: between brokers, and from tools that
// abort a hanging transaction (KIP-664). v2 names the transaction version.

func (b *Broker) writeTxnMarkers(ctx context.Context, r *request, req *kmsg.WriteTxnMarkersRequest) kmsg.Response {
	resp := kmsg.NewPtrWriteTxnMarkersResponse()
	for _, m := range req.Markers {
		rm := kmsg.NewWriteTxnMarkersResponseMarker()
		rm.ProducerID = m.ProducerID
		markers := txn.Markers{
			ProducerID: m.ProducerID, Epoch: m.ProducerEpoch, Commit: m.Committed, CoordinatorEpoch: m.CoordinatorEpoch,
			V2: req.Version >= 2 && m.TransactionVersion >= 2,
		}
		for _, t := range m.Topics {
			rt := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
			rt.Topic = t.Topic
			for _, n := range t.Partitions {
				rp := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
				rp.Partition = n
				rp.ErrorCode = markerCode(b.writeMarker(ctx, markers, txn.Partition{Topic: t.Topic, Partition: n})())
				rt.Partitions = append(rt.Partitions, rp)
			}
			rm.Topics = append(rm.Topics, rt)
		}
		resp.Markers = append(resp.Markers, rm)
	}
	return resp
}

func markerCode(err error) int16 {
	var ke *kerr.Error
	switch {
	case errors.Is(err, errGone):
		return kerr.UnknownTopicOrPartition.Code
	case errors.As(err, &ke):
		return ke.Code
	}
	return storeCode(err)
}
