package main

import (
	"context"
	"os"
	"slices"
	"time"
)

// runStart measures exec to the first 200 and the memory of an idle process.
func runStart(ctx context.Context, b *bench) error {
	fresh, err := b.start(ctx, "start")
	if err != nil {
		return err
	}
	fresh.stop()
	if err := b.report(result{Workload: "start", What: "first start, empty folder", Value: fresh.ready.Seconds(), Unit: "s", Target: 1, Lower: true}); err != nil {
		return err
	}
	var times []float64
	for range 5 {
		l, err := b.start(ctx, "start")
		if err != nil {
			return err
		}
		l.stop()
		times = append(times, l.ready.Seconds())
	}
	slices.Sort(times)
	if err := b.report(result{Workload: "start", What: "start, existing folder (median of 5)", Value: times[2], Unit: "s", Target: 0.3, Lower: true}); err != nil {
		return err
	}
	l, err := b.start(ctx, "start")
	if err != nil {
		return err
	}
	defer l.stop()
	wait := time.Minute
	if b.quick {
		wait = 5 * time.Second
	}
	if err := sleep(ctx, wait); err != nil {
		return err
	}
	rss, err := l.memory("VmRSS")
	if err != nil {
		return err
	}
	if err := b.report(result{Workload: "start", What: "idle memory (VmRSS 60 s after start)", Value: rss, Unit: "MB", Target: 60, Lower: true}); err != nil {
		return err
	}
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	return b.report(result{Workload: "start", What: "binary size", Value: float64(info.Size()) / 1e6, Unit: "MB"})
}
