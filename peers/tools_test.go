//go:build peers

package peers_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Kafka's programs by the names of their scripts.
const (
	aclsTool          = "org.apache.kafka.tools.AclCommand"
	clientMetricsTool = "org.apache.kafka.tools.ClientMetricsCommand"
	clusterTool       = "org.apache.kafka.tools.ClusterTool"
	configsTool       = "kafka.admin.ConfigCommand"
	consumerTool      = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	consumerPerfTool  = "org.apache.kafka.tools.ConsumerPerformance"
	deleteTool        = "org.apache.kafka.tools.DeleteRecordsCommand"
	dumpTool          = "org.apache.kafka.tools.DumpLogSegments"
	electionTool      = "org.apache.kafka.tools.LeaderElectionCommand"
	featuresTool      = "org.apache.kafka.tools.FeatureCommand"
	groupsTool        = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
	allGroupsTool     = "org.apache.kafka.tools.GroupsCommand"
	latencyTool       = "org.apache.kafka.tools.EndToEndLatency"
	logDirsTool       = "org.apache.kafka.tools.LogDirsCommand"
	offsetsTool       = "org.apache.kafka.tools.GetOffsetShell"
	perfTool          = "org.apache.kafka.tools.ProducerPerformance"
	producerTool      = "org.apache.kafka.tools.ConsoleProducer"
	quorumTool        = "org.apache.kafka.tools.MetadataQuorumCommand"
	reassignTool      = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
	resetTool         = "org.apache.kafka.tools.StreamsResetter"
	shareConsumerTool = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"
	shareGroupsTool   = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"
	sharePerfTool     = "org.apache.kafka.tools.ShareConsumerPerformance"
	streamsGroupsTool = "org.apache.kafka.tools.streams.StreamsGroupCommand"
	tokensTool        = "org.apache.kafka.tools.DelegationTokenCommand"
	topicsTool        = "org.apache.kafka.tools.TopicCommand"
	transactionsTool  = "org.apache.kafka.tools.TransactionsCommand"
	verificationTool  = "org.apache.kafka.tools.ReplicaVerificationTool"
	versionsTool      = "org.apache.kafka.tools.BrokerApiVersionsCommand"
)

const messages = 500

// step is one run of a tool. Each builds on those before it.
type step struct {
	name, class string
	// args may hold $B for the broker's address, which else goes in front,
	// and $D for the test's folder.
	args  string
	stdin string
	// fails says that the tool must end with an error status.
	fails bool
	// wants are regular expressions for lines that must be in the output; a
	// blank stands for any.
	wants []string
	// not must not be in the output.
	not string
}

var toolSteps = []step{
	{name: "api versions", class: versionsTool, wants: []string{`Produce\(0\): 0 to 13`, `Fetch\(1\): 4 to 18`, `ApiVersions\(18\): 0 to 4`, `ShareFetch\(78\): UNSUPPORTED`}},

	{name: "create topic", class: topicsTool, args: "--create --topic orders --partitions 3 --config retention.ms=3600000", wants: []string{"Created topic orders."}},
	{name: "create topic again", class: topicsTool, args: "--create --topic orders", fails: true, wants: []string{"Topic 'orders' already exists."}},
	{name: "create topic if not exists", class: topicsTool, args: "--create --topic orders --if-not-exists"},
	{name: "create topic, replicas", class: topicsTool, args: "--create --topic wide --replication-factor 3", fails: true, wants: []string{"InvalidReplicationFactorException: Unable to replicate the partition 3 time"}},
	{name: "create topic, unknown config", class: topicsTool, args: "--create --topic odd --config nosuch=1", fails: true, wants: []string{"Unknown topic config name: nosuch"}},
	{name: "create topic, assignment", class: topicsTool, args: "--create --topic assigned --replica-assignment 1,1", wants: []string{"Created topic assigned."}},
	{name: "list topics", class: topicsTool, args: "--list", wants: []string{"^assigned$", "^orders$"}, not: "wide"},
	{name: "alter topic", class: topicsTool, args: "--alter --topic orders --partitions 4"},
	{name: "alter topic down", class: topicsTool, args: "--alter --topic orders --partitions 2", fails: true, wants: []string{`The topic orders currently has 4 partition\(s\); 2 would not be an increase.`}},
	{name: "describe topic", class: topicsTool, args: "--describe --topic orders", wants: []string{"Topic: orders TopicId: .{22} PartitionCount: 4 ReplicationFactor: 1 Configs: retention.ms=3600000", "Partition: 3 Leader: 1 Replicas: 1 Isr: 1"}},
	{name: "describe missing topic", class: topicsTool, args: "--describe --topic nosuch", fails: true, wants: []string{"Topic 'nosuch' does not exist as expected"}},
	{name: "under-replicated", class: topicsTool, args: "--describe --under-replicated-partitions", not: "orders"},
	{name: "unavailable", class: topicsTool, args: "--describe --unavailable-partitions", not: "orders"},

	{name: "topic config", class: configsTool, args: "--alter --entity-type topics --entity-name orders --add-config max.message.bytes=2000000,cleanup.policy=[compact,delete]", wants: []string{"Completed updating config for topic orders."}},
	{name: "topic config back", class: configsTool, args: "--alter --entity-type topics --entity-name orders --delete-config cleanup.policy"},
	{name: "describe topic config", class: configsTool, args: "--describe --entity-type topics --entity-name orders", wants: []string{`max.message.bytes=2000000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000000, DEFAULT_CONFIG:message.max.bytes=1048588}`, "retention.ms=3600000"}, not: "cleanup.policy"},
	{name: "describe whole topic config", class: configsTool, args: "--describe --all --entity-type topics --entity-name orders", wants: []string{"cleanup.policy=delete", "segment.bytes=1073741824", "min.insync.replicas=1"}},
	{name: "bad topic config", class: configsTool, args: "--alter --entity-type topics --entity-name orders --add-config retention.ms=abc", fails: true, wants: []string{"InvalidConfigurationException: Invalid value abc for configuration retention.ms: Not a number of type LONG"}},
	{name: "config of a missing topic", class: configsTool, args: "--alter --entity-type topics --entity-name nosuch --add-config retention.ms=5", fails: true, wants: []string{"The topic 'nosuch' does not exist."}},
	{name: "broker config", class: configsTool, args: "--alter --entity-type brokers --entity-name 1 --add-config log.cleaner.threads=2", wants: []string{"Completed updating config for broker 1."}},
	{name: "describe broker config", class: configsTool, args: "--describe --entity-type brokers --entity-name 1", wants: []string{`log.cleaner.threads=2 sensitive=false synonyms=\{DYNAMIC_BROKER_CONFIG:log.cleaner.threads=2, DEFAULT_CONFIG:log.cleaner.threads=1}`}},
	{name: "describe whole broker config", class: configsTool, args: "--describe --all --entity-type brokers --entity-name 1", wants: []string{"log.retention.hours=168", "offsets.topic.num.partitions=50", "STATIC_BROKER_CONFIG:group.initial.rebalance.delay.ms=0"}},
	{name: "read-only broker config", class: configsTool, args: "--alter --entity-type brokers --entity-name 1 --add-config log.dirs=/x", fails: true, wants: []string{`Cannot update these configs dynamically: \[log.dirs\]`}},
	{name: "cluster default config", class: configsTool, args: "--alter --entity-type brokers --entity-default --add-config message.max.bytes=2000000", wants: []string{"Completed updating default config for brokers in the cluster."}},
	{name: "describe cluster default config", class: configsTool, args: "--describe --entity-type brokers --entity-default", wants: []string{"message.max.bytes=2000000 .*DYNAMIC_DEFAULT_BROKER_CONFIG"}},
	{name: "group config", class: configsTool, args: "--alter --entity-type groups --entity-name readers --add-config consumer.session.timeout.ms=50000", wants: []string{"Completed updating config for group readers."}},
	{name: "describe group config", class: configsTool, args: "--describe --entity-type groups", wants: []string{"Dynamic configs for group readers are:", "consumer.session.timeout.ms=50000 .*DYNAMIC_GROUP_CONFIG"}},
	{name: "loggers", class: configsTool, args: "--describe --entity-type broker-loggers --entity-name 1", wants: []string{"^ leat.broker=[A-Z]+ ", "^ root="}},
	{name: "logger", class: configsTool, args: "--alter --entity-type broker-loggers --entity-name 1 --add-config leat.broker.logstore=DEBUG", wants: []string{"Completed updating config for broker-logger 1."}},
	{name: "logger again", class: configsTool, args: "--describe --entity-type broker-loggers --entity-name 1", wants: []string{"^ leat.broker.logstore=DEBUG "}},
	{name: "unknown logger", class: configsTool, args: "--alter --entity-type broker-loggers --entity-name 1 --add-config nosuch=DEBUG", wants: []string{`Invalid broker logger\(s\): nosuch`}, fails: true},
	{name: "describe quotas", class: configsTool, args: "--describe --entity-type clients", fails: true, wants: []string{"UnsupportedVersionException: The node does not support DESCRIBE_CLIENT_QUOTAS"}},
	{name: "client metrics", class: clientMetricsTool, args: "--list", not: "xception"},
	{name: "alter client metrics", class: clientMetricsTool, args: "--alter --name m --metrics org.apache.kafka. --interval 1000", fails: true, wants: []string{"InvalidRequestException"}},

	// The producer is idempotent and waits for all replicas by default.
	{name: "console producer", class: producerTool, args: "--topic orders --reader-property parse.key=true --reader-property key.separator=:", stdin: keyed(messages)},
	{name: "console consumer", class: consumerTool, args: fmt.Sprintf("--topic orders --from-beginning --max-messages %d --group readers --timeout-ms 30000", messages), wants: values(messages)},
	{name: "console consumer, new protocol", class: consumerTool, args: fmt.Sprintf("--topic orders --from-beginning --max-messages %d --group readers2 --timeout-ms 30000 --command-property group.protocol=consumer", messages), wants: values(messages)},
	{name: "console consumer, one partition", class: consumerTool, args: "--topic orders --partition 1 --offset 3 --max-messages 2 --timeout-ms 30000 --formatter-property print.offset=true --formatter-property print.partition=true", wants: []string{"^Partition:1 Offset:3 value", "^Partition:1 Offset:4 value", "Processed a total of 2 messages"}},

	{name: "groups", class: allGroupsTool, args: "--list", wants: []string{"^readers Classic consumer", "^readers2 Consumer consumer"}},
	{name: "list groups", class: groupsTool, args: "--list --state", wants: []string{"^readers Empty", "^readers2 Empty"}},
	{name: "describe group", class: groupsTool, args: "--describe --group readers", wants: []string{"Consumer group 'readers' has no active members.", "^readers orders 3 [0-9]+ [0-9]+ 0 - - -"}},
	{name: "describe group of the new protocol", class: groupsTool, args: "--describe --group readers2 --verbose", wants: []string{"^readers2 orders 3 0 [0-9]+ [0-9]+ 0 - - -"}},
	{name: "describe members", class: groupsTool, args: "--describe --all-groups --members", wants: []string{"Consumer group 'readers' has no active members."}},
	{name: "describe state", class: groupsTool, args: "--describe --all-groups --state", wants: []string{`^readers $B \(1\) - Empty 0`, `^readers2 $B \(1\) uniform Empty 0`}},
	{name: "describe missing group", class: groupsTool, args: "--describe --group nosuch", wants: []string{"GroupIdNotFoundException: Group nosuch not found."}},
	{name: "reset to earliest, dry", class: groupsTool, args: "--reset-offsets --group readers --topic orders --to-earliest --dry-run", wants: []string{"^readers orders 0 0", "^readers orders 3 0"}},
	{name: "reset by shift", class: groupsTool, args: "--reset-offsets --group readers --topic orders:1 --shift-by -2 --execute", wants: []string{"^readers orders 1 [0-9]+"}},
	{name: "lag after the shift", class: groupsTool, args: "--describe --group readers --offsets", wants: []string{"^readers orders 1 [0-9]+ [0-9]+ 2 -", "^readers orders 0 [0-9]+ [0-9]+ 0 -"}},
	{name: "reset to offset", class: groupsTool, args: "--reset-offsets --group readers --topic orders:1,2 --to-offset 4 --execute", wants: []string{"^readers orders 1 4", "^readers orders 2 4"}},
	{name: "reset to time", class: groupsTool, args: "--reset-offsets --group readers --all-topics --to-datetime 2020-01-01T00:00:00.000 --execute", wants: []string{"^readers orders 0 0"}},
	{name: "reset by duration", class: groupsTool, args: "--reset-offsets --group readers --all-topics --by-duration PT1H --execute", wants: []string{"^readers orders 0 0"}},
	{name: "reset to current, exported", class: groupsTool, args: "--reset-offsets --group readers --all-topics --to-current --execute --export", wants: []string{"^orders,0,0", "^orders,3,0"}},
	{name: "reset from file", class: groupsTool, args: "--reset-offsets --group readers --from-file $D/offsets.csv --execute", wants: []string{"^readers orders 0 6", "^readers orders 1 3"}},
	{name: "reset to latest", class: groupsTool, args: "--reset-offsets --all-groups --all-topics --to-latest --execute", wants: []string{"^readers orders 0 [1-9]", "^readers2 orders 0 [1-9]"}},
	{name: "delete offsets", class: groupsTool, args: "--delete-offsets --group readers --topic orders:1", wants: []string{"^orders 1 Successful"}},
	{name: "delete missing group", class: groupsTool, args: "--delete --group nosuch", wants: []string{"Group 'nosuch' could not be deleted due to: .*GroupIdNotFoundException"}},
	{name: "delete group", class: groupsTool, args: "--delete --group readers", wants: []string{`Deletion of requested consumer groups \('readers'\) was successful.`}},
	{name: "list groups without it", class: groupsTool, args: "--list", wants: []string{"^readers2$"}, not: "readers\n"},

	{name: "end offsets", class: offsetsTool, args: "--topic orders", wants: []string{"^orders:0:[1-9]", "^orders:3:[1-9]"}},
	{name: "delete records", class: deleteTool, args: "--offset-json-file $D/delete.json", wants: []string{"partition: orders-0 low_watermark: 5"}},
	{name: "first offsets", class: offsetsTool, args: "--topic orders --time earliest", wants: []string{"^orders:0:5$", "^orders:1:0$"}},
	{name: "offsets of the largest time", class: offsetsTool, args: "--topic orders --time max-timestamp", wants: []string{"^orders:0:[1-9]"}},
	{name: "offsets by time", class: offsetsTool, args: "--topic-partitions orders:0-2 --time 1000", wants: []string{"^orders:0:5$", "^orders:1:0$"}, not: "orders:2"},
	{name: "delete too many records", class: deleteTool, args: "--offset-json-file $D/delete-beyond.json", wants: []string{"partition: orders-0 error: .*OffsetOutOfRangeException"}},
	{name: "log dirs", class: logDirsTool, args: "--describe --topic-list orders", wants: []string{`"partition":"orders-0","size":[1-9]`, `"partition":"orders-3"`, `"error":null`}},

	{name: "list transactions", class: transactionsTool, args: "list", wants: []string{"TransactionalId Coordinator ProducerId TransactionState"}},
	{name: "transactional producer", class: perfTool, args: "--topic load --num-records 5000 --record-size 100 --throughput -1 --transactional-id payer --transaction-duration-ms 50", wants: []string{"5000 records sent"}},
	{name: "list transactions again", class: transactionsTool, args: "list", wants: []string{"^payer 1 [0-9]+ CompleteCommit"}},
	{name: "describe transaction", class: transactionsTool, args: "describe --transactional-id payer", wants: []string{"^1 payer [0-9]+ [0-9]+ CompleteCommit"}},
	{name: "describe missing transaction", class: transactionsTool, args: "describe --transactional-id nosuch", fails: true, wants: []string{"the ID could not be found"}},
	{name: "describe producers", class: transactionsTool, args: "describe-producers --topic load --partition 0", wants: []string{"^[0-9]+ [0-9]+ [0-9]+ [0-9-]+ [0-9]+ None"}},
	{name: "find hanging transactions", class: transactionsTool, args: "find-hanging --broker-id 1", wants: []string{"Topic Partition ProducerId"}, not: "load"},
	{name: "abort no transaction", class: transactionsTool, args: "abort --topic load --partition 0 --start-offset 0", fails: true, wants: []string{"Could not find any open transactions starting at offset 0 on partition load-0"}},
	{name: "terminate transaction", class: transactionsTool, args: "forceTerminateTransaction --transactionalId payer", not: "xception"},
	{name: "consumer perf", class: consumerPerfTool, args: "--topic load --num-records 5000 --timeout 30000", wants: []string{", 5000, "}},
	{name: "end to end latency", class: latencyTool, args: "--topic latency --num-records 200 --producer-acks all --record-size 100", wants: []string{"Avg latency: [0-9.]+ ms", "Percentiles: 50th = [0-9]+"}},

	{name: "quorum status", class: quorumTool, args: "describe --status", wants: []string{"LeaderId: 1", "HighWatermark: [1-9]", "MaxFollowerLag: 0", `CurrentVoters: .*"id": 1`}},
	{name: "quorum replication", class: quorumTool, args: "describe --replication", wants: []string{"^1 .{22} [0-9]+ 0 [0-9]+ [0-9]+ Leader"}},
	{name: "cluster id", class: clusterTool, args: "cluster-id --bootstrap-server $B", wants: []string{"Cluster ID: .{22}$"}},
	{name: "cluster endpoints", class: clusterTool, args: "list-endpoints --bootstrap-server $B", wants: []string{"^1 127.0.0.1 [0-9]+ null unfenced broker"}},
	{name: "unregister a broker", class: clusterTool, args: "unregister --bootstrap-server $B --id 9", fails: true, wants: []string{"BrokerIdNotRegisteredException"}},
	{name: "features", class: featuresTool, args: "describe", wants: []string{"Feature: group.version .*FinalizedVersionLevel: 1", "Feature: metadata.version .*FinalizedVersionLevel: 4.2-IV1", "Feature: transaction.version .*FinalizedVersionLevel: 2"}},
	{name: "upgrade features", class: featuresTool, args: "upgrade --feature group.version=1 --dry-run", wants: []string{"group.version can be upgraded to 1."}},
	{name: "leader election", class: electionTool, args: "--election-type preferred --all-topic-partitions"},
	{name: "unclean leader election", class: electionTool, args: "--election-type unclean --topic orders --partition 0", wants: []string{"Valid replica already elected for partitions orders-0"}},
	{name: "reassignment plan", class: reassignTool, args: "--generate --topics-to-move-json-file $D/move.json --broker-list 1", wants: []string{`"topic":"orders","partition":3,"replicas":\[1\],"log_dirs":\["any"\]`}},
	{name: "reassignment", class: reassignTool, args: "--execute --reassignment-json-file $D/reassign.json", wants: []string{"Successfully started partition reassignment"}},
	{name: "reassignment verified", class: reassignTool, args: "--verify --reassignment-json-file $D/reassign.json", wants: []string{"Reassignment of partition orders-0 is completed."}},
	{name: "reassignments", class: reassignTool, args: "--list", wants: []string{"No partition reassignments found."}},
	{name: "reassignment cancelled", class: reassignTool, args: "--cancel --reassignment-json-file $D/reassign.json", wants: []string{"None of the specified partition reassignments are active."}},
	{name: "streams reset", class: resetTool, args: "--application-id app --input-topics orders --dry-run", wants: []string{"Topic: orders Partition: 0 Offset: 5", "Topic: orders Partition: 1 Offset: 0"}},

	// Without an authorizer, as a Kafka without one.
	{name: "list acls", class: aclsTool, args: "--list", fails: true, wants: []string{"SecurityDisabledException: No Authorizer is configured on the broker$"}},
	{name: "add acl", class: aclsTool, args: "--add --allow-principal User:a --operation read --topic orders", fails: true, wants: []string{"SecurityDisabledException: No Authorizer is configured"}},
	{name: "remove acl", class: aclsTool, args: "--remove --allow-principal User:a --operation read --topic orders --force", fails: true, wants: []string{"SecurityDisabledException: No Authorizer is configured"}},

	// What is not served is refused clearly.
	{name: "create token", class: tokensTool, args: "--create --max-life-time-period -1 --command-config $D/empty.properties", fails: true, wants: []string{"UnsupportedVersionException: The node does not support CREATE_DELEGATION_TOKEN"}},
	{name: "list share groups", class: shareGroupsTool, args: "--list", not: "xception"},
	{name: "describe share group", class: shareGroupsTool, args: "--describe --group g", wants: []string{"The node does not support SHARE_GROUP_DESCRIBE"}},
	{name: "list streams groups", class: streamsGroupsTool, args: "--list", not: "xception"},
	{name: "describe streams group", class: streamsGroupsTool, args: "--describe --group g", fails: true, wants: []string{"The node does not support STREAMS_GROUP_DESCRIBE"}},
	{name: "share consumer", class: shareConsumerTool, args: "--topic orders --max-messages 5 --timeout-ms 20000", wants: []string{"UnsupportedVersionException: The cluster does not support the share group protocol"}},
	{name: "share consumer perf", class: sharePerfTool, args: "--topic load --num-records 100 --timeout 20000", fails: true, wants: []string{"UnsupportedVersionException: The cluster does not support the share group protocol"}},

	{name: "delete topic", class: topicsTool, args: "--delete --topic orders"},
	{name: "delete missing topic", class: topicsTool, args: "--delete --topic orders", fails: true, wants: []string{"Topic 'orders' does not exist as expected"}},
}

// TestJavaTools runs every program for administrators and looks at what it
// prints. The outputs were compared with those that Apache Kafka 4.3.1 causes.
func TestJavaTools(t *testing.T) {
	b := start(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"offsets.csv":        "orders,0,6\norders,1,3",
		"delete.json":        `{"partitions":[{"topic":"orders","partition":0,"offset":5}],"version":1}`,
		"delete-beyond.json": `{"partitions":[{"topic":"orders","partition":0,"offset":1000000}],"version":1}`,
		"move.json":          `{"topics":[{"topic":"orders"}],"version":1}`,
		"reassign.json":      `{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1],"log_dirs":["any"]}]}`,
		"empty.properties":   "",
	} {
		writeLines(t, filepath.Join(dir, name), text)
	}
	for _, s := range toolSteps {
		ok := t.Run(s.name, func(t *testing.T) { b.step(t, s, dir) })
		if !ok && strings.HasPrefix(s.name, "create topic") {
			t.Fatal("the other steps need the topic")
		}
		if s.name == "end offsets" {
			t.Run("replica verification", b.verifyReplicas)
		}
	}
}

func (b *bench) step(t *testing.T, s step, dir string) {
	replace := strings.NewReplacer("$B", b.broker.Kafka(), "$D", dir)
	args := strings.Fields(replace.Replace(s.args))
	if !strings.Contains(s.args, "$B") {
		args = b.bootstrap(args)
	}
	out, err := b.run(t, s.stdin, s.class, args...)
	if (err != nil) != s.fails {
		t.Errorf("%s ended with %v, want an error: %v", s.class, err, s.fails)
	}
	for _, want := range s.wants {
		if !linePattern(replace.Replace(want)).MatchString(out) {
			t.Errorf("no line matches %q", want)
		}
	}
	if s.not != "" && strings.Contains(out, s.not) {
		t.Errorf("%q is there", s.not)
	}
	if t.Failed() {
		t.Logf("the output of %s %s:\n%s", s.class, strings.Join(args, " "), out)
	}
}

// linePattern makes a blank stand for any, because tables are padded.
func linePattern(want string) *regexp.Regexp {
	return regexp.MustCompile("(?m)" + strings.ReplaceAll(want, " ", `[ \t]+`))
}

// verifyReplicas compares replicas until it is stopped.
func (b *bench) verifyReplicas(t *testing.T) {
	p := b.spawn(t, "replica verification", verificationTool, "--broker-list", b.broker.Kafka(), "--topics-include", "orders", "--report-interval-ms", "500")
	p.out.WaitFor(t, 0, "max lag is 0 for partition orders-0", toolTimeout)
	p.stop(t)
}

func keyed(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d:value %d\n", i, i)
	}
	return b.String()
}

// values are the patterns of lines that keyed gave.
func values(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("^value %d$", i))
	}
	return lines
}
