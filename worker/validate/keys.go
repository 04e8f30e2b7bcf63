package validate

import (
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
)

// Groups of the framework's keys.
const (
	commonGroup     = "Common"
	transformsGroup = "Transforms"
	predicatesGroup = "Predicates"
	errorGroup      = "Error Handling"
	topicGroup      = "Topic Creation"
	onceGroup       = "Exactly Once Support"
	offsetsGroup    = "offsets.topic"
)

// versions are the defaults of the *.plugin.version keys: what would run.
type versions struct{ connector, key, value, header *string }

// commonKeys are those of ConnectorConfig. The defaults of converters are the
// worker's; nil versions stay null.
func commonKeys(reg *plugin.Registry, w Worker, v versions) *config.Def {
	d := &config.Def{}
	d.String(nil, "name").Check(config.Printable).Group(commonGroup, 1).Width(config.MediumWidth).Label("Connector name").
		Doc("Name of the connector, unique in the cluster.")
	d.String(nil, "connector.class").Group(commonGroup, 2).Width(config.Long).Label("Connector class").
		Doc("Java class name of the connector, or its short name with or without the ending Connector.")
	versionKey(d, "connector.plugin.version", v.connector, 3).Importance(config.Medium).Width(config.MediumWidth).Label("Connector version").
		Doc("Version of the connector: exact, or a range as Maven writes it.")
	d.Int(nil, "tasks.max").Default(1).Check(config.AtLeast(1)).Group(commonGroup, 4).Width(config.Short).Label("Tasks max").
		Doc("Largest number of tasks of this connector.")
	d.Bool(nil, "tasks.max.enforce").Default(true).Importance(config.Low).Group(commonGroup, 5).Width(config.Short).Label("Enforce tasks max").
		Doc("Whether a connector that asks for more tasks than tasks.max fails. Deprecated.")
	converterKey(d, reg, "key.converter", "Key converter", w.KeyConverter, 6, plugin.Converter)
	versionKey(d, "key.converter.plugin.version", v.key, 7).Label("Key converter version").Doc("Version of the key converter.")
	converterKey(d, reg, "value.converter", "Value converter", w.ValueConverter, 8, plugin.Converter)
	versionKey(d, "value.converter.plugin.version", v.value, 9).Label("Value converter version").Doc("Version of the value converter.")
	converterKey(d, reg, "header.converter", "Header converter", w.HeaderConverter, 10, plugin.HeaderConverter)
	versionKey(d, "header.converter.plugin.version", v.header, 11).Label("Header converter version").Doc("Version of the header converter.")
	d.List(nil, "transforms").Default("").Check(config.UniqueAliases).Importance(config.Low).Group(transformsGroup, 12).Width(config.Long).Label("Transforms").
		Doc("Aliases of the transforms that records pass, in order. Each is configured under transforms.ALIAS.")
	d.List(nil, "predicates").Default("").Check(config.UniqueAliases).Importance(config.Low).Group(predicatesGroup, 13).Width(config.Long).Label("Predicates").
		Doc("Aliases of the predicates that transforms name. Each is configured under predicates.ALIAS.")
	d.String(nil, "config.action.reload").Default("restart").Check(config.OneOf("none", "restart")).Importance(config.Low).
		Group(commonGroup, 14).Width(config.MediumWidth).Label("Reload Action").
		Doc("What to do when a value from a configuration provider expires: restart the connector, or none.")
	errorKeys(d)
	return d
}

func errorKeys(d *config.Def) {
	d.Long(nil, "errors.retry.timeout").Default(0).Importance(config.Medium).Group(errorGroup, 1).Width(config.MediumWidth).Label("Retry Timeout for Errors").
		Doc("Milliseconds for which a failed operation on a record is retried: 0 not at all, -1 for ever.")
	d.Long(nil, "errors.retry.delay.max.ms").Default(60000).Importance(config.Medium).Group(errorGroup, 2).Width(config.MediumWidth).Label("Maximum Delay Between Retries for Errors").
		Doc("Longest pause between two retries in milliseconds.")
	d.String(nil, "errors.tolerance").Default("none").Check(config.OneOf("none", "all")).Importance(config.Medium).Group(errorGroup, 3).Width(config.Short).Label("Error Tolerance").
		Doc("none: the first bad record fails the task. all: bad records are skipped or go to the dead letter queue.")
	d.Bool(nil, "errors.log.enable").Default(false).Importance(config.Medium).Group(errorGroup, 4).Width(config.Short).Label("Log Errors").
		Doc("Whether every error of a record is logged, not only those that fail the task.")
	d.Bool(nil, "errors.log.include.messages").Default(false).Importance(config.Medium).Group(errorGroup, 5).Width(config.Short).Label("Log Error Details").
		Doc("Whether these log lines include topic, partition, offset and timestamp of the record.")
}

// sourceKeys are those of SourceConnectorConfig.
func sourceKeys(d *config.Def) {
	d.List(nil, "topic.creation.groups").Default("").Check(config.UniqueAliases).Importance(config.Low).Group(topicGroup, 1).Width(config.Long).Label("Topic Creation Groups").
		Doc("Groups of settings for topics that this connector creates; the group default always exists.")
	d.String(nil, "exactly.once.support").Default("requested").Check(config.OneOfFold("requested", "required")).Importance(config.Medium).
		Group(onceGroup, 2).Width(config.Short).Label("Exactly once support").
		Doc("required: refuse the connector unless it and the worker give exactly once. requested: use it where there is.")
	d.String(nil, "transaction.boundary").Default("poll").Check(config.OneOfFold("poll", "interval", "connector")).Importance(config.Medium).
		Group(onceGroup, 3).Width(config.Short).Label("Transaction Boundary").
		Doc("Where a transaction ends: after each batch (poll), after a time (interval) or where the connector says (connector).")
	d.Long(nil, "transaction.boundary.interval.ms").Default(nil).Check(notNegative).Importance(config.Low).
		Group(onceGroup, 4).Width(config.Short).Label("Transaction boundary interval").
		Doc("Milliseconds of a transaction with transaction.boundary=interval; unset is offset.flush.interval.ms of the worker.")
	d.String(nil, "offsets.storage.topic").Default(nil).Check(config.NonEmpty).Importance(config.Low).Group(offsetsGroup, 1).Width(config.Long).Label("Offsets topic").
		Doc("Topic for this connector's source offsets; unset is the worker's. Distributed mode only.")
}

func notNegative(name string, v any) error {
	if v == nil {
		return nil
	}
	return config.AtLeast(0)(name, v)
}

// sinkKeys are those of SinkConnectorConfig.
func sinkKeys(d *config.Def) {
	d.List(nil, "topics").Default("").Check(config.ValuesIn(true, false)).Group(commonGroup, 4).Width(config.Long).Label("Topics").
		Doc("Topics to consume. Set this or topics.regex.")
	d.String(nil, "topics.regex").Default("").Check(regex).Group(commonGroup, 4).Width(config.Long).Label("Topics regex").
		Doc("Java regular expression of whole topic names to consume. Set this or topics.")
	d.String(nil, "errors.deadletterqueue.topic.name").Default("").Importance(config.Medium).Group(errorGroup, 6).Width(config.MediumWidth).Label("Dead Letter Queue Topic Name").
		Doc("Topic for records that failed; blank for none.")
	d.Short(nil, "errors.deadletterqueue.topic.replication.factor").Default(3).Importance(config.Medium).Group(errorGroup, 7).Width(config.MediumWidth).Label("Dead Letter Queue Topic Replication Factor").
		Doc("Replication factor of the dead letter topic when it has to be created.")
	d.Bool(nil, "errors.deadletterqueue.context.headers.enable").Default(false).Importance(config.Medium).Group(errorGroup, 8).Width(config.MediumWidth).Label("Enable Error Context Headers").
		Doc("Whether dead letters get headers that tell where and why they failed; their names begin with __connect.errors.")
}

func versionKey(d *config.Def, name string, version *string, order int) *config.Key {
	k := d.String(nil, name).Importance(config.Low).Group(commonGroup, order).Width(config.Short)
	return withVersion(k, version)
}

func withVersion(k *config.Key, version *string) *config.Key {
	if version == nil {
		return k.Default(nil)
	}
	return k.Default(*version).Recommend(&config.Recommender{
		Values: func(string, map[string]string) []any { return []any{*version} },
	})
}

func converterKey(d *config.Def, reg *plugin.Registry, name, label, def string, order int, kind plugin.Kind) {
	k := d.Class(nil, name).Importance(config.Low).Group(commonGroup, order).Width(config.Short).Label(label + " class").
		Classes(classesOf(reg, kind)).Recommend(recommend(reg, kind)).
		Doc(label + " of this connector, by Java class name or short name; unset is the worker's.")
	if def == "" {
		k.Default(nil)
		return
	}
	k.Default(def)
}

func classesOf(reg *plugin.Registry, kind plugin.Kind) func(string) (string, bool) {
	return func(name string) (string, bool) {
		p, err := reg.Find(name, kind)
		if err != nil {
			return "", false
		}
		return p.Class, true
	}
}

func recommend(reg *plugin.Registry, kind plugin.Kind) *config.Recommender {
	return &config.Recommender{Values: func(string, map[string]string) []any {
		var classes []any
		for _, p := range reg.All(kind) {
			classes = append(classes, p.Class)
		}
		return classes
	}}
}
