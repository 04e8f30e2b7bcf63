package broker

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/shape"
)

// api is one row of the request table: what is served, and by whom.
type api struct {
	key, min, max int16
	// lowest is the lowest version advertised where that differs from the
	// lowest served (KAFKA-18659: librdkafka wants to see Produce v0).
	lowest *int16
	handle func(b *Broker, parked context.Context, r *request) kmsg.Response
	// retains says that slices of the request outlive the handler.
	retains bool
	// parks says that the handler may wait for something to happen, so that the
	// connection must be read meanwhile to see the client go.
	parks bool
	// layouts of the flexible versions, by version, each found out at its
	// first request.
	layouts [maxVersions]atomic.Pointer[shape.Layout]
}

// maxVersions bounds the versions of a request.
const maxVersions = 32

// layout is how requests of the body's version look on the wire.
func (a *api) layout(body kmsg.Request) *shape.Layout {
	slot := &a.layouts[body.GetVersion()]
	if l := slot.Load(); l != nil {
		return l
	}
	l := shape.Of(body, false)
	slot.Store(l) // two at once store the same
	return l
}

const (
	produceKey     = 0
	fetchAPI       = 1
	apiVersionsKey = 18
)

// controllerKeys are served on controller listeners too (KIP-919).
var controllerKeys = []int16{18, 19, 20, 29, 30, 31, 32, 33, 37, 43, 44, 45, 46, 55, 57, 60, 64, 74}

func (a *api) controller() bool { return slices.Contains(controllerKeys, a.key) }

// waits says that the handler may wait for coordinators or the metadata log.
// Produce and fetch tell of their waits themselves, at less cost.
func (a *api) waits() bool { return a.key != produceKey && a.key != fetchAPI }

// kafkaNames are those names of requests that Kafka writes otherwise than the
// library of message types.
var kafkaNames = map[int16]string{
	22: "InitProducerId", 29: "DescribeAcls", 30: "CreateAcls", 31: "DeleteAcls", 45: "AlterPartitionReassignments",
}

// name is Kafka's name of the request, as in its metrics.
func (a *api) name() string {
	if name, ok := kafkaNames[a.key]; ok {
		return name
	}
	return kmsg.NameForKey(a.key)
}

func (a *api) advertisedMin() int16 {
	if a.lowest != nil {
		return *a.lowest
	}
	return a.min
}

// typed adapts a handler of a concrete request and response type.
func typed[Q kmsg.Request](fn func(*Broker, context.Context, *request, Q) kmsg.Response) func(*Broker, context.Context, *request) kmsg.Response {
	return func(b *Broker, parked context.Context, r *request) kmsg.Response {
		body, _ := r.body.(Q) // nil only for ApiVersions of a version too new
		return fn(b, parked, r, body)
	}
}

var zero int16

// requestTable is what is served, at Kafka 4.2's versions. A key that is not
// here is not advertised.
func requestTable() [maxKey]*api {
	return buildTable([]api{
		{key: 0, min: 3, max: 13, lowest: &zero, handle: typed((*Broker).produce)},
		{key: 1, min: 4, max: 18, parks: true, handle: typed((*Broker).fetch)},
		{key: 2, min: 1, max: 11, handle: typed((*Broker).listOffsets)},
		{key: 3, min: 0, max: 13, handle: typed((*Broker).metadata)},
		{key: 8, min: 2, max: 10, handle: typed((*Broker).offsetCommit)},
		{key: 9, min: 1, max: 10, handle: typed((*Broker).offsetFetch)},
		{key: 10, min: 0, max: 6, handle: typed((*Broker).findCoordinator)},
		{key: 11, min: 0, max: 9, retains: true, parks: true, handle: typed((*Broker).joinGroup)},
		{key: 12, min: 0, max: 4, handle: typed((*Broker).heartbeat)},
		{key: 13, min: 0, max: 5, handle: typed((*Broker).leaveGroup)},
		{key: 14, min: 0, max: 5, retains: true, parks: true, handle: typed((*Broker).syncGroup)},
		{key: 15, min: 0, max: 6, handle: typed((*Broker).describeGroups)},
		{key: 16, min: 0, max: 5, handle: typed((*Broker).listGroups)},
		{key: 18, min: 0, max: 4, handle: typed((*Broker).apiVersions)},
		{key: 19, min: 2, max: 7, handle: typed((*Broker).createTopics)},
		{key: 20, min: 1, max: 6, handle: typed((*Broker).deleteTopics)},
		{key: 21, min: 0, max: 2, handle: typed((*Broker).deleteRecords)},
		{key: 22, min: 0, max: 5, handle: typed((*Broker).initProducerID)},
		{key: 23, min: 2, max: 4, handle: typed((*Broker).offsetForLeaderEpoch)},
		{key: 24, min: 0, max: 5, handle: typed((*Broker).addPartitionsToTxn)},
		{key: 25, min: 0, max: 4, handle: typed((*Broker).addOffsetsToTxn)},
		{key: 26, min: 0, max: 5, handle: typed((*Broker).endTxn)},
		{key: 27, min: 1, max: 2, handle: typed((*Broker).writeTxnMarkers)},
		{key: 28, min: 0, max: 5, handle: typed((*Broker).txnOffsetCommit)},
		{key: 29, min: 1, max: 3, handle: typed((*Broker).describeACLs)},
		{key: 30, min: 1, max: 3, handle: typed((*Broker).createACLs)},
		{key: 31, min: 1, max: 3, handle: typed((*Broker).deleteACLs)},
		{key: 32, min: 1, max: 4, handle: typed((*Broker).describeConfigs)},
		{key: 33, min: 0, max: 2, handle: typed((*Broker).alterConfigs)},
		{key: 35, min: 1, max: 4, handle: typed((*Broker).describeLogDirs)},
		{key: 37, min: 0, max: 3, handle: typed((*Broker).createPartitions)},
		{key: 42, min: 0, max: 2, handle: typed((*Broker).deleteGroups)},
		{key: 43, min: 0, max: 2, handle: typed((*Broker).electLeaders)},
		{key: 44, min: 0, max: 1, handle: typed((*Broker).incrementalAlterConfigs)},
		{key: 45, min: 0, max: 1, handle: typed((*Broker).alterReassignments)},
		{key: 46, min: 0, max: 0, handle: typed((*Broker).listReassignments)},
		{key: 47, min: 0, max: 0, handle: typed((*Broker).offsetDelete)},
		{key: 55, min: 0, max: 2, handle: typed((*Broker).describeQuorum)},
		{key: 57, min: 0, max: 2, handle: typed((*Broker).updateFeatures)},
		{key: 60, min: 0, max: 2, handle: typed((*Broker).describeCluster)},
		{key: 61, min: 0, max: 0, handle: typed((*Broker).describeProducers)},
		{key: 64, min: 0, max: 0, handle: typed((*Broker).unregisterBroker)},
		{key: 65, min: 0, max: 0, handle: typed((*Broker).describeTransactions)},
		{key: 66, min: 0, max: 2, handle: typed((*Broker).listTransactions)},
		{key: 68, min: 0, max: 1, handle: typed((*Broker).consumerGroupHeartbeat)},
		{key: 69, min: 0, max: 1, handle: typed((*Broker).consumerGroupDescribe)},
		{key: 74, min: 0, max: 1, handle: typed((*Broker).listConfigResources)},
		{key: 75, min: 0, max: 0, handle: typed((*Broker).describeTopicPartitions)},
	})
}

// maxKey bounds the table.
const maxKey = 100

func buildTable(rows []api) (t [maxKey]*api) {
	for i := range rows {
		t[rows[i].key] = &rows[i]
	}
	return t
}

func (b *Broker) api(key int16) *api {
	if key < 0 || key >= maxKey {
		return nil
	}
	return b.apis[key]
}
