package postgres

import (
	"fmt"
	"strings"

	"github.com/leat-project/leat/connectors/debezium/filter"
	"github.com/leat-project/leat/connectors/debezium/mapper"
)

// problem is what is wrong with a key, beyond what its own check sees.
type problem struct{ key, text string }

// problems lists settings that contradict each other or cannot work here.
func (c *Config) problems(props map[string]string) []problem {
	var ps []problem
	add := func(key, format string, args ...any) { ps = append(ps, problem{key, fmt.Sprintf(format, args...)}) }
	for _, kind := range []string{"schema", "table", "column", "message.prefix"} {
		if props[kind+".include.list"] != "" && props[kind+".exclude.list"] != "" {
			add(kind+".exclude.list", "%q is already specified", kind+".include.list")
		}
	}
	if c.QueueSize <= c.BatchSize {
		add("max.queue.size", "Must be larger than the maximum batch size")
	}
	if strings.Contains(","+strings.Join(c.NotificationChannels, ",")+",", ",sink,") && c.NotificationTopic == "" {
		add("notification.sink.topic.name", "Notification topic name must be provided when kafka notification channel is enabled")
	}
	if _, set := props["plugin.name"]; set && strings.EqualFold(c.Plugin, "decoderbufs") {
		add("plugin.name", "decoderbufs is not supported; use pgoutput, which is part of PostgreSQL, with a new slot.name")
	}
	if _, err := parseKeyColumns(c.KeyColumns); err != nil {
		add("message.key.columns", "%v", err)
	}
	if _, err := mapper.Parse(props); err != nil {
		key, _, _ := strings.Cut(err.Error(), ": ")
		add(key, "%v", err)
	}
	for _, table := range filter.Split(c.Overrides) {
		if props["snapshot.select.statement.overrides."+table] == "" {
			add("snapshot.select.statement.overrides", "snapshot.select.statement.overrides.%s is missing: it holds the statement for that table", table)
		}
	}
	if _, err := parseIdentities(c.ReplicaIdentities); err != nil {
		add("replica.identity.autoset.values", "%v", err)
	}
	if _, err := streamParams(c.StreamParams); err != nil {
		add("slot.stream.params", "%v", err)
	}
	if len(ps) > 0 {
		return ps // first what is wrong in Debezium too
	}
	return c.unsupported()
}

// unsupported lists settings of Java classes and of parts that are not built.
func (c *Config) unsupported() []problem {
	var ps []problem
	refuse := func(bad bool, key, text string) {
		if bad {
			ps = append(ps, problem{key, text})
		}
	}
	const java = "Java classes cannot be loaded; remove the key"
	fold := strings.EqualFold
	refuse(fold(c.SnapshotMode, "custom"), "snapshot.mode", "custom is a Java class, which cannot be loaded; use another mode")
	refuse(fold(c.QueryMode, "custom"), "snapshot.query.mode", "custom is a Java class, which cannot be loaded; use select_all, with snapshot.select.statement.overrides where needed")
	refuse(fold(c.Locking, "custom"), "snapshot.locking.mode", "custom is a Java class, which cannot be loaded; use none or shared")
	refuse(c.SnapshotCustom != "", "snapshot.mode.custom.name", java)
	refuse(c.QueryCustom != "", "snapshot.query.mode.custom.name", java)
	refuse(c.LockingCustom != "", "snapshot.locking.mode.custom.name", java)
	refuse(c.Converters != "", "converters", java)
	refuse(c.PostProcessors != "", "post.processors", java)
	refuse(c.SSLFactory != "", "database.sslfactory", java)
	refuse(c.NamingStrategy != "io.debezium.schema.SchemaTopicNamingStrategy", "topic.naming.strategy",
		"only io.debezium.schema.SchemaTopicNamingStrategy is supported; use a transform such as RegexRouter for other topic names")
	refuse(c.TxFactory != "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory", "transaction.metadata.factory", java)
	refuse(c.SourceMaker != "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker", "sourceinfo.struct.maker", java)
	refuse(c.OpenLineage, "openlineage.integration.enabled", "OpenLineage is not supported; set it to false")
	refuse(len(c.MetricTags) > 0, "custom.metric.tags", "tags on metrics are not supported; remove the key")
	refuse(len(c.NotificationChannels) > 0, "notification.enabled.channels", "notifications are not supported; remove the key")
	refuse(len(c.SignalTable) > 0, "signal.data.collection", "signals and incremental snapshots are not supported; remove the key")
	refuse(len(c.SignalChannels) != 1 || c.SignalChannels[0] != "source", "signal.enabled.channels", "signals are not supported; remove the key")
	refuse(c.XminInterval != 0, "xmin.fetch.interval.ms", "source.xmin is not supported; set it to 0")
	refuse(!fold(c.MismatchStrategy, "no_validation") && !fold(c.MismatchStrategy, "trust_slot"), "offset.mismatch.strategy",
		"only no_validation and trust_slot are supported: the stream starts at the stored position, or at the slot where that is further")
	return ps
}

// streamParams reads slot.stream.params: name=value;name=value.
func streamParams(text string) ([]string, error) {
	var out []string
	for _, part := range strings.Split(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form name=value", part)
		}
		switch strings.TrimSpace(name) {
		case "proto_version", "publication_names", "binary", "streaming", "two_phase", "messages":
			return nil, fmt.Errorf("%s is set by the connector", name)
		}
		out = append(out, fmt.Sprintf("%s '%s'", strings.TrimSpace(name), strings.ReplaceAll(strings.TrimSpace(value), "'", "''")))
	}
	return out, nil
}
