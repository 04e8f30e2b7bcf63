package postgres

import "github.com/leat-project/leat/connect/config"

// eventConfig holds the keys of group Events: what is captured and how events look.
type eventConfig struct {
	Converters           string
	PostProcessors       string
	Tombstones           bool
	HeartbeatInterval    int
	HeartbeatPrefix      string
	SignalTable          []string
	SignalChannels       []string
	NamingStrategy       string
	NotificationChannels []string
	NotificationTopic    string
	TxFactory            string
	MetricTags           []string
	ColumnInclude        []string
	ColumnExclude        []string
	TableInclude         []string
	TableExclude         []string
	IgnoreBuiltin        bool
	SchemaInclude        []string
	SchemaExclude        []string
	KeyColumns           string
	Overrides            string
	TableOrder           string
	HeartbeatQuery       string
	Unknown              bool
	SourceMaker          string

	// Keys that Debezium reads without listing them.
	Delimiter            string
	HeartbeatTopicPrefix string
	HeartbeatTopic       string
	TransactionTopic     string
	SkipUnchanged        bool
	MoneyDigits          int
	MismatchStrategy     string
	FieldAdjustment      string
	ReadOnly             bool
}

func (c *eventConfig) define(d *config.Def) {
	d.String(&c.Converters, "converters").Default(nil).Group("Events", 1).Importance(config.Low).Width(config.MediumWidth).
		Label("List of prefixes defining custom values converters.").
		Doc("Names of custom converters (Java classes); not supported.")
	d.String(&c.PostProcessors, "post.processors").Default(nil).Group("Events", 2).Importance(config.Low).Width(config.MediumWidth).
		Label("List of change event post processors.").
		Doc("Names of post processors (Java classes); not supported.")
	d.Bool(&c.Tombstones, "tombstones.on.delete").Default(true).Group("Events", 3).Importance(config.Medium).Width(config.Short).
		Label("Change the behaviour of Debezium with regards to delete operations").Check(checkBool).Check(checkBool).
		Doc("Follow a delete by a record with the same key and no value, so that compaction can forget the key.")
	d.Int(&c.HeartbeatInterval, "heartbeat.interval.ms").Default(0).Group("Events", 4).Importance(config.Medium).Width(config.MediumWidth).
		Label("Connector heartbeat interval (milli-seconds)").
		Doc("How often in milliseconds to emit heartbeats; 0 means never.")
	d.String(&c.HeartbeatPrefix, "heartbeat.topics.prefix").Default("__debezium-heartbeat").Group("Events", 5).Importance(config.Low).Width(config.MediumWidth).
		Label("A prefix used for naming of heartbeat topics").
		Doc("First part of the name of the heartbeat topic.")
	d.List(&c.SignalTable, "signal.data.collection").Default(nil).Group("Events", 6).Importance(config.Medium).Width(config.MediumWidth).
		Label("Signaling data collection").
		Doc("Table for signals; signals are not supported.")
	d.Long(nil, "signal.poll.interval.ms").Default(5000).Group("Events", 7).Importance(config.Medium).Width(config.Short).
		Label("Signal processor poll interval").
		Doc("How often in milliseconds to look for signals.").
		NoEffect("signals are not supported")
	d.List(&c.SignalChannels, "signal.enabled.channels").Default("source").Group("Events", 8).Importance(config.Medium).Width(config.Long).
		Label("Enabled channels names").
		Doc("Channels for signals; only the default is accepted, as signals are not supported.")
	d.Class(&c.NamingStrategy, "topic.naming.strategy").Default("io.debezium.schema.SchemaTopicNamingStrategy").Group("Events", 9).Importance(config.Medium).Width(config.MediumWidth).
		Label("Topic naming strategy class").
		Doc("Class that names topics: prefix.schema.table.")
	d.List(&c.NotificationChannels, "notification.enabled.channels").Default(nil).Group("Events", 10).Importance(config.Medium).Width(config.Long).
		Label("Enabled notification channels names").
		Doc("Channels for notifications; not supported.")
	d.String(&c.NotificationTopic, "notification.sink.topic.name").Default(nil).Group("Events", 11).Importance(config.High).Width(config.Long).
		Label("Notification topic name").
		Doc("Topic for notifications.")
	d.Class(&c.TxFactory, "transaction.metadata.factory").Default("io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory").Group("Events", 12).Importance(config.Low).Width(config.MediumWidth).
		Label("Factory class to create transaction context & transaction struct maker classes").
		Doc("Class that makes transaction metadata; only the default is supported.")
	d.List(&c.MetricTags, "custom.metric.tags").Default(nil).Group("Events", 13).Importance(config.Low).Width(config.MediumWidth).
		Label("Customize metric tags").Check(checkTags).
		Doc("Tags for metrics, as key=value,key=value; not supported.")
	d.List(&c.ColumnInclude, "column.include.list").Default(nil).Group("Events", 14).Importance(config.Medium).Width(config.Long).
		Label("Include Columns").Check(checkList).
		Doc("Regular expressions of schema.table.column to capture. Key columns are in the key anyway.")
	d.List(&c.ColumnExclude, "column.exclude.list").Default(nil).Group("Events", 15).Importance(config.Medium).Width(config.Long).
		Label("Exclude Columns").Check(checkList).
		Doc("Regular expressions of schema.table.column not to capture.")
	d.List(&c.TableInclude, "table.include.list").Default(nil).Group("Events", 16).Importance(config.High).Width(config.Long).
		Label("Include Tables").Check(checkList).
		Doc("Regular expressions of schema.table to capture.")
	d.List(&c.TableExclude, "table.exclude.list").Default(nil).Group("Events", 17).Importance(config.Medium).Width(config.Long).
		Label("Exclude Tables").Check(checkList).
		Doc("Regular expressions of schema.table not to capture.")
	d.Bool(&c.IgnoreBuiltin, "table.ignore.builtin").Default(true).Group("Events", 18).Importance(config.Low).Width(config.Short).
		Label("Ignore system databases").Check(checkBool).
		Doc("Leave out the tables of the system.")
	d.List(&c.SchemaInclude, "schema.include.list").Default(nil).Group("Events", 19).Importance(config.High).Width(config.Long).
		Label("Include Schemas").Check(checkList).Dependents("table.include.list").
		Doc("Regular expressions of the schemas to capture.")
	d.List(&c.SchemaExclude, "schema.exclude.list").Default(nil).Group("Events", 20).Importance(config.Medium).Width(config.Long).
		Label("Exclude Schemas").Check(checkList).Recommend(&config.Recommender{Visible: func(string, map[string]string) bool { return false }}).
		Doc("Regular expressions of the schemas not to capture.")
	d.String(&c.KeyColumns, "message.key.columns").Default(nil).Group("Events", 21).Importance(config.Medium).Width(config.Long).
		Label("Columns PK mapping").
		Doc("Columns that make the key in place of the primary key: table:column,column;table2:column.")
	d.String(&c.Overrides, "snapshot.select.statement.overrides").Default(nil).Group("Events", 22).Importance(config.Medium).Width(config.Long).
		Label("List of tables where the default select statement used during snapshotting should be overridden.").
		Doc("Tables (schema.table) whose rows the snapshot reads by a statement of yours, given as snapshot.select.statement.overrides.schema.table. It must return the columns of the table.")
	d.String(nil, "column.mask.hash.([^.]+).with.salt.(.+)").Default(nil).Group("Events", 23).Importance(config.Medium).Width(config.Long).
		Label("Mask Columns Using Hash and Salt").
		Doc("Columns (regular expressions of schema.table.column) whose values are replaced by a salted hash.")
	d.String(nil, "column.mask.with.(d+).chars").Default(nil).Group("Events", 24).Importance(config.Medium).Width(config.None).
		Label("Mask Columns With n Asterisks").
		Doc("Columns (regular expressions of schema.table.column) whose values are replaced by so many asterisks.")
	d.Int(nil, "column.truncate.to.(d+).chars").Default(nil).Group("Events", 25).Importance(config.Medium).Width(config.None).
		Label("Truncate Columns To n Characters").
		Doc("Columns (regular expressions of schema.table.column) whose values are cut to so many characters.")
	d.Bool(nil, "include.schema.comments").Default(false).Group("Events", 26).Importance(config.Medium).Width(config.Short).
		Label("Include Table and Column Comments").Check(checkBool).
		Doc("Read comments of tables and columns.").
		NoEffect("comments are not part of events")
	d.List(nil, "column.propagate.source.type").Default(nil).Group("Events", 27).Importance(config.Medium).Width(config.None).
		Label("Propagate Source Types by Columns").
		Doc("Columns (regular expressions) whose schema says the type they have in the database.")
	d.List(nil, "datatype.propagate.source.type").Default(nil).Group("Events", 28).Importance(config.Medium).Width(config.None).
		Label("Propagate Source Types by Data Type").
		Doc("Types (regular expressions) whose columns say the type they have in the database.")
	d.Bool(nil, "internal.snapshot.scan.all.columns.force").Default(false).Group("Events", 29).Importance(config.Low).Width(config.Short).
		Label("Snapshot force scan all columns of all tables").Check(checkBool).
		Doc("Scan all columns of all tables.").
		NoEffect("only captured columns are read")
	d.String(&c.TableOrder, "snapshot.tables.order.by.row.count").Default("disabled").Group("Events", 30).Importance(config.Medium).Width(config.None).
		Label("Initial snapshot tables order by row count").
		Check(oneOf("disabled", "ascending", "descending")).Recommend(choices("disabled", "ascending", "descending")).
		Doc("Read small (ascending) or large (descending) tables first, by the estimate of the planner.")
	d.String(&c.HeartbeatQuery, "heartbeat.action.query").Default(nil).Group("Events", 31).Importance(config.Low).Width(config.MediumWidth).
		Label("An optional query to execute with every heartbeat").
		Doc("SQL statement to run with every heartbeat.")
	d.Bool(&c.Unknown, "include.unknown.datatypes").Default(false).Group("Events", 32).Importance(config.Medium).Width(config.Short).
		Label("Include unknown datatypes").Check(checkBool).
		Doc("Carry columns of unsupported types as the bytes of their text in place of leaving them out.")
	d.Class(&c.SourceMaker, "sourceinfo.struct.maker").Default("io.debezium.connector.postgresql.PostgresSourceInfoStructMaker").Group("Events", 33).Importance(config.Low).Width(config.MediumWidth).
		Label("Source info struct maker class").
		Doc("Class that makes the source block; only the default is supported.")
	d.String(&c.Delimiter, "topic.delimiter").Default(".").Internal().Doc("Separator of the parts of a topic name.")
	d.String(&c.HeartbeatTopicPrefix, "topic.heartbeat.prefix").Default(nil).Internal().Doc("First part of the name of the heartbeat topic; wins over heartbeat.topics.prefix.")
	d.String(&c.HeartbeatTopic, "topic.heartbeat.name").Default(nil).Internal().Doc("Whole name of the heartbeat topic.")
	d.String(&c.TransactionTopic, "topic.transaction").Default("transaction").Internal().Doc("Last part of the name of the transaction topic.")
	d.Int(nil, "topic.cache.size").Default(10000).Internal().Doc("Topic names to remember; without effect.")
	d.Bool(&c.SkipUnchanged, "skip.messages.without.change").Default(false).Internal().Check(checkBool).Doc("Leave out updates that change no captured column; needs REPLICA IDENTITY FULL.")
	d.Int(&c.MoneyDigits, "money.fraction.digits").Default(2).Internal().Doc("Digits after the point of money values.")
	d.String(&c.MismatchStrategy, "offset.mismatch.strategy").Default("no_validation").Internal().Check(oneOf("no_validation", "trust_offset", "trust_slot", "trust_greater_lsn")).Doc("What to do when the stored position and that of the slot differ.")
	d.String(&c.FieldAdjustment, "field.name.adjustment.mode").Default("none").Internal().Check(oneOf("none", "avro", "avro_unicode")).Doc("How field names are made to fit other formats.")
	d.Bool(&c.ReadOnly, "read.only").Default(false).Internal().Check(checkBool).Doc("Never write to the database; only incremental snapshots would.")
}
