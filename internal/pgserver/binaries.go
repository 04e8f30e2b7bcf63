package pgserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/leat-project/leat/internal/debtool"
)

// systemBin is where Debian's package puts the programs.
const systemBin = "/usr/lib/postgresql/15/bin"

// packageName is what is fetched where the machine has no PostgreSQL 15.
const packageName = "postgresql-15"

// skipped packages are what Debian's package depends on but the bare server
// does not load: the cluster tools, their Perl, and the compiler of jit.
var skipped = []string{"libllvm", "perl", "libperl", "libcommon-sense-perl", "libtypes-serialiser-perl", "libjson", "postgresql-common", "postgresql-client-common", "ssl-cert", "ucf", "debconf", "libz3", "logrotate", "cron", "systemd", "sysvinit"}

// binaries are PostgreSQL's programs and what they need to run.
type binaries struct {
	dir  string
	libs string // LD_LIBRARY_PATH, empty for the machine's own programs
}

func (b *binaries) path(program string) string { return filepath.Join(b.dir, program) }

func (b *binaries) env() []string {
	env := os.Environ()
	if b.libs != "" {
		env = append(env, "LD_LIBRARY_PATH="+b.libs)
	}
	return env
}

func (b *binaries) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.path(program), args...)
	cmd.Env = b.env()
	return cmd
}

func findBinaries(ctx context.Context) (*binaries, error) {
	if _, err := os.Stat(filepath.Join(systemBin, "postgres")); err == nil {
		return &binaries{dir: systemBin}, nil
	}
	return fetchBinaries(ctx)
}

func fetchBinaries(ctx context.Context) (*binaries, error) {
	tree, err := debtool.Fetch(ctx, packageName, []string{packageName}, skipped)
	if err != nil {
		return nil, err
	}
	return &binaries{dir: tree.Path(strings.TrimPrefix(systemBin, "/")), libs: tree.LibraryPath()}, nil
}

// placeBinaries makes fetched programs reachable for the user that runs the
// server: root's cache folder is closed to others, so they are copied beside
// the data. (PostgreSQL finds its libraries relative to its own path.)
func (s *Server) placeBinaries() error {
	if s.bin.libs == "" || os.Geteuid() != 0 {
		return nil
	}
	root := strings.TrimSuffix(s.bin.dir, systemBin)
	placed := filepath.Join(s.Dir, "programs")
	if _, err := os.Stat(placed); os.IsNotExist(err) {
		if err := copyTree(placed, root, nil); err != nil {
			return fmt.Errorf("placing PostgreSQL's programs in %s: %w", s.Dir, err)
		}
	}
	s.bin = &binaries{
		dir:  filepath.Join(placed, systemBin),
		libs: strings.ReplaceAll(s.bin.libs, root, placed),
	}
	return nil
}
