package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/postgrestest"
	"github.com/leat-project/leat/internal/proctest"
)

// TestBadInput posts configurations that cannot work: each is answered with an
// error that says what is wrong and what to do, and nothing is created.
func TestBadInput(t *testing.T) {
	pg := postgrestest.Start(t)
	plain := postgrestest.Start(t, postgrestest.Setting("wal_level", "replica"))
	p := proctest.Start(t, proctest.Config{})
	newLoad(t, pg, "src", 10, 1)
	plain.CreateDatabase(t, "src")
	plain.Exec(t, "src", loadTables)
	pg.Exec(t, "src", "CREATE ROLE nobody_repl LOGIN PASSWORD 'pw'", "GRANT ALL ON ALL TABLES IN SCHEMA public TO nobody_repl",
		"CREATE PUBLICATION partly FOR TABLE customers")
	dead, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	good := sourceConfig(pg, "src", "bad")
	sink := sinkConfig(pg, "src", "bad")
	for _, c := range []struct {
		name   string
		config config
		want   []string // all in the message, whatever the case
	}{
		{"wrong password", good.with("database.password", "wrong"), []string{"password authentication failed"}},
		{"missing database", good.with("database.dbname", "nowhere"), []string{"nowhere", "does not exist"}},
		{"unreachable server", good.with("database.port", fmt.Sprint(dead)), []string{"connect"}},
		{"wal_level not logical", sourceConfig(plain, "src", "bad"), []string{"wal_level", "logical"}},
		{"no REPLICATION right", good.with("database.user", "nobody_repl", "database.password", "pw"), []string{"replication"}},
		{"missing publication", good.with("publication.autocreate.mode", "disabled", "publication.name", "absent"), []string{"absent", "publication"}},
		{"publication lacks a table", good.with("publication.autocreate.mode", "disabled", "publication.name", "partly"), []string{"partly", "orders"}},
		{"wrong value", good.with("tasks.max", "many"), []string{"Invalid value many for configuration tasks.max: Not a number of type INT"}},
		{"wrong value of the connector", good.with("max.batch.size", "many"), []string{"The 'max.batch.size' value is invalid: A positive, non-zero integer value is expected"}},
		{"missing key", good.with("topic.prefix", ""), []string{"topic.prefix"}},
		{"unknown class", good.with("connector.class", "no.such.Class"), []string{"no.such.Class"}},
		{"unknown plugin", good.with("plugin.name", "wal2json"), []string{"The 'plugin.name' value is invalid: Value must be one of decoderbufs, pgoutput"}},
		{"wrong converter", good.with("value.converter", "NoSuch"), []string{"Invalid value NoSuch for configuration value.converter"}},
		{"wrong transform", good.with("transforms", "x"), []string{"transforms.x.type"}},
		{"unreachable sink", sink.with("connection.url", fmt.Sprintf("jdbc:postgresql://127.0.0.1:%d/x", dead)), []string{"connection.url"}},
		{"wrong sink password", sink.with("connection.password", "wrong"), []string{"password authentication failed"}},
		{"not a JDBC URL", sink.with("connection.url", "http://example.com"), []string{"connection.url"}},
		{"no topics", sink.with("topics.regex", ""), []string{"topics"}},
		{"wrong insert mode", sink.with("insert.mode", "merge"), []string{"insert.mode"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, text := api(p, "POST", "/connectors", map[string]any{"name": "bad", "config": c.config})
			if status != http.StatusBadRequest {
				t.Fatalf("status = %d %s, want 400", status, text)
			}
			var e struct {
				ErrorCode int `json:"error_code"`
				Message   string
			}
			if err := json.Unmarshal([]byte(text), &e); err != nil || e.ErrorCode != 400 {
				t.Fatalf("body = %s", text)
			}
			for _, want := range c.want {
				if !strings.Contains(strings.ToLower(e.Message), strings.ToLower(want)) {
					t.Errorf("message lacks %q:\n%s", want, e.Message)
				}
			}
			for _, secret := range []string{pg.Password} {
				if strings.Contains(e.Message, secret) {
					t.Errorf("the message holds a password: %s", e.Message)
				}
			}
			t.Log(e.Message)
		})
	}
	if _, text := api(p, "GET", "/connectors", nil); strings.TrimSpace(text) != "[]" {
		t.Errorf("connectors after refused requests: %s", text)
	}
	if status, text := api(p, "POST", "/connectors", "not an object"); status < 400 || !strings.Contains(text, "error_code") {
		t.Errorf("malformed body: %d %s", status, text)
	}
	t.Run("unknown key", func(t *testing.T) {
		create(t, p, "warned", good.with("slot.name", "warned", "topic.prefix", "warned", "publication.name", "warned", "databse.typo", "x"))
		p.WaitLog(t, "databse.typo")
		mustAPI(t, p, "DELETE", "/connectors/warned", nil)
	})
	t.Run("table without key", func(t *testing.T) {
		pg.Exec(t, "src", "CREATE TABLE keyless (a int, b text)", "INSERT INTO keyless VALUES (1, 'x')")
		create(t, p, "keyless", good.with("slot.name", "keyless", "topic.prefix", "keyless", "publication.name", "keyless",
			"table.include.list", "public.keyless"))
		p.WaitLog(t, "keyless")
		create(t, p, "keyless-sink", sinkConfig(pg, "src", "keyless").with("collection.name.format", "keyless_target", "topics.regex", `keyless\..*`))
		eventually(t, "the sink refuses a record without key", func() string {
			s, text := statusOf(p, "keyless-sink")
			for _, task := range s.Tasks {
				if task.State == "FAILED" && strings.Contains(task.Trace, "key") {
					return ""
				}
			}
			return text
		})
		mustAPI(t, p, "DELETE", "/connectors/keyless", nil)
		mustAPI(t, p, "DELETE", "/connectors/keyless-sink", nil)
	})
	t.Run("type mismatch at the sink", func(t *testing.T) {
		pg.Exec(t, "src", "CREATE TABLE wide (id int PRIMARY KEY, v text)", "INSERT INTO wide VALUES (1, 'not a number')",
			"CREATE TABLE narrow (id int PRIMARY KEY, v int)")
		create(t, p, "wide", good.with("slot.name", "wide", "topic.prefix", "wide", "publication.name", "wide", "table.include.list", "public.wide"))
		create(t, p, "narrow", sinkConfig(pg, "src", "wide").with("collection.name.format", "narrow"))
		eventually(t, "the sink names the column", func() string {
			s, text := statusOf(p, "narrow")
			for _, task := range s.Tasks {
				if task.State == "FAILED" && strings.Contains(task.Trace, "narrow") && strings.Contains(task.Trace, "v") {
					t.Log(task.Trace)
					return ""
				}
			}
			return text
		})
		mustAPI(t, p, "DELETE", "/connectors/wide", nil)
		mustAPI(t, p, "DELETE", "/connectors/narrow", nil)
	})
	p.Stop(t)
}
