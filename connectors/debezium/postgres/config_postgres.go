package postgres

import "github.com/leat-project/leat/connect/config"

// serverConfig holds the keys of group Postgres: the connection, the slot and the publication.
type serverConfig struct {
	Prefix            string
	Host              string
	Port              int
	User              string
	Password          config.Secret
	Database          string
	QueryTimeout      int
	Plugin            string
	Slot              string
	Publication       string
	PublicationMode   string
	ReplicaIdentities string
	DropSlot          bool
	Failover          bool
	StreamParams      string
	InitialStatements string
	SSLMode           string
	SSLCert           string
	SSLPassword       config.Secret
	SSLRootCert       string
	SSLKey            string
	SlotRetries       int
	SlotRetryDelay    int64
	SSLFactory        string
	StatusInterval    int
	FlushTimeout      int64
	FlushAction       string
	KeepAlive         bool
	XminInterval      int64
	FlushMode         string
	FlushSource       bool
}

func (c *serverConfig) define(d *config.Def) {
	d.String(&c.Prefix, "topic.prefix").Default(nil).Group("Postgres", 1).Importance(config.High).Width(config.MediumWidth).
		Label("Topic prefix").Check(config.FieldRequired).Check(checkPrefix).
		Doc("Logical name of the server: the first part of every topic and the name under which positions are stored. Never change it.")
	d.String(&c.Host, "database.hostname").Default(nil).Group("Postgres", 2).Importance(config.High).Width(config.MediumWidth).
		Label("Hostname").Check(config.FieldRequired).Check(checkHost).
		Doc("Host name or address of the PostgreSQL server.")
	d.Int(&c.Port, "database.port").Default(5432).Group("Postgres", 3).Importance(config.High).Width(config.Short).
		Label("Port").
		Doc("Port of the PostgreSQL server.")
	d.String(&c.User, "database.user").Default(nil).Group("Postgres", 4).Importance(config.High).Width(config.Short).
		Label("User").Check(config.FieldRequired).
		Doc("User to log in as. It needs the LOGIN and REPLICATION attributes and SELECT on the captured tables.")
	d.Password(&c.Password, "database.password").Default(nil).Group("Postgres", 5).Importance(config.High).Width(config.Short).
		Label("Password").
		Doc("Password of the user.")
	d.String(&c.Database, "database.dbname").Default(nil).Group("Postgres", 6).Importance(config.High).Width(config.MediumWidth).
		Label("Database").Check(config.FieldRequired).
		Doc("Database whose tables are captured.")
	d.Int(&c.QueryTimeout, "database.query.timeout.ms").Default(600000).Group("Postgres", 7).Importance(config.Low).Width(config.None).
		Label("Query timeout").
		Doc("Longest time in milliseconds that a query of the catalog may take; 0 means no bound. Snapshot reads are not bounded.")
	d.String(&c.Plugin, "plugin.name").Default("decoderbufs").Group("Postgres", 8).Importance(config.Medium).Width(config.MediumWidth).
		Label("Plugin").
		Check(oneOf("decoderbufs", "pgoutput")).Recommend(choices("decoderbufs", "pgoutput")).
		Doc("Output plugin of the server. Only pgoutput, which every PostgreSQL has built in, is supported; it is also used when this key is not set.")
	d.String(&c.Slot, "slot.name").Default("debezium").Group("Postgres", 9).Importance(config.Medium).Width(config.MediumWidth).
		Label("Slot").Check(checkSlot).
		Doc("Replication slot: lower case letters, digits and underscores, at most 63. It is created when it does not exist.")
	d.String(&c.Publication, "publication.name").Default("dbz_publication").Group("Postgres", 10).Importance(config.Medium).Width(config.MediumWidth).
		Label("Publication").
		Doc("Publication that pgoutput streams.")
	d.String(&c.PublicationMode, "publication.autocreate.mode").Default("all_tables").Group("Postgres", 11).Importance(config.Medium).Width(config.MediumWidth).
		Label("Publication Auto Create Mode").
		Check(oneOf("no_tables", "filtered", "disabled", "all_tables")).Recommend(choices("no_tables", "filtered", "disabled", "all_tables")).
		Doc("Who creates the publication: all_tables (FOR ALL TABLES, needs a superuser), filtered (exactly the captured tables), no_tables (an empty one), disabled (it must exist).")
	d.String(&c.ReplicaIdentities, "replica.identity.autoset.values").Default(nil).Group("Postgres", 12).Importance(config.Medium).Width(config.Long).
		Label("Replica Identity Auto Set Values").
		Doc("Replica identities to set at start, as schema.table regular expressions: table:FULL,table2:INDEX name. Values are DEFAULT, FULL, NOTHING and INDEX.")
	d.Bool(&c.DropSlot, "slot.drop.on.stop").Default(false).Group("Postgres", 13).Importance(config.Medium).Width(config.None).
		Label("Drop slot on stop").Check(checkBool).
		Doc("Drop the slot when the task stops. Changes made meanwhile are then lost; for tests only.")
	d.Bool(&c.Failover, "slot.failover").Default(false).Group("Postgres", 14).Importance(config.Medium).Width(config.None).
		Label("Create failover slot").Check(checkBool).
		Doc("Create the slot with FAILOVER, so that standbys keep it (PostgreSQL 17 and later).")
	d.String(&c.StreamParams, "slot.stream.params").Default(nil).Group("Postgres", 15).Importance(config.Low).Width(config.Long).
		Label("Optional parameters to pass to the logical decoder when the stream is started.").
		Doc("More options for pgoutput, as name=value;name=value.")
	d.String(&c.InitialStatements, "database.initial.statements").Default(nil).Group("Postgres", 16).Importance(config.Low).Width(config.Long).
		Label("Initial statements").
		Doc("SQL statements to run on every ordinary connection, separated by semicolons; two semicolons stand for one.")
	d.String(&c.SSLMode, "database.sslmode").Default("prefer").Group("Postgres", 17).Importance(config.Medium).Width(config.MediumWidth).
		Label("SSL mode").
		Check(oneOf("allow", "prefer", "disable", "verify-ca", "require", "verify-full")).Recommend(choices("allow", "prefer", "disable", "verify-ca", "require", "verify-full")).
		Doc("Whether to use TLS and what to verify: disable, allow, prefer, require, verify-ca, verify-full.")
	d.String(&c.SSLCert, "database.sslcert").Default(nil).Group("Postgres", 18).Importance(config.Medium).Width(config.Long).
		Label("SSL Client Certificate").
		Doc("File with the client certificate (PEM).")
	d.Password(&c.SSLPassword, "database.sslpassword").Default(nil).Group("Postgres", 19).Importance(config.Medium).Width(config.MediumWidth).
		Label("SSL Client Key Password").
		Doc("Password of the client key.")
	d.String(&c.SSLRootCert, "database.sslrootcert").Default(nil).Group("Postgres", 20).Importance(config.Medium).Width(config.Long).
		Label("SSL Root Certificate").
		Doc("File with the certificates that the server is verified against (PEM).")
	d.String(&c.SSLKey, "database.sslkey").Default(nil).Group("Postgres", 21).Importance(config.Medium).Width(config.Long).
		Label("SSL Client Key").
		Doc("File with the client key (PEM).")
	d.Int(&c.SlotRetries, "slot.max.retries").Default(6).Group("Postgres", 22).Importance(config.Low).Width(config.None).
		Label("Retry count").
		Doc("How often to try again when the slot is in use by another connection.")
	d.Long(&c.SlotRetryDelay, "slot.retry.delay.ms").Default(10000).Group("Postgres", 23).Importance(config.Low).Width(config.None).
		Label("Retry delay").
		Doc("Pause in milliseconds between these tries.")
	d.String(&c.SSLFactory, "database.sslfactory").Default(nil).Group("Postgres", 24).Importance(config.Medium).Width(config.Long).
		Label("SSL Root Certificate").
		Doc("A Java class for TLS sockets; not supported.")
	d.Int(&c.StatusInterval, "status.update.interval.ms").Default(10000).Group("Postgres", 25).Importance(config.Medium).Width(config.Short).
		Label("Status update interval (ms)").
		Doc("Longest time in milliseconds between two status messages to the server.")
	d.Long(&c.FlushTimeout, "lsn.flush.timeout.ms").Default(30000).Group("Postgres", 26).Importance(config.Medium).Width(config.Short).
		Label("LSN flush timeout (ms)").
		Doc("Longest time in milliseconds that confirming a position to the server may take.")
	d.String(&c.FlushAction, "lsn.flush.timeout.action").Default("fail").Group("Postgres", 27).Importance(config.Medium).Width(config.MediumWidth).
		Label("LSN flush timeout action").
		Check(oneOf("fail", "warn", "ignore")).Recommend(choices("fail", "warn", "ignore")).
		Doc("What a confirmation that takes longer means: fail the task, or reconnect with a warning (warn) or without (ignore).")
	d.Bool(&c.KeepAlive, "database.tcpKeepAlive").Default(true).Group("Postgres", 28).Importance(config.Medium).Width(config.Short).
		Label("TCP keep-alive probe").Check(checkBool).
		Doc("Use TCP keep-alive probes.")
	d.Long(&c.XminInterval, "xmin.fetch.interval.ms").Default(0).Group("Postgres", 29).Importance(config.Medium).Width(config.Short).
		Label("Xmin fetch interval (ms)").
		Doc("How often in milliseconds to read the xmin of the slot for source.xmin; 0 means never.")
	d.List(nil, "skipped.operations").Default("t").Group("Postgres", 30).Importance(config.Low).Width(config.Short).
		Label("Skipped Operations").Check(checkOperations).
		Doc("Operations that are not emitted: c, u, d, t; none skips nothing.")
	d.String(&c.FlushMode, "lsn.flush.mode").Default(nil).Group("Postgres", 31).Importance(config.Low).Width(config.Short).
		Label("LSN flush mode").
		Check(oneOf("connector_and_driver", "connector", "manual")).Recommend(choices("connector_and_driver", "connector", "manual")).
		Doc("Who confirms positions to the server: connector (once the records are stored), connector_and_driver (the same; positions without captured changes are always confirmed) or manual (nobody: the log grows until you do).")
	d.Bool(&c.FlushSource, "flush.lsn.source").Default(true).Group("Postgres", 32).Importance(config.Low).Width(config.Short).
		Label("Boolean to determine if Debezium should flush LSN in the source database").Check(checkBool).Check(checkBool).
		Doc("Older form of lsn.flush.mode: false means manual.")
}
