package jdbc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connectors/jdbc/pgurl"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// insertMode is what is done with a row.
type insertMode string

const (
	modeInsert insertMode = "insert"
	modeUpsert insertMode = "upsert"
	modeUpdate insertMode = "update"
)

// keyMode is where the primary key comes from.
type keyMode string

const (
	keyNone   keyMode = "none"
	keyKafka  keyMode = "kafka"
	keyRecord keyMode = "record_key"
	keyValue  keyMode = "record_value"
	keyHeader keyMode = "record_header"
)

// settings is what the task needs to know, whichever class was configured.
type settings struct {
	connector string
	confluent bool

	target *pgurl.Target
	zone   string // of the session

	insert    insertMode
	key       keyMode
	keyFields []string
	delete    bool
	truncate  bool

	table    tableNaming
	column   func(field string) string
	fields   fieldFilter
	create   bool // missing tables
	evolve   bool // missing columns
	types    postgres.Types
	bind     postgres.Options
	defaults bool // null takes the schema's default

	tableTypes []string // that may be written; empty is all
	trim       bool     // keep values out of errors

	placeholder string // of unchanged values, in Debezium's format

	batch      int // records
	maxRetries int
	retryDelay time.Duration

	// Tries to connect that count as one attempt to write; 0 is 1.
	connects     int
	connectDelay time.Duration
}

// kafkaColumns are the key columns of key mode kafka.
var kafkaColumns = []string{"__connect_topic", "__connect_partition", "__connect_offset"}

// check refuses settings that contradict each other.
func (s *settings) check() error {
	pk, pkFields := "primary.key.mode", "primary.key.fields"
	if s.confluent {
		pk, pkFields = "pk.mode", "pk.fields"
	}
	switch {
	case s.insert != modeInsert && s.key == keyNone:
		return connect.ConfigErrorf("insert.mode=%s needs a primary key: set %s to %s, %s or %s", s.insert, pk, keyRecord, keyValue, keyKafka)
	case s.delete && s.confluent && s.key != keyRecord:
		return connect.ConfigErrorf("Primary key mode must be 'record_key' when delete support is enabled")
	case s.delete && (s.key == keyNone || s.key == keyKafka):
		return connect.ConfigErrorf("delete.enabled=true needs the key of a row: set %s to %s, %s or %s", pk, keyRecord, keyValue, keyHeader)
	case s.key == keyKafka && len(s.keyFields) != 0 && len(s.keyFields) != 3:
		return connect.ConfigErrorf("%s=kafka takes exactly 3 names in %s (topic, partition, offset) or none, but has %d: %s",
			pk, pkFields, len(s.keyFields), strings.Join(s.keyFields, ","))
	}
	return nil
}

// oneOf reads an enumerated value, whatever its case.
func oneOf[T ~string](name, value string, valid ...T) (T, error) {
	v := T(strings.ToLower(value))
	if slices.Contains(valid, v) {
		return v, nil
	}
	names := make([]string, len(valid))
	for i, o := range valid {
		names[i] = string(o)
	}
	return "", config.Invalid(name, value, "Value must be one of "+strings.Join(names, ", "))
}

// location reads a time zone; UTC is nil, which costs nothing.
func location(name, value string) (*time.Location, error) {
	switch value {
	case "", "UTC", "GMT", "Z", "Etc/UTC":
		return nil, nil
	}
	loc, err := time.LoadLocation(value)
	if err != nil {
		return nil, config.Invalid(name, value, "Invalid time zone identifier: use a name such as Europe/Paris")
	}
	return loc, nil
}

// split reads a comma separated list without empty members.
func split(s string) []string {
	var out []string
	for _, f := range strings.Split(s, ",") {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// parseTarget reads the URL and the credentials, which win over the URL's.
func parseTarget(url, user string, password config.Secret, extra map[string]string) (*pgurl.Target, error) {
	if url == "" {
		return nil, connect.ConfigErrorf("connection.url is missing: set it to %s//host:5432/database", pgurl.Prefix)
	}
	t, err := pgurl.Parse(url)
	if err != nil {
		return nil, connect.ConfigErrorf("connection.url cannot be used: %w", err)
	}
	for name, value := range extra {
		if err := t.Set(name, value); err != nil {
			return nil, connect.ConfigErrorf("connection.%s cannot be used: %w", name, err)
		}
	}
	if user != "" {
		t.User = user
	}
	if password != "" {
		t.Password = password.Reveal()
	}
	if t.User == "" {
		return nil, connect.ConfigErrorf("the user of the database is missing: set it beside connection.url")
	}
	return t, nil
}

// refuseUnless refuses a key that is accepted for its default only.
func refuseUnless(name, value, def, why string) error {
	if value == def {
		return nil
	}
	return config.Invalid(name, value, fmt.Sprintf("%s; remove the key or set it to %s", why, def))
}
