//go:build peers

package peers_test

// unwrapping makes a case of Debezium's ExtractNewRecordState: a change event, or
// something else that it has to pass on.
func (c chance) unwrapping() object {
	config := object{}
	maybe := func(key string, values ...string) {
		if c.one(3) {
			config[key] = pick(c, values...)
		}
	}
	maybe("delete.tombstone.handling.mode", "drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone")
	added := []string{"op", "op,table", "source.ts_ms,lsn", "table:tbl", "op:operation,ts_ms", "transaction.id", "nope", "source.nope", "before.a", "after.a:x", "ts_us,ts_ns", "op,op", "source"}
	maybe("add.fields", added...)
	maybe("add.headers", added...)
	maybe("add.fields.prefix", "", "x_", "__")
	maybe("add.headers.prefix", "", "h_")
	maybe("route.by.field", "a", "id", "nope")
	maybe("drop.fields.header.name", "drops")
	maybe("drop.fields.from.key", "true", "false")
	maybe("drop.fields.keep.schema.compatible", "true", "false")

	text := func(optional bool) object { return object{"type": "string", "optional": optional} }
	number := func(optional bool) object { return object{"type": "int64", "optional": optional} }
	field := func(name string, s any) object { return object{"name": name, "schema": s} }
	columns := []any{field("id", object{"type": "int32", "optional": false})}
	for _, name := range fieldNames[:c.IntN(5)] {
		columns = append(columns, field(name, c.schema(pick(c, 0, 0, 1))))
	}
	row := object{"type": "struct", "optional": true, "name": "srv.public.items.Value", "fields": columns}
	source := object{"type": "struct", "optional": false, "name": "io.debezium.connector.postgresql.Source",
		"fields": []any{field("version", text(false)), field("connector", text(false)), field("name", text(false)), field("ts_ms", number(false)), field("db", text(false)), field("table", text(false)), field("txId", number(true)), field("lsn", number(true))}}
	transaction := object{"type": "struct", "optional": true, "name": "event.block", "version": 1, "fields": []any{field("id", text(false)), field("total_order", number(false))}}
	fields := []any{field("before", row), field("after", row), field("source", source), field("transaction", transaction), field("op", text(false)),
		field("ts_ms", number(true)), field("ts_us", number(true)), field("ts_ns", number(true))}
	envelope := object{"type": "struct", "optional": false, "name": pick(c, "srv.public.items.Envelope", "srv.public.items.Envelope", "srv.public.items.Envelope", "other"), "version": 2, "fields": fields}

	op := pick(c, "c", "u", "d", "r", "t", "m", "d")
	image := func() any {
		v := c.fit(row, 1)
		if c.one(6) {
			return nil
		}
		return v
	}
	value := object{"before": nil, "after": nil, "op": object{"string": op}, "source": object{"struct": object{
		"version": object{"string": "3.5.0.Final"}, "connector": object{"string": "postgresql"}, "name": object{"string": "srv"}, "ts_ms": object{"int64": 1700000000000},
		"db": object{"string": "d"}, "table": object{"string": "items"}, "txId": c.fit(number(true), 0), "lsn": c.fit(number(true), 0)}},
		"transaction": c.fit(transaction, 1), "ts_ms": c.fit(number(true), 0), "ts_us": c.fit(number(true), 0), "ts_ns": c.fit(number(true), 0)}
	if op != "c" && op != "r" {
		value["before"] = image()
	}
	if op != "d" {
		value["after"] = image()
	}
	r := object{"kind": "source", "topic": "srv.public.items", "partition": nil, "timestamp": nil,
		"keySchema": object{"type": "struct", "optional": false, "name": "srv.public.items.Key", "fields": columns[:1]}, "key": object{"struct": object{"id": object{"int32": 7}}},
		"valueSchema": envelope, "value": object{"struct": value}}
	switch {
	case c.one(10):
		r["valueSchema"], r["value"] = nil, nil
	case c.one(12):
		r["valueSchema"], r["value"] = c.pair(1)
	}
	if c.one(6) {
		r["keySchema"], r["key"] = c.pair(1)
	}
	headers := []any{}
	for range c.IntN(2) {
		s, v := c.pair(0)
		headers = append(headers, object{"key": pick(c, "__op", "x", "__debezium.context.taskId"), "schema": s, "value": v})
	}
	if c.one(3) {
		list := []any{}
		for range c.IntN(3) {
			list = append(list, object{"string": pick(c, "a", "b", "id", "nope")})
		}
		headers = append(headers, object{"key": "drops", "schema": object{"type": "array", "optional": true, "valueSchema": text(true)}, "value": object{"list": list}})
	}
	r["headers"] = headers
	return object{"class": "io.debezium.transforms.ExtractNewRecordState", "config": config, "input": r}
}
