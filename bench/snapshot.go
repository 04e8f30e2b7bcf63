package main

import (
	"context"
	"fmt"
	"time"
)

// runSnapshot measures the initial snapshot of one table into its topic, beside
// COPY TO STDOUT of the same table read and thrown away.
func runSnapshot(ctx context.Context, b *bench) error {
	c, err := b.database(ctx, "benchsnap")
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if err := createTable(ctx, c, "orders"); err != nil {
		return err
	}
	if err := fill(ctx, c, "orders", 1, b.rows, 100_000); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "VACUUM ANALYZE orders"); err != nil {
		return err
	}
	limit, width, err := copyOut(ctx, c, "orders")
	if err != nil {
		return err
	}
	for _, schemas := range []string{"false", "true"} {
		if err := b.oneSnapshot(ctx, schemas, limit, width); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) oneSnapshot(ctx context.Context, schemas string, limit, width float64) error {
	l, err := b.start(ctx, "snapshot-"+schemas)
	if err != nil {
		return err
	}
	defer l.stop()
	prefix := "snap" + schemas
	config := b.source("benchsnap", "orders", prefix, map[string]string{"value.converter.schemas.enable": schemas})
	rows := int64(b.rows)
	if schemas == "true" {
		rows /= 4 // each record carries its schema: four times the bytes and more
		config["snapshot.select.statement.overrides"] = "public.orders"
		config["snapshot.select.statement.overrides.public.orders"] = fmt.Sprintf("SELECT * FROM public.orders WHERE id <= %d", rows)
	}
	before, err := l.cpu()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := l.put(prefix, config); err != nil {
		return err
	}
	_, end, err := waitEnd(ctx, l, prefix+".public.orders", rows, 10*time.Minute)
	if err != nil {
		return err
	}
	after, err := l.cpu()
	if err != nil {
		return err
	}
	peak, err := l.memory("VmHWM")
	if err != nil {
		return err
	}
	rate := float64(rows) / end.Sub(begin).Seconds()
	mode := "JSON schemas=" + schemas + ", fsync before ack"
	target := 0.0
	if schemas == "false" {
		target = max(200_000, limit/3)
	}
	for _, r := range []result{
		{What: fmt.Sprintf("snapshot of %d rows of %.0f bytes, POST to last record", rows, width), Value: rate, Unit: "rows/s",
			Limit: limit, LimitOf: "COPY TO STDOUT", Target: target},
		{What: "snapshot CPU", Value: (after - before) / float64(rows) * 1e6, Unit: "CPU s/M"},
		{What: "snapshot peak memory (VmHWM)", Value: peak, Unit: "MB", Target: 300, Lower: true},
	} {
		r.Workload, r.Mode = "snapshot", mode
		if err := b.report(r); err != nil {
			return err
		}
	}
	return l.remove(prefix)
}
