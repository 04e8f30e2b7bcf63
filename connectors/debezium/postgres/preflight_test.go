package postgres

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/postgrestest"
)

// TestValidationTriesTheDatabase: what cannot work is said when the connector is
// created, not when its task fails.
func TestValidationTriesTheDatabase(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "inventory")
	pg.Exec(t, "inventory", "CREATE ROLE plain LOGIN PASSWORD 'p'", "CREATE ROLE streamer LOGIN REPLICATION PASSWORD 'p'")
	small := postgrestest.Start(t, postgrestest.Setting("wal_level", "replica"))
	small.CreateDatabase(t, "inventory")
	for _, c := range []struct {
		name   string
		server *postgrestest.Server
		props  map[string]string
		want   []string // parts of the error on database.hostname; none: valid
	}{
		{"good", pg, nil, nil},
		{"role with REPLICATION", pg, map[string]string{"database.user": "streamer", "database.password": "p"}, nil},
		{"wrong password", pg, map[string]string{"database.user": "streamer", "database.password": "hunter2"}, []string{"streamer", "28P01", "database.password"}},
		{"missing database", pg, map[string]string{"database.dbname": "nope"}, []string{"nope", "3D000", "database.dbname"}},
		{"no REPLICATION", pg, map[string]string{"database.user": "plain", "database.password": "p"},
			[]string{"Postgres roles LOGIN and REPLICATION are not assigned to user: plain", "ALTER ROLE"}},
		{"no REPLICATION, snapshot only", pg, map[string]string{"database.user": "plain", "database.password": "p", "snapshot.mode": "initial_only"}, nil},
		{"unreachable", pg, map[string]string{"database.port": "1"}, []string{"127.0.0.1:1", "refused"}},
		{"wal_level", small, nil, []string{"Postgres server wal_level property must be 'logical' but is: 'replica'", "postgresql.conf"}},
		{"initial statements are not run", pg, map[string]string{"database.initial.statements": "SELECT 1/0"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			props := map[string]string{"name": "n", "connector.class": Class, "database.hostname": c.server.Host,
				"database.port": fmt.Sprint(c.server.Port), "database.user": c.server.User, "database.password": c.server.Password,
				"database.dbname": "inventory", "topic.prefix": "t", "plugin.name": "pgoutput"}
			maps.Copy(props, c.props)
			var conn Connector
			var d config.Def
			conn.Define(&d)
			r := d.Validate(props)
			conn.Validate(t.Context(), props, r)
			got := r.Value("database.hostname").Errors
			if r.ErrorCount() != min(len(c.want), 1) || len(got) != r.ErrorCount() {
				t.Fatalf("%d errors, on database.hostname %q, want %q", r.ErrorCount(), got, c.want)
			}
			for _, part := range c.want {
				if !strings.HasPrefix(got[0], connectionProblem) || !strings.Contains(got[0], part) {
					t.Errorf("error %q, want %q in it", got[0], part)
				}
			}
			if strings.Contains(strings.Join(got, ""), "hunter2") {
				t.Errorf("the password is in %q", got)
			}
		})
	}
}

// TestPublicationThatDoesNotFit: what the publication does not send is said, not
// lost in silence.
func TestPublicationThatDoesNotFit(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "inventory")
	pg.Exec(t, "inventory", "CREATE TABLE a(id int PRIMARY KEY, v text, w text)", "CREATE TABLE b(id int PRIMARY KEY)",
		"CREATE PUBLICATION part FOR TABLE a", "CREATE PUBLICATION columns FOR TABLE a(id, v), b")
	for _, c := range []struct {
		name  string
		props map[string]string
		want  []string
	}{
		{"all is there", map[string]string{"publication.name": "part", "table.include.list": "public.a"}, nil},
		{"table missing", map[string]string{"publication.name": "part", "table.include.list": "public.a,public.b"}, []string{"public.b", "ADD TABLE"}},
		{"not chosen", map[string]string{"publication.name": "part"}, nil},
		{"set at start", map[string]string{"publication.name": "part", "table.include.list": "public.b", "publication.autocreate.mode": "filtered"}, nil},
		{"column missing", map[string]string{"publication.name": "columns"}, []string{"column w of table public.a", "column.exclude.list"}},
		{"column not wanted", map[string]string{"publication.name": "columns", "column.exclude.list": "public.a.w"}, nil},
		{"missing", map[string]string{"publication.name": "none", "publication.autocreate.mode": "disabled"}, []string{"does not exist", "CREATE PUBLICATION"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, pg, "inventory", c.props)
			var conn Connector
			var d config.Def
			conn.Define(&d)
			r := d.Validate(h.props)
			conn.Validate(t.Context(), h.props, r)
			got := r.Value("publication.name").Errors
			if r.ErrorCount() != min(len(c.want), 1) || len(got) != r.ErrorCount() {
				t.Fatalf("%d errors, on publication.name %q, want %q", r.ErrorCount(), got, c.want)
			}
			for _, part := range c.want {
				if !strings.Contains(got[0], part) {
					t.Errorf("error %q, want %q in it", got[0], part)
				}
			}
			if len(c.want) == 0 {
				return
			}
			if err := h.start().awaitError(); err == nil || !strings.Contains(err.Error(), c.want[0]) {
				t.Errorf("the task says %v, want %q in it", err, c.want[0])
			}
		})
	}
}
