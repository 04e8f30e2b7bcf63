package pgurl_test

import (
	"strings"
	"testing"
	"time"

	"github.com/leat-project/leat/connectors/jdbc/pgurl"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, url   string
		hosts       string
		port        uint16
		db, user    string
		sslmode     string
		pooled      bool
		ignored     string
		searchPath  string
		sockTimeout time.Duration
	}{
		{name: "plain", url: "jdbc:postgresql://db.example:6000/shop", hosts: "db.example", port: 6000, db: "shop"},
		{name: "default port", url: "jdbc:postgresql://db/shop", hosts: "db", port: 5432, db: "shop"},
		{name: "short form", url: "jdbc:postgresql:shop", hosts: "localhost", port: 5432, db: "shop"},
		{name: "no database", url: "jdbc:postgresql://db/", hosts: "db", port: 5432},
		{name: "IPv6", url: "jdbc:postgresql://[::1]:5433/x", hosts: "::1", port: 5433, db: "x"},
		{name: "IPv6 without port", url: "jdbc:postgresql://[::1]/x", hosts: "::1", port: 5432, db: "x"},
		{name: "several hosts", url: "jdbc:postgresql://a:1,b:2/x", hosts: "a,b", port: 1, db: "x"},
		{name: "credentials", url: "jdbc:postgresql://h/x?user=me&password=p%26w+d", hosts: "h", port: 5432, db: "x", user: "me"},
		{name: "schema and ssl", url: "jdbc:postgresql://h/x?currentSchema=a,b&sslmode=disable", hosts: "h", port: 5432, db: "x",
			sslmode: "disable", searchPath: "a,b"},
		{name: "pooler", url: "jdbc:postgresql://h/x?prepareThreshold=0&socketTimeout=7", hosts: "h", port: 5432, db: "x", pooled: true,
			sockTimeout: 7 * time.Second},
		{name: "unknown parameter", url: "jdbc:postgresql://h/x?reWriteBatchedInserts=true&frobnicate=1", hosts: "h", port: 5432, db: "x",
			ignored: "frobnicate"},
		{name: "escaped database", url: "jdbc:postgresql://h/a%20b", hosts: "h", port: 5432, db: "a b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := pgurl.Parse(tt.url)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if h := strings.Join(got.Hosts, ","); h != tt.hosts || got.Ports[0] != tt.port || got.Database != tt.db || got.User != tt.user {
				t.Errorf("got %s %v %q %q", h, got.Ports, got.Database, got.User)
			}
			if got.Pooled != tt.pooled || strings.Join(got.Ignored, ",") != tt.ignored || got.SocketTimeout != tt.sockTimeout {
				t.Errorf("pooled %v, ignored %v, socket timeout %v", got.Pooled, got.Ignored, got.SocketTimeout)
			}
			cfg, err := got.Config(map[string]string{"application_name": "leat"})
			if err != nil {
				t.Fatalf("Config: %v", err)
			}
			if cfg.Host != got.Hosts[0] || cfg.Port != tt.port || cfg.RuntimeParams["search_path"] != tt.searchPath ||
				cfg.RuntimeParams["application_name"] != "leat" {
				t.Errorf("config: host %s port %d params %v", cfg.Host, cfg.Port, cfg.RuntimeParams)
			}
			if tt.sslmode == "disable" && cfg.TLSConfig != nil {
				t.Error("TLS is on despite sslmode=disable")
			}
			if tt.name == "credentials" && cfg.Password != "p&w d" {
				t.Errorf("password = %q", cfg.Password)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for url, want := range map[string]string{
		"jdbc:mysql://h/x":                            "must begin with jdbc:postgresql:",
		"postgres://h/x":                              "must begin with",
		"jdbc:postgresql://h:0/x":                     "port",
		"jdbc:postgresql://h:notaport/x":              "not a number from 1 to 65535",
		"jdbc:postgresql://h/x?sslmode=maybe":         "sslmode",
		"jdbc:postgresql://u:secret@h/x":              "connection.password",
		"jdbc:postgresql://h/x?password=%zz":          "percent-encoded",
		"jdbc:postgresql://h/x?targetServerType=best": "targetServerType",
		"jdbc:postgresql://h/x?readOnly=true":         "readOnly",
	} {
		_, err := pgurl.Parse(url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", url, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("jdbc:postgresql://a:1,[::1]:2/x?user=a&sslmode=disable")
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := pgurl.Parse(s); err == nil && len(got.Hosts) != len(got.Ports) {
			t.Errorf("%d hosts, %d ports", len(got.Hosts), len(got.Ports))
		}
	})
}
