package debtool

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// listsAge is how long fetched package lists are used before they are fetched again.
const listsAge = 6 * time.Hour

// apt is an apt with lists and archives of its own below dir. Sources, keys
// and the way to reach the mirror are the machine's.
type apt struct {
	dir string
}

// download fetches the packages with what they need into a new folder of the
// cache and returns the paths of the .deb files.
func download(ctx context.Context, cache string, packages, skip []string) ([]string, error) {
	a := &apt{dir: filepath.Join(cache, "apt")}
	if err := a.prepare(); err != nil {
		return nil, fmt.Errorf("preparing a private apt: %w", err)
	}
	// A mirror that lost a file of an old list answers 404: the second round has fresh lists.
	var last error
	for round := range 2 {
		updateErr := a.update(ctx, round > 0)
		debs, err := a.fetch(ctx, packages, skip)
		if err == nil {
			return debs, nil
		}
		last = err
		if updateErr != nil {
			last = fmt.Errorf("%w (apt-get update: %w)", err, updateErr)
		}
	}
	return nil, last
}

// prepare writes the configuration. The machine's one-line Acquire settings
// (proxies, retries) are kept; hooks that run commands are not.
func (a *apt) prepare() error {
	for _, d := range []string{"lists/partial", "cache/archives/partial", "parts", "prefs"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return err
		}
	}
	var acquire strings.Builder
	files, err := filepath.Glob("/etc/apt/apt.conf.d/*")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // unreadable to this user, as a file with a proxy's password may be
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "Acquire::") && strings.HasSuffix(line, ";") && !strings.ContainsAny(line, "{}") {
				acquire.WriteString(line + "\n")
			}
		}
	}
	if err := os.WriteFile(filepath.Join(a.dir, "parts", "10acquire"), []byte(acquire.String()), 0o600); err != nil {
		return err
	}
	conf := fmt.Sprintf(`Dir::Etc::parts "%[1]s/parts/";
Dir::Etc::main "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "%[1]s/prefs/";
Dir::State "%[1]s";
Dir::State::lists "%[1]s/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::State::extended_states "%[1]s/extended_states";
Dir::Cache "%[1]s/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "%[1]s";
Debug::NoLocking "1";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
`, a.dir)
	return os.WriteFile(filepath.Join(a.dir, "apt.conf"), []byte(conf), 0o644)
}

func (a *apt) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(a.dir, "apt.conf"), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	return cmd
}

// update fetches the package lists unless they are young. Its error matters
// only when the packages cannot be had afterwards: one broken source of the
// machine does not make the others useless.
func (a *apt) update(ctx context.Context, force bool) error {
	mark := filepath.Join(a.dir, "updated")
	if info, err := os.Stat(mark); !force && err == nil && time.Since(info.ModTime()) < listsAge {
		return nil
	}
	out, err := a.command(ctx, "-q", "update").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, lastLine(out))
	}
	return os.WriteFile(mark, nil, 0o644)
}

// fetch resolves the packages to all that the machine lacks and downloads them.
func (a *apt) fetch(ctx context.Context, packages, skip []string) ([]string, error) {
	args := append([]string{"-s", "-q", "--reinstall", "install"}, packages...)
	out, err := a.command(ctx, args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("resolving with apt-get -s install: %w: %s", err, lastLine(out))
	}
	names := toInstall(string(out), skip)
	if len(names) == 0 {
		return nil, fmt.Errorf("apt-get -s install named no package to fetch: %s", lastLine(out))
	}
	dir := filepath.Join(a.dir, "debs")
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	cmd := a.command(ctx, append([]string{"-q", "download"}, names...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("apt-get download: %w: %s", err, lastLine(out))
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return nil, err
	}
	if len(debs) != len(names) {
		return nil, fmt.Errorf("apt-get download brought %d of %d packages", len(debs), len(names))
	}
	return debs, nil
}

// toInstall reads the "Inst name ..." lines of a simulated installation.
func toInstall(simulation string, skip []string) []string {
	var names []string
lines:
	for line := range strings.Lines(simulation) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "Inst" {
			continue
		}
		for _, s := range skip {
			if strings.HasPrefix(f[1], s) {
				continue lines
			}
		}
		names = append(names, f[1])
	}
	return names
}

func lastLine(out []byte) string {
	s := strings.TrimSpace(string(out))
	return s[strings.LastIndexByte(s, '\n')+1:]
}
