package jdbc

import (
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

const (
	debeziumClass   = "io.debezium.connector.jdbc.JdbcSinkConnector"
	debeziumVersion = "3.5.0.Final"
)

// debezium is the configuration of Debezium's class.
type debezium struct {
	url, user                                 string
	password                                  config.Secret
	insertMode, keyMode, keyFields, evolution string
	delete, truncate, quote                   bool
	nameFormat, oldNameFormat                 string
	naming, oldNaming, columnNaming           string
	tableFormat                               string
	zone, oldZone                             string
	postgis                                   string
	identityInsert                            bool
	batch                                     int
	include, exclude                          []string
	maxRetries                                int
	retryDelay                                int64
	cloudEvents                               string
}

const (
	defaultCollectionNaming = "io.debezium.sink.naming.DefaultCollectionNamingStrategy"
	passCollectionNaming    = "io.debezium.sink.naming.PassthroughCollectionNamingStrategy"
	oldCollectionNaming     = "io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy"
	defaultColumnNaming     = "io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy"
)

// Define declares the keys of io.debezium.connector.jdbc.JdbcSinkConnectorConfig.
func (c *debezium) Define(d *config.Def) {
	order := 0
	key := func(k *config.Key, label string, w config.Width, imp config.Importance) *config.Key {
		order++
		return k.Group("Connector", order).Label(label).Width(w).Importance(imp)
	}
	// An older name takes the place of its successor.
	alias := func(k *config.Key, of *config.Key) *config.Key {
		return k.Group("Connector", of.OrderNum).Label(of.DisplayName).Width(of.WidthVal).Importance(of.Imp).
			Doc("Older name of " + of.Name + ", which wins where both are set.")
	}
	key(d.String(&c.url, "connection.url"), "Hostname", config.Long, config.High).Default(nil).
		Doc("JDBC URL of the PostgreSQL database, jdbc:postgresql://host:5432/database?parameter=value.")
	key(d.String(&c.user, "connection.username"), "User", config.Short, config.High).Default(nil).
		Doc("User of the database; wins over the URL's.")
	key(d.Password(&c.password, "connection.password"), "Password", config.Short, config.High).Default(nil).
		Doc("Password of the user; wins over the URL's.")
	key(d.Int(nil, "connection.pool.min_size"), "Connection pool minimum size", config.Short, config.Low).Default(5).
		Doc("Connections that are kept open.").
		NoEffect("a task holds one connection")
	key(d.Int(nil, "connection.pool.max_size"), "Connection pool maximum size", config.Short, config.Low).Default(32).
		Doc("Connections that may be open.").
		NoEffect("a task holds one connection")
	key(d.Int(nil, "connection.pool.acquire_increment"), "Connection pool acquire increment", config.Short, config.Low).Default(32).
		Doc("Connections that are opened at a time.").
		NoEffect("a task holds one connection")
	key(d.Long(nil, "connection.pool.timeout"), "Connection pool timeout", config.Short, config.Low).Default(1800).
		Doc("Seconds that an idle connection is kept.").
		NoEffect("a task holds one connection")
	key(d.String(&c.insertMode, "insert.mode"), "The insertion mode to use", config.Short, config.Low).Default("insert").
		Doc("What is done with a row: insert, upsert (insert, or update the row of the same key) or update.")
	key(d.Bool(&c.delete, "delete.enabled"), "Controls whether records can be deleted by the connector", config.Short, config.Low).Default(false).
		Doc("Whether delete events and tombstones delete rows. Needs a primary.key.mode that gives the row's key.")
	key(d.Bool(&c.truncate, "truncate.enabled"), "Controls whether tables can be truncated by the connector", config.Short, config.Low).Default(false).
		Doc("Whether truncate events empty the table.")
	format := key(d.String(&c.nameFormat, "collection.name.format"), "A format string for the collection name", config.MediumWidth, config.Medium).
		Default("${topic}").Doc("Name of the table: ${topic} is the topic with dots as underscores, ${source.field} a field of the event's source block.")
	alias(d.String(&c.oldNameFormat, "table.name.format"), format).Default("${topic}")
	key(d.String(&c.keyMode, "primary.key.mode"), "Primary key mode", config.Short, config.High).Default("none").
		Doc("Where the primary key comes from: none, kafka (topic, partition and offset), record_key, record_value or record_header.")
	key(d.String(&c.keyFields, "primary.key.fields"), "Comma-separated list of primary key field names", config.MediumWidth, config.Low).Default(nil).
		Doc("Fields that make up the primary key, all if empty; the column's name where the record key is a single value.")
	key(d.String(&c.evolution, "schema.evolution"), "Controls how schema evolution is handled by the sink connector", config.Short, config.Low).Default("none").
		Doc("none, or basic: create missing tables and add missing columns.")
	key(d.Bool(&c.quote, "quote.identifiers"), "Controls whether table, column, or other identifiers are quoted", config.Short, config.Low).Default(false).
		Doc("Whether names keep their case; without, they are folded to lower case as PostgreSQL does.")
	naming := key(d.Class(&c.naming, "collection.naming.strategy"), "CollectionNamingStrategy class", config.Long, config.Low).
		Default(defaultCollectionNaming).Doc("How the table's name is made; the default class or " + passCollectionNaming + ", which keeps the topic's dots.")
	alias(d.Class(&c.oldNaming, "table.naming.strategy"), naming).Default(defaultCollectionNaming)
	key(d.Class(&c.columnNaming, "column.naming.strategy"), "Name of the strategy class that implements the ColumnNamingStrategy interface", config.Long, config.Low).
		Default(defaultColumnNaming).Doc("How a column's name is made; only the default class is built in.")
	key(d.String(&c.tableFormat, "collection.table.format"), "Format string using table name", config.Long, config.Medium).Default("${table}").
		Doc("Only the default is supported; use collection.name.format with ${source.schema} and ${source.table}.")
	zone := key(d.String(&c.zone, "use.time.zone"), "The timezone used when inserting temporal values.", config.Short, config.Medium).Default("UTC").
		Doc("Time zone of columns without one, for values that have a zone.")
	alias(d.String(&c.oldZone, "database.time_zone"), zone).Default("UTC")
	key(d.String(&c.postgis, "dialect.postgres.postgis.schema"), "Name of the schema where postgis extension is installed", config.Long, config.Low).Default("public").
		Doc("Schema of the postgis extension, for columns the sink creates.")
	key(d.Bool(nil, "dialect.postgres.unnest.insert.enabled"), "Enable UNNEST-based batch inserts for PostgreSQL", config.Short, config.Medium).Default(false).
		Doc("Write rows by unnest.").
		NoEffect("rows are always written in bulk, by COPY or unnest, whichever is quicker")
	key(d.Bool(&c.identityInsert, "dialect.sqlserver.identity.insert"), "Allowing to insert explicit value for identity column in table for SQLSERVER.", config.Short, config.Low).Default(false).
		Doc("Concerns SQL Server only.")
	key(d.Int(&c.batch, "batch.size"), "Specifies how many records to attempt to batch together into the destination table, when possible. You can also configure the connector\u2019s underlying consumer\u2019s max.poll.records using consumer.override.max.poll.records in the connector configuration.", config.Short, config.Medium).Default(500).
		Doc("Records written in one transaction. More are taken while the database is busy, up to several thousand; one bad record never takes others with it.")
	key(d.List(&c.include, "field.include.list"), "Include Fields", config.Long, config.Medium).Default(nil).
		Doc("Fields to write, as field or topic:field; all if empty.")
	key(d.List(&c.exclude, "field.exclude.list"), "Exclude Fields", config.Long, config.Medium).Default(nil).
		Doc("Fields to leave out, as field or topic:field.")
	key(d.Int(&c.maxRetries, "flush.max.retries"), "Max retry count", config.Short, config.Low).Default(5).
		Doc("How often a write is tried again after an error that may pass, such as a lost connection, before the task fails.")
	key(d.Long(&c.retryDelay, "flush.retry.delay.ms"), "Delay to retry flush", config.Short, config.Low).Default(1000).
		Doc("Pause before each retry, in milliseconds.")
	key(d.Bool(nil, "connection.restart.on.errors"), "Restart connection on errors", config.Short, config.Low).Default(false).
		Doc("Connect again after errors of the connection.").
		NoEffect("a lost connection is always opened again, as offsets are committed only behind the database")
	key(d.String(&c.cloudEvents, "cloud.events.schema.name.pattern"), "CloudEvents messages schema name pattern", config.Long, config.Low).
		Default(`.*CloudEvents\.Envelope$`).Doc("Only the default is supported: CloudEvents messages are not unwrapped.")
}

// settings turns the configuration into what the task needs.
func (c *debezium) settings(props map[string]string) (*settings, error) {
	if err := config.Parse(c, props); err != nil {
		return nil, connect.ConfigErrorf("%w", err)
	}
	s := &settings{connector: props["name"], delete: c.delete, truncate: c.truncate, batch: c.batch, maxRetries: c.maxRetries,
		retryDelay: time.Duration(c.retryDelay) * time.Millisecond, keyFields: split(c.keyFields),
		types: postgres.Types{PostGIS: c.postgis}, column: columnNaming(c.quote),
		fields: newFieldFilter(c.include, c.exclude), placeholder: placeholder(props)}
	if err := c.enums(s); err != nil {
		return nil, err
	}
	if err := c.names(s, props); err != nil {
		return nil, err
	}
	if err := c.unsupported(props); err != nil {
		return nil, err
	}
	var err error
	if s.target, err = parseTarget(c.url, c.user, c.password, nil); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (c *debezium) enums(s *settings) (err error) {
	if s.insert, err = oneOf("insert.mode", c.insertMode, modeInsert, modeUpsert, modeUpdate); err != nil {
		return err
	}
	if s.key, err = oneOf("primary.key.mode", c.keyMode, keyNone, keyKafka, keyRecord, keyValue, keyHeader); err != nil {
		return err
	}
	evolution, err := oneOf("schema.evolution", c.evolution, "none", "basic")
	s.create, s.evolve = evolution == "basic", evolution == "basic"
	return err
}

// chosen returns a key's value, or the one of its older name where only that is set.
func chosen(props map[string]string, name, value, oldName, oldValue string) string {
	_, isNew := props[name]
	if _, isOld := props[oldName]; isOld && !isNew {
		return oldValue
	}
	return value
}

func (c *debezium) names(s *settings, props map[string]string) (err error) {
	s.table = tableNaming{quote: c.quote,
		format: chosen(props, "collection.name.format", c.nameFormat, "table.name.format", c.oldNameFormat)}
	if strings.TrimSpace(s.table.format) == "" {
		return config.Invalid("collection.name.format", s.table.format, "a format such as ${topic} or ${source.table} is needed")
	}
	switch naming := chosen(props, "collection.naming.strategy", c.naming, "table.naming.strategy", c.oldNaming); naming {
	case defaultCollectionNaming, oldCollectionNaming:
	case passCollectionNaming:
		s.table.dots = true
	default:
		return config.Invalid("collection.naming.strategy", naming, "Java classes cannot be loaded; use "+defaultCollectionNaming+" or "+passCollectionNaming)
	}
	s.zone = chosen(props, "use.time.zone", c.zone, "database.time_zone", c.oldZone)
	s.bind.Zone, err = location("use.time.zone", s.zone)
	return err
}

func (c *debezium) unsupported(props map[string]string) error {
	if len(c.include) > 0 && len(c.exclude) > 0 {
		return connect.ConnectErrorf("Cannot define both column.exclude.list and column.include.list. Please specify only one.")
	}
	if err := refuseUnless("column.naming.strategy", c.columnNaming, defaultColumnNaming, "Java classes cannot be loaded"); err != nil {
		return err
	}
	if err := refuseUnless("collection.table.format", c.tableFormat, "${table}", "use collection.name.format with ${source.schema} and ${source.table}"); err != nil {
		return err
	}
	if err := refuseUnless("cloud.events.schema.name.pattern", c.cloudEvents, `.*CloudEvents\.Envelope$`, "CloudEvents messages are not supported"); err != nil {
		return err
	}
	if c.identityInsert {
		return config.Invalid("dialect.sqlserver.identity.insert", true, "the database is PostgreSQL; remove the key")
	}
	for name := range props {
		if strings.HasPrefix(name, "hibernate.") {
			return config.Invalid(name, props[name], "there is no Hibernate here; put connection parameters into connection.url")
		}
	}
	return nil
}

// placeholderKey is the source's key for the text that stands for unchanged
// values; a sink may repeat it.
const placeholderKey = "unavailable.value.placeholder"

func placeholder(props map[string]string) string {
	if p, ok := props[placeholderKey]; ok {
		return p
	}
	return "__debezium_unavailable_value"
}
