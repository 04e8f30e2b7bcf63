package jdbc_test

import (
	"fmt"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/postgrestest"
)

var (
	benchKey = structSchema("k", "id", data.Int64Schema)
	benchRow = structSchema("v", "id", data.Int64Schema, "customer", data.OptionalInt32Schema,
		"status", data.OptionalStringSchema, "title", data.OptionalStringSchema, "body", data.OptionalStringSchema,
		"price", data.NewDecimal(2).Optional().Param("connect.decimal.precision", "12").Build(),
		"qty", data.OptionalInt32Schema, "rate", data.OptionalFloat64Schema, "active", data.OptionalBoolSchema,
		"ref", data.NewSchema(data.TypeString).Name("io.debezium.data.Uuid").Optional().Build(),
		"made", data.NewSchema(data.TypeInt64).Name("io.debezium.time.MicroTimestamp").Optional().Build(),
		"seen", data.NewSchema(data.TypeString).Name("io.debezium.time.ZonedTimestamp").Optional().Build())
)

const benchBody = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut"

// benchRecs makes rows of 12 columns, about 250 bytes each as COPY text.
func benchRecs(from, n int) []rec {
	recs := make([]rec, n)
	for i := range recs {
		id := int64(from + i)
		recs[i] = rec{topic: "bench", key: row(benchKey, data.Int64(id)), value: row(benchRow, data.Int64(id), data.Int32(int32(id%1000)),
			data.String("shipped"), data.String(fmt.Sprintf("order number %d", id)), data.String(benchBody),
			data.Decimal(id%100000, 2), data.Int32(int32(id%7)), data.Float64(float64(id)/3), data.Bool(id%2 == 0),
			data.String(fmt.Sprintf("3b241101-e2bb-4255-8caf-%012d", id)), data.Int64(1777889472345678+id),
			data.String("2026-05-04T10:11:12.123456Z"))}
	}
	return recs
}

func BenchmarkSink(b *testing.B) {
	pg := postgrestest.Start(b, postgrestest.Fsync(), postgrestest.Setting("max_wal_size", "8GB"))
	for _, mode := range []string{"insert", "upsert", "upsert-again"} {
		for _, size := range []int{500, 2000, 8000} {
			b.Run(fmt.Sprintf("%s/batch=%d", mode, size), func(b *testing.B) {
				conn, url := database(b, pg)
				props := with(url, "insert.mode", mode[:6], "primary.key.mode", "record_key", "schema.evolution", "basic")
				s := startSink(b, debezium, props)
				recs := benchRecs(0, b.N)
				if mode == "upsert-again" {
					s.mustPut(recs...)
				}
				var batches []*connect.Batch
				for i := 0; i < len(recs); i += size {
					batches = append(batches, s.batch(recs[i:min(len(recs), i+size)]...))
				}
				s.mustPut()
				b.ReportAllocs()
				b.ResetTimer()
				for _, batch := range batches {
					if err := s.task.Put(s.ctx, batch); err != nil {
						b.Fatal(err)
					}
				}
				s.mustCommit()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
				wantRows(b, conn, "SELECT count(*) FROM bench", fmt.Sprint(b.N))
			})
		}
	}
}

// BenchmarkLatency is the time from Put of one event to its commit.
func BenchmarkLatency(b *testing.B) {
	pg := postgrestest.Start(b, postgrestest.Fsync())
	_, url := database(b, pg)
	s := startSink(b, debezium, with(url, upsertProps...))
	s.mustPut(event("c", 1, data.String("a"), data.Null))
	b.ResetTimer()
	for range b.N {
		s.mustPut(event("u", 1, data.String("b"), data.Null))
	}
}
