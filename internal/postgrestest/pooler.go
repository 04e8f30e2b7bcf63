package postgrestest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/debtool"
	"github.com/leat-project/leat/internal/freeport"
)

// Pooler starts PgBouncer in front of the server, in transaction mode: every
// transaction of a client may run on another connection. It returns the port on
// which it listens and ends with the test.
func (s *Server) Pooler(t testing.TB) int {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	tree, err := debtool.Fetch(ctx, "pgbouncer", []string{"pgbouncer"}, []string{"postgresql", "debconf", "ssl-cert", "libpam", "systemd", "libsystemd0"})
	if err != nil {
		t.Fatalf("fetching PgBouncer: %v", err)
	}
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for p := dir; p != filepath.Dir(p) && p != os.TempDir(); p = filepath.Dir(p) { // it does not run as root
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	users, conf := filepath.Join(dir, "users"), filepath.Join(dir, "pgbouncer.ini")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(users, fmt.Sprintf("%q %q\n", s.User, s.Password))
	write(conf, fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = 3
server_round_robin = 1
`, s.Host, s.Port, port, users))
	var log bytes.Buffer
	cmd := exec.Command(tree.Path("usr/sbin/pgbouncer"), conf)
	if os.Geteuid() == 0 {
		cmd.Args = []string{cmd.Path, "--user=nobody", conf}
	}
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+tree.LibraryPath())
	cmd.Stdout, cmd.Stderr = &log, &log
	p, err := child.Start(cmd, child.Life{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Errorf("ending PgBouncer: %v", err)
		}
		if t.Failed() {
			t.Logf("log of PgBouncer:\n%s", log.String())
		}
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close() // it only showed that somebody listens
			return port
		}
		if time.Now().After(deadline) || !p.Alive() {
			t.Fatalf("PgBouncer does not listen: %v\n%s", err, log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}
