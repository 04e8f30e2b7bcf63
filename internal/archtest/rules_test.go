package archtest

import (
	"go/parser"
	"go/token"
	"testing"
)

// These tests hold the rules themselves: a table that lets everything through
// would keep the tree green for ever.

func TestForbidden(t *testing.T) {
	tests := []struct {
		from, to string
		isTest   bool
		ok       bool
	}{
		{from: "connect", to: "connect/data", ok: true},
		{from: "connect/data", to: "internal/props", ok: false},
		{from: "connectors/jdbc", to: "connect", ok: true},
		{from: "connectors/jdbc", to: "worker", ok: false},
		{from: "connectors/jdbc", to: "connectors/debezium/postgres", ok: false},
		{from: "connectors/jdbc", to: "connectors/debezium/postgres", isTest: true, ok: false},
		{from: "connectors/debezium/postgres", to: "connectors/debezium", ok: true},
		{from: "connectors/debezium/postgres", to: "internal/postgrestest", isTest: true, ok: true},
		{from: "connectors/debezium/postgres", to: "internal/postgrestest", ok: false},
		{from: "worker/task", to: "transforms", ok: false},
		{from: "worker/task", to: "transforms", isTest: true, ok: true},
		{from: "worker/task", to: "broker", ok: false},
		{from: "worker/task", to: "worker/model", ok: true},
		{from: "rest", to: "worker/model", ok: true},
		{from: "rest", to: "worker/herder", ok: false},
		{from: "broker", to: "internal/vfs", ok: true},
		{from: "broker/logstore", to: "connect", ok: false},
		{from: "broker/logstore", to: "worker/model", isTest: true, ok: false},
		{from: "cli", to: "broker", ok: false},
		{from: "cmd/leat", to: "broker", ok: true},
		{from: "cmd/leat", to: "internal/proctest", ok: false},
		{from: "internal/kafka", to: "internal/props", ok: true},
		{from: "internal/kafka", to: "worker", ok: false},
		{from: "demo", to: "internal/pgserver", ok: true},
		{from: "demo", to: "worker", ok: false},
		{from: "nowhere", to: "connect", ok: false},
	}
	for _, tt := range tests {
		why := forbidden(tt.from, tt.to, tt.isTest)
		if (why == "") != tt.ok {
			t.Errorf("forbidden(%s, %s, test %v) = %q, want allowed %v", tt.from, tt.to, tt.isTest, why, tt.ok)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		pkg, imp string
		isTest   bool
		ok       bool
	}{
		{pkg: "rest", imp: "github.com/go-chi/chi/v5/middleware", ok: true},
		{pkg: "worker", imp: "github.com/go-chi/chi/v5", ok: false},
		{pkg: "connect/data", imp: "golang.org/x/sync/errgroup", ok: false},
		{pkg: "worker/task", imp: "golang.org/x/sync/errgroup", ok: true},
		{pkg: "broker", imp: "github.com/twmb/franz-go/pkg/kgo", ok: false},
		{pkg: "broker", imp: "github.com/twmb/franz-go/pkg/kgo", isTest: true, ok: true},
		{pkg: "broker", imp: "github.com/twmb/franz-go/pkg/kmsg", ok: true},
		{pkg: "worker", imp: "github.com/google/go-cmp/cmp", ok: false},
		{pkg: "worker", imp: "github.com/google/go-cmp/cmp", isTest: true, ok: true},
		{pkg: "worker", imp: "example.com/unknown", isTest: true, ok: false},
	}
	for _, tt := range tests {
		why := refused(source{pkg: tt.pkg, isTest: tt.isTest}, tt.imp)
		if (why == "") != tt.ok {
			t.Errorf("refused(%s, %s, test %v) = %q, want allowed %v", tt.pkg, tt.imp, tt.isTest, why, tt.ok)
		}
	}
}

func TestGoStatementsAreSeen(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() { if true { go f() }; defer func() { go f() }() }", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(goStatements(file)); got != 2 {
		t.Fatalf("goStatements found %d, want 2", got)
	}
}
