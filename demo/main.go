package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	up, down  bool
	dir       string
	leat      string
	rows      int
	customers int
	seconds   int
	rate      int
}

func parseFlags() options {
	var o options
	flag.BoolVar(&o.up, "up", false, "leave the servers running at the end")
	flag.BoolVar(&o.down, "down", false, "stop what -up left running")
	flag.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "leat-demo-"+strconv.Itoa(os.Getuid())), "folder of the demo; its content is replaced")
	flag.StringVar(&o.leat, "leat", "bin/leat", "the leat binary")
	flag.IntVar(&o.rows, "rows", 100_000, "rows of the table orders at the start")
	flag.IntVar(&o.customers, "customers", 5_000, "rows of the table customers at the start")
	flag.IntVar(&o.seconds, "seconds", 20, "how long the tables keep changing after the snapshot")
	flag.IntVar(&o.rate, "rate", 2_000, "changed rows per second")
	flag.Parse()
	return o
}

func main() {
	o := parseFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	scr := newScreen(os.Stdout)
	if err := run(ctx, o, scr); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		scr.fail(err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, scr *screen) error {
	if o.down {
		return down(o.dir, scr)
	}
	if o.rows < 1 || o.customers < 1 || o.seconds < 1 || o.rate < 1 {
		return errors.New("-rows, -customers, -seconds and -rate must be at least 1")
	}
	leat, err := filepath.Abs(o.leat)
	if err != nil {
		return err
	}
	if _, err := os.Stat(leat); err != nil {
		return fmt.Errorf("finding the leat binary (build it with make): %w", err)
	}
	st, err := newStage(ctx, o, leat, scr)
	if err != nil {
		return err
	}
	err = play(ctx, o, st, scr)
	if err == nil && o.up {
		st.sayRunning(scr)
		return nil
	}
	if err := st.close(); err != nil {
		scr.note("stopping the servers: " + err.Error())
	}
	if err != nil {
		return fmt.Errorf("%w\n  leat's log: %s\n  PostgreSQL's log: %s", err, st.logFile(), st.pg.LogFile())
	}
	st.sayStopped(scr)
	return nil
}

// waitFor polls cond until it is true. cond's error ends the wait.
func waitFor(ctx context.Context, what string, timeout time.Duration, cond func(context.Context) (bool, error)) error {
	deadline := time.Now().Add(timeout)
	for {
		ok, err := cond(ctx)
		if err != nil {
			return fmt.Errorf("waiting until %s: %w", what, err)
		}
		if ok {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting until %s: not so after %v", what, timeout)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
