package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// The phases that the status line names.
const (
	phaseSnapshot = "snapshot"
	phaseStream   = "streaming"
	phaseCatchUp  = "catching up"
)

const (
	snapshotTimeout = 60 * time.Second
	settleTimeout   = 60 * time.Second
	downFor         = time.Second
)

// play is the script of the demo. It returns nil only if both sides are equal.
func play(ctx context.Context, o options, st *stage, scr *screen) error {
	if err := createSource(ctx, st, o); err != nil {
		return err
	}
	scr.step("tables orders (%s rows) and customers (%s rows) in %s", thousands(o.rows), thousands(o.customers), sourceDB)
	took, err := st.startLeat(ctx)
	if err != nil {
		return err
	}
	scr.step("leat run: REST answers on %s after %d ms", st.restURL(), took.Milliseconds())
	var names []string
	for _, file := range st.connectors() {
		name, err := st.create(ctx, file)
		if err != nil {
			return err
		}
		names = append(names, name)
		scr.step("POST /connectors < %s: created %s", file.path, name)
	}

	load := &changes{dsn: st.dsn(sourceDB), rate: o.rate, customers: o.customers}
	w, err := newWatcher(ctx, st, scr, load, int64(o.rows+o.customers))
	if err != nil {
		return err
	}
	defer w.close(ctx)
	if err := perform(ctx, o, st, scr, w, names); err != nil {
		return err
	}
	return verdict(ctx, st, scr, w)
}

// perform runs the load, the watching and the acts beside each other. The first
// error ends all.
func perform(ctx context.Context, o options, st *stage, scr *screen, w *watcher, names []string) error {
	g, ctx := errgroup.WithContext(ctx)
	watching, stopWatching := context.WithCancel(ctx)
	loading, stopLoading := context.WithCancel(ctx)
	loadEnded := make(chan struct{})
	g.Go(func() error { return w.run(watching) })
	g.Go(func() error { return w.runEqual(watching) })
	g.Go(func() error {
		defer close(loadEnded)
		return w.load.run(loading)
	})
	g.Go(func() error {
		defer stopWatching()
		defer stopLoading()
		if err := acts(ctx, o, st, scr, w, names); err != nil {
			return err
		}
		stopLoading()
		<-loadEnded
		return settle(ctx, st, scr, w, names)
	})
	err := g.Wait()
	scr.keep()
	return err
}

// acts is what happens while the tables keep changing.
func acts(ctx context.Context, o options, st *stage, scr *screen, w *watcher, names []string) error {
	scr.title("The snapshot, while the tables keep changing")
	w.setPhase(phaseSnapshot)
	begin := time.Now()
	err := waitFor(ctx, "the snapshot is in the target", snapshotTimeout, func(ctx context.Context) (bool, error) {
		if err := w.check(ctx, names); err != nil {
			return false, err
		}
		return w.arrived(), nil
	})
	if err != nil {
		return err
	}
	scr.event("the snapshot is in the target after %.1f s", time.Since(begin).Seconds())

	scr.title("Streaming")
	w.setPhase(phaseStream)
	part := time.Duration(o.seconds) * time.Second / 4
	if err := pause(ctx, part); err != nil {
		return err
	}
	if err := w.load.addColumn(ctx); err != nil {
		return err
	}
	scr.event("ALTER TABLE orders ADD COLUMN coupon text, and the changes write it")
	if err := pause(ctx, part); err != nil {
		return err
	}
	if err := w.check(ctx, names); err != nil {
		return err
	}
	if err := crash(ctx, st, scr); err != nil {
		return err
	}
	return pause(ctx, 2*part)
}

// crash kills leat without warning and starts it again.
func crash(ctx context.Context, st *stage, scr *screen) error {
	peak := st.peakMemory()
	if err := st.killLeat(); err != nil {
		return err
	}
	scr.event("kill -9 %d (peak memory so far %d MB); the tables keep changing", st.rec.Leat, peak)
	if err := pause(ctx, downFor); err != nil {
		return err
	}
	took, err := st.startLeat(ctx)
	if err != nil {
		return err
	}
	scr.event("leat is started again: REST answers after %d ms", took.Milliseconds())
	return nil
}

// settle waits until the target has caught up with the source, which no longer
// changes.
func settle(ctx context.Context, st *stage, scr *screen, w *watcher, names []string) error {
	w.setPhase(phaseCatchUp)
	l := w.load
	scr.event("the changes stop: %s inserts, %s updates, %s deletes", thousands(l.inserts.Load()), thousands(l.updates.Load()), thousands(l.deletes.Load()))
	begin := time.Now()
	err := waitFor(ctx, "source and target are equal", settleTimeout, func(ctx context.Context) (bool, error) {
		if err := w.check(ctx, names); err != nil {
			return false, err
		}
		_, equal, err := compareAll(ctx, st)
		return equal, err
	})
	if err != nil {
		return errors.Join(err, explain(ctx, st, scr))
	}
	scr.event("equal %.1f s after the last change", time.Since(begin).Seconds())
	return nil
}

// explain shows how far apart the tables are.
func explain(ctx context.Context, st *stage, scr *screen) error {
	results, _, err := compareAll(context.WithoutCancel(ctx), st)
	for i, c := range results {
		if c == nil {
			scr.note(fmt.Sprintf("  %s: the target lacks the table or a column", tables[i]))
			continue
		}
		scr.note(fmt.Sprintf("  %s: %s rows equal, %s missing, %s surplus, %s different", c.table, thousands(c.equal), thousands(c.missing), thousands(c.surplus), thousands(c.different)))
		for _, example := range c.examples {
			scr.note("    " + example)
		}
	}
	return err
}

// verdict compares one last time, with nothing running beside it.
func verdict(ctx context.Context, st *stage, scr *screen, w *watcher) error {
	scr.title("Source and target, row by row")
	results, equal, err := compareAll(ctx, st)
	if err != nil {
		return err
	}
	for i, c := range results {
		if c == nil {
			return fmt.Errorf("the target lacks the table %s or a column of it", tables[i])
		}
		scr.note(fmt.Sprintf("  %-10s %9s rows of %d columns, %s equal, %s different or missing", c.table, thousands(c.rows), c.columns, thousands(c.equal), thousands(c.differences())))
	}
	if !equal {
		return errors.Join(errors.New("source and target differ"), explain(ctx, st, scr))
	}
	scr.note(fmt.Sprintf("  up to %s events/s into the topics, largest lag %v (with leat down for %v), peak memory since the restart %d MB",
		thousands(int64(w.maxRate)), w.maxLag.Round(time.Millisecond), downFor, st.peakMemory()))
	scr.good(fmt.Sprintf("\nEQUAL after %.0f s", time.Since(scr.start).Seconds()))
	return nil
}

// arrived says that the target holds as many rows as the snapshot had.
func (w *watcher) arrived() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.views) == 0 {
		return false
	}
	v := w.views[len(w.views)-1]
	return v.rows >= w.initial && v.events >= w.initial
}

// sayRunning ends a demo with -up.
func (st *stage) sayRunning(scr *screen) {
	scr.title("Left running. To look further:")
	st.sayCommands(scr)
	scr.note("\nTo stop: make demo-down")
}

// sayStopped ends a demo without -up.
func (st *stage) sayStopped(scr *screen) {
	scr.title("All is stopped. `make demo-up` plays it again and leaves it running; then, to look further:")
	st.sayCommands(scr)
}

func (st *stage) sayCommands(scr *screen) {
	psql := st.pg.Shell("psql")
	for _, line := range []string{
		"curl -s " + st.restURL() + "/connectors?expand=status",
		"curl -s " + st.restURL() + "/metrics",
		"bin/leat topic list --bootstrap-server " + st.kafkaAddr(),
		"bin/leat topic consume shop.public.orders --bootstrap-server " + st.kafkaAddr() + " --from-beginning --max-messages 3",
		psql + " '" + st.pg.DSN(sourceDB) + "' -c \"UPDATE customers SET name = 'You' WHERE id = 1\"",
		psql + " '" + st.pg.DSN(targetDB) + "' -c 'SELECT * FROM customers WHERE id = 1'",
		"less " + filepath.Join(st.dir, "leat.log"),
	} {
		scr.note("  " + line)
	}
}
