package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/leat-project/leat/internal/child"
	"github.com/leat-project/leat/internal/freeport"
	"github.com/leat-project/leat/internal/pgserver"
)

// The two databases, in one server.
const (
	sourceDB = "inventory"
	targetDB = "warehouse"
)

// record is kept in the folder (demo.json): what runs there, for -down, and
// the ports, which stay the same from one demo to the next.
type record struct {
	Demo  int `json:"demo"` // pid of the demo that plays
	Leat  int `json:"leat"` // pid
	REST  int `json:"rest"`
	Kafka int `json:"kafka"`
	PG    int `json:"postgres"`
}

// stage is the folder and the servers in it.
type stage struct {
	dir    string
	binary string
	up     bool
	rec    record
	pg     *pgserver.Server
	leat   *child.Process // nil until started
}

// newStage empties the folder and starts PostgreSQL in it.
func newStage(ctx context.Context, o options, binary string, scr *screen) (*stage, error) {
	old, err := readRecord(o.dir)
	if err != nil {
		return nil, err
	}
	if who := old.running(o.dir); who != "" {
		return nil, fmt.Errorf("%s is still running in %s: stop it with make demo-down, or choose another folder with -dir", who, o.dir)
	}
	if err := checkOurs(o.dir); err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(o.dir), os.MkdirAll(o.dir, 0o755)); err != nil {
		return nil, fmt.Errorf("emptying the folder of the demo: %w", err)
	}
	st := &stage{dir: o.dir, binary: binary, up: o.up, rec: record{Demo: os.Getpid()}}
	for _, p := range []struct{ now, before *int }{{&st.rec.REST, &old.REST}, {&st.rec.Kafka, &old.Kafka}, {&st.rec.PG, &old.PG}} {
		if *p.now, err = portLike(*p.before); err != nil {
			return nil, err
		}
	}
	if err := st.save(); err != nil {
		return nil, err
	}
	scr.title("PostgreSQL -> leat -> PostgreSQL")
	st.pg, err = pgserver.Start(ctx, pgserver.Config{Dir: filepath.Join(o.dir, "postgres"), Port: st.rec.PG, Fsync: true, Detach: o.up})
	if err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	scr.step("PostgreSQL on %s, with the databases %s and %s", st.pg.Addr(), sourceDB, targetDB)
	return st, nil
}

// checkOurs refuses to empty a folder that no demo made.
func checkOurs(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); err != nil {
		return fmt.Errorf("the folder %s holds something that no demo put there; choose another with -dir", dir)
	}
	return nil
}

// portLike returns the same port if it is free, else another.
func portLike(port int) (int, error) {
	if port != 0 && freeport.IsFree(port) {
		return port, nil
	}
	return freeport.Take()
}

// dsn is for the demo's own sessions, which compare times as text.
func (st *stage) dsn(database string) string { return st.pg.DSN(database) + "&timezone=UTC" }

func (st *stage) restURL() string   { return fmt.Sprintf("http://127.0.0.1:%d", st.rec.REST) }
func (st *stage) kafkaAddr() string { return fmt.Sprintf("127.0.0.1:%d", st.rec.Kafka) }
func (st *stage) logFile() string   { return filepath.Join(st.dir, "leat.log") }
func (st *stage) dataDir() string   { return filepath.Join(st.dir, "leat-data") }

func (st *stage) save() error {
	text, err := json.Marshal(st.rec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(st.dir, "demo.json"), text, 0o644)
}

// readRecord returns the zero record for a folder without one.
func readRecord(dir string) (record, error) {
	var r record
	text, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", filepath.Join(dir, "demo.json"), err)
	}
	return r, nil
}

// running names what lives in the folder; empty if nothing does.
func (r record) running(dir string) string {
	if r.leatLives(dir) {
		return fmt.Sprintf("leat (pid %d)", r.Leat)
	}
	if r.Demo > 0 && r.Demo != os.Getpid() && child.Lives(r.Demo) && filepath.Base(firstWord(child.CommandLine(r.Demo))) == filepath.Base(os.Args[0]) {
		return fmt.Sprintf("another demo (pid %d)", r.Demo)
	}
	return ""
}

// leatLives guards against a pid that another process has by now.
func (r record) leatLives(dir string) bool {
	return r.Leat > 0 && child.Lives(r.Leat) && containsArg(child.CommandLine(r.Leat), filepath.Join(dir, "leat-data"))
}

// close stops both servers and keeps the folder.
func (st *stage) close() error {
	err := st.stopLeat()
	return errors.Join(err, st.pg.Stop())
}

// down stops what -up left running and removes the folder.
func down(dir string, scr *screen) error {
	r, err := readRecord(dir)
	if err != nil {
		return err
	}
	if r.leatLives(dir) {
		if err := syscall.Kill(r.Leat, syscall.SIGTERM); err != nil {
			return fmt.Errorf("stopping leat: %w", err)
		}
		if err := child.WaitGone(stopTimeout, r.Leat); err != nil {
			return err
		}
		scr.note("leat stopped")
	}
	if err := pgserver.StopDir(filepath.Join(dir, "postgres")); err != nil {
		return err
	}
	if err := checkOurs(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	scr.note("PostgreSQL stopped, " + dir + " removed")
	return nil
}

const stopTimeout = 15 * time.Second
