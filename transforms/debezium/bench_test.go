package debezium_test

import (
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/transforms/debezium"
)

// event adds a change event with a row of 12 columns to a batch.
type events struct{ row, envelope *data.Schema }

func newEvents() events {
	row := data.NewStruct("shop.public.orders.Value").Optional()
	for _, name := range []string{"id", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} {
		row.Field(name, data.OptionalInt64Schema)
	}
	r := row.Build()
	source := data.NewStruct("io.debezium.connector.postgresql.Source").Field("ts_ms", data.Int64Schema).
		Field("table", data.StringSchema).Field("lsn", data.OptionalInt64Schema).Build()
	return events{r, data.NewStruct("shop.public.orders.Envelope").Version(2).Field("before", r).Field("after", r).
		Field("source", source).Field("op", data.StringSchema).Field("ts_ms", data.OptionalInt64Schema).Build()}
}

func (e events) add(b *connect.Batch) *connect.Record {
	a := b.Arena()
	after := a.Struct(e.row)
	for i := range after.Values() {
		after.Set(i, data.Int64(int64(i)))
	}
	after.Set(3, data.UnchangedAs(data.DefaultPlaceholder))
	source := a.Struct(e.envelope.FieldSchema("source"))
	source.Set(0, data.Int64(1700000000000))
	source.Set(1, data.String("orders"))
	st := a.Struct(e.envelope)
	st.Set(1, data.StructOf(after))
	st.Set(2, data.StructOf(source))
	st.Set(3, data.String("u"))
	r := b.Add()
	r.Topic, r.ValueSchema, r.Value = "shop.public.orders", e.envelope, data.StructOf(st)
	return r
}

func unwrap(tb testing.TB, props map[string]string) connect.Transform {
	tb.Helper()
	tr := &debezium.ExtractNewRecordState{}
	if err := tr.Configure(props); err != nil {
		tb.Fatal(err)
	}
	return tr
}

var settings = map[string]map[string]string{
	"plain":             {},
	"rewrite with adds": {"delete.tombstone.handling.mode": "rewrite", "add.fields": "op,table,source.ts_ms"},
}

func BenchmarkExtractNewRecordState(b *testing.B) {
	for name, props := range settings {
		b.Run(name, func(b *testing.B) {
			tr, ev := unwrap(b, props), newEvents()
			batch := connect.NewBatch(0, 0, nil)
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				for range 100 {
					if _, err := tr.Apply(ev.add(batch)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
		})
	}
}

func TestExtractNewRecordStateAllocations(t *testing.T) {
	for name, props := range settings {
		tr, ev := unwrap(t, props), newEvents()
		batch := connect.NewBatch(0, 0, nil)
		if n := testing.AllocsPerRun(100, func() {
			batch.Reset()
			for range 10 {
				if _, err := tr.Apply(ev.add(batch)); err != nil {
					t.Fatal(err)
				}
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations in 10 records, want 0", name, n)
		}
	}
}

// What the source did not send passes as it is.
func TestExtractNewRecordStateKeepsUnchanged(t *testing.T) {
	for name, props := range settings {
		batch := connect.NewBatch(0, 0, nil)
		r := newEvents().add(batch)
		if _, err := unwrap(t, props).Apply(r); err != nil {
			t.Fatal(err)
		}
		v, ok := r.Value.Struct().Lookup("c")
		if !ok || !v.IsUnchanged() || v.Placeholder() != data.DefaultPlaceholder {
			t.Errorf("%s: field c = %v %v, want unchanged with its placeholder", name, v.Kind(), v)
		}
	}
}
