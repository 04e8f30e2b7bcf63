package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
	"github.com/leat-project/leat/internal/postgrestest"
)

// BenchmarkDecode measures the decoder alone, on bytes read beforehand.
func BenchmarkDecode(b *testing.B) {
	const rows = 20_000
	pg := postgrestest.Start(b)
	pg.CreateDatabase(b, "bench")
	pg.Exec(b, "bench", benchTable, "CREATE PUBLICATION bench_pub FOR ALL TABLES", "SELECT pg_create_logical_replication_slot('bench', 'pgoutput')",
		insertRows("1", fmt.Sprint(rows)))
	h := newHarness(b, pg, "bench", map[string]string{"snapshot.mode": "no_data"})
	cfg, err := parse(h.props)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	t := &Task{cfg: cfg}
	if err := t.openCatalogue(ctx); err != nil {
		b.Fatal(err)
	}
	defer t.closeSession()
	repl, err := cfg.dialReplication(ctx, "bench")
	if err != nil {
		b.Fatal(err)
	}
	stream, err := repl.Stream(ctx, wire.StreamConfig{Slot: `"bench"`, Options: []string{"proto_version '1'", "publication_names 'bench_pub'"},
		Status: time.Second, WriteTimeout: time.Second, MaxBytes: 1 << 30, MaxMessages: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	run, cancel := context.WithCancel(ctx)
	go stream.Run(run)
	var messages []wire.Message
	for n := 0; n < rows; {
		span, err := stream.Next(ctx, time.Second)
		if err != nil {
			b.Fatal(err)
		}
		for {
			m, rest, ok := wire.Messages(span)
			if !ok {
				break
			}
			if span = rest; isRow(m) && m.Data[0] == 'I' {
				n++
			}
			messages = append(messages, m)
		}
	}
	cancel()
	<-stream.Done()

	batch := connect.NewBatch(10000, 0, nil)
	t.emitter = emitter{cfg: cfg, partition: connect.NewPartition(map[string]any{"server": "bench"}), headers: headersFor(cfg, 0), now: time.Now()}
	d := decoder{t: t, tables: map[uint32]*table{}}
	b.ReportAllocs()
	for b.Loop() {
		d.begin(batch)
		for _, m := range messages {
			if batch.Len() >= 2048 {
				d.end()
				batch.Reset()
				d.begin(batch)
			}
			if err := d.message(ctx, m); err != nil {
				b.Fatal(err)
			}
		}
		d.end()
		batch.Reset()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
