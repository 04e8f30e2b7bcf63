package settings

import (
	"fmt"
	"strconv"
	"strings"
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

// Why keys have no effect.
const (
	oneNode     = "there is one node, so nothing is replicated or moved between nodes"
	goServer    = "each connection and each coordinator has goroutines of its own, of which GOMAXPROCS run at a time"
	preallocate = "segments grow as they are written"
	loadBuffer  = "state is read in pieces of 1 MiB"
	noPurge     = "a request that is done leaves nothing behind that would have to be purged"
)

func inert(d Def, why string) Def {
	d.Inert = why
	return d
}

// Broker is the table of server.properties keys that mean something here.
// Keys outside it are warned about and otherwise ignored.
var Broker = newSet(explained(brokerTexts, []Def{
	num("node.id", "1", 0, maxInt, ReadOnly),
	unset("broker.id", Int, ReadOnly),
	{Name: "process.roles", Type: List, Default: "broker,controller", OneOf: []string{"broker", "controller"}},
	{Name: "listeners", Type: List, Default: "PLAINTEXT://:9092"},
	unset("advertised.listeners", List, ReadOnly),
	str("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT", ReadOnly),
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
	{Name: "max.connections.per.ip.overrides", Type: String, Dynamic: ClusterWide, Valid: func(v string) error { _, err := IPLimits(v); return err }},
	num("max.connection.creation.rate", "2147483647", 0, maxInt, ClusterWide),
	num("max.incremental.fetch.session.cache.slots", "1000", 0, maxInt, ReadOnly),
	num("max.request.partition.size.limit", "2000", 1, maxInt, ReadOnly),
	inert(num("request.timeout.ms", "30000", 1, maxInt, ReadOnly), oneNode),
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
	{Name: "group.coordinator.rebalance.protocols", Type: List, Default: "classic,consumer", OneOf: []string{"classic", "consumer"}},
	{Name: "offsets.topic.compression.codec", Type: Int, Default: "0", OneOf: []string{"0"}},
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
	inert(num("min.insync.replicas", "1", 1, maxInt, ClusterWide), oneNode),
	inert(flag("unclean.leader.election.enable", "false", ClusterWide), oneNode),
	inert(flag("auto.leader.rebalance.enable", "true", ReadOnly), oneNode),
	inert(num("replica.lag.time.max.ms", "30000", 1, maxLong, ReadOnly), oneNode),
	num("replica.high.watermark.checkpoint.interval.ms", "5000", 1, maxLong, ReadOnly),
	inert(num("num.replica.fetchers", "1", 0, maxInt, ClusterWide), oneNode),
	inert(num("replica.fetch.min.bytes", "1", 0, maxInt, ReadOnly), oneNode),
	inert(num("replica.fetch.max.bytes", "1048576", 0, maxInt, ReadOnly), oneNode),
	inert(num("replica.fetch.wait.max.ms", "500", 0, maxInt, ReadOnly), oneNode),
	inert(num("replica.fetch.backoff.ms", "1000", 0, maxInt, ReadOnly), oneNode),
	inert(num("replica.fetch.response.max.bytes", "10485760", 0, maxInt, ReadOnly), oneNode),
	inert(num("replica.socket.timeout.ms", "30000", 0, maxInt, ReadOnly), oneNode),
	inert(num("replica.socket.receive.buffer.bytes", "65536", -1, maxInt, ReadOnly), oneNode),
	inert(unset("replica.selector.class", String, ReadOnly), oneNode),
	inert(num("leader.imbalance.check.interval.seconds", "300", 1, maxLong, ReadOnly), oneNode),
	inert(num("leader.imbalance.per.broker.percentage", "10", 0, maxInt, ReadOnly), oneNode),
	inert(num("group.coordinator.threads", "4", 1, maxInt, ReadOnly), goServer),
	inert(num("offsets.load.buffer.size", "5242880", 1, maxInt, ReadOnly), loadBuffer),
	inert(num("transaction.state.log.load.buffer.size", "5242880", 1, maxInt, ReadOnly), loadBuffer),
	inert(num("fetch.purgatory.purge.interval.requests", "1000", 0, maxInt, ReadOnly), noPurge),
	inert(num("producer.purgatory.purge.interval.requests", "1000", 0, maxInt, ReadOnly), noPurge),
	inert(num("delete.records.purgatory.purge.interval.requests", "1", 0, maxInt, ReadOnly), noPurge),
	inert(Def{Name: "metric.reporters", Type: List}, "metrics are served on /metrics; Java classes cannot be loaded"),
	inert(num("broker.heartbeat.interval.ms", "2000", 1, maxInt, ReadOnly), oneNode),
	inert(num("broker.session.timeout.ms", "9000", 1, maxInt, ReadOnly), oneNode),
	inert(flag("controlled.shutdown.enable", "true", ReadOnly), oneNode),
	{Name: "compression.type", Type: String, Default: "producer", OneOf: []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, Dynamic: ClusterWide},
	{Name: "compression.gzip.level", Type: Int, Default: "-1", Valid: gzipLevel, Dynamic: ClusterWide},
	num("compression.lz4.level", "9", 1, 17, ClusterWide),
	num("compression.zstd.level", "3", -131072, 22, ClusterWide),
	{Name: "log.cleanup.policy", Type: List, Default: "delete", OneOf: []string{"compact", "delete"}, Dynamic: ClusterWide},
	num("log.cleaner.delete.retention.ms", "86400000", 0, maxLong, ClusterWide),
	flag("log.cleaner.enable", "true", ReadOnly),
	num("log.cleaner.threads", "1", 0, maxInt, ClusterWide),
	num("log.cleaner.dedupe.buffer.size", "134217728", 1048576, maxLong, ClusterWide),
	num("log.cleaner.backoff.ms", "15000", 0, maxLong, ClusterWide),
	{Name: "log.cleaner.io.max.bytes.per.second", Type: Double, Default: "1.7976931348623157E308", Dynamic: ClusterWide},
	{Name: "log.cleaner.io.buffer.load.factor", Type: Double, Default: "0.9", Min: 0, Max: 1, Dynamic: ClusterWide},
	inert(num("log.cleaner.io.buffer.size", "524288", 0, maxInt, ClusterWide), "batches are read one by one, into buffers of their size"),
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
	inert(flag("log.preallocate", "false", ClusterWide), preallocate),
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
	inert(num("num.network.threads", "3", 1, maxInt, ClusterWide), goServer),
	inert(num("num.io.threads", "8", 1, maxInt, ClusterWide), goServer),
	num("queued.max.requests", "500", 1, maxInt, ReadOnly),
	num("queued.max.request.bytes", "-1", -1, maxLong, ReadOnly),
	inert(num("background.threads", "10", 1, maxInt, ClusterWide), goServer),
	// Kafka's default is 102400; the system's own sizing is better and is ours.
	num("socket.send.buffer.bytes", "-1", -1, maxInt, ReadOnly),
	num("socket.receive.buffer.bytes", "-1", -1, maxInt, ReadOnly),
	inert(num("socket.listen.backlog.size", "50", 1, maxInt, ReadOnly), "the system's limit for listeners is used"),
	unset("cluster.id", String, ReadOnly),
	str("leat.http.listeners", "127.0.0.1:9404", ReadOnly),
	{Name: FlushBeforeAck, Type: String, Default: "auto", OneOf: []string{"auto", "always", "never"}, Dynamic: ClusterWide},
}))

// CheckBrokerTogether validates broker keys that depend on one another, given
// their values in force.
func CheckBrokerTogether(value func(name string) string) error {
	if integer(value("max.connections")) == 0 {
		return fmt.Errorf("max.connections is 0: no connection would be accepted, not even one that changes it back. Set it to 1 or more.")
	}
	if integer(value("max.connections.per.ip")) == 0 && value("max.connections.per.ip.overrides") == "" {
		return fmt.Errorf("max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.")
	}
	return nil
}

// IPLimits reads max.connections.per.ip.overrides: host:count, separated
// by commas. Hosts are looked up where they are used.
func IPLimits(value string) (map[string]int64, error) {
	out := map[string]int64{}
	for _, entry := range SplitList(value) {
		i := strings.LastIndexByte(entry, ':')
		if i <= 0 {
			return nil, fmt.Errorf("Invalid value %s for configuration max.connections.per.ip.overrides: expected host:count", entry)
		}
		n, err := strconv.ParseInt(entry[i+1:], 10, 32)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("Invalid value %s for configuration max.connections.per.ip.overrides: the count is not a number from 0 on", entry)
		}
		out[strings.Trim(entry[:i], "[]")] = n
	}
	return out, nil
}

// listenerScoped are the keys that can be set for one listener, as
// listener.name.<lower case name>.<key>.
var listenerScoped = map[string]bool{"max.connections": true, "max.connection.creation.rate": true}

// LookupBroker finds a broker key, also one that is set for a single listener.
func LookupBroker(name string) (Def, bool) {
	if d, ok := Broker.Lookup(name); ok {
		return d, true
	}
	rest, ok := strings.CutPrefix(name, "listener.name.")
	if !ok {
		return Def{}, false
	}
	_, base, _ := strings.Cut(rest, ".")
	if !listenerScoped[base] {
		return Def{}, false
	}
	d, ok := Broker.Lookup(base)
	d.Name = name
	return d, ok
}

// OfListener is the name of a key for one listener.
func OfListener(listener, key string) string {
	return "listener.name." + strings.ToLower(listener) + "." + key
}

// brokerSynonyms are broker keys that give the same thing in different units,
// or one the default of the other, in order of precedence (KIP-226).
var brokerSynonyms = [][]string{
	{"log.roll.ms", "log.roll.hours"},
	{"log.roll.jitter.ms", "log.roll.jitter.hours"},
	{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
}

// BrokerSynonyms lists the names under which DescribeConfigs looks for a broker
// key.
func BrokerSynonyms(name string) []string {
	for _, names := range brokerSynonyms {
		if contains(names, name) {
			return names
		}
	}
	if name == "log.flush.interval.ms" {
		return []string{name, "log.flush.scheduler.interval.ms"}
	}
	return []string{name}
}

// Scaled multiplies an integer value by factor, for synonyms in other units.
// Negative values (-1, unlimited) stay as they are.
func Scaled(value string, factor int64) string {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil || factor == 1 || n < 0 {
		return value
	}
	return strconv.FormatInt(n*factor, 10)
}
