package jdbc_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/postgrestest"
)

func named(t data.Type, name string, params ...string) *data.Schema {
	b := data.NewSchema(t).Name("io.debezium." + name).Optional()
	for i := 0; i < len(params); i += 2 {
		b.Param(params[i], params[i+1])
	}
	return b.Build()
}

var (
	varDecimal = data.NewStruct("io.debezium.data.VariableScaleDecimal").Field("scale", data.Int32Schema).Field("value", data.BytesSchema).Optional().Build()
	point      = data.NewStruct("io.debezium.data.geometry.Point").Field("x", data.Float64Schema).Field("y", data.Float64Schema).
			Field("wkb", data.OptionalBytesSchema).Field("srid", data.OptionalInt32Schema).Optional().Build()
)

func variable(scale int32, unscaled ...byte) data.Value {
	return data.StructOf(row(varDecimal, data.Int32(scale), data.Bytes(unscaled)))
}

func decimalSchema(scale int32, precision string) *data.Schema {
	b := data.NewDecimal(scale).Optional()
	if precision != "" {
		b.Param("connect.decimal.precision", precision)
	}
	return b.Build()
}

func bigDecimal(s string, scale int32) data.Value {
	i, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return data.BigDecimal(i, scale)
}

func arrayOf(s *data.Schema) *data.Schema { return data.NewArray(s).Optional().Build() }

func source(s *data.Schema, typ string, length string) *data.Schema {
	b := data.Derive(s).Param("__debezium.source.column.type", typ)
	if length != "" {
		b.Param("__debezium.source.column.length", length)
	}
	return b.Build()
}

// typeCases are what the PostgreSQL source sends (debezium-cdc.md 3.3): schema,
// value, the column type that the sink creates, the text that must be there.
var typeCases = []struct {
	name   string
	schema *data.Schema
	column string // as created by Debezium's class
	types  string // other column types that take the value to the same text
	values []data.Value
	want   []string
}{
	{name: "smallint", schema: data.OptionalInt16Schema, column: "smallint", types: "int int8 numeric", values: []data.Value{data.Int16(-32768), data.Int16(7)}, want: []string{"-32768", "7"}},
	{name: "int8 kind", schema: data.OptionalInt8Schema, column: "smallint", values: []data.Value{data.Int8(-128)}, want: []string{"-128"}},
	{name: "integer", schema: data.OptionalInt32Schema, column: "integer", types: "int8 float8", values: []data.Value{data.Int32(-2147483648)}, want: []string{"-2147483648"}},
	{name: "bigint", schema: data.OptionalInt64Schema, column: "bigint", types: "numeric", values: []data.Value{data.Int64(math.MaxInt64), data.Int64(math.MinInt64)},
		want: []string{"9223372036854775807", "-9223372036854775808"}},
	{name: "oid", schema: source(data.OptionalInt64Schema, "OID", ""), column: "oid", values: []data.Value{data.Int64(4294967295)}, want: []string{"4294967295"}},
	{name: "real", schema: data.OptionalFloat32Schema, column: "real", values: []data.Value{data.Float32(1.5), data.Float32(float32(math.Inf(-1))), data.Float32(float32(math.NaN()))},
		want: []string{"1.5", "-Infinity", "NaN"}},
	{name: "double", schema: data.OptionalFloat64Schema, column: "double precision", values: []data.Value{data.Float64(0.1), data.Float64(math.Inf(1))}, want: []string{"0.1", "Infinity"}},
	{name: "double to numeric", schema: data.OptionalFloat64Schema, column: "double precision", types: "numeric", values: []data.Value{data.Float64(0.1), data.Float64(math.NaN())}, want: []string{"0.1", "NaN"}},
	{name: "boolean", schema: data.OptionalBoolSchema, column: "boolean", values: []data.Value{data.Bool(true), data.Bool(false)}, want: []string{"t", "f"}},
	{name: "numeric(5,2)", schema: decimalSchema(2, "5"), column: "numeric(5,2)", types: "numeric", values: []data.Value{data.Decimal(-99999, 2), data.Decimal(0, 2), data.Decimal(5, 2)},
		want: []string{"-999.99", "0.00", "0.05"}},
	{name: "numeric(30,10)", schema: decimalSchema(10, "30"), column: "numeric(30,10)", values: []data.Value{bigDecimal("123456789012345678900123456789", 10), bigDecimal("-1", 10), bigDecimal("-100000000000000000000", 10)},
		want: []string{"12345678901234567890.0123456789", "-0.0000000001", "-10000000000.0000000000"}},
	{name: "decimal without precision", schema: decimalSchema(2, ""), column: "numeric", values: []data.Value{data.Decimal(9223372036854775807, 2)}, want: []string{"92233720368547758.07"}},
	{name: "money", schema: source(decimalSchema(2, ""), "MONEY", ""), column: "money", values: []data.Value{data.Decimal(-1, 2), data.Decimal(123456, 2), data.Decimal(12, 0)},
		want: []string{"-$0.01", "$1,234.56", "$12.00"}},
	{name: "numeric", schema: varDecimal, column: "numeric", values: []data.Value{variable(4, 0x07, 0x5b, 0xcd, 0x15), variable(5, 0xff), variable(0, 0x05, 0x6b, 0xc7, 0x5e, 0x2d, 0x63, 0x10, 0, 0), variable(0, 0), variable(3, 0)},
		want: []string{"12345.6789", "-0.00001", "100000000000000000000", "0", "0.000"}},
	{name: "numeric as string", schema: data.OptionalStringSchema, column: "text", types: "numeric", values: []data.Value{data.String("-12.50"), data.String("NaN"), data.String("0.00001")},
		want: []string{"-12.50", "NaN", "0.00001"}},
	{name: "text", schema: data.OptionalStringSchema, column: "text", types: "varchar varchar(20)", values: []data.Value{data.String(""), data.String("h\u00e9llo \"quoted\" \\ {,}")},
		want: []string{"", "h\u00e9llo \"quoted\" \\ {,}"}},
	{name: "varchar", schema: source(data.OptionalStringSchema, "VARCHAR", "5"), column: "character varying(5)", values: []data.Value{data.String("\u00e4\u00f6\u00fc\u00df\u20ac")}, want: []string{"\u00e4\u00f6\u00fc\u00df\u20ac"}},
	{name: "char", schema: source(data.OptionalStringSchema, "BPCHAR", "4"), column: "character(4)", values: []data.Value{data.String("ab  ")}, want: []string{"ab  "}},
	{name: "inet", schema: source(data.OptionalStringSchema, "INET", ""), column: "inet", values: []data.Value{data.String("10.0.0.1/8")}, want: []string{"10.0.0.1/8"}},
	{name: "range", schema: source(data.OptionalStringSchema, "INT4RANGE", ""), column: "int4range", types: "text", values: []data.Value{data.String("[1,5)")}, want: []string{"[1,5)"}},
	{name: "uuid", schema: named(data.TypeString, "data.Uuid"), column: "uuid", types: "text", values: []data.Value{data.String("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")}, want: []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
	{name: "json", schema: named(data.TypeString, "data.Json"), column: "json", types: "text", values: []data.Value{data.String(`{"b":1, "a":[1,2]}`)}, want: []string{`{"b":1, "a":[1,2]}`}},
	{name: "jsonb", schema: source(named(data.TypeString, "data.Json"), "JSONB", ""), column: "jsonb", values: []data.Value{data.String(`{"a": 1}`)}, want: []string{`{"a": 1}`}},
	{name: "xml", schema: named(data.TypeString, "data.Xml"), column: "xml", values: []data.Value{data.String("<a>1</a>")}, want: []string{"<a>1</a>"}},
	{name: "enum", schema: named(data.TypeString, "data.Enum", "allowed", "sad,ok"), column: "text", types: "mood", values: []data.Value{data.String("sad")}, want: []string{"sad"}},
	{name: "bytea", schema: data.OptionalBytesSchema, column: "bytea", values: []data.Value{data.Bytes([]byte{0, 255, 10}), data.Bytes(nil), data.ByteBuffer([]byte("x"))}, want: []string{`\x00ff0a`, `\x`, `\x78`}},
	{name: "bit", schema: named(data.TypeBytes, "data.Bits", "length", "10"), column: "bit(10)", values: []data.Value{data.Bytes([]byte{0x05, 0x02})}, want: []string{"1000000101"}},
	{name: "varbit", schema: named(data.TypeBytes, "data.Bits", "length", "2147483647"), column: "bit varying", values: []data.Value{data.Bytes([]byte{0x05})}, want: []string{"101"}},
	{name: "bit(1)", schema: data.OptionalBoolSchema, column: "boolean", types: "bit(1)", values: nil},
	{name: "date", schema: named(data.TypeInt32, "time.Date"), column: "date", values: []data.Value{data.Int32(0), data.Int32(-719162), data.Int32(-2147472692), data.Int32(-2147472691)},
		want: []string{"1970-01-01", "0001-01-01", "infinity", "-infinity"}},
	{name: "time(3)", schema: named(data.TypeInt32, "time.Time"), column: "time(6) without time zone", values: []data.Value{data.Int32(86399999)}, want: []string{"23:59:59.999"}},
	{name: "time", schema: named(data.TypeInt64, "time.MicroTime"), column: "time(6) without time zone", values: []data.Value{data.Int64(86400000000), data.Int64(1)}, want: []string{"24:00:00", "00:00:00.000001"}},
	{name: "nano time", schema: named(data.TypeInt64, "time.NanoTime"), column: "time(6) without time zone", values: []data.Value{data.Int64(1000)}, want: []string{"00:00:00.000001"}},
	{name: "timestamp(3)", schema: named(data.TypeInt64, "time.Timestamp"), column: "timestamp(6) without time zone", values: []data.Value{data.Int64(-1), data.Int64(1777889472345)},
		want: []string{"1969-12-31 23:59:59.999", "2026-05-04 10:11:12.345"}},
	{name: "timestamp", schema: named(data.TypeInt64, "time.MicroTimestamp"), column: "timestamp(6) without time zone", types: "timestamptz",
		values: []data.Value{data.Int64(1777889472345678), data.Int64(9223372036825200000), data.Int64(-9223372036832400000), data.Int64(-62135596800000000)},
		want:   []string{"2026-05-04 10:11:12.345678", "infinity", "-infinity", "0001-01-01 00:00:00"}},
	{name: "nano timestamp", schema: named(data.TypeInt64, "time.NanoTimestamp"), column: "timestamp(6) without time zone", values: []data.Value{data.Int64(1777889472345678901), data.Int64(math.MaxInt64)},
		want: []string{"2026-05-04 10:11:12.345678", "infinity"}},
	{name: "timestamptz", schema: named(data.TypeString, "time.ZonedTimestamp"), column: "timestamp(6) with time zone", types: "timestamp",
		values: []data.Value{data.String("2026-05-04T10:11:12.345678Z"), data.String("2026-05-04T10:11:12+02:00"), data.String("infinity"), data.String("-infinity"), data.String("0001-01-01T00:00:00.000000Z")},
		want:   []string{"2026-05-04 10:11:12.345678+00", "2026-05-04 08:11:12+00", "infinity", "-infinity", "0001-01-01 00:00:00+00"}},
	{name: "timetz", schema: named(data.TypeString, "time.ZonedTime"), column: "time(6) with time zone", values: []data.Value{data.String("11:51:30.123789Z")}, want: []string{"11:51:30.123789+00"}},
	{name: "iso date", schema: named(data.TypeString, "time.IsoDate"), column: "date", values: []data.Value{data.String("2026-05-04Z")}, want: []string{"2026-05-04"}},
	{name: "connect date", schema: data.NewDate().Optional().Build(), column: "date", values: []data.Value{data.Date(-86400000)}, want: []string{"1969-12-31"}},
	{name: "connect time", schema: data.NewTime().Optional().Build(), column: "time(6) without time zone", values: []data.Value{data.Date(1)}, want: []string{"00:00:00.001"}},
	{name: "connect timestamp", schema: data.NewTimestamp().Optional().Build(), column: "timestamp(6) without time zone", types: "timestamptz", values: []data.Value{data.Date(1777889472345)}, want: []string{"2026-05-04 10:11:12.345"}},
	{name: "interval", schema: named(data.TypeString, "time.Interval"), column: "interval", values: []data.Value{data.String("P1Y2M3DT4H5M6.78S")}, want: []string{"1 year 2 mons 3 days 04:05:06.78"}},
	{name: "micro duration", schema: named(data.TypeInt64, "time.MicroDuration"), column: "bigint", values: []data.Value{data.Int64(90061000001)}, want: []string{"90061000001"}},
	{name: "micro duration of an interval", schema: source(named(data.TypeInt64, "time.MicroDuration"), "INTERVAL", ""), column: "interval", values: []data.Value{data.Int64(90061000001)}, want: []string{"25:01:01.000001"}},
	{name: "year", schema: named(data.TypeInt32, "time.Year"), column: "integer", values: []data.Value{data.Int32(2026)}, want: []string{"2026"}},
	{name: "point", schema: point, column: "point", values: []data.Value{data.StructOf(row(point, data.Float64(1.5), data.Float64(-2), data.Null, data.Null))}, want: []string{"(1.5,-2)"}},
	{name: "int array", schema: arrayOf(data.OptionalInt32Schema), column: "integer[]", types: "bigint[]",
		values: []data.Value{data.Array([]data.Value{data.Int32(1), data.Null, data.Int32(3)}), data.Array(nil)}, want: []string{"{1,NULL,3}", "{}"}},
	{name: "text array", schema: arrayOf(data.OptionalStringSchema), column: "text[]", types: "varchar[] mood[]",
		values: []data.Value{data.Array([]data.Value{data.String("ok"), data.String("sad")})}, want: []string{"{ok,sad}"}},
	{name: "inet array", schema: arrayOf(data.OptionalStringSchema), column: "text[]", types: "inet[]",
		values: []data.Value{data.Array([]data.Value{data.String("10.0.0.1"), data.Null})}, want: []string{"{10.0.0.1,NULL}"}},
	{name: "uuid array", schema: arrayOf(named(data.TypeString, "data.Uuid")), column: "uuid[]",
		values: []data.Value{data.Array([]data.Value{data.String("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")})}, want: []string{"{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"}},
	{name: "numeric array", schema: arrayOf(varDecimal), column: "numeric[]", values: []data.Value{data.Array([]data.Value{variable(1, 15), data.Null})}, want: []string{"{1.5,NULL}"}},
	{name: "timestamp array", schema: arrayOf(named(data.TypeInt64, "time.MicroTimestamp")), column: "timestamp(6) without time zone[]",
		values: []data.Value{data.Array([]data.Value{data.Int64(0)})}, want: []string{`{"1970-01-01 00:00:00"}`}},
	{name: "map", schema: data.NewMap(data.StringSchema, data.OptionalStringSchema).Optional().Build(), column: "hstore", types: "",
		values: []data.Value{mapOf("a", data.String(`x"y`), "b", data.Null)}, want: []string{`"a"=>"x\"y", "b"=>NULL`}},
}

func mapOf(pairs ...any) data.Value {
	m := data.NewMapSize(2)
	for i := 0; i < len(pairs); i += 2 {
		m.PutString(pairs[i].(string), pairs[i+1].(data.Value))
	}
	return data.MapOf(m)
}

func TestTypes(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	pg.Exec(t, conn.Config().Database, "CREATE TYPE mood AS ENUM ('sad','ok')", "CREATE EXTENSION IF NOT EXISTS hstore")
	props := with(url, "insert.mode", "upsert", "primary.key.mode", "record_key", "schema.evolution", "basic")
	key := structSchema("k", "id", data.Int32Schema)
	write := func(t *testing.T, s *sink, topic string, schema *data.Schema, values []data.Value) {
		rowSchema := structSchema("v", "id", data.Int32Schema, "v", schema)
		// Once in few rows (one statement with arrays) and once in many (staged).
		for _, copies := range []int{1, 100} {
			var recs []rec
			for c := range copies {
				for i, v := range append(values, data.Null) {
					id := data.Int32(int32(c*1000 + i))
					recs = append(recs, rec{topic: topic, key: row(key, id), value: row(rowSchema, id, v)})
				}
			}
			s.mustPut(recs...)
		}
	}
	for i, tt := range typeCases {
		t.Run(tt.name, func(t *testing.T) {
			s := startSink(t, debezium, props)
			topic := fmt.Sprintf("t%d", i)
			write(t, s, topic, tt.schema, tt.values)
			wantRows(t, conn, fmt.Sprintf("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid='%s'::regclass AND attname='v'", topic), tt.column)
			check := func(topic string, want []string) {
				t.Helper()
				wantRows(t, conn, fmt.Sprintf("SET timezone='UTC'; SELECT v FROM %s WHERE id < 1000 ORDER BY id", topic), strings.Join(append(append([]string(nil), want...), "NULL"), "\n"))
				wantRows(t, conn, fmt.Sprintf("SELECT count(DISTINCT coalesce(v::text, 'NULL')) FROM %s", topic), fmt.Sprint(len(want)+1))
			}
			check(topic, tt.want)
			for n, typ := range strings.Fields(tt.types) {
				other := fmt.Sprintf("%s_%d", topic, n)
				pg.Exec(t, conn.Config().Database, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s)", other, typ))
				write(t, s, other, tt.schema, tt.values)
				want := append([]string(nil), tt.want...)
				for i := range want {
					switch {
					case typ == "timestamp":
						want[i] = strings.TrimSuffix(want[i], "+00")
					case typ == "timestamptz" && !strings.Contains(want[i], "infinity"):
						want[i] += "+00"
					}
				}
				check(other, want)
			}
		})
	}
}

func TestBindErrors(t *testing.T) {
	pg := postgrestest.Start(t)
	conn, url := database(t, pg)
	pg.Exec(t, conn.Config().Database, "CREATE TABLE orders (id int PRIMARY KEY, qty int, small int2, name varchar(3), u uuid, at timestamptz, price numeric(5,2))")
	s := startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_key"))
	key := structSchema("k", "id", data.Int32Schema)
	bad := func(field string, schema *data.Schema, v data.Value) rec {
		rs := structSchema("v", "id", data.Int32Schema, field, schema)
		return rec{key: row(key, data.Int32(1)), value: row(rs, data.Int32(1), v)}
	}
	err := s.put(bad("qty", data.StringSchema, data.String("many")), bad("qty", data.Int64Schema, data.Int64(1<<40)),
		bad("small", data.Int32Schema, data.Int32(40000)), bad("name", data.StringSchema, data.String("four")),
		bad("u", data.StringSchema, data.String("nope")), bad("at", named(data.TypeString, "time.ZonedTimestamp"), data.String("yesterday")),
		bad("price", decimalSchema(1, ""), data.Decimal(-10000, 1)),
		bad("qty", data.Int32Schema, data.Int32(5)))
	got := strings.Join(rejected(err), "\n")
	want := `0: record orders-0@0: column qty of table "public"."orders" is integer, and the value of field qty is a string: a value of schema string cannot be written to type integer; cast it with a transform, or change the column's type
1: record orders-0@1: column qty of table "public"."orders" is integer, and the value of field qty is a int64: its value 1099511627776 is out of range: the column takes -2147483648 to 2147483647
2: record orders-0@2: column small of table "public"."orders" is smallint, and the value of field small is a int32: its value 40000 is out of range: the column takes -32768 to 32767
3: record orders-0@3: column name of table "public"."orders" is character varying(3), and the value of field name is a string: it has 4 characters, more than character varying(3) holds
4: record orders-0@4: column u of table "public"."orders" is uuid, and the value of field u is a string: its value "nope" is not a uuid
5: record orders-0@5: column at of table "public"."orders" is timestamp with time zone, and the value of field at is a string: its value "yesterday" is not an ISO-8601 timestamp
6: record orders-0@6: column price of table "public"."orders" is numeric(5,2), and the value of field price is a decimal: its value is out of range: numeric(5,2) holds 3 digits before the point`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	s.mustCommit()
	wantRows(t, conn, "SELECT id, qty FROM orders", "1|5")
}
