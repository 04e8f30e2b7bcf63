package settings

import (
	"fmt"
	"strconv"
)

func num(name, def string, lo, hi float64, dyn Scope) Def {
	t := Int
	if hi > maxInt {
		t = Long
	}
	return Def{Name: name, Type: t, Default: def, Min: lo, Max: hi, Dynamic: dyn}
}

func unset(name string, t Type, dyn Scope) Def {
	return Def{Name: name, Type: t, NoDefault: true, Dynamic: dyn}
}

func str(name, def string, dyn Scope) Def {
	return Def{Name: name, Type: String, Default: def, Dynamic: dyn}
}

func flag(name, def string, dyn Scope) Def {
	return Def{Name: name, Type: Boolean, Default: def, Dynamic: dyn}
}

// Broker is the table of server.properties keys that mean something here.
// Keys outside it are warned about and otherwise ignored.
var Broker = newSet([]Def{
	num("node.id", "1", 0, maxInt, ReadOnly),
	unset("broker.id", Int, ReadOnly),
	{Name: "process.roles", Type: List, Default: "broker,controller", OneOf: []string{"broker", "controller"}},
	{Name: "listeners", Type: List, Default: "PLAINTEXT://:9092", Dynamic: PerBroker},
	unset("advertised.listeners", List, PerBroker),
	str("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT", PerBroker),
	unset("inter.broker.listener.name", String, ReadOnly),
	unset("controller.listener.names", List, ReadOnly),
	{Name: "controller.quorum.voters", Type: List, Default: ""},
	{Name: "controller.quorum.bootstrap.servers", Type: List, Default: ""},
	unset("log.dirs", String, ReadOnly),
	str("log.dir", "/tmp/kafka-logs", ReadOnly),
	unset("metadata.log.dir", String, ReadOnly),
	num("metadata.log.max.record.bytes.between.snapshots", "20971520", 1, maxLong, ReadOnly),
	num("metadata.log.max.snapshot.interval.ms", "3600000", 0, maxLong, ReadOnly),
	num("metadata.log.segment.bytes", "1073741824", 8<<20, maxInt, ReadOnly),
	num("metadata.log.segment.ms", "604800000", 1, maxLong, ReadOnly),
	num("num.partitions", "1", 1, maxInt, ReadOnly),
	num("default.replication.factor", "1", 1, 32767, ReadOnly),
	flag("auto.create.topics.enable", "true", ReadOnly),
	flag("delete.topic.enable", "true", ReadOnly),
	unset("broker.rack", String, ReadOnly),
	num("message.max.bytes", "1048588", 0, maxInt, ClusterWide),
	num("fetch.max.bytes", "57671680", 1024, maxInt, ReadOnly),
	num("socket.request.max.bytes", "104857600", 1, maxInt, ReadOnly),
	num("connections.max.idle.ms", "600000", -1, maxLong, ReadOnly),
	num("max.connections", "2147483647", 0, maxInt, ClusterWide),
	num("max.connections.per.ip", "2147483647", 0, maxInt, ClusterWide),
	str("max.connections.per.ip.overrides", "", ClusterWide),
	num("max.incremental.fetch.session.cache.slots", "1000", 0, maxInt, ReadOnly),
	num("max.request.partition.size.limit", "2000", 1, maxInt, ReadOnly),
	num("request.timeout.ms", "30000", 1, maxInt, ReadOnly),
	num("offsets.topic.num.partitions", "50", 1, maxInt, ReadOnly),
	num("offsets.topic.replication.factor", "3", 1, 32767, ReadOnly),
	num("offsets.topic.segment.bytes", "104857600", 1, maxInt, ReadOnly),
	num("offsets.retention.minutes", "10080", 1, maxInt, ReadOnly),
	num("offsets.retention.check.interval.ms", "600000", 1, maxLong, ReadOnly),
	num("offset.metadata.max.bytes", "4096", 0, maxInt, ReadOnly),
	num("offsets.commit.timeout.ms", "5000", 1, maxInt, ReadOnly),
	num("group.min.session.timeout.ms", "6000", 0, maxInt, ReadOnly),
	num("group.max.session.timeout.ms", "1800000", 0, maxInt, ReadOnly),
	num("group.initial.rebalance.delay.ms", "3000", 0, maxInt, ReadOnly),
	num("group.max.size", "2147483647", 1, maxInt, ReadOnly),
	{Name: "group.coordinator.rebalance.protocols", Type: List, Default: "classic,consumer", OneOf: []string{"classic", "consumer", "share", "streams"}},
	num("group.consumer.session.timeout.ms", "45000", 1, maxInt, ReadOnly),
	num("group.consumer.min.session.timeout.ms", "45000", 1, maxInt, ReadOnly),
	num("group.consumer.max.session.timeout.ms", "60000", 1, maxInt, ReadOnly),
	num("group.consumer.heartbeat.interval.ms", "5000", 1, maxInt, ReadOnly),
	num("group.consumer.min.heartbeat.interval.ms", "5000", 1, maxInt, ReadOnly),
	num("group.consumer.max.heartbeat.interval.ms", "15000", 1, maxInt, ReadOnly),
	num("group.consumer.max.size", "2147483647", 1, maxInt, ReadOnly),
	{Name: "group.consumer.assignors", Type: List, Default: "uniform,range"},
	{Name: "group.consumer.migration.policy", Type: String, Default: "bidirectional", OneOf: []string{"bidirectional", "upgrade", "downgrade", "disabled"}},
	num("group.consumer.regex.refresh.interval.ms", "600000", 10000, maxInt, ReadOnly),
	num("transaction.state.log.num.partitions", "50", 1, maxInt, ReadOnly),
	num("transaction.state.log.replication.factor", "3", 1, 32767, ReadOnly),
	num("transaction.state.log.min.isr", "2", 1, maxInt, ReadOnly),
	num("transaction.state.log.segment.bytes", "104857600", 1, maxInt, ReadOnly),
	num("transaction.max.timeout.ms", "900000", 1, maxInt, ReadOnly),
	num("transaction.abort.timed.out.transaction.cleanup.interval.ms", "10000", 1, maxInt, ReadOnly),
	num("transactional.id.expiration.ms", "604800000", 1, maxInt, ReadOnly),
	num("transaction.remove.expired.transaction.cleanup.interval.ms", "3600000", 1, maxInt, ReadOnly),
	num("add.partitions.to.txn.retry.backoff.ms", "20", 1, maxInt, ReadOnly),
	num("add.partitions.to.txn.retry.backoff.max.ms", "100", 0, maxInt, ReadOnly),
	flag("transaction.partition.verification.enable", "true", ClusterWide),
	num("producer.id.expiration.ms", "86400000", 1, maxInt, ClusterWide),
	num("producer.id.expiration.check.interval.ms", "600000", 1, maxInt, ReadOnly),
	num("min.insync.replicas", "1", 1, maxInt, ClusterWide),
	flag("unclean.leader.election.enable", "false", ClusterWide),
	flag("auto.leader.rebalance.enable", "true", ReadOnly),
	num("replica.lag.time.max.ms", "30000", 1, maxLong, ReadOnly),
	num("broker.heartbeat.interval.ms", "2000", 1, maxInt, ReadOnly),
	num("broker.session.timeout.ms", "9000", 1, maxInt, ReadOnly),
	flag("controlled.shutdown.enable", "true", ReadOnly),
	{Name: "compression.type", Type: String, Default: "producer", OneOf: []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, Dynamic: ClusterWide},
	num("compression.gzip.level", "-1", -1, 9, ClusterWide),
	num("compression.lz4.level", "9", 1, 17, ClusterWide),
	num("compression.zstd.level", "3", -131072, 22, ClusterWide),
	{Name: "log.cleanup.policy", Type: List, Default: "delete", OneOf: []string{"compact", "delete"}, Dynamic: ClusterWide},
	num("log.cleaner.delete.retention.ms", "86400000", 0, maxLong, ClusterWide),
	flag("log.cleaner.enable", "true", ReadOnly),
	num("log.cleaner.threads", "1", 0, maxInt, ClusterWide),
	num("log.cleaner.dedupe.buffer.size", "134217728", 1048576, maxLong, ClusterWide),
	num("log.cleaner.backoff.ms", "15000", 0, maxLong, ClusterWide),
	{Name: "log.cleaner.io.max.bytes.per.second", Type: Double, Default: "1.7976931348623157E308", Dynamic: ClusterWide},
	{Name: "log.cleaner.min.cleanable.ratio", Type: Double, Default: "0.5", Min: 0, Max: 1, Dynamic: ClusterWide},
	num("log.cleaner.min.compaction.lag.ms", "0", 0, maxLong, ClusterWide),
	num("log.cleaner.max.compaction.lag.ms", "9223372036854775807", 1, maxLong, ClusterWide),
	num("log.flush.interval.messages", "9223372036854775807", 1, maxLong, ClusterWide),
	unset("log.flush.interval.ms", Long, ClusterWide),
	num("log.flush.scheduler.interval.ms", "9223372036854775807", 0, maxLong, ReadOnly),
	num("log.flush.offset.checkpoint.interval.ms", "60000", 0, maxInt, ReadOnly),
	num("log.flush.start.offset.checkpoint.interval.ms", "60000", 0, maxInt, ReadOnly),
	num("log.index.interval.bytes", "4096", 0, maxInt, ClusterWide),
	num("log.index.size.max.bytes", "10485760", 4, maxInt, ClusterWide),
	num("log.initial.task.delay.ms", "30000", 0, maxLong, ReadOnly),
	num("log.message.timestamp.after.max.ms", "3600000", 0, maxLong, ClusterWide),
	num("log.message.timestamp.before.max.ms", "9223372036854775807", 0, maxLong, ClusterWide),
	{Name: "log.message.timestamp.type", Type: String, Default: "CreateTime", OneOf: []string{"CreateTime", "LogAppendTime"}, Dynamic: ClusterWide},
	flag("log.preallocate", "false", ClusterWide),
	{Name: "log.retention.bytes", Type: Long, Default: "-1", Dynamic: ClusterWide},
	num("log.retention.check.interval.ms", "300000", 1, maxLong, ReadOnly),
	unset("log.retention.ms", Long, ClusterWide),
	unset("log.retention.minutes", Int, ReadOnly),
	{Name: "log.retention.hours", Type: Int, Default: "168"},
	num("log.roll.hours", "168", 1, maxInt, ReadOnly),
	unset("log.roll.ms", Long, ClusterWide),
	num("log.roll.jitter.hours", "0", 0, maxInt, ReadOnly),
	unset("log.roll.jitter.ms", Long, ClusterWide),
	num("log.segment.bytes", "1073741824", 1048576, maxInt, ClusterWide),
	num("log.segment.delete.delay.ms", "60000", 0, maxLong, ClusterWide),
	num("num.recovery.threads.per.data.dir", "2", 1, maxInt, ClusterWide),
	num("num.network.threads", "3", 1, maxInt, ClusterWide),
	num("num.io.threads", "8", 1, maxInt, ClusterWide),
	num("queued.max.requests", "500", 1, maxInt, ReadOnly),
	num("background.threads", "10", 1, maxInt, ClusterWide),
	num("socket.send.buffer.bytes", "102400", -1, maxInt, ReadOnly),
	num("socket.receive.buffer.bytes", "102400", -1, maxInt, ReadOnly),
	unset("cluster.id", String, ReadOnly),
	str("leat.http.listeners", "127.0.0.1:9404", ReadOnly),
	{Name: FlushBeforeAck, Type: String, Default: "auto", OneOf: []string{"auto", "always", "never"}, Dynamic: ClusterWide},
})

// CheckBroker validates one known broker key and its value.
func CheckBroker(name, value string) error {
	d, ok := Broker.Lookup(name)
	if !ok {
		return fmt.Errorf("Unknown broker config name: %s", name)
	}
	return d.Check(value)
}

// Scaled multiplies an integer value by factor, for synonyms in other units.
// Negative values (-1, unlimited) stay as they are.
func Scaled(value string, factor int64) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || factor == 1 || n < 0 {
		return value
	}
	return strconv.FormatInt(n*factor, 10)
}
