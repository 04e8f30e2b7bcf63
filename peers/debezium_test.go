//go:build peers

package peers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/leat-project/leat/internal/postgrestest"
	"github.com/leat-project/leat/peers"
)

const (
	debeziumTopic = "shop.public.orders"
	// debeziumStep is how many rows must reach the sink between two disturbances.
	debeziumStep = 500
)

// TestJavaDebezium has Debezium's PostgreSQL source and JDBC sink copy a table
// that changes, in two workers of Java Kafka Connect on our broker, with
// exactly-once sources. The topic must hold every change once, and the copy
// must be equal at the end.
func TestJavaDebezium(t *testing.T) {
	plugin, err := peers.FetchDebezium(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plugins := t.TempDir()
	if err := os.Symlink(plugin, filepath.Join(plugins, "debezium")); err != nil {
		t.Fatal(err)
	}
	pg := postgrestest.Start(t)
	for _, db := range []string{"shop", "copy"} {
		pg.CreateDatabase(t, db)
	}
	pg.Exec(t, "shop", "CREATE TABLE orders (id bigint PRIMARY KEY, note text NOT NULL)", "INSERT INTO orders VALUES (0, 'new')")
	c := start(t).cluster(t, plugins)
	c.live().put(t, "source", map[string]string{"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1",
		"database.hostname": pg.Host, "database.port": fmt.Sprint(pg.Port), "database.user": pg.User, "database.password": pg.Password, "database.dbname": "shop",
		"topic.prefix": "shop", "plugin.name": "pgoutput", "publication.autocreate.mode": "filtered", "table.include.list": "public.orders", "exactly.once.support": "required",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "1"})
	c.live().put(t, "sink", map[string]string{"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "1", "topics": debeziumTopic,
		"connection.url": fmt.Sprintf("jdbc:postgresql://%s:%d/copy", pg.Host, pg.Port), "connection.username": pg.User, "connection.password": pg.Password,
		"insert.mode": "upsert", "delete.enabled": "true", "primary.key.mode": "record_key", "schema.evolution": "basic", "collection.name.format": "orders",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter"})

	arrived := func() (int, error) {
		rows, err := tableRows(t.Context(), pg.DSN("copy"))
		return len(rows), err
	}
	// Once the first row is there, changes are read from the stream.
	eventually(t, connectTimeout, "the snapshot", func() error {
		n, err := arrived()
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows in the copy", n)
		}
		return err
	})
	shop := trade(t, pg.DSN("shop"))
	c.disturb(t, "source", debeziumStep, arrived)
	want := append(shop.stop(t), "insert 0 new")
	source, err := tableRows(t.Context(), pg.DSN("shop"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, connectTimeout, "a copy that is equal", func() error {
		rows, err := tableRows(t.Context(), pg.DSN("copy"))
		if err == nil && !slices.Equal(rows, source) {
			err = fmt.Errorf("%d rows in the copy, %d in the source, and not equal", len(rows), len(source))
		}
		return err
	})
	c.end(t, "source", "sink")
	once(t, "the changes in the topic", c.changes(t), want)
	t.Logf("%d changes, %d rows", len(want), len(source))
}

// changes are the events of the topic in the words of trade.
func (c *javaCluster) changes(t *testing.T) []string {
	t.Helper()
	type row struct {
		ID   int64  `json:"id"`
		Note string `json:"note"`
	}
	var changes []string
	for _, r := range c.readCommitted(t, debeziumTopic) {
		if r.Value == nil {
			continue // the tombstone after a delete
		}
		var event struct {
			Payload struct {
				Op            string
				Before, After *row
			}
		}
		if err := json.Unmarshal(r.Value, &event); err != nil {
			t.Fatalf("the event at offset %d: %v", r.Offset, err)
		}
		switch p := event.Payload; {
		case p.After != nil && (p.Op == "c" || p.Op == "r"):
			changes = append(changes, fmt.Sprintf("insert %d %s", p.After.ID, p.After.Note))
		case p.After != nil && p.Op == "u":
			changes = append(changes, fmt.Sprintf("update %d %s", p.After.ID, p.After.Note))
		case p.Before != nil && p.Op == "d":
			changes = append(changes, fmt.Sprintf("delete %d", p.Before.ID))
		default:
			t.Errorf("the event at offset %d: %s", r.Offset, r.Value)
		}
	}
	return changes
}

// tableRows returns the table in the order of its key.
func tableRows(parent context.Context, dsn string) ([]string, error) {
	ctx, cancel := context.WithTimeout(parent, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT id || ' ' || note FROM orders ORDER BY id")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// trading is a table that changes until it is stopped.
type trading struct{ stop func(t *testing.T) []string }

// trade inserts rows; every third is updated and every tenth deleted, each by
// a transaction of its own. Its stop returns the changes.
func trade(t *testing.T, dsn string) *trading {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	var changes []string
	go func() {
		ended <- func() error {
			// Each statement is finished, so that it is known what was done.
			work := context.WithoutCancel(ctx)
			defer conn.Close(work)
			do := func(change, sql string, args ...any) error {
				_, err := conn.Exec(work, sql, args...)
				changes = append(changes, change)
				return err
			}
			for id := 1; ; id++ {
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(5 * time.Millisecond):
				}
				err := do(fmt.Sprintf("insert %d new", id), "INSERT INTO orders VALUES ($1, 'new')", id)
				if err == nil && id%3 == 0 {
					err = do(fmt.Sprintf("update %d paid", id), "UPDATE orders SET note = 'paid' WHERE id = $1", id)
				}
				if err == nil && id%10 == 0 {
					err = do(fmt.Sprintf("delete %d", id-5), "DELETE FROM orders WHERE id = $1", id-5)
				}
				if err != nil {
					return err
				}
			}
		}()
	}()
	end := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return &trading{stop: func(t *testing.T) []string {
		t.Helper()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		return changes
	}}
}
