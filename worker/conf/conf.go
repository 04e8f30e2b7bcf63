// Package conf is the worker's configuration: the keys of
// connect-distributed.properties and connect-standalone.properties under Java's
// names with Java's defaults, and the client properties that follow from them
// (WorkerConfig, DistributedConfig, StandaloneConfig, and the ways in which Java's
// Worker builds the properties of its Kafka clients).
package conf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/kafka"
)

// Mode says how a worker runs.
type Mode int

// The modes.
const (
	Distributed Mode = iota + 1
	Standalone
)

// Config is a worker's configuration. It is not changed once parsed.
type Config struct {
	Mode  Mode
	Props map[string]string // as given, providers resolved

	KeyConverter, ValueConverter, HeaderConverter string

	GroupID                              string
	ConfigTopic, OffsetTopic             string
	StatusTopic                          string
	ConfigRF, OffsetRF, StatusRF         int
	OffsetPartitions, StatusPartitions   int
	OffsetFile                           string // standalone
	ExactlyOnce                          string
	TopicCreation                        bool
	TopicTracking, TopicTrackingReset    bool
	OverridePolicy                       string
	OverrideAllowlist                    []string
	Listeners                            []string
	flushInterval, flushTimeout, timeout int64
	session, heartbeat, sessionKeyTTL    int
	bootstrap                            []string
}

// Define declares the keys that the worker itself acts on.
func (c *Config) Define(d *config.Def) {
	d.List(&c.bootstrap, "bootstrap.servers").Default("localhost:9092").
		Doc("Kafka brokers of the internal topics and, unless overridden, of the connectors.")
	d.Class(&c.KeyConverter, "key.converter").Doc("Converter of keys for connectors that name none.")
	d.Class(&c.ValueConverter, "value.converter").Doc("Converter of values for connectors that name none.")
	d.Class(&c.HeaderConverter, "header.converter").Default("org.apache.kafka.connect.storage.SimpleHeaderConverter").
		Doc("Converter of header values for connectors that name none.")
	d.Long(&c.timeout, "task.shutdown.graceful.timeout.ms").Default(5000).Check(config.AtLeast(0)).
		Doc("Time in milliseconds for all tasks together to stop before they are abandoned.")
	d.Long(&c.flushInterval, "offset.flush.interval.ms").Default(60000).Check(config.AtLeast(1)).
		Doc("Time in milliseconds between offset commits of a task.")
	d.Long(&c.flushTimeout, "offset.flush.timeout.ms").Default(5000).Check(config.AtLeast(1)).
		Doc("Longest time in milliseconds that an offset commit may take.")
	d.String(&c.OverridePolicy, "connector.client.config.override.policy").Default("All").
		Doc("Which producer.override., consumer.override. and admin.override. keys a connector may set.")
	d.List(&c.OverrideAllowlist, "connector.client.config.override.allowlist").Default("").
		Doc("Keys that the Allowlist policy allows.")
	d.List(nil, "config.providers").Default("").
		Doc("Aliases of configuration providers, each configured under config.providers.ALIAS.")
	d.Bool(&c.TopicCreation, "topic.creation.enable").Default(true).
		Doc("Whether source connectors may create topics as their topic.creation. keys say.")
	d.Bool(&c.TopicTracking, "topic.tracking.enable").Default(true).
		Doc("Whether the topics that a connector uses are recorded.")
	d.Bool(&c.TopicTrackingReset, "topic.tracking.allow.reset").Default(true).
		Doc("Whether that record may be reset through the REST API.")
	d.List(&c.Listeners, "listeners").Default("http://:8083").Doc("Listeners of the REST API.")
	if c.Mode == Standalone {
		d.String(&c.OffsetFile, "offset.storage.file.filename").Doc("File that holds the source offsets.")
		return
	}
	d.String(&c.GroupID, "group.id").Doc("Name of the pool of workers.")
	d.Int(&c.session, "session.timeout.ms").Default(10000).Check(config.AtLeast(1)).
		Doc("Time in milliseconds without a heartbeat after which the coordinator takes a worker for dead.")
	d.Int(&c.heartbeat, "heartbeat.interval.ms").Default(3000).Check(config.AtLeast(1)).
		Doc("Time in milliseconds between heartbeats of a worker; less than session.timeout.ms.")
	d.Int(&c.sessionKeyTTL, "inter.worker.key.ttl.ms").Default(3600000).Check(config.AtLeast(0)).
		Doc("Time in milliseconds after which a worker that starts publishes a new session key; 0: never.")
	d.String(&c.ConfigTopic, "config.storage.topic").Doc("Compacted topic of connector and task configurations.")
	d.Short(&c.ConfigRF, "config.storage.replication.factor").Default(3).Check(orBrokers).Doc("Its replication factor when it is created.")
	d.String(&c.OffsetTopic, "offset.storage.topic").Doc("Compacted topic of source offsets.")
	d.Int(&c.OffsetPartitions, "offset.storage.partitions").Default(25).Check(orBrokers).Doc("Its partitions when it is created.")
	d.Short(&c.OffsetRF, "offset.storage.replication.factor").Default(3).Check(orBrokers).Doc("Its replication factor when it is created.")
	d.String(&c.StatusTopic, "status.storage.topic").Doc("Compacted topic of connector and task statuses.")
	d.Int(&c.StatusPartitions, "status.storage.partitions").Default(5).Check(orBrokers).Doc("Its partitions when it is created.")
	d.Short(&c.StatusRF, "status.storage.replication.factor").Default(3).Check(orBrokers).Doc("Its replication factor when it is created.")
	d.String(&c.ExactlyOnce, "exactly.once.source.support").Default("disabled").Check(config.OneOfFold("disabled", "preparing", "enabled")).
		Doc("Exactly-once for source connectors. Only disabled works yet.")
}

// orBrokers accepts -1, which leaves a number of replicas or partitions to the broker.
func orBrokers(name string, v any) error {
	if n, _ := v.(int64); n == -1 || n > 0 {
		return nil
	}
	return config.Invalid(name, v, "Value must be -1 or larger than 0")
}

// Parse reads a worker's properties, in which references to providers are resolved
// already.
func Parse(mode Mode, props map[string]string) (*Config, error) {
	c := &Config{Mode: mode, Props: props}
	if err := config.Parse(c, props); err != nil {
		return nil, err
	}
	var errs []error
	if mode == Distributed {
		for key, v := range map[string]string{"group.id": c.GroupID, "config.storage.topic": c.ConfigTopic,
			"offset.storage.topic": c.OffsetTopic, "status.storage.topic": c.StatusTopic} {
			if v == "" {
				errs = append(errs, config.Invalid(key, "", "String must be non-empty"))
			}
		}
		if c.heartbeat >= c.session {
			errs = append(errs, config.Invalid("heartbeat.interval.ms", c.heartbeat,
				fmt.Sprintf("must be less than session.timeout.ms, which is %d; a third of it is usual", c.session)))
		}
		if !strings.EqualFold(c.ExactlyOnce, "disabled") {
			errs = append(errs, config.Invalid("exactly.once.source.support", c.ExactlyOnce,
				"exactly-once source support is not built in yet; set it to disabled"))
		}
	}
	if len(c.bootstrap) == 0 {
		errs = append(errs, config.Invalid("bootstrap.servers", "", "name at least one host:port of the Kafka cluster"))
	}
	return c, errors.Join(errs...)
}

// FlushInterval is offset.flush.interval.ms.
func (c *Config) FlushInterval() time.Duration {
	return time.Duration(c.flushInterval) * time.Millisecond
}

// FlushTimeout is offset.flush.timeout.ms.
func (c *Config) FlushTimeout() time.Duration {
	return time.Duration(c.flushTimeout) * time.Millisecond
}

// ShutdownTimeout is task.shutdown.graceful.timeout.ms.
func (c *Config) ShutdownTimeout() time.Duration { return time.Duration(c.timeout) * time.Millisecond }

// known are worker keys that others act on: the REST server, clients.
var known = []string{"client.dns.lookup", "rest.advertised.host.name", "rest.advertised.port",
	"rest.advertised.listener", "access.control.allow.origin", "access.control.allow.methods", "response.http.headers.config",
	"rest.extension.classes", "admin.listeners", "ssl.client.auth", "session.timeout.ms", "heartbeat.interval.ms",
	"key.converter.plugin.version", "value.converter.plugin.version", "header.converter.plugin.version",
	"internal.key.converter", "internal.value.converter", "offset.storage.file.filename"}

// Reasons why a key of Kafka's files has nothing to act on here.
const (
	builtIn  = "plugins are part of the binary and Java's cannot be loaded; leat plugin list shows them"
	scraped  = "metrics are read from /metrics of the REST listener"
	oneOwner = "one worker runs a group.id: nothing is rebalanced and workers do not call each other"
)

// moot says why a key has no effect.
var moot = map[string]string{"plugin.path": builtIn, "plugin.discovery": builtIn,
	"metric.reporters": scraped, "metrics.num.samples": scraped, "metrics.sample.window.ms": scraped, "metrics.recording.level": scraped,
	"rebalance.timeout.ms": oneOwner, "scheduled.rebalance.max.delay.ms": oneOwner, "connect.protocol": oneOwner,
	"worker.sync.timeout.ms": oneOwner, "worker.unsync.backoff.ms": oneOwner, "inter.worker.key.generation.algorithm": oneOwner,
	"inter.worker.key.size": oneOwner, "inter.worker.signature.algorithm": oneOwner,
	"inter.worker.verification.algorithms": oneOwner}

// Moot returns the properties that are accepted and have no effect, with the
// reason; they are warned about.
func (c *Config) Moot() map[string]string {
	out := map[string]string{}
	for key, why := range moot {
		if c.Props[key] != "" {
			out[key] = why
		}
	}
	return out
}

var knownPrefixes = []string{"key.converter.", "value.converter.", "header.converter.", "config.storage.", "offset.storage.",
	"status.storage.", "producer.", "consumer.", "admin.", "config.providers.", "listeners.https.", "admin.listeners.https.",
	"ssl.", "sasl.", "metrics.context.", "leat."}

// Unknown returns, sorted, the properties that nothing knows; they are warned about.
func (c *Config) Unknown() []string {
	var d config.Def
	(&Config{Mode: c.Mode}).Define(&d)
	var unknown []string
	for _, k := range kafka.Unknown(c.Props, kafka.Admin) {
		if d.Key(k) == nil && moot[k] == "" && !slices.Contains(known, k) &&
			!slices.ContainsFunc(knownPrefixes, func(p string) bool { return strings.HasPrefix(k, p) }) {
			unknown = append(unknown, k)
		}
	}
	return unknown
}

// TopicSettings returns the topic settings under a prefix such as
// "config.storage." without the keys that are the worker's own.
func (c *Config) TopicSettings(prefix string) map[string]string {
	out := map[string]string{}
	for k, v := range c.Props {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		switch rest {
		case "topic", "replication.factor", "partitions", "cleanup.policy", "file.filename":
		default:
			out[rest] = v
		}
	}
	return out
}

func task(connector string, n int) string { return connector + "-" + strconv.Itoa(n) }

// CheckGroup refuses a sink's consumer group that is the worker's own.
func (c *Config) CheckGroup(group string) error {
	if c.Mode == Distributed && group == c.GroupID {
		return fmt.Errorf("Consumer group %s conflicts with Connect worker group %s", group, c.GroupID)
	}
	return nil
}

// SessionTimeout returns session.timeout.ms.
func (c *Config) SessionTimeout() time.Duration { return time.Duration(c.session) * time.Millisecond }

// HeartbeatInterval returns heartbeat.interval.ms.
func (c *Config) HeartbeatInterval() time.Duration {
	return time.Duration(c.heartbeat) * time.Millisecond
}

// SessionKeyTTL returns inter.worker.key.ttl.ms.
func (c *Config) SessionKeyTTL() time.Duration {
	return time.Duration(c.sessionKeyTTL) * time.Millisecond
}
