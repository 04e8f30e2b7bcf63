package debtool

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestToInstall(t *testing.T) {
	sim := `Reading package lists...
Inst libllvm14 (1:14.0.6-12 Debian:12.11/oldstable [amd64])
Inst libpq5 [15.1-0] (15.13-0+deb12u1 Debian-Security:12/oldstable-security [amd64]) []
Inst postgresql-15 (15.13-0+deb12u1 Debian-Security:12/oldstable-security [amd64])
Conf postgresql-15 (15.13-0+deb12u1 Debian-Security:12/oldstable-security [amd64])
`
	got := toInstall(sim, []string{"libllvm"})
	if want := []string{"libpq5", "postgresql-15"}; !slices.Equal(got, want) {
		t.Fatalf("toInstall = %v, want %v", got, want)
	}
}

// TestKcatRuns needs the network when the cache is empty.
func TestKcatRuns(t *testing.T) {
	path, env, err := Kcat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "-V")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("running %s -V: %v\n%s", path, err, out)
	}
	if !strings.Contains(string(out), "librdkafka") {
		t.Fatalf("kcat -V printed %q, want its librdkafka version in it", out)
	}
}

func TestFetchNamesTheUnknownPackage(t *testing.T) {
	_, err := Fetch(t.Context(), "no-such-tree", []string{"leat-no-such-package"}, nil)
	if err == nil || !strings.Contains(err.Error(), "leat-no-such-package") {
		t.Fatalf("Fetch of an unknown package: error %v, want one that names it", err)
	}
}
