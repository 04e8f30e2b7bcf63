package settings

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

const (
	hour   = 3600000
	minute = 60000
)

const (
	maxInt  = float64(math.MaxInt32)
	maxLong = float64(math.MaxInt64)
)

// FlushBeforeAck is our own key, on broker and topic: whether an append is
// answered only after fsync. "auto" means yes where the replication factor
// is 1.
const FlushBeforeAck = "leat.flush.before.ack"

const noTiers = "there is no tiered storage; remote.storage.enable=true is refused"

func same(name string) []Synonym { return []Synonym{{Name: name, Factor: 1}} }

// Topic is the table of topic keys (Kafka's LogConfig and TopicConfig).
var Topic = newSet([]Def{
	{Name: "cleanup.policy", Type: List, Default: "delete", OneOf: []string{"compact", "delete"}, Synonyms: same("log.cleanup.policy"),
		Doc: "Whether old segments are deleted, compacted by key, or both."},
	{Name: "compression.gzip.level", Type: Int, Default: "-1", Valid: gzipLevel, Synonyms: same("compression.gzip.level"),
		Doc: "Level used when the broker compresses with gzip; -1 is the codec's default."},
	{Name: "compression.lz4.level", Type: Int, Default: "9", Min: 1, Max: 17, Synonyms: same("compression.lz4.level"),
		Doc: "Level used when the broker compresses with lz4."},
	{Name: "compression.type", Type: String, Default: "producer", OneOf: []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"}, Synonyms: same("compression.type"),
		Doc: "Codec of stored batches; producer keeps what the producer chose."},
	{Name: "compression.zstd.level", Type: Int, Default: "3", Min: -131072, Max: 22, Synonyms: same("compression.zstd.level"),
		Doc: "Level used when the broker compresses with zstd."},
	{Name: "delete.retention.ms", Type: Long, Default: "86400000", Min: 0, Max: maxLong, Synonyms: same("log.cleaner.delete.retention.ms"),
		Doc: "How long tombstones of compacted topics are kept, in ms."},
	{Name: "file.delete.delay.ms", Type: Long, Default: "60000", Min: 0, Max: maxLong, Synonyms: same("log.segment.delete.delay.ms"),
		Doc: "How long files stay after their segment was deleted, in ms."},
	{Name: "flush.messages", Type: Long, Default: "9223372036854775807", Min: 1, Max: maxLong, Synonyms: same("log.flush.interval.messages"),
		Doc: "Number of records after which a log is flushed."},
	{Name: "flush.ms", Type: Long, Default: "9223372036854775807", Min: 0, Max: maxLong, Synonyms: []Synonym{{"log.flush.interval.ms", 1}, {"log.flush.scheduler.interval.ms", 1}},
		Doc: "Time after which a log is flushed, in ms."},
	{Name: "follower.replication.throttled.replicas", Type: List, Default: "", Valid: throttled("follower.replication.throttled.replicas"), Inert: oneNode, Doc: "Replicas throttled as followers: partition:broker or *."},
	{Name: "index.interval.bytes", Type: Int, Default: "4096", Min: 0, Max: maxInt, Synonyms: same("log.index.interval.bytes"),
		Doc: "Bytes between two entries of the offset index."},
	{Name: FlushBeforeAck, Type: String, Default: "auto", OneOf: []string{"auto", "always", "never"}, Synonyms: same(FlushBeforeAck),
		Doc: "Whether an append is answered only after fsync; auto: yes where the replication factor is 1."},
	{Name: "leader.replication.throttled.replicas", Type: List, Default: "", Valid: throttled("leader.replication.throttled.replicas"), Inert: oneNode, Doc: "Replicas throttled as leaders: partition:broker or *."},
	{Name: "local.retention.bytes", Type: Long, Default: "-2", Min: -2, Max: maxLong, Inert: noTiers, Doc: "Size of what a tiered topic keeps on the broker, in bytes."},
	{Name: "local.retention.ms", Type: Long, Default: "-2", Min: -2, Max: maxLong, Inert: noTiers, Doc: "Age of what a tiered topic keeps on the broker, in ms."},
	{Name: "max.compaction.lag.ms", Type: Long, Default: "9223372036854775807", Min: 1, Max: maxLong, Synonyms: same("log.cleaner.max.compaction.lag.ms"),
		Doc: "Longest time a record may stay uncompacted, in ms."},
	{Name: "max.message.bytes", Type: Int, Default: "1048588", Min: 0, Max: maxInt, Synonyms: same("message.max.bytes"),
		Doc: "Largest record batch accepted, in bytes."},
	{Name: "message.timestamp.after.max.ms", Type: Long, Default: "3600000", Min: 0, Max: maxLong, Synonyms: same("log.message.timestamp.after.max.ms"),
		Doc: "How far a record's timestamp may lie ahead of the broker's clock, in ms."},
	{Name: "message.timestamp.before.max.ms", Type: Long, Default: "9223372036854775807", Min: 0, Max: maxLong, Synonyms: same("log.message.timestamp.before.max.ms"),
		Doc: "How far a record's timestamp may lie behind the broker's clock, in ms."},
	{Name: "message.timestamp.type", Type: String, Default: "CreateTime", OneOf: []string{"CreateTime", "LogAppendTime"}, Synonyms: same("log.message.timestamp.type"),
		Doc: "Whether a record keeps its producer's timestamp or gets the time of the append."},
	{Name: "min.cleanable.dirty.ratio", Type: Double, Default: "0.5", Min: 0, Max: 1, Synonyms: same("log.cleaner.min.cleanable.ratio"),
		Doc: "Share of uncompacted bytes from which a log is compacted."},
	{Name: "min.compaction.lag.ms", Type: Long, Default: "0", Min: 0, Max: maxLong, Synonyms: same("log.cleaner.min.compaction.lag.ms"),
		Doc: "Shortest time a record stays uncompacted, in ms."},
	{Name: "min.insync.replicas", Type: Int, Default: "1", Min: 1, Max: maxInt, Synonyms: same("min.insync.replicas"),
		Inert: oneNode, Doc: "Replicas that must hold a batch before acks=all is answered."},
	{Name: "preallocate", Type: Boolean, Default: "false", Synonyms: same("log.preallocate"), Inert: preallocate, Doc: "Whether segment files are allocated in full."},
	{Name: "remote.log.copy.disable", Type: Boolean, Default: "false", Inert: noTiers, Doc: "Whether a tiered topic copies no more segments to the remote store."},
	{Name: "remote.log.delete.on.disable", Type: Boolean, Default: "false", Inert: noTiers, Doc: "Whether a topic's remote segments are deleted when it is tiered no more."},
	{Name: "remote.storage.enable", Type: Boolean, Default: "false", Inert: noTiers, Doc: "Whether old segments go to a remote store; only false is accepted."},
	{Name: "retention.bytes", Type: Long, Default: "-1", Synonyms: same("log.retention.bytes"), Doc: "Largest size of a partition before old segments are deleted, in bytes."},
	{Name: "retention.ms", Type: Long, Default: "604800000", Min: -1, Max: maxLong, Synonyms: []Synonym{{"log.retention.ms", 1}, {"log.retention.minutes", minute}, {"log.retention.hours", hour}},
		Doc: "Age at which old segments are deleted, in ms."},
	{Name: "segment.bytes", Type: Int, Default: "1073741824", Min: 1048576, Max: maxInt, Synonyms: same("log.segment.bytes"),
		Doc: "Size of a segment file, in bytes."},
	{Name: "segment.index.bytes", Type: Int, Default: "10485760", Min: 4, Max: maxInt, Synonyms: same("log.index.size.max.bytes"),
		Doc: "Largest size of an index file, in bytes."},
	{Name: "segment.jitter.ms", Type: Long, Default: "0", Min: 0, Max: maxLong, Synonyms: []Synonym{{"log.roll.jitter.ms", 1}, {"log.roll.jitter.hours", hour}},
		Doc: "Random time taken off segment.ms, in ms."},
	{Name: "segment.ms", Type: Long, Default: "604800000", Min: 1, Max: maxLong, Synonyms: []Synonym{{"log.roll.ms", 1}, {"log.roll.hours", hour}},
		Doc: "Age at which a segment is closed, in ms."},
	{Name: "unclean.leader.election.enable", Type: Boolean, Default: "false", Synonyms: same("unclean.leader.election.enable"),
		Inert: oneNode, Doc: "Whether a replica that is not in sync may become leader."},
})

// gzipLevel is the check of compression.gzip.level, of topics and brokers.
func gzipLevel(v string) error {
	if n := integer(v); n == -1 || n >= 1 && n <= 9 {
		return nil
	}
	return fmt.Errorf("Invalid value %s for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1", v)
}

var throttledReplica = regexp.MustCompile(`^[0-9]+:[0-9]+$`)

// throttled checks lists of replicas, partition:broker, or * for all.
func throttled(name string) func(string) error {
	return func(v string) error {
		list := SplitList(v)
		if len(list) == 1 && list[0] == "*" {
			return nil
		}
		for _, replica := range list {
			if !throttledReplica.MatchString(replica) {
				return fmt.Errorf("Invalid value [%s] for configuration %s: %[2]s must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...", strings.Join(list, ", "), name)
			}
		}
		return nil
	}
}

// ParseTopic returns the value of a topic key in the one form of its type, or
// why it is refused. A nil value is refused as Kafka refuses it in
// CreateTopics.
func ParseTopic(name string, value *string) (string, error) {
	d, ok := Topic.Lookup(name)
	if !ok {
		return "", fmt.Errorf("Unknown topic config name: %s", name)
	}
	if value == nil {
		return "", fmt.Errorf("Null value not supported for topic configs: %s", name)
	}
	v, err := d.Parse(*value)
	if err == nil && name == "remote.storage.enable" && v == "true" {
		err = fmt.Errorf("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	return v, err
}

// CheckTopicTogether validates a topic's overrides as a whole, resolved with
// value for keys that depend on one another.
func CheckTopicTogether(value func(name string) string) error {
	lo, hi := integer(value("min.compaction.lag.ms")), integer(value("max.compaction.lag.ms"))
	if lo > hi {
		return fmt.Errorf("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", lo, hi)
	}
	return nil
}

func integer(s string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(s), 10, 64) // checked before
	return n
}
