package tests

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/leat-project/leat/internal/postgrestest"
	"github.com/leat-project/leat/internal/proctest"
)

// TestDiskFull fills the disk under a running pipeline: a small tmpfs that only
// leat's own mount namespace sees. Tasks retry or fail with a clear status; with
// space again everything goes on and nothing is lost.
func TestDiskFull(t *testing.T) {
	pg := postgrestest.Start(t)
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := proctest.Start(t, proctest.Config{Dir: dir, Wrap: []string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
		`mount -t tmpfs -o size=1g tmpfs "$0" && exec "$@"`, dir}})
	l := newLoad(t, pg, "src", 200, seed(t))
	l.pause = 10 * time.Millisecond
	pg.CreateDatabase(t, "dst")
	l.run()
	create(t, p, "full-source", sourceConfig(pg, "src", "full"))
	create(t, p, "full-sink", sinkConfig(pg, "dst", "full"))
	waitTasks(t, p, "full-source", 1, "RUNNING")
	time.Sleep(2 * time.Second)

	filler := fmt.Sprintf("/proc/%d/root%s/filler", p.Pid(), dir)
	fillDisk(t, filler)
	time.Sleep(5 * time.Second)
	if status, text := api(p, "GET", "/connectors", nil); status != 200 {
		t.Errorf("REST answers %d %s while the disk is full", status, text)
	}
	for _, name := range []string{"full-source", "full-sink"} {
		s, text := statusOf(p, name)
		for _, task := range s.Tasks {
			if task.State == "FAILED" && task.Trace == "" {
				t.Errorf("a failed task says nothing: %s", text)
			}
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	operate := func() {
		for _, name := range []string{"full-source", "full-sink"} {
			restartFailed(p, name)
		}
	}
	time.Sleep(3 * time.Second)
	operate()
	time.Sleep(2 * time.Second)
	l.end()
	statuses := func() string {
		_, a := statusOf(p, "full-source")
		_, b := statusOf(p, "full-sink")
		return a + "\n" + b + "\nlog:\n" + p.Log.Tail(6000)
	}
	for _, table := range []string{"orders", "customers"} {
		requireEqual(t, pg.DSN("src"), pg.DSN("dst"), table, operate, statuses)
	}
	p.Stop(t)
}

// fillDisk writes a file until no byte fits any more.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	chunk := make([]byte, 1<<20)
	for size := len(chunk); size > 0; {
		if _, err := f.Write(chunk[:size]); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			size /= 2
		}
	}
}
