package postgres

import "github.com/leat-project/leat/connect/config"

// readConfig holds the keys of group Connector: reading, snapshots and value formats.
type readConfig struct {
	EventFailure      string
	BatchSize         int
	QueueSize         int
	PollInterval      int64
	QueueBytes        int64
	TxMetadata        bool
	SnapshotDelay     int64
	StreamingDelay    int64
	SnapshotTables    []string
	SnapshotCustom    string
	BasedData         bool
	BasedSchema       bool
	BasedStream       bool
	BasedOnDataError  bool
	RestartWait       int64
	MaxRetries        int
	PositionCheck     bool
	ValidationTimeout int64
	OpenLineage       bool
	ExtendedHeaders   bool
	GuardrailMax      int
	GuardrailAction   string
	Decimals          string
	Times             string
	LockTimeout       int64
	SnapshotMode      string
	QueryMode         string
	QueryCustom       string
	LockingCustom     string
	Locking           string
	Hstore            string
	Binaries          string
	Adjustment        string
	Intervals         string
	Placeholder       string
	MessageInclude    []string
	MessageExclude    []string
	ViaRoot           bool
}

func (c *readConfig) define(d *config.Def) {
	d.String(&c.EventFailure, "event.processing.failure.handling.mode").Default("fail").Group("Connector", 1).Importance(config.Medium).Width(config.Short).
		Label("Event deserialization failure handling").
		Check(oneOf("warn", "fail", "ignore", "skip")).Recommend(choices("warn", "fail", "ignore", "skip")).
		Doc("What a change that cannot be decoded means: fail the task, or leave the change out with a warning (warn) or without (skip, ignore).")
	d.Int(&c.BatchSize, "max.batch.size").Default(2048).Group("Connector", 2).Importance(config.Medium).Width(config.Short).
		Label("Change event batch size").Check(checkPositive).
		Doc("Largest number of records of one poll.")
	d.Int(&c.QueueSize, "max.queue.size").Default(8192).Group("Connector", 3).Importance(config.Medium).Width(config.Short).
		Label("Change event buffer size").Check(checkNumber).
		Doc("Largest number of changes read ahead. It must be larger than max.batch.size.")
	d.Long(&c.PollInterval, "poll.interval.ms").Default(500).Group("Connector", 4).Importance(config.Medium).Width(config.Short).
		Label("Poll interval (ms)").Check(checkPositive).
		Doc("Longest time in milliseconds that a poll without changes waits. Changes are passed on at once.")
	d.Long(&c.QueueBytes, "max.queue.size.in.bytes").Default(0).Group("Connector", 5).Importance(config.Medium).Width(config.Long).
		Label("Change event buffer size in bytes").
		Doc("Largest number of bytes read ahead; 0 leaves it to the worker.")
	d.Bool(&c.TxMetadata, "provide.transaction.metadata").Default(false).Group("Connector", 6).Importance(config.Low).Width(config.Short).
		Label("Store transaction metadata information in a dedicated topic.").Check(checkBool).
		Doc("Emit the begin and end of transactions to a topic and number the events of a transaction.")
	d.Long(&c.SnapshotDelay, "snapshot.delay.ms").Default(0).Group("Connector", 7).Importance(config.Low).Width(config.MediumWidth).
		Label("Snapshot Delay (milliseconds)").
		Doc("Pause in milliseconds before the snapshot.")
	d.Long(&c.StreamingDelay, "streaming.delay.ms").Default(0).Group("Connector", 8).Importance(config.Low).Width(config.MediumWidth).
		Label("Streaming Delay (milliseconds)").
		Doc("Pause in milliseconds between a finished snapshot and the stream.")
	d.List(&c.SnapshotTables, "snapshot.include.collection.list").Default(nil).Group("Connector", 9).Importance(config.Medium).Width(config.Long).
		Label("Snapshot mode include data collection").Check(checkList).
		Doc("Regular expressions of the captured tables that are read by the snapshot; all when not set.")
	d.Int(nil, "snapshot.fetch.size").Default(nil).Group("Connector", 10).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot fetch size").Check(checkNotNegative).
		Doc("Rows a fetch of the snapshot.").
		NoEffect("the snapshot reads by COPY, which streams")
	d.Int(nil, "snapshot.max.threads").Default(1).Group("Connector", 11).Importance(config.Medium).Width(config.Short).
		Label("Snapshot maximum threads").
		Doc("Connections that read the snapshot.").
		NoEffect("one COPY keeps the connector busy")
	d.Int(nil, "snapshot.max.threads.multiplier").Default(1).Group("Connector", 12).Importance(config.Medium).Width(config.Short).
		Label("Snapshot maximum thread multiplier").
		Doc("Chunks a table and connection.").
		NoEffect("the snapshot reads by one COPY")
	d.Bool(nil, "internal.legacy.snapshot.max.threads").Default(false).Group("Connector", 13).Importance(config.Low).Width(config.Short).
		Label("Enforces using a single thread per table regardless of table size").Check(checkBool).
		Doc("Chunking of the snapshot.").
		NoEffect("the snapshot reads by one COPY")
	d.String(&c.SnapshotCustom, "snapshot.mode.custom.name").Default(nil).Group("Connector", 14).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot Mode Custom Name").
		Doc("Name of a Java class for snapshot.mode=custom; not supported.")
	d.Bool(&c.BasedData, "snapshot.mode.configuration.based.snapshot.data").Default(false).Group("Connector", 15).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot mode property based snapshot data").Check(checkBool).
		Doc("With snapshot.mode=configuration_based: read the rows.")
	d.Bool(&c.BasedSchema, "snapshot.mode.configuration.based.snapshot.schema").Default(false).Group("Connector", 16).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot mode property based snapshot schema").Check(checkBool).
		Doc("With snapshot.mode=configuration_based: read the schemas, which happens anyway.").
		NoEffect("schemas are always read")
	d.Bool(&c.BasedStream, "snapshot.mode.configuration.based.start.stream").Default(false).Group("Connector", 17).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot mode property based start stream").Check(checkBool).
		Doc("With snapshot.mode=configuration_based: stream after the snapshot.")
	d.Bool(nil, "snapshot.mode.configuration.based.snapshot.on.schema.error").Default(false).Group("Connector", 18).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot mode property based snapshot on schema error").Check(checkBool).
		Doc("With snapshot.mode=configuration_based: snapshot again when schemas are lost, which PostgreSQL never needs.").
		NoEffect("PostgreSQL has no schema history that could be lost")
	d.Bool(&c.BasedOnDataError, "snapshot.mode.configuration.based.snapshot.on.data.error").Default(false).Group("Connector", 19).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot mode property based snapshot on data error").Check(checkBool).
		Doc("With snapshot.mode=configuration_based: snapshot again when the stored position is no longer in the log.")
	d.Long(&c.RestartWait, "retriable.restart.connector.wait.ms").Default(10000).Group("Connector", 20).Importance(config.Low).Width(config.MediumWidth).
		Label("Retriable restart wait (ms)").
		Doc("Longest pause in milliseconds before a lost connection is opened again. The first tries come sooner.")
	d.Int(nil, "query.fetch.size").Default(0).Group("Connector", 21).Importance(config.Medium).Width(config.MediumWidth).
		Label("Query fetch size").
		Doc("Rows a fetch of queries.").
		NoEffect("queries stream their rows")
	d.Int(&c.MaxRetries, "errors.max.retries").Default(-1).Group("Connector", 22).Importance(config.Low).Width(config.MediumWidth).
		Label("The maximum number of retries").
		Doc("How often in a row to reconnect before the task fails; -1 means without end, 0 never.")
	d.String(nil, "incremental.snapshot.watermarking.strategy").Default("INSERT_INSERT").Group("Connector", 23).Importance(config.Low).Width(config.MediumWidth).
		Label("Incremental snapshot watermarking strategy").
		Check(oneOf("insert_delete", "insert_insert")).Recommend(choices("insert_delete", "insert_insert")).
		Doc("How incremental snapshots mark their chunks.").
		NoEffect("incremental snapshots are not supported")
	d.Bool(&c.PositionCheck, "internal.log.position.check.enable").Default(true).Group("Connector", 24).Importance(config.Medium).Width(config.MediumWidth).
		Label("Enable/Disable log position check").Check(checkBool).
		Doc("Check at start that the stored position is still in the log.")
	d.Bool(nil, "internal.advanced.metrics.enable").Default(false).Group("Connector", 25).Importance(config.Medium).Width(config.MediumWidth).
		Label("Enable/Disable advance metrics").Check(checkBool).
		Doc("More metrics.").
		NoEffect("there are no further metrics")
	d.Long(&c.ValidationTimeout, "connection.validation.timeout.ms").Default(60000).Group("Connector", 26).Importance(config.Low).Width(config.Short).
		Label("Connection validation timeout (ms)").
		Doc("Longest time in milliseconds that checking the connection may take.")
	d.Long(nil, "executor.shutdown.timeout.ms").Default(4000).Group("Connector", 27).Importance(config.Medium).Width(config.MediumWidth).
		Label("Executor shutdown timeout (ms)").
		Doc("Longest time in milliseconds to wait for threads at stop.").
		NoEffect("task.shutdown.graceful.timeout.ms of the worker decides")
	d.Bool(&c.OpenLineage, "openlineage.integration.enabled").Default(false).Group("Connector", 28).Importance(config.Low).Width(config.Short).
		Label("Enables OpenLineage integration").Check(checkBool).
		Doc("Emit OpenLineage events; not supported.")
	d.String(nil, "openlineage.integration.config.file.path").Default("./openlineage.yml").Group("Connector", 29).Importance(config.Low).Width(config.Long).
		Label("Path to OpenLineage file configuration").
		Doc("OpenLineage configuration file.").
		NoEffect("OpenLineage is not supported")
	d.String(nil, "openlineage.integration.job.namespace").Default(nil).Group("Connector", 30).Importance(config.Low).Width(config.Long).
		Label("Namespace used for Debezium job").
		Doc("OpenLineage namespace of the job.").
		NoEffect("OpenLineage is not supported")
	d.String(nil, "openlineage.integration.job.description").Default("Debezium change data capture job").Group("Connector", 31).Importance(config.Low).Width(config.Long).
		Label("Description used for Debezium job").
		Doc("OpenLineage description of the job.").
		NoEffect("OpenLineage is not supported")
	d.List(nil, "openlineage.integration.job.tags").Default(nil).Group("Connector", 32).Importance(config.Low).Width(config.Long).
		Label("Debezium job tags").
		Doc("OpenLineage tags of the job.").
		NoEffect("OpenLineage is not supported")
	d.List(nil, "openlineage.integration.job.owners").Default(nil).Group("Connector", 33).Importance(config.Low).Width(config.Long).
		Label("Debezium job owners").
		Doc("OpenLineage owners of the job.").
		NoEffect("OpenLineage is not supported")
	d.String(nil, "openlineage.integration.dataset.kafka.bootstrap.servers").Default(nil).Group("Connector", 34).Importance(config.Low).Width(config.Long).
		Label("Kafka bootstrap server used in Kafka Connect deployment").
		Doc("Kafka servers named in OpenLineage datasets.").
		NoEffect("OpenLineage is not supported")
	d.Bool(&c.ExtendedHeaders, "extended.headers.enabled").Default(true).Group("Connector", 35).Importance(config.Low).Width(config.Short).
		Label("Enable/Disable extended headers").Check(checkBool).
		Doc("Give records headers that name the connector, the task and the run.")
	d.Int(&c.GuardrailMax, "guardrail.collections.max").Default(0).Group("Connector", 36).Importance(config.Medium).Width(config.Short).
		Label("Maximum number of collections or tables").
		Doc("Largest number of captured tables; 0 means no bound.")
	d.String(&c.GuardrailAction, "guardrail.collections.limit.action").Default("warn").Group("Connector", 37).Importance(config.Medium).Width(config.Short).
		Label("Guardrail collections limit action").
		Check(oneOf("warn", "fail")).Recommend(choices("warn", "fail")).
		Doc("What more tables than guardrail.collections.max mean: a warning or a failure.")
	d.String(nil, "custom.sanitize.pattern").Default(`.*secret$|.*password$|.*sasl\.jaas\.config$|.*basic\.auth\.user\.info|.*registry\.auth\.client-secret`).Group("Connector", 38).Importance(config.Low).Width(config.Long).
		Label("Custom pattern for masking sensitive configuration").
		Doc("Regular expression of keys whose values are hidden in logs. Values of the configuration are never logged here.").
		NoEffect("values of a configuration are never logged")
	d.String(&c.Decimals, "decimal.handling.mode").Default("precise").Group("Connector", 39).Importance(config.Medium).Width(config.Short).
		Label("Decimal Handling").
		Check(oneOf("string", "double", "precise")).Recommend(choices("string", "double", "precise")).
		Doc("How numeric and money values look: precise (exact, as bytes), double or string.")
	d.String(&c.Times, "time.precision.mode").Default("adaptive").Group("Connector", 40).Importance(config.Medium).Width(config.Short).
		Label("Time Precision").
		Check(oneOf("adaptive", "adaptive_time_microseconds", "isostring", "microseconds", "nanoseconds", "connect")).Recommend(choices("adaptive", "adaptive_time_microseconds", "isostring", "microseconds", "nanoseconds", "connect")).
		Doc("How temporal values look: adaptive, adaptive_time_microseconds, connect, isostring, microseconds or nanoseconds.")
	d.Long(&c.LockTimeout, "snapshot.lock.timeout.ms").Default(10000).Group("Connector", 41).Importance(config.Medium).Width(config.Long).
		Label("Snapshot lock timeout (ms)").
		Doc("Longest time in milliseconds to wait for table locks (snapshot.locking.mode=shared).")
	d.String(&c.SnapshotMode, "snapshot.mode").Default("initial").Group("Connector", 42).Importance(config.Medium).Width(config.Short).
		Label("Snapshot mode").
		Check(oneOf("always", "initial_only", "configuration_based", "when_needed", "initial", "custom", "no_data")).Recommend(choices("always", "initial_only", "configuration_based", "when_needed", "initial", "custom", "no_data")).
		Doc("When to read all rows: initial (unless a snapshot was completed), initial_only (and do not stream), always, no_data, when_needed (also when the stored position is lost) or configuration_based.")
	d.String(nil, "snapshot.isolation.mode").Default("serializable").Group("Connector", 43).Importance(config.Low).Width(config.Short).
		Label("Snapshot isolation mode").
		Check(oneOf("read_uncommitted", "repeatable_read", "read_committed", "serializable")).Recommend(choices("read_uncommitted", "repeatable_read", "read_committed", "serializable")).
		Doc("Isolation of the snapshot. It is always one REPEATABLE READ snapshot, which satisfies every mode PostgreSQL tells apart for a reader.").
		NoEffect("the snapshot is one REPEATABLE READ transaction, which keeps what every mode asks of a reader")
	d.String(&c.QueryMode, "snapshot.query.mode").Default("select_all").Group("Connector", 44).Importance(config.Low).Width(config.Short).
		Label("Snapshot query mode").
		Check(oneOf("custom", "select_all")).Recommend(choices("custom", "select_all")).
		Doc("How rows are selected: select_all. custom, a Java class, is not supported.")
	d.String(&c.QueryCustom, "snapshot.query.mode.custom.name").Default(nil).Group("Connector", 45).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot Query Mode Custom Name").
		Doc("Name of a Java class for snapshot.query.mode=custom; not supported.")
	d.String(&c.LockingCustom, "snapshot.locking.mode.custom.name").Default(nil).Group("Connector", 46).Importance(config.Medium).Width(config.MediumWidth).
		Label("Snapshot Locking Mode Custom Name").
		Doc("Name of a Java class for snapshot.locking.mode=custom; not supported.")
	d.String(&c.Locking, "snapshot.locking.mode").Default("none").Group("Connector", 47).Importance(config.Low).Width(config.Short).
		Label("Snapshot locking mode").
		Check(oneOf("shared", "custom", "none")).Recommend(choices("shared", "custom", "none")).
		Doc("Whether the snapshot locks the tables: none, or shared (ACCESS SHARE, which keeps DDL out).")
	d.String(&c.Hstore, "hstore.handling.mode").Default("json").Group("Connector", 48).Importance(config.Low).Width(config.MediumWidth).
		Label("HStore Handling").
		Check(oneOf("json", "map")).Recommend(choices("json", "map")).
		Doc("How hstore values look: json or map.")
	d.String(&c.Binaries, "binary.handling.mode").Default("bytes").Group("Connector", 49).Importance(config.Low).Width(config.MediumWidth).
		Label("Binary Handling").
		Check(oneOf("bytes", "base64", "hex", "base64-url-safe")).Recommend(choices("bytes", "base64", "hex", "base64-url-safe")).
		Doc("How bytea values look: bytes, base64, base64-url-safe or hex.")
	d.String(&c.Adjustment, "schema.name.adjustment.mode").Default("none").Group("Connector", 50).Importance(config.Low).Width(config.MediumWidth).
		Label("Schema Name Adjustment").
		Check(oneOf("none", "avro_unicode", "avro")).Recommend(choices("none", "avro_unicode", "avro")).
		Doc("How schema names are made to fit other formats: none, avro or avro_unicode.")
	d.String(&c.Intervals, "interval.handling.mode").Default("numeric").Group("Connector", 51).Importance(config.Low).Width(config.MediumWidth).
		Label("Interval Handling").
		Check(oneOf("string", "numeric")).Recommend(choices("string", "numeric")).
		Doc("How interval values look: numeric (microseconds) or string (ISO 8601).")
	d.String(nil, "schema.refresh.mode").Default("columns_diff").Group("Connector", 52).Importance(config.Medium).Width(config.Short).
		Label("Schema refresh mode").
		Check(oneOf("columns_diff", "columns_diff_exclude_unchanged_toast")).Recommend(choices("columns_diff", "columns_diff_exclude_unchanged_toast")).
		Doc("When table schemas are read again: whenever the stream says that a table changed.").
		NoEffect("pgoutput announces a changed table before its rows")
	d.Int(nil, "incremental.snapshot.chunk.size").Default(1024).Group("Connector", 53).Importance(config.Medium).Width(config.MediumWidth).
		Label("Incremental snapshot chunk size").
		Doc("Rows a chunk of an incremental snapshot.").
		NoEffect("incremental snapshots are not supported")
	d.String(&c.Placeholder, "unavailable.value.placeholder").Default("__debezium_unavailable_value").Group("Connector", 54).Importance(config.Medium).Width(config.MediumWidth).
		Label("Unavailable value placeholder").
		Doc("Text in place of a large value that an update did not touch and the server did not send; hex: starts a value in hexadecimal.")
	d.List(&c.MessageInclude, "message.prefix.include.list").Default(nil).Group("Connector", 55).Importance(config.Medium).Width(config.Long).
		Label("Include Logical Decoding Message Prefixes").Check(checkList).
		Doc("Regular expressions of the prefixes of logical messages to emit.")
	d.List(&c.MessageExclude, "message.prefix.exclude.list").Default(nil).Group("Connector", 56).Importance(config.Medium).Width(config.Long).
		Label("Exclude Logical Decoding Message Prefixes").Check(checkList).
		Doc("Regular expressions of the prefixes of logical messages to leave out.")
	d.Bool(&c.ViaRoot, "publish.via.partition.root").Default(false).Group("Connector", 57).Importance(config.Medium).Width(config.Short).
		Label("Publish via partition root").Check(checkBool).
		Doc("Create the publication so that changes of partitions appear under the partitioned table.")
}
