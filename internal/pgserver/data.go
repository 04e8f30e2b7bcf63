package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/debtool"
	"github.com/leat-project/leat/internal/freeport"
)

// dirPrefix names the temporary folders; the pid of their owner follows.
const dirPrefix = "leat-pg-"

// defaults of postgresql.conf, small enough for many servers side by side.
var defaults = map[string]string{
	"listen_addresses":      "'127.0.0.1'",
	"wal_level":             "logical",
	"max_wal_senders":       "20",
	"max_replication_slots": "20",
	"max_connections":       "100",
	"shared_buffers":        "64MB",
	"jit":                   "off",
	"log_line_prefix":       "'%m [%p] '",
}

// hba lets everybody with a password in, over TCP and for replication too.
const hba = `local all all trust
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
`

func (s *Server) dataDir() string { return filepath.Join(s.Dir, "data") }

// makeDir creates the server's folder, owned by the user that will run it.
func (s *Server) makeDir() error {
	var err error
	if s.cfg.Dir == "" {
		removeAbandoned(os.TempDir())
		s.temp = true
		s.Dir, err = os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	} else if s.Dir, err = filepath.Abs(s.cfg.Dir); err == nil {
		err = os.MkdirAll(s.Dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("creating a folder for PostgreSQL: %w", err)
	}
	if err := os.Chmod(s.Dir, 0o755); err != nil {
		return err
	}
	return runner().own(s.Dir)
}

// removeAbandoned removes the folders of processes that were killed before
// they could do so. What cannot be removed (another user's) stays.
func removeAbandoned(temp string) {
	dirs, err := filepath.Glob(filepath.Join(temp, dirPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		n, err := strconv.Atoi(pid)
		if err != nil || child.Lives(n) {
			continue
		}
		if server, err := postmasterPid(dir); err == nil && child.Lives(server) {
			continue
		}
		_ = os.RemoveAll(dir)
	}
}

// initData copies the template into a new data folder.
func (s *Server) initData(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.dataDir(), "PG_VERSION")); err == nil {
		return nil
	}
	template, err := s.template(ctx)
	if err != nil {
		return fmt.Errorf("making a template data folder: %w", err)
	}
	if err := copyTree(s.dataDir(), template, runner().own); err != nil {
		return fmt.Errorf("copying the template data folder: %w", err)
	}
	return nil
}

// template returns a data folder that initdb made, from the cache if it is there.
func (s *Server) template(ctx context.Context) (string, error) {
	cache, err := debtool.CacheDir()
	if err != nil {
		return "", err
	}
	version, err := s.bin.command(ctx, "postgres", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", s.bin.path("postgres"), err)
	}
	name := strings.Join(strings.FieldsFunc(string(version), func(r rune) bool { return r != '.' && (r < '0' || r > '9') }), "-")
	dir := filepath.Join(cache, "postgres", "template-"+name)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	unlock, err := debtool.Lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, s.initdb(ctx, dir)
}

// initdb makes the template in the server's folder, which the running user can
// write, and moves it to dir as the last step.
func (s *Server) initdb(ctx context.Context, dir string) error {
	made := filepath.Join(s.Dir, "template")
	password := filepath.Join(s.Dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		return err
	}
	if err := runner().own(password); err != nil {
		return err
	}
	cmd := s.bin.command(ctx, "initdb", "-D", made, "-U", User, "--pwfile="+password, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N")
	cmd.Dir = s.Dir
	runner().set(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running initdb: %w: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(made, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return err
	}
	conf, err := os.OpenFile(filepath.Join(made, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString("\ninclude 'leat.conf'\n")
	if err := errors.Join(err, conf.Close(), os.Remove(password)); err != nil {
		return err
	}
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), copyTree(part, made, nil), os.RemoveAll(made)); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// takePort chooses the port at the first start.
func (s *Server) takePort() error {
	if s.Port != 0 {
		return nil
	}
	port, err := freeport.Take()
	s.Port = port
	return err
}

// writeSettings writes leat.conf, which postgresql.conf includes, and Config.Files.
func (s *Server) writeSettings() error {
	for name, data := range s.cfg.Files {
		if err := s.writeFile(name, data, 0o600); err != nil {
			return err
		}
	}
	set := maps.Clone(defaults)
	if !s.cfg.Fsync {
		set["fsync"], set["full_page_writes"] = "off", "off"
	}
	set["port"] = strconv.Itoa(s.Port)
	set["unix_socket_directories"] = "'" + s.Dir + "'"
	maps.Copy(set, s.cfg.Settings)
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&b, "%s = %s\n", k, set[k])
	}
	return s.writeFile("leat.conf", []byte(b.String()), 0o644)
}

// writeFile puts a file into the data folder.
func (s *Server) writeFile(name string, data []byte, mode fs.FileMode) error {
	file := filepath.Join(s.dataDir(), name)
	if err := os.WriteFile(file, data, mode); err != nil {
		return fmt.Errorf("writing PostgreSQL's settings: %w", err)
	}
	return runner().own(file)
}

// copyTree copies folders, files and links from src into the new folder dst
// with their modes, and calls own (if not nil) for each copy.
func copyTree(dst, src string, own func(string) error) error {
	return filepath.WalkDir(src, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			err = os.Mkdir(to, info.Mode().Perm())
		case info.Mode()&fs.ModeSymlink != 0:
			return copyLink(to, path)
		default:
			err = copyFile(to, path, info.Mode().Perm())
		}
		if err != nil || own == nil {
			return err
		}
		return own(to)
	})
}

func copyLink(to, from string) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	return os.Symlink(target, to)
}

func copyFile(to, from string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// startError says why the server ended while starting, from its log.
func (s *Server) startError() error {
	log, err := os.ReadFile(s.LogFile())
	if err != nil {
		return err
	}
	tail := string(log[max(0, len(log)-2000):])
	if strings.Contains(tail, "could not bind") {
		return fmt.Errorf("%w: %s", errPortTaken, tail)
	}
	return &exec.Error{Name: s.bin.path("postgres"), Err: errors.New("ended while starting: " + tail)}
}

var errPortTaken = errors.New("the port was taken by another process")
