package jsonconv

import (
	"testing"

	"github.com/leat-project/leat/connect/data"
)

// rowSchema is a table of 12 columns as Debezium names and types them.
func rowSchema() *data.Schema {
	b := data.NewStruct("shop.public.orders.Value").Optional()
	b.Field("id", data.Int64Schema)
	b.Field("customer_id", data.Int64Schema)
	b.Field("status", data.OptionalStringSchema)
	b.Field("note", data.OptionalStringSchema)
	b.Field("quantity", data.OptionalInt32Schema)
	b.Field("price", data.NewDecimal(2).Optional().Build())
	b.Field("discount", data.OptionalFloat64Schema)
	b.Field("paid", data.OptionalBoolSchema)
	b.Field("created_at", data.NewSchema(data.TypeInt64).Name("io.debezium.time.MicroTimestamp").Version(1).Optional().Build())
	b.Field("updated_at", data.NewSchema(data.TypeInt64).Name("io.debezium.time.MicroTimestamp").Version(1).Optional().Build())
	b.Field("email", data.OptionalStringSchema)
	b.Field("address", data.OptionalStringSchema)
	return b.Build()
}

func row(s *data.Schema, id int64) data.Value {
	return data.StructOf(data.RowOf(s, []data.Value{
		data.Int64(id), data.Int64(id * 7), data.String("shipped"), data.String("leave it at the back door, please"),
		data.Int32(3), data.Decimal(1999, 2), data.Float64(0.125), data.Bool(true), data.Int64(1700000000123456),
		data.Int64(1700000000654321), data.String("somebody@example.com"), data.String("12 Long Street, Old Town"),
	}))
}

// envelope is a change event of Debezium: before, after, source, op, ts_ms.
func envelope() (*data.Schema, data.Value) {
	rs := rowSchema()
	str, opt := data.StringSchema, data.OptionalStringSchema
	src := data.NewStruct("io.debezium.connector.postgresql.Source").
		Field("version", str).Field("connector", str).Field("name", str).Field("ts_ms", data.Int64Schema).
		Field("snapshot", opt).Field("db", str).Field("sequence", opt).Field("ts_us", data.OptionalInt64Schema).
		Field("ts_ns", data.OptionalInt64Schema).Field("schema", str).Field("table", str).
		Field("txId", data.OptionalInt64Schema).Field("lsn", data.OptionalInt64Schema).Field("xmin", data.OptionalInt64Schema).Build()
	s := data.NewStruct("shop.public.orders.Envelope").Version(2).
		Field("before", rs).Field("after", rs).Field("source", src).Field("transaction", opt).Field("op", str).
		Field("ts_ms", data.OptionalInt64Schema).Field("ts_us", data.OptionalInt64Schema).Field("ts_ns", data.OptionalInt64Schema).Build()
	source := data.StructOf(data.RowOf(src, []data.Value{data.String("3.5.0.Final"), data.String("postgresql"), data.String("shop"),
		data.Int64(1700000000123), data.String("false"), data.String("inventory"), data.String(`["33842568","33842624"]`),
		data.Int64(1700000000123456), data.Int64(1700000000123456000), data.String("public"), data.String("orders"),
		data.Int64(771), data.Int64(33842624), data.Null}))
	return s, data.StructOf(data.RowOf(s, []data.Value{row(rs, 42), row(rs, 42), source, data.Null, data.String("u"),
		data.Int64(1700000000200), data.Int64(1700000000200123), data.Int64(1700000000200123456)}))
}

func converter(tb testing.TB, props ...string) *Converter {
	tb.Helper()
	m := map[string]string{}
	for i := 0; i < len(props); i += 2 {
		m[props[i]] = props[i+1]
	}
	c := new(Converter)
	if err := c.Configure(m, false); err != nil {
		tb.Fatal(err)
	}
	return c
}

var modes = []struct {
	name  string
	props []string
}{{"schemas=false", []string{"schemas.enable", "false"}}, {"schemas=true", nil}}

func BenchmarkEncode(b *testing.B) {
	rs := rowSchema()
	es, ev := envelope()
	for _, in := range []struct {
		name string
		s    *data.Schema
		v    data.Value
	}{{"row", rs, row(rs, 42)}, {"envelope", es, ev}} {
		for _, m := range modes {
			b.Run(in.name+"/"+m.name, func(b *testing.B) {
				c := converter(b, m.props...)
				var buf []byte
				b.ReportAllocs()
				for b.Loop() {
					buf, _ = c.FromConnect(buf[:0], "t", nil, in.s, in.v)
				}
				b.SetBytes(int64(len(buf)))
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	rs := rowSchema()
	es, ev := envelope()
	for _, in := range []struct {
		name string
		s    *data.Schema
		v    data.Value
	}{{"row", rs, row(rs, 42)}, {"envelope", es, ev}} {
		for _, m := range modes {
			b.Run(in.name+"/"+m.name, func(b *testing.B) {
				c := converter(b, m.props...)
				buf, err := c.FromConnect(nil, "t", nil, in.s, in.v)
				if err != nil {
					b.Fatal(err)
				}
				var a data.Arena
				n := 0
				b.ReportAllocs()
				b.SetBytes(int64(len(buf)))
				for b.Loop() {
					if n++; n%1000 == 0 {
						a.Reset()
					}
					if _, _, err := c.ToConnect(&a, "t", nil, buf); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func TestAllocations(t *testing.T) {
	es, ev := envelope()
	for _, m := range modes {
		c := converter(t, m.props...)
		buf := make([]byte, 0, 1<<16)
		if n := testing.AllocsPerRun(100, func() {
			buf, _ = c.FromConnect(buf[:0], "t", nil, es, ev)
		}); n != 0 {
			t.Errorf("%s: encoding allocates %v times a record, want 0", m.name, n)
		}
	}
	c := converter(t)
	buf, err := c.FromConnect(nil, "t", nil, es, ev)
	if err != nil {
		t.Fatal(err)
	}
	var a data.Arena
	if n := testing.AllocsPerRun(100, func() {
		a.Reset()
		if _, _, err := c.ToConnect(&a, "t", nil, buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("decoding with schemas allocates %v times a record, want 0", n)
	}
}
