package jdbc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/postgrestest"
)

var (
	orderKey = structSchema("shop.public.orders.Key", "id", data.Int32Schema)
	orderRow = data.NewStruct("shop.public.orders.Value").Field("id", data.Int32Schema).
			Field("note", data.OptionalStringSchema).Field("big", data.OptionalStringSchema).Optional().Build()
	sourceBlock = structSchema("io.debezium.connector.postgresql.Source", "schema", data.StringSchema, "table", data.StringSchema)
)

func envelopeOf(row *data.Schema) *data.Schema {
	return structSchema("shop.public.orders.Envelope", "before", row, "after", row, "source", sourceBlock, "op", data.StringSchema)
}

var orderEnvelope = envelopeOf(orderRow)

// event is a Debezium event of table orders; a nil row gives a delete.
func event(op string, id int32, values ...data.Value) rec {
	env := data.RowOf(orderEnvelope, make([]data.Value, 4))
	env.Set(2, data.StructOf(row(sourceBlock, data.String("public"), data.String("orders"))))
	env.Set(3, data.String(op))
	if len(values) > 0 {
		env.Set(1, data.StructOf(row(orderRow, append([]data.Value{data.Int32(id)}, values...)...)))
	} else {
		env.Set(0, data.StructOf(row(orderRow, data.Int32(id), data.Null, data.Null)))
	}
	return rec{topic: "shop.public.orders", key: row(orderKey, data.Int32(id)), value: env}
}

func tombstone(id int32) rec {
	return rec{topic: "shop.public.orders", key: row(orderKey, data.Int32(id))}
}

var upsertProps = []string{"insert.mode", "upsert", "delete.enabled", "true", "primary.key.mode", "record_key",
	"schema.evolution", "basic", "collection.name.format", "${source.table}"}

func TestUpsert(t *testing.T) {
	pg := postgrestest.Start(t)
	str := data.String

	t.Run("events of a table", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(url, upsertProps...))
		s.mustPut(event("r", 1, str("one"), str("B1")), event("r", 2, str("two"), data.Null), event("c", 3, str("three"), str("B3")))
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|one|B1\n2|two|NULL\n3|three|B3")
		s.mustPut(event("u", 2, str("two b"), str("B2")), event("d", 3), tombstone(3), event("u", 1, str("one b"), str("B1")),
			event("u", 1, str("one c"), str("B1")))
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|one c|B1\n2|two b|B2")
		wantRows(t, conn, "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name='orders' ORDER BY ordinal_position",
			"id|integer|NO\nnote|text|YES\nbig|text|YES")
		wantRows(t, conn, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid='orders'::regclass", "PRIMARY KEY (id)")
		if !strings.Contains(s.log.String(), "level=DEBUG msg=\"record skipped: it does not tell its table\"") {
			t.Error("no debug line about the tombstone")
		}
	})

	t.Run("last operation of a key wins within a flush", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(url, upsertProps...))
		s.mustPut(event("c", 1, str("a"), str("x")), event("d", 1), tombstone(1), event("c", 1, str("b"), str("y")),
			event("c", 2, str("gone"), str("z")), event("d", 2), event("u", 3, str("c"), str("z")))
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|b|y\n3|c|z")
	})

	t.Run("many rows through staging", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(url, upsertProps...))
		for round := range 3 {
			var recs []rec
			for i := range int32(500) {
				recs = append(recs, event("u", i, str(strings.Repeat("x", round)), data.Null))
			}
			for i := range int32(100) {
				recs = append(recs, event("d", i*5))
			}
			s.mustPut(recs...)
		}
		wantRows(t, conn, "SELECT count(*), min(note), max(id), count(*) FILTER (WHERE id % 5 = 0) FROM orders", "400|xx|499|0")
	})

	t.Run("deletes are left alone when not enabled", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(with(url, upsertProps...), "delete.enabled", "false"))
		s.mustPut(event("c", 1, str("a"), str("x")), event("d", 1), tombstone(1))
		wantRows(t, conn, "SELECT * FROM orders", "1|a|x")
	})

	t.Run("a column added by the source", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(url, upsertProps...))
		wider := data.Derive(orderRow).Field("extra", data.OptionalInt64Schema).Build()
		env := data.RowOf(envelopeOf(wider), make([]data.Value, 4))
		env.Put("after", data.StructOf(row(wider, data.Int32(2), str("b"), data.Null, data.Int64(7))))
		env.Put("op", str("c")).Put("source", data.StructOf(row(sourceBlock, str("public"), str("orders"))))
		// All in one batch: the old schema's rows, the new one's, and old ones again.
		s.mustPut(event("c", 1, str("a"), data.Null), rec{topic: "shop.public.orders", key: row(orderKey, data.Int32(2)), value: env},
			event("c", 3, str("c"), data.Null))
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|a|NULL|NULL\n2|b|NULL|7\n3|c|NULL|NULL")
	})

	t.Run("unchanged values keep what is there", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(url, upsertProps...))
		placeholder := str("__debezium_unavailable_value")
		s.mustPut(event("c", 1, str("a"), str("LONG1")), event("c", 2, str("a"), str("LONG2")))
		s.mustPut(event("u", 1, str("b"), data.Unchanged), event("u", 2, str("b"), placeholder), event("u", 2, str("c"), data.UnchangedAs("x")))
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|b|LONG1\n2|c|LONG2")
		// In one flush with the row itself, and behind a delete of it.
		s.mustPut(event("c", 3, str("a"), str("LONG3")), event("u", 3, str("b"), placeholder),
			event("d", 1), tombstone(1), event("c", 1, str("again"), str("LONG4")), event("u", 1, str("and again"), placeholder))
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|and again|LONG4\n2|c|LONG2\n3|b|LONG3")
	})

	t.Run("an unchanged value without a row fails that record", func(t *testing.T) {
		conn, url := database(t, pg)
		s := startSink(t, debezium, with(url, upsertProps...))
		s.reporter = true
		s.mustPut(event("c", 1, str("a"), str("x")))
		s.mustPut(event("u", 1, str("b"), data.Unchanged), event("u", 9, str("b"), data.Unchanged), event("c", 2, str("c"), str("y")))
		wantRows(t, conn, "SELECT * FROM orders ORDER BY id", "1|b|x\n2|c|y")
		if len(s.reports) != 1 || !strings.Contains(s.reports[0], "record shop.public.orders-0@2") ||
			!strings.Contains(s.reports[0], `the row is not in table "public"."orders", and the source sent no value for column big`) {
			t.Errorf("reports: %q", s.reports)
		}
	})

	t.Run("a changed key keeps unchanged values", func(t *testing.T) {
		conn, url := database(t, pg)
		placeholder := str("__debezium_unavailable_value")
		rekeyed := func(from, to int32, note string, big data.Value) []rec {
			d, stone, c := event("d", from), tombstone(from), event("c", to, str(note), big)
			// As the header converter reads them back: a map of the smallest integers.
			d.headers = []connect.Header{{Key: "__debezium.newkey", Value: mapOf("id", data.Int8(int8(to)))}}
			stone.headers = d.headers
			c.headers = []connect.Header{{Key: "__debezium.oldkey", Schema: orderKey, Value: data.StructOf(row(orderKey, data.Int32(from)))}}
			return []rec{d, stone, c}
		}
		for _, format := range []string{"${source.table}", "orders_${topic}"} {
			table := strings.ReplaceAll(strings.Replace(format, "${source.table}", "orders", 1), "${topic}", "shop_public_orders")
			s := startSink(t, debezium, with(with(url, upsertProps...), "collection.name.format", format))
			s.mustPut(event("c", 1, str("a"), str("LONG1")), event("c", 2, str("b"), str("LONG2")), event("c", 5, str("c"), str("LONG5")))
			// A chain in one batch, a whole row, and a batch that ends between delete and create.
			s.mustPut(slices.Concat(rekeyed(2, 3, "b3", placeholder), rekeyed(1, 2, "a2", data.Unchanged), rekeyed(5, 6, "c6", str("NEW6")))...)
			wantRows(t, conn, "SELECT * FROM "+table+" ORDER BY id", "2|a2|LONG1\n3|b3|LONG2\n6|c6|NEW6")
			apart := rekeyed(6, 7, "c7", placeholder)
			for _, r := range apart {
				s.mustPut(r)
			}
			for range 2 { // read again after a crash
				s.mustPut(apart...)
			}
			wantRows(t, conn, "SELECT * FROM "+table+" ORDER BY id", "2|a2|LONG1\n3|b3|LONG2\n7|c7|NEW6")
		}
	})
}
