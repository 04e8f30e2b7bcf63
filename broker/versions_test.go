package broker_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/brokertest"
)

// versionWorld is what the requests of TestLowestAndHighestVersions find.
type versionWorld struct {
	t       *testing.T
	topic   [16]byte // id of "t", one partition with three records
	version int16
	pid     int64 // of the transactional id "tx"
	epoch   int16
}

// unique is a name that no other version of a request uses.
func (w *versionWorld) unique(name string) string { return fmt.Sprintf("%s-%d", name, w.version) }

// versionRow says how a request is made, which errors its answer has to carry
// (none: all must be zero), and what else is to be seen in it.
type versionRow struct {
	build func(w *versionWorld) kmsg.Request
	want  func(version int16) []*kerr.Error
	check func(w *versionWorld, resp kmsg.Response) bool
}

func always(errs ...*kerr.Error) func(int16) []*kerr.Error {
	return func(int16) []*kerr.Error { return errs }
}

var versionRows = map[int16]versionRow{
	0: {
		build: func(w *versionWorld) kmsg.Request {
			req := produceOf("t", -1, batchOf(w.t, nil, "v"))
			req.Topics[0].TopicID = w.topic
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool { return produced(r).BaseOffset >= 3 },
	},
	1: {
		build: func(w *versionWorld) kmsg.Request {
			req := fetchOf("t", 0)
			req.Topics[0].TopicID = w.topic
			return req
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			p := fetched(r)
			return len(p.RecordBatches) > 0 && p.HighWatermark >= 3 && p.AbortedTransactions == nil
		},
	},
	2: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrListOffsetsRequest()
			req.ReplicaID = -1
			req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: -1, CurrentLeaderEpoch: -1}}}}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return r.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].Offset >= 3
		},
	},
	3: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrMetadataRequest()
			req.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("t")}}
			return req
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			resp := r.(*kmsg.MetadataResponse)
			return len(resp.Brokers) == 1 && len(resp.Topics[0].Partitions) == 1 && resp.Topics[0].Partitions[0].Leader == resp.Brokers[0].NodeID && (w.version < 10 || resp.Topics[0].TopicID == w.topic)
		},
	},
	8: {build: func(w *versionWorld) kmsg.Request {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.Generation = "commits", -1
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: w.topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 2, LeaderEpoch: -1}}}}
		return req
	}},
	9: {
		build: func(w *versionWorld) kmsg.Request {
			req := kmsg.NewPtrOffsetFetchRequest()
			if req.Group = "g"; w.version < 8 {
				req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
				return req
			}
			g := kmsg.NewOffsetFetchRequestGroup()
			g.Group, g.Topics = "g", []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", TopicID: w.topic, Partitions: []int32{0}}}
			req.Groups = append(req.Groups, g)
			return req
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			if resp := r.(*kmsg.OffsetFetchResponse); w.version < 8 {
				return resp.Topics[0].Partitions[0].Offset == 1
			} else {
				return resp.Groups[0].Topics[0].Partitions[0].Offset == 1
			}
		},
	},
	10: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.CoordinatorKey, req.CoordinatorKeys = "g", []string{"g"}
			return req
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			if resp := r.(*kmsg.FindCoordinatorResponse); w.version < 4 {
				return resp.NodeID == 1 && resp.Port > 0
			} else {
				return len(resp.Coordinators) == 1 && resp.Coordinators[0].Key == "g" && resp.Coordinators[0].Port > 0
			}
		},
	},
	11: {
		build: func(w *versionWorld) kmsg.Request {
			req := kmsg.NewPtrJoinGroupRequest()
			req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = w.unique("join"), 10000, 10000, "consumer"
			req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
			return req
		},
		want: func(v int16) []*kerr.Error {
			if v < 4 {
				return nil
			}
			return []*kerr.Error{kerr.MemberIDRequired}
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			resp := r.(*kmsg.JoinGroupResponse)
			return resp.MemberID != "" && (w.version >= 4 || resp.Generation == 1 && resp.LeaderID == resp.MemberID && len(resp.Members) == 1)
		},
	},
	12: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrHeartbeatRequest()
			req.Group, req.MemberID, req.Generation = "g", "nobody", 1
			return req
		},
		want: always(kerr.UnknownMemberID),
	},
	13: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrLeaveGroupRequest()
			req.Group, req.MemberID, req.Members = "g", "nobody", []kmsg.LeaveGroupRequestMember{{MemberID: "nobody"}}
			return req
		},
		want: always(kerr.UnknownMemberID),
	},
	14: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrSyncGroupRequest()
			req.Group, req.MemberID, req.Generation = "g", "nobody", 1
			req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
			return req
		},
		want: always(kerr.UnknownMemberID),
	},
	15: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDescribeGroupsRequest()
			req.Groups = []string{"g"}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return r.(*kmsg.DescribeGroupsResponse).Groups[0].State == "Empty"
		},
	},
	16: {
		build: func(*versionWorld) kmsg.Request { return kmsg.NewPtrListGroupsRequest() },
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return slices.ContainsFunc(r.(*kmsg.ListGroupsResponse).Groups, func(g kmsg.ListGroupsResponseGroup) bool { return g.Group == "g" })
		},
	},
	18: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrApiVersionsRequest()
			req.ClientSoftwareName, req.ClientSoftwareVersion = "test", "1"
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return len(r.(*kmsg.ApiVersionsResponse).ApiKeys) > 40
		},
	},
	19: {
		build: func(w *versionWorld) kmsg.Request { return createOf(w.unique("made")) },
		check: func(w *versionWorld, r kmsg.Response) bool {
			rt := r.(*kmsg.CreateTopicsResponse).Topics[0]
			return rt.Topic == w.unique("made") && (w.version < 5 || rt.NumPartitions == 1 && len(rt.Configs) > 20) && (w.version < 7 || rt.TopicID != [16]byte{})
		},
	},
	20: {
		build: func(w *versionWorld) kmsg.Request { // made by the row before
			req := kmsg.NewPtrDeleteTopicsRequest()
			name := "made-2"
			if w.version >= 6 {
				name = "made-7"
			}
			req.TimeoutMillis, req.TopicNames, req.Topics = 10000, []string{name}, []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}
			return req
		},
	},
	21: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDeleteRecordsRequest()
			req.TimeoutMillis = 10000
			req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: "short", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 1}}}}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return r.(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0].LowWatermark == 1
		},
	},
	22: {
		build: func(*versionWorld) kmsg.Request { return kmsg.NewPtrInitProducerIDRequest() },
		check: func(_ *versionWorld, r kmsg.Response) bool {
			resp := r.(*kmsg.InitProducerIDResponse)
			return resp.ProducerID >= 0 && resp.ProducerEpoch == 0
		},
	},
	23: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrOffsetForLeaderEpochRequest()
			req.ReplicaID = -2
			req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{CurrentLeaderEpoch: -1}}}}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return r.(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions[0].EndOffset >= 3
		},
	},
	24: {build: func(w *versionWorld) kmsg.Request {
		req := kmsg.NewPtrAddPartitionsToTxnRequest()
		if w.version < 4 {
			req.TransactionalID, req.ProducerID, req.ProducerEpoch = "tx", w.pid, w.epoch
			req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "t", Partitions: []int32{0}}}
			return req
		}
		req.Transactions = []kmsg.AddPartitionsToTxnRequestTransaction{{TransactionalID: "tx", ProducerID: w.pid, ProducerEpoch: w.epoch, Topics: []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: "t", Partitions: []int32{0}}}}}
		return req
	}},
	25: {build: func(w *versionWorld) kmsg.Request {
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = "tx", w.pid, w.epoch, "txg"
		return req
	}},
	28: {build: func(w *versionWorld) kmsg.Request {
		req := kmsg.NewPtrTxnOffsetCommitRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group, req.Generation = "tx", w.pid, w.epoch, "txg", -1
		req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Offset: 1, LeaderEpoch: -1}}}}
		return req
	}},
	26: {
		build: func(w *versionWorld) kmsg.Request {
			req := kmsg.NewPtrEndTxnRequest()
			req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = "tx", w.pid, w.epoch, false
			return req
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			resp := r.(*kmsg.EndTxnResponse)
			return w.version < 5 || resp.ProducerID == w.pid && resp.ProducerEpoch == w.epoch+1
		},
	},
	27: {build: func(*versionWorld) kmsg.Request {
		req := kmsg.NewPtrWriteTxnMarkersRequest()
		req.Markers = []kmsg.WriteTxnMarkersRequestMarker{{ProducerID: 4000, Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "t", Partitions: []int32{0}}}}}
		return req
	}},
	29: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDescribeACLsRequest()
			req.ResourceType, req.ResourcePatternType, req.Operation, req.PermissionType = 1, 1, 1, 1
			return req
		},
		want: always(kerr.SecurityDisabled),
	},
	30: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrCreateACLsRequest()
			req.Creations = []kmsg.CreateACLsRequestCreation{{ResourceType: 2, ResourceName: "t", ResourcePatternType: 3, Principal: "User:x", Host: "*", Operation: 3, PermissionType: 3}}
			return req
		},
		want: always(kerr.SecurityDisabled),
	},
	31: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDeleteACLsRequest()
			req.Filters = []kmsg.DeleteACLsRequestFilter{{ResourceType: 1, ResourcePatternType: 1, Operation: 1, PermissionType: 1}}
			return req
		},
		want: always(kerr.SecurityDisabled),
	},
	32: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: 2, ResourceName: "t"}}
			req.IncludeDocumentation, req.IncludeSynonyms = true, true
			return req
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			configs := r.(*kmsg.DescribeConfigsResponse).Resources[0].Configs
			for _, c := range configs {
				if w.version >= 3 && (c.Documentation == nil || *c.Documentation == "" || c.ConfigType == 0) {
					w.t.Errorf("%s has no documentation or type", c.Name)
				}
			}
			return len(configs) > 20
		},
	},
	33: {build: func(*versionWorld) kmsg.Request {
		req := kmsg.NewPtrAlterConfigsRequest()
		req.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: 2, ResourceName: "t", Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "flush.ms", Value: kmsg.StringPtr("9000000")}}}}
		return req
	}},
	35: {
		build: func(*versionWorld) kmsg.Request { return kmsg.NewPtrDescribeLogDirsRequest() },
		check: func(w *versionWorld, r kmsg.Response) bool {
			d := r.(*kmsg.DescribeLogDirsResponse).Dirs
			return len(d) == 1 && len(d[0].Topics) > 0 && (w.version < 4 || d[0].TotalBytes > 0)
		},
	},
	37: {build: func(w *versionWorld) kmsg.Request {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.TimeoutMillis, req.Topics = 10000, []kmsg.CreatePartitionsRequestTopic{{Topic: "short", Count: int32(w.version) + 2}}
		return req
	}},
	42: {
		build: func(w *versionWorld) kmsg.Request {
			req := kmsg.NewPtrDeleteGroupsRequest()
			req.Groups = []string{"nosuch"}
			return req
		},
		want: always(kerr.GroupIDNotFound),
	},
	43: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrElectLeadersRequest()
			req.TimeoutMillis, req.Topics = 1000, []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0}}}
			return req
		},
		want: always(kerr.ElectionNotNeeded),
	},
	44: {build: func(*versionWorld) kmsg.Request {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: 2, ResourceName: "t", Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "flush.ms", Value: kmsg.StringPtr("9000001")}}}}
		return req
	}},
	45: {build: func(*versionWorld) kmsg.Request {
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "t", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: []int32{1}}}}}
		return req
	}},
	46: {build: func(*versionWorld) kmsg.Request { return kmsg.NewPtrListPartitionReassignmentsRequest() }},
	47: {build: func(*versionWorld) kmsg.Request {
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group, req.Topics = "g", []kmsg.OffsetDeleteRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 3}}}}
		return req
	}, want: always(kerr.UnknownTopicOrPartition)},
	55: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDescribeQuorumRequest()
			req.Topics = []kmsg.DescribeQuorumRequestTopic{{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}}}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			p := r.(*kmsg.DescribeQuorumResponse).Topics[0].Partitions[0]
			return p.LeaderID == 1 && len(p.CurrentVoters) == 1 && p.HighWatermark > 0
		},
	},
	57: {build: func(*versionWorld) kmsg.Request {
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.TimeoutMillis, req.FeatureUpdates = 1000, []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "transaction.version", MaxVersionLevel: 2, UpgradeType: 1}}
		return req
	}},
	60: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDescribeClusterRequest()
			req.EndpointType = 1
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			resp := r.(*kmsg.DescribeClusterResponse)
			return resp.ControllerID == 1 && len(resp.Brokers) == 1 && resp.Brokers[0].Port > 0
		},
	},
	61: {build: func(*versionWorld) kmsg.Request {
		req := kmsg.NewPtrDescribeProducersRequest()
		req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "t", Partitions: []int32{0}}}
		return req
	}},
	64: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrUnregisterBrokerRequest()
			req.BrokerID = 77
			return req
		},
		want: always(kerr.BrokerIDNotRegistered),
	},
	65: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDescribeTransactionsRequest()
			req.TransactionalIDs = []string{"tx"}
			return req
		},
		check: func(w *versionWorld, r kmsg.Response) bool {
			return r.(*kmsg.DescribeTransactionsResponse).TransactionStates[0].ProducerID == w.pid
		},
	},
	66: {
		build: func(*versionWorld) kmsg.Request { return kmsg.NewPtrListTransactionsRequest() },
		check: func(w *versionWorld, r kmsg.Response) bool {
			states := r.(*kmsg.ListTransactionsResponse).TransactionStates
			return len(states) == 1 && states[0].TransactionalID == "tx"
		},
	},
	68: {
		build: func(w *versionWorld) kmsg.Request {
			req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			req.Group, req.RebalanceTimeoutMillis, req.SubscribedTopicNames, req.Topics = w.unique("next"), 10000, []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
			if w.version > 0 { // the member makes its own id (KIP-1082)
				req.MemberID = "m"
			}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			resp := r.(*kmsg.ConsumerGroupHeartbeatResponse)
			return resp.MemberID != nil && *resp.MemberID != "" && resp.MemberEpoch == 1
		},
	},
	69: {
		build: func(w *versionWorld) kmsg.Request {
			req := kmsg.NewPtrConsumerGroupDescribeRequest()
			req.Groups = []string{w.unique("next")}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return len(r.(*kmsg.ConsumerGroupDescribeResponse).Groups[0].Members) == 1
		},
	},
	74: {build: func(*versionWorld) kmsg.Request { return kmsg.NewPtrListConfigResourcesRequest() }},
	75: {
		build: func(*versionWorld) kmsg.Request {
			req := kmsg.NewPtrDescribeTopicPartitionsRequest()
			req.ResponsePartitionLimit, req.Topics = 10, []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "t"}}
			return req
		},
		check: func(_ *versionWorld, r kmsg.Response) bool {
			return len(r.(*kmsg.DescribeTopicPartitionsResponse).Topics[0].Partitions) == 1
		},
	},
}

// lowestServed is where Produce really begins: ApiVersions shows 0 for the
// sake of an old client.
var lowestServed = map[int16]int16{0: 3}

// Every request that is advertised is sent at its lowest and at its highest
// version; the answers must decode to the last byte and make sense.
func TestLowestAndHighestVersions(t *testing.T) {
	b := brokertest.Start(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	ctx := testContext(t)
	conn := newWire(t, b)
	w := &versionWorld{t: t}
	w.topic = create(t, conn, "t")
	create(t, conn, "short")
	produce(t, ctx, client(t, b), "t", 3)
	produce(t, ctx, client(t, b), "short", 3)
	commitOne(t, conn, "g", "t", 1)

	versions := ask[*kmsg.ApiVersionsResponse](conn, kmsg.NewPtrApiVersionsRequest(), 0)
	order := []int16{}
	for _, k := range versions.ApiKeys {
		if _, ok := versionRows[k.ApiKey]; !ok {
			t.Errorf("no row for %s, which is advertised", kmsg.NameForKey(k.ApiKey))
			continue
		}
		order = append(order, k.ApiKey)
	}
	if len(order) != len(versionRows) {
		t.Errorf("%d requests are advertised, want %d", len(order), len(versionRows))
	}
	limits := map[int16][2]int16{}
	for _, k := range versions.ApiKeys {
		limits[k.ApiKey] = [2]int16{max(k.MinVersion, lowestServed[k.ApiKey]), k.MaxVersion}
	}
	// Each transaction is begun, offsets are added, and then it is ended.
	slices.SortStableFunc(order, func(a, b int16) int { return int(rank(a)) - int(rank(b)) })
	for _, high := range []int{0, 1} {
		w.pid, w.epoch = initTx(t, conn, "tx")
		for _, key := range order {
			w.version = limits[key][high]
			t.Run(fmt.Sprintf("%s v%d", kmsg.NameForKey(key), w.version), func(t *testing.T) {
				conn.t, w.t = t, t
				w.send(conn, key, versionRows[key])
			})
			conn.t, w.t = t, t
		}
	}
}

// rank puts TxnOffsetCommit before EndTxn.
func rank(key int16) int16 {
	if key == 28 {
		return 25
	}
	return key
}

func (w *versionWorld) send(conn *wire, key int16, row versionRow) {
	for {
		resp := ask[kmsg.Response](conn, row.build(w), w.version)
		var got, want []int16
		for _, c := range codesIn(reflect.ValueOf(resp)) {
			if c != 0 {
				got = append(got, c)
			}
		}
		if row.want != nil {
			for _, e := range row.want(w.version) {
				want = append(want, e.Code)
			}
		}
		if slices.Contains(got, kerr.ConcurrentTransactions.Code) || slices.Contains(got, kerr.CoordinatorLoadInProgress.Code) {
			continue // the end of the transaction before is being written
		}
		if !slices.Equal(got, want) {
			w.t.Fatalf("error codes %v, want %v: %+v", got, want, resp)
		}
		if row.check != nil && !row.check(w, resp) {
			w.t.Fatalf("the answer makes no sense: %+v", resp)
		}
		return
	}
}

// codesIn finds all error codes of an answer.
func codesIn(v reflect.Value) (codes []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return codesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			codes = append(codes, codesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Name == "ErrorCode" {
				codes = append(codes, int16(v.Field(i).Int()))
			} else if f.IsExported() {
				codes = append(codes, codesIn(v.Field(i))...)
			}
		}
	}
	return codes
}

// initTx gets producer id and epoch of a transactional id.
func initTx(t *testing.T, conn *wire, id string) (int64, int16) {
	t.Helper()
	for {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = &id, 60000
		resp := ask[*kmsg.InitProducerIDResponse](conn, req, 4)
		if err := kerr.ErrorForCode(resp.ErrorCode); err == nil {
			return resp.ProducerID, resp.ProducerEpoch
		} else if !kerr.IsRetriable(err) {
			t.Fatal(err)
		}
		findCoordinator(t, conn, 1, id)
	}
}

// findCoordinator makes sure that a coordinator is there.
func findCoordinator(t *testing.T, conn *wire, kind int8, key string) {
	t.Helper()
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorType, req.CoordinatorKey = kind, key
	for {
		resp := ask[*kmsg.FindCoordinatorResponse](conn, req, 3)
		if err := kerr.ErrorForCode(resp.ErrorCode); err == nil {
			return
		} else if !kerr.IsRetriable(err) {
			t.Fatalf("finding the coordinator: %v", err)
		}
	}
}

// commitOne commits an offset of partition 0 without being a member.
func commitOne(t *testing.T, conn *wire, group, topic string, offset int64) {
	t.Helper()
	findCoordinator(t, conn, 0, group)
	for {
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Group, req.Generation = group, -1
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: offset, LeaderEpoch: -1}}}}
		resp := ask[*kmsg.OffsetCommitResponse](conn, req, 8)
		if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err == nil {
			return
		} else if !kerr.IsRetriable(err) {
			t.Fatal(err)
		}
	}
}

// Versions that are not served close the connection, as Kafka does.
func TestVersionsNotServed(t *testing.T) {
	b := brokertest.Start(t, nil)
	for _, c := range []struct {
		req     kmsg.Request
		version int16
	}{{produceOf("t", 1, nil), 2}, {fetchOf("t", 0), 3}, {kmsg.NewPtrMetadataRequest(), 14}, {kmsg.NewPtrDescribeUserSCRAMCredentialsRequest(), 0}} {
		conn := newWire(t, b)
		c.req.SetVersion(c.version)
		conn.send(c.req)
		if _, err := conn.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s version %d: %v, want the end of the connection", kmsg.NameForKey(c.req.Key()), c.version, err)
		}
	}
}
