package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topics are what the source connector writes to.
var topics = []string{"shop.public.customers", "shop.public.orders"}

const (
	watchEvery = 250 * time.Millisecond
	equalEvery = 3 * time.Second
	rateWindow = 2 * time.Second
)

// view is what is known about the pipeline at one moment.
type view struct {
	at     time.Time
	up     bool          // the broker answers
	events int64         // in the topics
	rows   int64         // in the target's tables
	newest time.Time     // newest change that has arrived in the target
	lag    time.Duration // age of the oldest change that has not
}

// watcher looks at broker and target several times a second and writes the
// status line.
type watcher struct {
	st      *stage
	scr     *screen
	load    *changes
	initial int64 // rows of the source at the start
	kafka   *kadm.Client
	target  *pgx.Conn

	mu      sync.Mutex // guards the fields below
	views   []view     // of the last rateWindow
	phase   string
	equal   string // "99,998 of 100,140"
	maxLag  time.Duration
	maxRate float64
}

func newWatcher(ctx context.Context, st *stage, scr *screen, load *changes, initial int64) (*watcher, error) {
	// The topics do not exist yet: ask again soon.
	client, err := kgo.NewClient(kgo.SeedBrokers(st.kafkaAddr()), kgo.MetadataMinAge(watchEvery/2))
	if err != nil {
		return nil, err
	}
	target, err := pgx.Connect(ctx, st.dsn(targetDB))
	if err != nil {
		client.Close()
		return nil, err
	}
	return &watcher{st: st, scr: scr, load: load, initial: initial, kafka: kadm.NewClient(client), target: target, equal: "-"}, nil
}

func (w *watcher) close(ctx context.Context) {
	w.kafka.Close()
	w.target.Close(context.WithoutCancel(ctx))
}

// run watches until ctx ends. While leat is down there is nothing to see, which
// is no error; that the target's database does not answer is one.
func (w *watcher) run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		v, err := w.look(ctx)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("looking at the target: %w", err)
		}
		if ctx.Err() != nil {
			return nil
		}
		w.scr.update(w.describe(v))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// runEqual counts equal rows every now and then until ctx ends.
func (w *watcher) runEqual(ctx context.Context) error {
	for pause(ctx, equalEvery) == nil {
		results, _, err := compareAll(ctx, w.st)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		w.mu.Lock()
		w.equal = equalRows(results)
		w.mu.Unlock()
	}
	return nil
}

// equalRows sums up a comparison: "99,998 of 100,140".
func equalRows(results []*comparison) string {
	var equal, rows int64
	for _, c := range results {
		if c == nil {
			return "-"
		}
		equal, rows = equal+c.equal, rows+c.rows
	}
	return thousands(equal) + " of " + thousands(rows)
}

// setPhase names what is going on for the status line.
func (w *watcher) setPhase(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase = name
}

// look asks the broker and the target.
func (w *watcher) look(ctx context.Context) (view, error) {
	v := view{at: time.Now()}
	v.events, v.up = w.countEvents(ctx)
	for _, table := range tables {
		var n int64
		err := w.target.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n)
		if err != nil && !absent(err) {
			return v, err
		}
		v.rows += n
	}
	var newest *time.Time
	err := w.target.QueryRow(ctx, "SELECT max(updated_at) FROM orders").Scan(&newest)
	if err != nil && !absent(err) {
		return v, err
	}
	if newest != nil {
		v.newest = *newest
		if last := time.Unix(0, w.load.last.Load()); last.After(*newest) {
			v.lag = last.Sub(*newest)
		}
	}
	w.remember(v)
	return v, nil
}

// countEvents adds up the ends of the topics; up is false when the broker does
// not answer.
func (w *watcher) countEvents(ctx context.Context) (events int64, up bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	ends, err := w.kafka.ListEndOffsets(ctx, topics...)
	if err != nil {
		return 0, false
	}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			events += o.Offset
		}
	})
	return events, true
}

func (w *watcher) remember(v view) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.up {
		w.views = append(w.views, v)
	}
	for len(w.views) > 2 && v.at.Sub(w.views[0].at) > rateWindow {
		w.views = w.views[1:]
	}
	if w.phase == phaseStream {
		w.maxLag = max(w.maxLag, v.lag)
	}
	eventRate, _ := w.ratesLocked()
	w.maxRate = max(w.maxRate, eventRate)
}

// ratesLocked returns events and target rows per second over the window.
func (w *watcher) ratesLocked() (events, rows float64) {
	if len(w.views) < 2 {
		return 0, 0
	}
	first, last := w.views[0], w.views[len(w.views)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, 0
	}
	return max(0, float64(last.events-first.events)/seconds), max(0, float64(last.rows-first.rows)/seconds)
}

func (w *watcher) describe(v view) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !v.up {
		return fmt.Sprintf("%-9s leat is down | %s changes so far | target %s rows", w.phase, thousands(w.load.total()), thousands(v.rows))
	}
	events, rows := w.ratesLocked()
	if w.phase == phaseSnapshot {
		return fmt.Sprintf("%-9s %s %s of %s rows in topics (%s/s) | target %s rows (%s/s)", w.phase, bar(v.events, w.initial),
			thousands(min(v.events, w.initial)), thousands(w.initial), thousands(int64(events)), thousands(v.rows), thousands(int64(rows)))
	}
	return fmt.Sprintf("%-9s %s changes | %s events (%s/s) | target %s rows, %s equal | lag %v", w.phase, thousands(w.load.total()),
		thousands(v.events), thousands(int64(events)), thousands(v.rows), w.equal, v.lag.Round(time.Millisecond))
}

// check fails when one of the connectors has.
func (w *watcher) check(ctx context.Context, names []string) error {
	var errs []error
	for _, name := range names {
		errs = append(errs, w.st.checkConnector(ctx, name))
	}
	return errors.Join(errs...)
}
