// Package broker is the Kafka-protocol server: listeners, connections, the
// request table, and one file for each request (api_NN_name.go).
//
// A Broker ties together the log store (logstore), the metadata (controller)
// and the coordinators of groups and transactions (group, txn; run by
// coordinator). It is reached only through the protocol; nothing but cmd,
// package adopt and test harnesses imports it.
//
// # Life of a request
//
// A connection has two goroutines. The reader cuts the stream into frames and
// decodes them (kmsg); the server runs one request after the other and writes
// the answers in that order. A request that comes when all before it are
// answered and that does not park is served by the reader itself.
//
// A handler may block (Fetch, JoinGroup, SyncGroup); when the client goes away
// its context ends. A Produce behind which more was sent does not: it appends
// and leaves its answer to the flush (request.finishLater), so that pipelined
// requests share one. Records are opaque bytes from socket to log and, through
// sendfile, from log to socket.
//
// # Requests served
//
// What ApiVersions advertises (requestTable in apis.go): Kafka 4.2's versions.
// Keys that are not served are left out whole.
//
//	 0 Produce 3-13 (advertised from 0)
//	 1 Fetch 4-18
//	 2 ListOffsets 1-11
//	 3 Metadata 0-13
//	 8 OffsetCommit 2-10
//	 9 OffsetFetch 1-10
//	10 FindCoordinator 0-6
//	11 JoinGroup 0-9
//	12 Heartbeat 0-4
//	13 LeaveGroup 0-5
//	14 SyncGroup 0-5
//	15 DescribeGroups 0-6
//	16 ListGroups 0-5
//	18 ApiVersions 0-4
//	19 CreateTopics 2-7
//	20 DeleteTopics 1-6
//	21 DeleteRecords 0-2
//	22 InitProducerId 0-5
//	23 OffsetForLeaderEpoch 2-4
//	24 AddPartitionsToTxn 0-5
//	25 AddOffsetsToTxn 0-4
//	26 EndTxn 0-5
//	27 WriteTxnMarkers 1-2
//	28 TxnOffsetCommit 0-5
//	29 DescribeAcls 1-3
//	30 CreateAcls 1-3
//	31 DeleteAcls 1-3
//	32 DescribeConfigs 1-4
//	33 AlterConfigs 0-2
//	35 DescribeLogDirs 1-4
//	37 CreatePartitions 0-3
//	42 DeleteGroups 0-2
//	43 ElectLeaders 0-2
//	44 IncrementalAlterConfigs 0-1
//	45 AlterPartitionReassignments 0-1
//	46 ListPartitionReassignments 0-0
//	47 OffsetDelete 0-0
//	55 DescribeQuorum 0-2
//	57 UpdateFeatures 0-2
//	60 DescribeCluster 0-2
//	61 DescribeProducers 0-0
//	64 UnregisterBroker 0-0
//	65 DescribeTransactions 0-0
//	66 ListTransactions 0-2
//	68 ConsumerGroupHeartbeat 0-1
//	69 ConsumerGroupDescribe 0-1
//	74 ListConfigResources 0-1
//	75 DescribeTopicPartitions 0-0
//
// # Shutdown
//
// Listeners close; connections finish what they have read; then coordinators
// and controller end; then the logs are flushed and closed. A kill at any
// moment loses nothing that was acknowledged: that is the log store's promise,
// and everything here keeps its state in logs.
package broker
