package postgres

import (
	"context"
	"encoding/binary"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/event"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// row emits one change of a captured table.
func (d *decoder) row(ctx context.Context, t *table, kind byte, body []byte) error {
	a := d.b.Arena()
	var before, after, old *image // before and after point into d: no allocation
	full := false
	if body[0] == 'K' || body[0] == 'O' {
		full = body[0] == 'O'
		before, d.before = &d.before, newImage(t, a)
		rest, err := d.tuple(t, d.before, body[1:], nil)
		if err != nil {
			return err
		}
		body = rest
	}
	if full {
		old = before
	}
	if kind != 'D' {
		if len(body) < 1 || body[0] != 'N' {
			return errShort
		}
		after, d.after = &d.after, newImage(t, a)
		if _, err := d.tuple(t, d.after, body[1:], old); err != nil {
			return err
		}
	}
	if kind == 'U' && !full && d.state == snapshotRunning {
		if err := d.reselect(ctx, t, body[1:], d.after); err != nil {
			return err
		}
	}
	switch {
	case kind == 'I':
		d.emit(t, event.Create, "INSERT", nil, after, after.key)
	case kind == 'D':
		if before == nil { // REPLICA IDENTITY NOTHING
			before, d.before = &d.before, newImage(t, a)
		}
		d.emit(t, event.Delete, "DELETE", before, nil, before.key)
	case before != nil && t.keys > 0 && !equal(before.key, after.key):
		d.keyChange(t, before, after)
	case full && d.t.cfg.SkipUnchanged && equal(before.row, after.row):
	default:
		d.emit(t, event.Update, "UPDATE", old, after, after.key)
	}
	return nil
}

func equal(a, b []data.Value) bool {
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

// keyChange emits a delete of the old key and a create of the new one, each
// naming the other in a header.
func (d *decoder) keyChange(t *table, before, after *image) {
	a := d.b.Arena()
	header := func(name string, key []data.Value) connect.Header {
		values := a.Values(len(key))
		copy(values, key)
		return connect.Header{Key: name, Schema: t.Key, Value: data.StructOf(a.Row(t.Key, values))}
	}
	d.emit(t, event.Delete, "UPDATE", before, nil, before.key, header(event.NewKeyHeader, after.key))
	d.emit(t, event.Create, "UPDATE", nil, after, after.key, header(event.OldKeyHeader, before.key))
}

// emit adds the record of a change and, behind a delete, the tombstone.
func (d *decoder) emit(t *table, op data.Value, message string, before, after *image, key []data.Value, extra ...connect.Header) {
	cfg := d.t.cfg
	if cfg.skip[op.Str()[0]] {
		return
	}
	e, a := &d.t.emitter, d.b.Arena()
	change := event.Change{Op: op, Now: e.now, Source: data.StructOf(d.source(t)), Transaction: d.tx.event(d, t.full)}
	if before != nil {
		change.Before = before.value(t, a)
	}
	if after != nil {
		change.After = after.value(t, a)
	}
	pos := d.position(message)
	r := e.record(d.b, t, key, pos, extra...)
	t.Fill(r, &change)
	if before == nil || after != nil || !cfg.Tombstones {
		return
	}
	own := a.Values(len(key))
	copy(own, key)
	e.record(d.b, t, own, d.again(pos), extra...)
}

// again is the position of another record of the same change.
func (d *decoder) again(pos *position) *position {
	p := d.position(pos.message)
	p.txCounts = pos.txCounts
	return p
}

func (d *decoder) source(t *table) *data.Struct {
	s := d.t.emitter.sourceBlock(t, d.b.Arena(), d.micros, d.txID, d.commit, d.at)
	if d.origin.name != "" {
		s.Set(sourceOrigin, data.String(d.origin.name))
		s.Set(sourceOriginLSN, data.Int64(int64(d.origin.lsn)))
	}
	return s
}

// truncate emits an event for every captured table of a TRUNCATE.
func (d *decoder) truncate(body []byte) error {
	if len(body) < 5 {
		return errShort
	}
	n := int(binary.BigEndian.Uint32(body))
	body = body[5:]
	if d.t.cfg.skip['t'] {
		return nil
	}
	for ; n > 0; n-- {
		if len(body) < 4 {
			return errShort
		}
		t := d.tables[binary.BigEndian.Uint32(body)]
		body = body[4:]
		if t == nil {
			continue
		}
		change := event.Change{Op: event.Truncate, Now: d.t.emitter.now, Source: data.StructOf(d.source(t)), Transaction: d.tx.event(d, t.full)}
		r := d.b.Add()
		r.SourcePartition, r.SourceOffset = d.t.partition, d.position("TRUNCATE")
		d.t.emitter.headers.Set(r)
		t.Fill(r, &change)
	}
	return nil
}

var (
	messageKey = data.NewStruct("io.debezium.connector.postgresql.MessageKey").Version(1).
			Field("prefix", data.OptionalStringSchema).Build()
	messageBytes = messageSchema(data.OptionalBytesSchema)
	messageText  = messageSchema(data.OptionalStringSchema)
)

func messageSchema(content *data.Schema) *data.Schema {
	body := data.NewStruct("io.debezium.connector.postgresql.Message").Version(1).
		Field("prefix", data.OptionalStringSchema).Field("content", content).Build()
	return data.NewStruct("io.debezium.connector.postgresql.MessageValue").Version(1).
		Field("op", data.StringSchema).Field("ts_ms", data.OptionalInt64Schema).
		Field("source", sourceSchema).Field("transaction", event.TransactionSchema).
		Field("message", body).Build()
}

// logical emits a message of pg_logical_emit_message.
func (d *decoder) logical(body []byte) error {
	if len(body) < 14 {
		return errShort
	}
	transactional := body[0]&1 != 0
	end := 9
	for end < len(body) && body[end] != 0 {
		end++
	}
	if len(body) < end+5 {
		return errShort
	}
	prefix, content := string(body[9:end]), body[end+5:]
	if !d.t.cfg.prefixes.Match(prefix) || d.t.cfg.skip['m'] {
		return nil
	}
	e, a := &d.t.emitter, d.b.Arena()
	if !transactional && !d.open {
		d.at, d.micros, d.txID = wire.LSN(binary.BigEndian.Uint64(body[1:])), e.now.UnixMicro(), 0
	}
	txID := d.txID
	if !transactional {
		d.txID = 0
	}
	t := &table{source: sourceTemplate(d.t.cfg, "", "")}
	key := a.Struct(messageKey)
	key.Set(0, data.String(prefix))
	schema, v := d.t.messageValue(content)
	value := a.Struct(schema)
	inner := a.Struct(schema.FieldSchema("message"))
	inner.Set(0, data.String(prefix))
	inner.Set(1, v)
	value.Put("op", event.Message).Put("ts_ms", data.Int64(e.now.UnixMilli())).Put("source", data.StructOf(d.source(t))).
		Put("message", data.StructOf(inner))
	if transactional {
		value.Put("transaction", d.tx.event(d, "message:"+prefix))
	}
	r := d.b.Add()
	r.Topic = event.TopicName(d.t.cfg.Delimiter, d.t.cfg.Prefix, "message")
	r.KeySchema, r.Key = messageKey, data.StructOf(key)
	r.ValueSchema, r.Value = schema, data.StructOf(value)
	r.SourcePartition, r.SourceOffset = d.t.partition, d.position("MESSAGE")
	d.txID = txID
	d.b.Grow(len(body))
	return nil
}
