package pgserver

import (
	"strings"
	"testing"
)

// TestFetchedProgramsServe runs a server from Debian's package in the cache,
// also where the machine has a PostgreSQL of its own.
func TestFetchedProgramsServe(t *testing.T) {
	bin, err := fetchBinaries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{bin: bin}
	if err := s.makeDir(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateDatabase(t.Context(), "inventory"); err != nil {
		t.Fatal(err)
	}
	out, err := s.Command(t.Context(), "postgres", "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PostgreSQL) 15") {
		t.Fatalf("postgres --version: %q, %v", out, err)
	}
	err = s.Exec(t.Context(), "inventory", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
	if err != nil {
		t.Fatal(err)
	}
}

// TestDetachedServerEndsByItsFolder is what the demo does that leaves its
// servers running.
func TestDetachedServerEndsByItsFolder(t *testing.T) {
	s, err := Start(t.Context(), Config{Detach: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cfg.Detach = false
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Close(); err != nil || !s.Running() {
		t.Fatalf("Close of a detached server: %v, running %v; want nil and true", err, s.Running())
	}
	if err := StopDir(s.Dir); err != nil {
		t.Fatal(err)
	}
	<-s.process.Done()
	if err := StopDir(s.Dir); err != nil {
		t.Fatalf("StopDir without a server: %v", err)
	}
}
