package postgres

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
	"github.com/leat-project/leat/converters/jsonconv"
	"github.com/leat-project/leat/internal/postgrestest"
)

const benchTable = `CREATE TABLE orders(id bigint PRIMARY KEY, customer int NOT NULL, sku varchar(20) NOT NULL, qty int, price numeric(10,2), total numeric(12,2),
 placed timestamp NOT NULL, updated timestamptz, status text, paid boolean, note text, code uuid)`

const benchRows = `INSERT INTO orders SELECT g, mod(g,1000), 'sku-' || mod(g,5000), mod(g,10), mod(g,10000) / 100.0, mod(g,100000) / 100.0,
 timestamp '2024-01-01' + g * interval '1 second', timestamptz '2024-01-01' + g * interval '1.5 second', 'shipped', mod(g,2) = 0,
 'a note of some length that tells something about order ' || g, md5(g::text)::uuid FROM generate_series(FROM_ROW, TO_ROW) g`

func insertRows(from, to string) string {
	return strings.NewReplacer("FROM_ROW", from, "TO_ROW", to).Replace(benchRows)
}

// drain polls a task and throws the records away, as fast as it can; encode, if
// not nil, is given every batch.
func drain(b *testing.B, pg *postgrestest.Server, db string, props map[string]string, want int, ready func(), encode func(*connect.Batch)) time.Duration {
	h := newHarness(b, pg, db, props)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	sc := &sourceContext{h: h, ctx: ctx, wg: &wg, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	task := &Task{}
	if err := task.Start(sc, h.props); err != nil {
		b.Fatal(err)
	}
	batch := connect.NewBatch(10000, 8<<20, nil)
	n := 0
	var start, committed time.Time
	for n < want {
		if err := task.Poll(ctx, batch); err != nil {
			b.Fatal(err)
		}
		if batch.Len() > 0 && start.IsZero() {
			start = time.Now()
		}
		if n += batch.Len(); batch.Len() > 0 {
			if encode != nil {
				encode(batch)
			}
		}
		if batch.Len() > 0 && time.Since(committed) > time.Second { // as the worker does
			committed = time.Now()
			last := batch.Records[batch.Len()-1]
			task.OffsetsCommitted([]connect.CommittedOffset{{Partition: last.SourcePartition, Offset: last.SourceOffset}})
		}
		batch.Reset()
		if _, streaming := task.phase.(*streaming); streaming && ready != nil {
			ready()
			ready = nil
		}
	}
	d := time.Since(start)
	cancel()
	if err := task.Stop(); err != nil {
		b.Fatal(err)
	}
	wg.Wait()
	return d
}

func benchSize(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return def
}

func BenchmarkSnapshot(b *testing.B) {
	rows := benchSize("LEAT_BENCH_ROWS", 300_000)
	pg := postgrestest.Start(b)
	pg.CreateDatabase(b, "bench")
	pg.Exec(b, "bench", benchTable, insertRows("1", strconv.Itoa(rows)), "VACUUM ANALYZE orders")
	b.Run("records", func(b *testing.B) { snapshotBench(b, pg, rows, nil) })
	b.Run("json", func(b *testing.B) { snapshotBench(b, pg, rows, jsonEncoder(b)) })
}

func snapshotBench(b *testing.B, pg *postgrestest.Server, rows int, encode func(*connect.Batch)) {
	b.ReportAllocs()
	for b.Loop() {
		d := drain(b, pg, "bench", map[string]string{"snapshot.mode": "initial_only", "max.batch.size": "2048"}, rows, nil, encode)
		b.ReportMetric(float64(rows)/d.Seconds(), "rows/s")
	}
}

func jsonEncoder(b *testing.B) func(*connect.Batch) {
	key, value := jsonconv.New(), jsonconv.New()
	for i, c := range []connect.Converter{key, value} {
		if err := c.Configure(map[string]string{"schemas.enable": "false"}, i == 0); err != nil {
			b.Fatal(err)
		}
	}
	var buf []byte
	return func(batch *connect.Batch) {
		buf = buf[:0]
		for i := range batch.Records {
			r := &batch.Records[i]
			var err error
			if buf, err = key.FromConnect(buf, r.Topic, &r.Headers, r.KeySchema, r.Key); err != nil {
				b.Fatal(err)
			}
			if r.Value.IsNull() {
				continue
			}
			if buf, err = value.FromConnect(buf, r.Topic, &r.Headers, r.ValueSchema, r.Value); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkStream(b *testing.B) {
	for _, size := range []int{1000, 1} {
		b.Run(fmt.Sprintf("tx=%d", size), func(b *testing.B) { streamBench(b, size) })
	}
}

func streamBench(b *testing.B, size int) {
	events := benchSize("LEAT_BENCH_ROWS", 300_000)
	if size == 1 {
		events /= 3
	}
	b.ReportAllocs()
	for b.Loop() {
		pg := postgrestest.Start(b)
		pg.CreateDatabase(b, "bench")
		pg.Exec(b, "bench", benchTable, "CREATE PUBLICATION bench_pub FOR ALL TABLES", "SELECT pg_create_logical_replication_slot('bench', 'pgoutput')")
		pg.Exec(b, "bench", fmt.Sprintf(`DO $$ BEGIN FOR i IN 0..%d LOOP %s; COMMIT; END LOOP; END $$`, events/size-1,
			insertRows(fmt.Sprintf("i*%d+1", size), fmt.Sprintf("(i+1)*%d", size))))
		raw := rawStream(b, pg, events)
		d := drain(b, pg, "bench", map[string]string{"snapshot.mode": "no_data", "max.batch.size": "2048"}, events, nil, nil)
		b.ReportMetric(float64(events)/d.Seconds(), "events/s")
		b.ReportMetric(float64(events)/raw.Seconds(), "raw-events/s")
		if err := pg.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// rawStream reads the slot to the end and throws the bytes away: what PostgreSQL
// gives at best. Nothing is confirmed.
func rawStream(b *testing.B, pg *postgrestest.Server, events int) time.Duration {
	h := newHarness(b, pg, "bench", nil)
	cfg, err := parse(h.props)
	if err != nil {
		b.Fatal(err)
	}
	repl, err := cfg.dialReplication(b.Context(), "raw")
	if err != nil {
		b.Fatal(err)
	}
	stream, err := repl.Stream(b.Context(), wire.StreamConfig{Slot: `"bench"`, Options: []string{"proto_version '1'", "publication_names 'bench_pub'"},
		Status: time.Second, WriteTimeout: time.Second, MaxBytes: 1 << 20, MaxMessages: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go stream.Run(ctx)
	var start time.Time
	for n := 0; n < events; {
		span, err := stream.Next(ctx, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		if start.IsZero() {
			start = time.Now()
		}
		for m, rest, ok := wire.Messages(span); ok; m, rest, ok = wire.Messages(rest) {
			if len(m.Data) > 0 && m.Data[0] == 'I' {
				n++
			}
		}
	}
	d := time.Since(start)
	cancel()
	<-stream.Done()
	return d
}
