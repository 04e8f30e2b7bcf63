package jdbc

import (
	"slices"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

const (
	confluentClass   = "io.confluent.connect.jdbc.JdbcSinkConnector"
	confluentVersion = "10.8.4"
)

// confluent is the configuration of Confluent's class.
type confluent struct {
	url, user                string
	password                 config.Secret
	provider, dialect        string
	attempts                 int
	backoff                  int64
	insertMode               string
	batch                    int
	delete                   bool
	tableTypes               []string
	replaceNull              bool
	tableFormat, keyMode     string
	keyFields, whitelist     []string
	zone, dateZone, calendar string
	timestampFields          []string
	stringColumn             string
	autoCreate, autoEvolve   bool
	quote                    string
	trim                     bool
	maxRetries, retryBackoff int
}

const defaultCredentials = "io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider"

// enum is Confluent's EnumValidator: a value in lower or in upper case.
func enum(valid ...string) config.Check {
	return func(name string, v any) error {
		if s, ok := v.(string); ok && (slices.Contains(valid, s) || slices.Contains(valid, strings.ToLower(s)) && s == strings.ToUpper(s)) {
			return nil
		}
		return config.Invalid(name, v, "Invalid enumerator")
	}
}

func zoneCheck(name string, v any) error {
	s, _ := v.(string)
	if _, err := location(name, s); err != nil {
		return config.Invalid(name, v, "Invalid time zone identifier")
	}
	return nil
}

// Define declares the keys of io.confluent.connect.jdbc.sink.JdbcSinkConfig.
func (c *confluent) Define(d *config.Def) {
	orders := map[string]int{}
	key := func(k *config.Key, group, label string, w config.Width, imp config.Importance) *config.Key {
		orders[group]++
		return k.Group(group, orders[group]).Label(label).Width(w).Importance(imp)
	}
	c.defineConnection(d, key)
	c.defineWrites(d, key)
	c.defineMapping(d, key)
	key(d.Bool(&c.autoCreate, "auto.create"), "DDL Support", "Auto-Create", config.Short, config.Medium).Default(false).
		Doc("Whether a missing table is created from the record's schema.")
	key(d.Bool(&c.autoEvolve, "auto.evolve"), "DDL Support", "Auto-Evolve", config.Short, config.Medium).Default(false).
		Doc("Whether missing columns are added to the table.")
	key(d.String(&c.quote, "quote.sql.identifiers"), "DDL Support", "Quote Identifiers", config.MediumWidth, config.Medium).Default("always").
		Recommend(values("always", "never")).
		Doc("always: names keep their case. never: they are folded to lower case, as PostgreSQL does.")
	key(d.Bool(nil, "mssql.use.merge.holdlock"), "DML Support", "SQL Server - Use HOLDLOCK in MERGE", config.MediumWidth, config.Low).Default(true).
		Doc("Concerns SQL Server only.").NoEffect("the database is PostgreSQL")
	key(d.Int(&c.maxRetries, "max.retries"), "Retries", "Maximum Retries", config.Short, config.Medium).Default(10).Check(config.AtLeast(0)).
		Doc("How often a write is tried again after an error that may pass before the task fails.")
	key(d.Int(&c.retryBackoff, "retry.backoff.ms"), "Retries", "Retry Backoff (millis)", config.Short, config.Medium).Default(3000).Check(config.AtLeast(0)).
		Doc("Pause before each retry, in milliseconds.")
	d.Bool(&c.trim, "trim.sensitive.log").Default(false).Importance(config.Low).Internal().
		Doc("Keeps values of rows out of error messages.")
}

type keyFunc = func(k *config.Key, group, label string, w config.Width, imp config.Importance) *config.Key

func values(names ...string) *config.Recommender {
	return &config.Recommender{Values: func(string, map[string]string) []any {
		out := make([]any, len(names))
		for i, n := range names {
			out[i] = n
		}
		return out
	}}
}

func (c *confluent) defineConnection(d *config.Def, key keyFunc) {
	const group = "Connection"
	key(d.String(&c.url, "connection.url"), group, "JDBC URL", config.Long, config.High).
		Doc("JDBC URL of the PostgreSQL database, jdbc:postgresql://host:5432/database?parameter=value.")
	key(d.String(&c.user, "connection.user"), group, "JDBC User", config.MediumWidth, config.High).Default(nil).
		Doc("User of the database; wins over the URL's.")
	key(d.Password(&c.password, "connection.password"), group, "JDBC Password", config.MediumWidth, config.High).Default(nil).
		Doc("Password of the user; wins over the URL's.")
	key(d.Class(&c.provider, "jdbc.credentials.provider.class"), group, "JDBC Credentials Provider Class", config.Long, config.Low).
		Default(defaultCredentials).Doc("Only the default is supported: connection.user and connection.password.")
	key(d.String(&c.dialect, "dialect.name"), group, "Database Dialect", config.Long, config.Low).Default("").
		Recommend(values("PostgreSqlDatabaseDialect")).Doc("Dialect of the database; empty or PostgreSqlDatabaseDialect.")
	key(d.Int(&c.attempts, "connection.attempts"), group, "JDBC connection attempts", config.Short, config.Low).Default(3).Check(config.AtLeast(1)).
		Doc("How often to try to connect before that counts as a failed attempt to write, see max.retries.")
	key(d.Long(&c.backoff, "connection.backoff.ms"), group, "JDBC connection backoff in milliseconds", config.Short, config.Low).Default(10000).
		Doc("Pause in milliseconds between tries to connect.")
}

func (c *confluent) defineWrites(d *config.Def, key keyFunc) {
	const group = "Writes"
	key(d.String(&c.insertMode, "insert.mode"), group, "Insert Mode", config.MediumWidth, config.High).Default("insert").
		Check(enum("insert", "upsert", "update")).
		Doc("What is done with a row: insert, upsert (insert, or update the row of the same key) or update.")
	key(d.Int(&c.batch, "batch.size"), group, "Batch Size", config.Short, config.Medium).Default(3000).Check(config.AtLeast(0)).
		Doc("Records written in one transaction. More are taken while the database is busy, up to several thousand.")
	key(d.Bool(&c.delete, "delete.enabled"), group, "Enable deletes", config.Short, config.Medium).Default(false).
		Recommend(&config.Recommender{Visible: func(_ string, p map[string]string) bool { return strings.EqualFold(p["pk.mode"], "record_key") }}).
		Doc("Whether a record without value deletes the row of its key. Needs pk.mode=record_key.")
	key(d.List(&c.tableTypes, "table.types"), group, "Table Types", config.MediumWidth, config.Low).Default("TABLE").
		Recommend(values("TABLE", "PARTITIONED TABLE", "VIEW")).
		Doc("Kinds of tables that may be written: TABLE, PARTITIONED TABLE, VIEW.")
	key(d.Bool(&c.replaceNull, "replace.null.with.default"), group, "Replace null with default", config.MediumWidth, config.Low).Default(true).
		Doc("Whether a null takes the default of the field's schema.")
	key(d.String(&c.stringColumn, "string.output.value.column.name"), group, "String output value column name", config.MediumWidth, config.Low).Default("record_value").
		Doc("Column for records whose value is one string; only the default is accepted, such records are refused.")
}

func (c *confluent) defineMapping(d *config.Def, key keyFunc) {
	const group = "Data Mapping"
	key(d.String(&c.tableFormat, "table.name.format"), group, "Table Name Format", config.Long, config.Medium).Default("${topic}").
		Check(config.NonEmpty).Doc("Name of the table, with ${topic} for the record's topic; schema.table chooses a schema.")
	key(d.String(&c.keyMode, "pk.mode"), group, "Primary Key Mode", config.MediumWidth, config.High).Default("none").
		Check(enum("none", "kafka", "record_key", "record_value")).
		Doc("Where the primary key comes from: none, kafka (topic, partition and offset), record_key or record_value.")
	key(d.List(&c.keyFields, "pk.fields"), group, "Primary Key Fields", config.Long, config.Medium).Default("").
		Doc("Fields of the primary key, all if empty; the column's name where the record key is a single value.")
	key(d.List(&c.whitelist, "fields.whitelist"), group, "Fields Whitelist", config.Long, config.Medium).Default("").
		Doc("Fields of the value to write, all if empty; fields of the key are always written.")
	key(d.String(&c.zone, "db.timezone"), group, "DB Time Zone", config.MediumWidth, config.Medium).Default("UTC").Check(zoneCheck).
		Doc("Time zone in which Connect's timestamps are shown in columns without a zone.")
	key(d.String(&c.dateZone, "date.timezone"), group, "Date Time Zone", config.MediumWidth, config.Low).Default("DB_TIMEZONE").
		Check(enum("db_timezone", "utc")).Recommend(values("DB_TIMEZONE", "UTC")).
		Doc("Time zone in which a Connect Date is a day: DB_TIMEZONE or UTC.")
	key(d.String(&c.calendar, "date.calendar.system"), group, "Date Calendar System", config.MediumWidth, config.Low).Default("LEGACY").
		Check(enum("legacy", "proleptic_gregorian")).Recommend(values("LEGACY", "PROLEPTIC_GREGORIAN")).
		Doc("Calendar of Connect dates and timestamps before 15 October 1582. Where it is set, LEGACY shows them in the Julian calendar, as Java does; otherwise they are Gregorian, as in PostgreSQL.")
	key(d.List(&c.timestampFields, "timestamp.fields.list"), group, "Timestamp Fields", config.Long, config.Low).Default("").
		Doc("Only the empty list is supported; convert fields with the TimestampConverter transform.")
	key(d.String(nil, "timestamp.precision.mode"), group, "Timestamp Precision Mode", config.MediumWidth, config.Low).Default("microseconds").
		Check(enum("microseconds", "nanoseconds")).Doc("Unit of the integers in timestamp.fields.list.").
		NoEffect("timestamp.fields.list is not supported")
}

// settings turns the configuration into what the task needs.
func (c *confluent) settings(props map[string]string) (*settings, error) {
	if err := config.Parse(c, props); err != nil {
		return nil, connect.ConfigErrorf("%w", err)
	}
	quote := !strings.EqualFold(c.quote, "never")
	s := &settings{connector: props["name"], confluent: true, insert: insertMode(strings.ToLower(c.insertMode)),
		key: keyMode(strings.ToLower(c.keyMode)), keyFields: c.keyFields, delete: c.delete,
		table:  tableNaming{format: strings.TrimSpace(c.tableFormat), dots: true, quote: quote},
		column: columnNaming(quote), fields: newFieldFilter(c.whitelist, nil), create: c.autoCreate, evolve: c.autoEvolve,
		types: postgres.Types{Confluent: true}, defaults: c.replaceNull, placeholder: placeholder(props), batch: c.batch,
		maxRetries: c.maxRetries, retryDelay: time.Duration(c.retryBackoff) * time.Millisecond, zone: c.zone, trim: c.trim}
	for _, typ := range c.tableTypes {
		s.tableTypes = append(s.tableTypes, strings.ToUpper(typ))
	}
	var err error
	s.connects, s.connectDelay = c.attempts, time.Duration(c.backoff)*time.Millisecond
	s.bind.Instants = true
	s.bind.Julian = props["date.calendar.system"] != "" && strings.EqualFold(c.calendar, "legacy")
	if s.bind.Zone, err = location("db.timezone", c.zone); err != nil {
		return nil, err
	}
	if !strings.EqualFold(c.dateZone, "utc") {
		s.bind.DateZone = s.bind.Zone
	}
	if err := c.unsupported(props); err != nil {
		return nil, err
	}
	if s.target, err = parseTarget(c.url, c.user, c.password, c.passthrough(props)); err != nil {
		return nil, err
	}
	return s, s.check()
}

// passthrough returns the connection.* keys that go to the driver.
func (c *confluent) passthrough(props map[string]string) map[string]string {
	own := []string{"url", "user", "password", "attempts", "backoff.ms"}
	extra := map[string]string{}
	for name, value := range props {
		if rest, ok := strings.CutPrefix(name, "connection."); ok && !slices.Contains(own, rest) {
			extra[rest] = value
		}
	}
	return extra
}

func (c *confluent) unsupported(props map[string]string) error {
	if c.dialect != "" && c.dialect != "PostgreSqlDatabaseDialect" {
		return config.Invalid("dialect.name", c.dialect, "only PostgreSqlDatabaseDialect is built in")
	}
	if err := refuseUnless("jdbc.credentials.provider.class", c.provider, defaultCredentials, "Java classes cannot be loaded"); err != nil {
		return err
	}
	if err := refuseUnless("string.output.value.column.name", c.stringColumn, "record_value", "records whose value is one string are not supported"); err != nil {
		return err
	}
	if len(c.timestampFields) > 0 {
		return config.Invalid("timestamp.fields.list", c.timestampFields, "use the TimestampConverter transform instead")
	}
	for _, t := range c.tableTypes {
		if !slices.Contains([]string{"TABLE", "PARTITIONED TABLE", "VIEW"}, strings.ToUpper(t)) {
			return config.Invalid("table.types", t, "must be one of TABLE, PARTITIONED TABLE, VIEW")
		}
	}
	return nil
}
