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
