package jdbc_test

import (
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/postgrestest"
)

func TestConfluent(t *testing.T) {
	pg := postgrestest.Start(t)
	str := data.String
	columns := "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END, ', ' ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND attrelid = "
	value := data.NewStruct("v").Field("name", data.OptionalStringSchema).Field("id", data.Int32Schema).
		Field("at", data.NewTimestamp().Optional().Build()).Field("price", data.NewDecimal(2).Optional().Build()).
		Field("n", data.NewSchema(data.TypeInt16).Optional().Default(data.Int16(7)).Build()).
		Field("tags", data.NewArray(data.StringSchema).Optional().Build()).Build()
	rowOf := func(id int32) *data.Struct {
		return row(value, str("x"), data.Int32(id), data.Date(1777889472345), data.Decimal(1999, 2), data.Null, data.Array([]data.Value{str("a")}))
	}

	t.Run("record_key, created and evolved", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_key", "delete.enabled", "true", "auto.create", "true",
			"auto.evolve", "true", "db.timezone", "Europe/Paris"))
		pg.Exec(t, conn.Config().Database, `CREATE SCHEMA "My"`)
		// A dot in the name separates schema and table, in Java too.
		s.mustPut(rec{topic: "My.Table", key: row(idKey, data.Int32(1)), value: rowOf(1)})
		wider := data.Derive(value).Field("More", data.OptionalBoolSchema).Build()
		s.mustPut(rec{topic: "My.Table", key: row(idKey, data.Int32(2)), value: row(wider, append(append([]data.Value(nil), rowOf(2).Values()...), data.Bool(true))...)})
		wantRows(t, conn, columns+`'"My"."Table"'::regclass`, "name text, id integer not null, at timestamp without time zone, price numeric, n smallint, tags text[], More boolean")
		wantRows(t, conn, `SELECT id, at, "More" FROM "My"."Table" ORDER BY id`, "1|2026-05-04 12:11:12.345|NULL\n2|2026-05-04 12:11:12.345|t")
	})
	t.Run("kafka", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, confluent, with(url, "pk.mode", "kafka", "auto.create", "true", "table.name.format", "k_${topic}", "fields.whitelist", "name"))
		s.mustPut(rec{topic: "T", value: rowOf(1)}, rec{topic: "T", partition: 3, value: rowOf(2)})
		wantRows(t, conn, columns+`'"k_T"'::regclass`, "__connect_topic text not null, __connect_partition integer not null, __connect_offset bigint not null, name text")
		wantRows(t, conn, `SELECT * FROM "k_T" ORDER BY 2`, "T|0|0|x\nT|3|0|x")
	})
	t.Run("record_value", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_value", "pk.fields", "id", "auto.create", "true"))
		s.mustPut(rec{value: rowOf(1)}, rec{value: rowOf(1)}, rec{value: rowOf(2)})
		wantRows(t, conn, columns+`'orders'::regclass`, "name text, id integer not null, at timestamp without time zone, price numeric, n smallint, tags text[]")
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "x|1|2026-05-04 10:11:12.345|19.99|7|{a}\nx|2|2026-05-04 10:11:12.345|19.99|7|{a}")
	})
	t.Run("primitive key, names folded, nulls kept", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_key", "pk.fields", "ID", "delete.enabled", "true",
			"auto.create", "true", "quote.sql.identifiers", "never", "replace.null.with.default", "false", "db.timezone", "Europe/Paris"))
		s.mustPut(rec{topic: "ORDERS", keySchema: data.StringSchema, keyValue: str("a"), value: rowOf(1)},
			rec{topic: "ORDERS", keySchema: data.StringSchema, keyValue: str("b"), value: rowOf(2)})
		s.mustPut(rec{topic: "ORDERS", keySchema: data.StringSchema, keyValue: str("a")})
		wantRows(t, conn, "SELECT id, at, n FROM orders", "b|2026-05-04 12:11:12.345|NULL") // n has a default
	})
	t.Run("records that Java refuses", func(t *testing.T) {
		_, url := database(t, pg)
		s := startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_key", "delete.enabled", "true"))
		b := s.batch(rec{value: rowOf(1)}, rec{key: row(idKey, data.Int32(1)), value: rowOf(1)},
			rec{keySchema: data.StringSchema, keyValue: str("k"), value: rowOf(1)})
		schemaless := b.Add()
		schemaless.Topic, schemaless.Key, schemaless.KeySchema = "orders", data.StructOf(row(idKey, data.Int32(1))), idKey
		schemaless.Value = data.MapOf(data.NewMapSize(0))
		err := s.task.Put(s.ctx, b)
		want := []string{
			"0: record orders-0@0: The JDBC sink connector 'test' is configured with 'delete.enabled=true' and 'pk.mode=record_key' and therefore requires non-null record keys, but found record at (topic='orders',partition=0,offset=0,timestamp=-9223372036854775808) with a null key and null key schema.",
			`1: record orders-0@1: Table "orders" is missing and auto-creation is disabled`,
			"2: record orders-0@2: Need exactly one PK column defined since the key schema for records is a primitive type, defined columns are: []",
			"3: record orders--1@0: The JDBC sink connector 'test' is configured with 'delete.enabled=true' and 'pk.mode=record_key' and therefore requires non-null record values that are structs, but found record at (topic='orders',partition=-1,offset=0,timestamp=-9223372036854775808) with a HashMap value and null value schema."}
		if got := strings.Join(rejected(err), "\n"); got != strings.Join(want, "\n") {
			t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
		}
	})
	t.Run("evolution off, required field, table types", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE orders (id int PRIMARY KEY)", "CREATE TABLE parts (id int PRIMARY KEY, name text) PARTITION BY RANGE (id)")
		s := startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_key"))
		err := s.put(flat("orders", 1, "x"), flat("parts", 1, "x"))
		want := `0: record orders-0@0: Table "public"."orders" is missing fields (name) and auto-evolution is disabled
1: record parts-0@0: "parts" is a PARTITIONED TABLE, which is not among table.types=TABLE`
		if got := strings.Join(rejected(err), "\n"); got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
		s = startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_key", "auto.evolve", "true"))
		required := data.Derive(flatRow).Field("must", data.StringSchema).Build()
		err = s.putFails(s.batch(rec{key: row(idKey, data.Int32(1)), value: row(required, data.Int32(1), data.Null, str("x"))}))
		if err == nil || !strings.Contains(err.Error(), "cannot add column must to table") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("values stay out of errors", func(t *testing.T) {
		conn, url := database(t, pg)
		pg.Exec(t, conn.Config().Database, "CREATE TABLE t (id int PRIMARY KEY, name text CHECK (name <> 'secret'))")
		s := startSink(t, confluent, with(url, "insert.mode", "upsert", "pk.mode", "record_key", "trim.sensitive.log", "true"))
		s.reporter = true
		s.mustPut(flat("t", 1, "secret"))
		if len(s.reports) != 1 || strings.Contains(s.reports[0], "secret") || !strings.Contains(s.reports[0], "record t-0@0") || !strings.Contains(s.reports[0], "23514") {
			t.Errorf("reports: %q", s.reports)
		}
	})
}

func TestDebeziumKeyModes(t *testing.T) {
	pg := postgrestest.Start(t)
	str := data.String
	base := []string{"schema.evolution", "basic", "delete.enabled", "true", "insert.mode", "upsert"}

	t.Run("record_key with some fields and a filter", func(t *testing.T) {
		conn, url := database(t, pg)
		key := structSchema("k", "a", data.Int32Schema, "b", data.Int32Schema)
		val := structSchema("v", "a", data.Int32Schema, "b", data.Int32Schema, "keep", data.OptionalStringSchema, "drop", data.OptionalStringSchema)
		s := startSink(t, debezium, with(with(url, base...), "primary.key.mode", "record_key", "primary.key.fields", "b", "field.exclude.list", "x.y:drop"))
		s.mustPut(rec{topic: "x.y", key: row(key, data.Int32(1), data.Int32(2)), value: row(val, data.Int32(1), data.Int32(2), str("k"), str("d"))})
		wantRows(t, conn, "SELECT * FROM x_y", "2|1|k")
	})
	t.Run("record_value, deletes by the old row", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(with(url, base...), "primary.key.mode", "record_value", "primary.key.fields", "id", "collection.name.format", "${source.schema}.${source.table}"))
		s.mustPut(event("c", 1, str("a"), data.Null), event("c", 2, str("b"), data.Null), event("d", 1), tombstone(1))
		wantRows(t, conn, "SELECT id, note FROM orders", "2|b")
	})
	t.Run("record_header", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(with(url, base...), "primary.key.mode", "record_header", "primary.key.fields", "hid"))
		h := func(id int64) []connect.Header {
			return []connect.Header{{Key: "hid", Schema: data.Int64Schema, Value: data.Int64(id)}, {Key: "other", Schema: data.StringSchema, Value: str("x")}}
		}
		s.mustPut(rec{value: row(flatRow, data.Int32(1), str("a")), headers: h(7)}, rec{value: row(flatRow, data.Int32(2), str("b")), headers: h(8)},
			rec{valSchema: flatRow, headers: h(7)})
		wantRows(t, conn, "SELECT hid, id, name FROM orders", "8|2|b")
	})
	t.Run("kafka and none", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(url, "schema.evolution", "basic", "primary.key.mode", "kafka"))
		s.mustPut(rec{value: row(flatRow, data.Int32(1), str("a"))})
		wantRows(t, conn, "SELECT * FROM orders", "orders|0|0|1|a")
		s = startSink(t, debezium, with(url, "schema.evolution", "basic", "collection.name.format", "plain"))
		s.mustPut(rec{value: row(flatRow, data.Int32(1), str("a"))}, rec{value: row(flatRow, data.Int32(1), str("a"))})
		wantRows(t, conn, "SELECT * FROM plain", "1|a\n1|a")
	})
	t.Run("truncate in its place", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(with(url, upsertProps...), "truncate.enabled", "true"))
		s.mustPut(event("c", 1, str("a"), data.Null))
		env := data.RowOf(orderEnvelope, make([]data.Value, 4))
		env.Put("op", str("t")).Put("source", data.StructOf(row(sourceBlock, str("public"), str("orders"))))
		tr := rec{topic: "shop.public.orders", value: env}
		s.mustPut(event("c", 2, str("b"), data.Null), tr, event("c", 3, str("c"), data.Null))
		wantRows(t, conn, "SELECT id FROM orders", "3")
	})
	t.Run("names keep their case when quoted", func(t *testing.T) {
		conn, url := database(t, pg)
		val := structSchema("v", "Id", data.Int32Schema, "weird \"name\"", data.OptionalStringSchema)
		key := structSchema("k", "Id", data.Int32Schema)
		s := startSink(t, debezium, with(with(url, base...), "primary.key.mode", "record_key", "quote.identifiers", "true"))
		s.mustPut(rec{topic: "Or-ders", key: row(key, data.Int32(1)), value: row(val, data.Int32(1), str("x"))})
		wantRows(t, conn, `SELECT "Id", "weird ""name""" FROM "Or-ders"`, "1|x")
	})
	t.Run("defaults of the schema become defaults of the column", func(t *testing.T) {
		conn, url := database(t, pg)
		val := data.NewStruct("v").Field("id", data.Int32Schema).
			Field("s", data.NewSchema(data.TypeString).Default(str("it's")).Build()).
			Field("d", data.Derive(decimalSchema(2, "6")).Default(data.Decimal(-150, 2)).Build()).
			Field("b", data.NewSchema(data.TypeBoolean).Default(data.Bool(true)).Build()).
			Field("ts", data.Derive(named(data.TypeInt64, "time.MicroTimestamp")).Default(data.Int64(1)).Build()).
			Field("bin", data.NewSchema(data.TypeBytes).Default(data.Bytes([]byte{1})).Build()).
			Field("f", data.NewSchema(data.TypeFloat64).Default(data.Float64(0.5)).Build()).Build()
		s := startSink(t, debezium, with(with(url, base...), "primary.key.mode", "record_key"))
		vals := []data.Value{data.Int32(1), data.Null, data.Null, data.Null, data.Null, data.Null, data.Null}
		s.mustPut(rec{key: row(idKey, data.Int32(1)), value: row(val, vals...)})
		pg.Exec(t, conn.Config().Database, "INSERT INTO orders (id) VALUES (2)")
		// A null of an optional field stays null, a required one takes its default.
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|it's|NULL|t|NULL|\\x01|0.5\n2|it's|-1.50|t|1970-01-01 00:00:00.000001|\\x01|0.5")
	})
	t.Run("records that cannot be written", func(t *testing.T) {
		_, url := database(t, pg)
		s := startSink(t, debezium, with(with(url, base...), "primary.key.mode", "record_key"))
		b := s.batch(rec{value: row(flatRow, data.Int32(1), str("a"))}, event("x", 1, str("a"), data.Null), event("c", 1))
		sl := b.Add()
		sl.Topic, sl.Value = "orders", data.MapOf(data.NewMapSize(0))
		nokey := b.Add()
		nokey.Topic, nokey.KeySchema, nokey.Value, nokey.ValueSchema = "orders", idKey, data.StructOf(row(flatRow, data.Int32(1), str("a"))), flatRow
		got := strings.Join(rejected(s.task.Put(s.ctx, b)), "\n")
		for _, want := range []string{
			"0: record orders-0@0: Configured primary key mode 'record_key' cannot have null schema for topic orders",
			`1: record shop.public.orders-0@0: the envelope has an unknown op "x"`,
			`2: record shop.public.orders-0@1: the envelope has op "c" but no row in after`,
			"3: record orders--1@0: the value is a map without a schema, but the JDBC sink needs one: use a converter that carries schemas",
			"4: record orders--1@0: the record has no key, which primary.key.mode=record_key needs",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in:\n%s", want, got)
			}
		}
	})
}
