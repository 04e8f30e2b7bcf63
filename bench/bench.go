package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leat-project/leat/internal/pgserver"
)

// bench is what the workloads share: the results and the servers.
type bench struct {
	options
	out     io.Writer
	results []result
	own     bool // dir is ours to remove
	pg      *pgserver.Server
}

func newBench(o options, out io.Writer) (*bench, error) {
	if _, err := os.Stat(o.binary); err != nil {
		return nil, fmt.Errorf("-leat: %w; build it with make build", err)
	}
	b := &bench{options: o, out: out}
	var err error
	if b.binary, err = filepath.Abs(o.binary); err != nil {
		return nil, err
	}
	if b.dir == "" {
		b.own = true
		b.dir, err = os.MkdirTemp("", "bench-")
	}
	return b, err
}

func (b *bench) close() {
	if b.pg != nil {
		if err := b.pg.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: stopping PostgreSQL:", err)
		}
	}
	if b.own {
		os.RemoveAll(b.dir)
	}
}

// postgres returns the PostgreSQL server, started at first use with fsync on
// and settings of a small production server.
func (b *bench) postgres(ctx context.Context) (*pgserver.Server, error) {
	if b.pg != nil {
		return b.pg, nil
	}
	pg, err := pgserver.Start(ctx, pgserver.Config{Fsync: true, Settings: map[string]string{
		"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min", "autovacuum": "off",
		"logical_decoding_work_mem": "256MB"}})
	if err != nil {
		return nil, err
	}
	b.pg = pg
	return pg, nil
}

// database makes a fresh database and returns a connection to it.
func (b *bench) database(ctx context.Context, name string) (*pgx.Conn, error) {
	pg, err := b.postgres(ctx)
	if err != nil {
		return nil, err
	}
	if err := pg.Exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return nil, err
	}
	if err := pg.CreateDatabase(ctx, name); err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, pg.DSN(name))
}

// source is the configuration of the PostgreSQL source for one table.
func (b *bench) source(db, table, prefix string, extra map[string]string) map[string]string {
	c := map[string]string{
		"connector.class":   "io.debezium.connector.postgresql.PostgresConnector",
		"tasks.max":         "1",
		"database.hostname": pgserver.Host, "database.port": fmt.Sprint(b.pg.Port), "database.user": pgserver.User,
		"database.password": pgserver.Password, "database.dbname": db,
		"plugin.name": "pgoutput", "topic.prefix": prefix, "table.include.list": "public." + table,
		"slot.name": prefix, "publication.name": prefix, "publication.autocreate.mode": "filtered",
		"key.converter": jsonConverter, "key.converter.schemas.enable": "false",
		"value.converter": jsonConverter, "value.converter.schemas.enable": "false",
	}
	for k, v := range extra {
		c[k] = v
	}
	return c
}

const jsonConverter = "org.apache.kafka.connect.json.JsonConverter"

// endOf returns the sum of the end offsets of a topic, 0 while it is missing.
func endOf(ctx context.Context, adm *kadm.Client, topic string) (int64, error) {
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, o := range ends[topic] {
		if o.Err == nil {
			sum += o.Offset
		}
	}
	return sum, nil
}

// waitEnd polls a topic until want records are in it. It returns the moments at
// which the first record was there and at which all were.
func waitEnd(ctx context.Context, l *leat, topic string, want int64, limit time.Duration) (first, last time.Time, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.kafka))
	if err != nil {
		return first, last, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	deadline := time.Now().Add(limit)
	base, err := endOf(ctx, adm, topic)
	if err != nil {
		return first, last, err
	}
	for {
		n, err := endOf(ctx, adm, topic)
		if err != nil {
			return first, last, err
		}
		now := time.Now()
		if first.IsZero() && n > base {
			first = now
		}
		if n >= want {
			return first, now, nil
		}
		if now.After(deadline) {
			return first, last, fmt.Errorf("%s has %d of %d records after %v; log: %s", topic, n, want, limit, l.logFile)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return first, last, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
