package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/leat-project/leat/internal/pgserver"
)

// runSink measures topic to table: the topic is filled by a snapshot first, then
// each sink variant reads it from the start into a new table. The limits are COPY
// FROM into the same table, and staged COPY with ON CONFLICT.
func runSink(ctx context.Context, b *bench) error {
	src, err := b.database(ctx, "benchsinksrc")
	if err != nil {
		return err
	}
	defer src.Close(ctx)
	dst, err := b.database(ctx, "benchsink")
	if err != nil {
		return err
	}
	defer dst.Close(ctx)
	if err := createTable(ctx, src, "orders"); err != nil {
		return err
	}
	if err := fill(ctx, src, "orders", 1, b.rows, 100_000); err != nil {
		return err
	}
	copyLimit, stagedLimit, err := sinkLimits(ctx, src, dst)
	if err != nil {
		return err
	}
	l, err := b.start(ctx, "sink")
	if err != nil {
		return err
	}
	defer l.stop()
	// schemas on (the envelope carries its schema), lz4, as the row says.
	config := b.source("benchsinksrc", "orders", "sinksrc", map[string]string{"value.converter.schemas.enable": "true",
		"key.converter.schemas.enable": "true", "producer.override.compression.type": "lz4"})
	if err := l.put("sinksrc", config); err != nil {
		return err
	}
	if _, _, err := waitEnd(ctx, l, "sinksrc.public.orders", int64(b.rows), 15*time.Minute); err != nil {
		return err
	}
	if err := l.remove("sinksrc"); err != nil {
		return err
	}
	for _, v := range []struct {
		mode          string
		limit, target float64
		limitOf       string
	}{
		{"upsert", stagedLimit, 110_000, "staged COPY, ON CONFLICT"},
		{"insert", copyLimit, 250_000, "COPY FROM"},
	} {
		if err := b.oneSink(ctx, l, dst, v.mode, v.limit, v.target, v.limitOf); err != nil {
			return fmt.Errorf("%s: %w", v.mode, err)
		}
	}
	return nil
}

// sinkLimits measures COPY FROM STDIN, and COPY into a temporary table followed by
// INSERT ... ON CONFLICT, in rows a second.
func sinkLimits(ctx context.Context, src, dst *pgx.Conn) (plain, staged float64, err error) {
	if err := createTable(ctx, dst, "limits"); err != nil {
		return 0, 0, err
	}
	if plain, err = copyIn(ctx, src, dst, "orders", "limits"); err != nil {
		return 0, 0, err
	}
	if _, err := dst.Exec(ctx, "TRUNCATE limits; CREATE TEMP TABLE stage (LIKE limits)"); err != nil {
		return 0, 0, err
	}
	rate, err := copyIn(ctx, src, dst, "orders", "stage")
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	tag, err := dst.Exec(ctx, "INSERT INTO limits SELECT * FROM stage ON CONFLICT (id) DO UPDATE SET note = excluded.note")
	if err != nil {
		return 0, 0, err
	}
	rows := tag.RowsAffected()
	seconds := float64(rows)/rate + time.Since(begin).Seconds()
	_, err = dst.Exec(ctx, "DROP TABLE stage; DROP TABLE limits")
	return plain, float64(rows) / seconds, err
}

func (b *bench) oneSink(ctx context.Context, l *leat, dst *pgx.Conn, mode string, limit, target float64, limitOf string) error {
	name := "sink-" + mode
	config := map[string]string{
		"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "1",
		"topics":         "sinksrc.public.orders",
		"connection.url": fmt.Sprintf("jdbc:postgresql://%s:%d/benchsink", pgserver.Host, b.pg.Port), "connection.username": pgserver.User,
		"connection.password": pgserver.Password, "insert.mode": mode, "primary.key.mode": "record_key",
		"schema.evolution": "basic", "collection.name.format": "orders_" + mode, "delete.enabled": "false",
		"key.converter": jsonConverter, "value.converter": jsonConverter,
	}
	before, err := l.cpu()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := l.put(name, config); err != nil {
		return err
	}
	end, err := waitRows(ctx, dst, "orders_"+mode, b.rows, 15*time.Minute)
	if err != nil {
		var s status
		if e := l.call("GET", "/connectors/"+name+"/status", nil, &s); e == nil {
			err = fmt.Errorf("%w; status %+v", err, s)
		}
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
	for _, r := range []result{
		{What: fmt.Sprintf("sink %s of %d rows, POST to last row", mode, b.rows), Value: float64(b.rows) / end.Sub(begin).Seconds(),
			Unit: "rows/s", Limit: limit, LimitOf: limitOf, Target: target},
		{What: "sink " + mode + " CPU", Value: (after - before) / float64(b.rows) * 1e6, Unit: "CPU s/M"},
		{What: "sink " + mode + " peak memory (VmHWM)", Value: peak, Unit: "MB", Target: 300, Lower: true},
	} {
		r.Workload, r.Mode = "sink", "envelope, JSON schemas=true, lz4"
		if err := b.report(r); err != nil {
			return err
		}
	}
	return l.remove(name)
}

// waitRows waits until a table has that many rows. It asks for the largest id
// first, which costs nothing, and counts only then.
func waitRows(ctx context.Context, c *pgx.Conn, table string, want int, limit time.Duration) (time.Time, error) {
	deadline := time.Now().Add(limit)
	for {
		var exists bool
		if err := c.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&exists); err != nil {
			return time.Time{}, err
		}
		n := 0
		now := time.Now()
		if exists {
			var most *int64
			if err := c.QueryRow(ctx, "SELECT max(id) FROM "+table).Scan(&most); err != nil {
				return time.Time{}, err
			}
			if most != nil && *most >= int64(want) {
				if err := c.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
					return time.Time{}, err
				}
				if n >= want {
					return now, nil
				}
			}
		}
		if now.After(deadline) {
			return time.Time{}, fmt.Errorf("%s has %d of %d rows after %v", table, n, want, limit)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return time.Time{}, err
		}
	}
}
