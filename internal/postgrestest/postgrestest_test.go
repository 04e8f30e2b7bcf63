package postgrestest_test

import (
	"os"
	"testing"

	"github.com/leat-project/leat/internal/postgrestest"
)

func count(t *testing.T, pg *postgrestest.Server, database string) (n int) {
	t.Helper()
	if err := pg.Connect(t, database).QueryRow(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServerKeepsItsRowsOverEveryWayToEnd(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.CreateDatabase(t, "inventory")
	pg.Exec(t, "inventory", "CREATE TABLE t (id int PRIMARY KEY)")
	port := pg.Port
	steps := []struct {
		name string
		end  func()
	}{
		{"fast stop", func() { pg.Stop(t, false) }},
		{"immediate stop", func() { pg.Stop(t, true) }},
		{"kill", func() { pg.Kill(t) }},
	}
	for i, step := range steps {
		pg.Exec(t, "inventory", "INSERT INTO t SELECT coalesce(max(id), 0) + 1 FROM t")
		step.end()
		if pg.Running() {
			t.Fatalf("after %s the server runs", step.name)
		}
		pg.Start(t)
		if got, want := count(t, pg, "inventory"), i+1; got != want {
			t.Fatalf("after %s: %d rows, want %d", step.name, got, want)
		}
	}
	if pg.Port != port {
		t.Fatalf("the port changed from %d to %d", port, pg.Port)
	}
}

func TestSettings(t *testing.T) {
	tests := []struct {
		name string
		opts []postgrestest.Option
		want map[string]string
	}{
		{"defaults", nil, map[string]string{"wal_level": "logical", "fsync": "off", "max_replication_slots": "20"}},
		{"set", []postgrestest.Option{postgrestest.Fsync(), postgrestest.Setting("wal_level", "replica")}, map[string]string{"wal_level": "replica", "fsync": "on"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pg := postgrestest.Start(t, tt.opts...)
			conn := pg.Connect(t, "postgres")
			for name, want := range tt.want {
				var got string
				if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&got); err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("%s = %s, want %s", name, got, want)
				}
			}
		})
	}
}

func TestLogicalSlotWorks(t *testing.T) {
	pg := postgrestest.Start(t)
	pg.Exec(t, "postgres", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
}

func TestServerIsGoneAfterItsTest(t *testing.T) {
	var dir string
	t.Run("inner", func(t *testing.T) { dir = postgrestest.Start(t).Dir })
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("the folder %s is still there (%v)", dir, err)
	}
}
