package jdbc

import (
	"context"
	"encoding/binary"
	"log/slog"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// mappingKey finds a mapping.
type mappingKey struct {
	topic      string
	key, value *data.Schema
}

// maxMappings bounds the cache: converters may make new schemas for ever.
const maxMappings = 1024

// take adds record i of a batch to the buffer. A record that cannot be written is
// rejected; the error returned is the task's.
func (t *task) take(ctx context.Context, b *connect.Batch, i int) error {
	t.cur.take(b)
	r := &b.Records[i]
	t.cur.sees(r)
	err := t.add(ctx, b, i)
	if err != nil && isRecordError(err) {
		t.rejected = append(t.rejected, connect.RecordError{Index: i, Err: describe(r, t.shown(err))})
		return nil
	}
	return err
}

// add encodes a record's operation into the buffer.
func (t *task) add(ctx context.Context, b *connect.Batch, i int) error {
	r := &b.Records[i]
	m := t.mapping(r)
	if skipSchemaChange(m) {
		t.log.Warn("schema change record skipped; leave its topic out of topics or topics.regex", "topic", r.Topic)
		return nil
	}
	op, row, err := m.operation(t.set, r)
	if err != nil {
		return &recordError{err}
	}
	switch op {
	case opSkip:
		return nil
	case opTruncate: // has no key
		return t.emptyTable(ctx, m, r)
	}
	if t.set.key == keyRecord || t.set.delete && t.set.confluent {
		if err := requireKey(t.set, r); err != nil {
			return &recordError{err}
		}
	}
	if m.err != nil {
		return &recordError{m.err}
	}
	p, err := t.planFor(ctx, m, r, op)
	if err != nil || p == nil {
		return err
	}
	// Making a plan may have emptied the buffer.
	t.cur.take(b)
	t.cur.sees(r)
	if op == opDelete {
		return t.addRemoval(ctx, p, r, row, b, i)
	}
	return t.addRow(ctx, p, r, row, b, i)
}

func skipSchemaChange(m *mapping) bool {
	return m.value != nil && strings.Contains(m.value.Name(), "SchemaChangeValue")
}

func (t *task) mapping(r *connect.Record) *mapping {
	if m := t.lastMap; m != nil && m.key == r.KeySchema && m.value == r.ValueSchema && m.topic == r.Topic && t.set.key != keyHeader {
		return m
	}
	k := mappingKey{r.Topic, r.KeySchema, r.ValueSchema}
	m := t.mappings[k]
	if m == nil || t.set.key == keyHeader && m.headersDiffer(r) {
		if len(t.mappings) >= maxMappings {
			clear(t.mappings)
		}
		m = t.equalMapping(r)
		if m == nil {
			m = newMapping(t.set, r)
		}
		t.mappings[k] = m
	}
	t.lastMap = m
	return m
}

// equalMapping finds a mapping whose schemas are other pointers to the same thing.
func (t *task) equalMapping(r *connect.Record) *mapping {
	if t.set.key == keyHeader {
		return nil
	}
	for k, m := range t.mappings {
		if k.topic == r.Topic && k.key.Equal(r.KeySchema) && k.value.Equal(r.ValueSchema) {
			return m
		}
	}
	return nil
}

// headersDiffer reports whether the key headers of r are not those of m.
func (m *mapping) headersDiffer(r *connect.Record) bool {
	for i := range m.columns {
		c := &m.columns[i]
		if c.from != fromHeader {
			continue
		}
		if h, ok := r.Header(c.field); !ok || h.Schema != c.schema && !h.Schema.Equal(c.schema) {
			return true
		}
	}
	return m.err != nil
}

// planFor returns the plan of a record, nil where its table cannot be told or,
// for a delete, does not exist.
func (t *task) planFor(ctx context.Context, m *mapping, r *connect.Record, op operation) (*plan, error) {
	if m.sameTable(r) {
		return m.last, nil
	}
	name, ok := m.tableName(r)
	if !ok {
		if t.log.Enabled(ctx, slog.LevelDebug) {
			t.log.Debug("record skipped: it does not tell its table", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset)
		}
		if r.Value.IsNull() {
			return nil, nil
		}
		return nil, &recordError{connect.DataErrorf("the table's name %s needs the source block of a Debezium event, which this record does not have", t.set.table.format)}
	}
	p := m.plans[name]
	if p == nil {
		if ref, ok := m.refusals[name]; ok && now().Before(ref.until) {
			return nil, ref.err
		}
		var err error
		if p, err = t.compile(ctx, m, name, op); err != nil || p == nil {
			if err != nil && isRecordError(err) {
				m.refusals[name] = refusal{err, now().Add(refusalTime)}
			}
			return nil, err
		}
		m.plans[name] = p
	}
	m.last = p
	if len(m.name.fields) > 0 {
		m.lastValues, _ = m.sourceValues(r, m.lastValues[:0])
	}
	return p, nil
}

// addDelete buffers the delete of a key: earlier rows of it need not be written.
func (t *task) addDelete(p *plan, r *connect.Record, row *data.Struct, i int) error {
	if !p.keyed {
		return &recordError{connect.ConnectErrorf("a delete needs the key of the row: set the primary key mode to record_key")}
	}
	b := t.cur
	off := len(b.data)
	var err error
	if b.data, err = p.encodeKey(b.data, p.keys, r, row); err != nil {
		b.data = b.data[:off]
		return &recordError{err}
	}
	key := b.data[off+2:]
	hash := b.index.hash(p.table, key)
	if old := b.latest(p.table, key, hash); old != nil {
		b.kill(old)
	}
	t.settleOrphan(p.table, key)
	end := uint32(len(b.data))
	b.add(entry{plan: p, variant: p.remove, off: uint32(off), end: end, keyEnd: end, hash: hash, record: int32(i)}, true)
	return nil
}

// addRow buffers a row; it takes the place of an earlier row of its key.
func (t *task) addRow(ctx context.Context, p *plan, r *connect.Record, row *data.Struct, batch *connect.Batch, i int) error {
	b := t.cur
	off := len(b.data)
	var err error
	if b.data, err = p.encodeKey(b.data, len(p.columns), r, row); err != nil {
		b.data = b.data[:off]
		return &recordError{err}
	}
	keyEnd, n := len(b.data), 0
	if b.data, n, err = p.encodeRow(b.data, r, row, t.place); err != nil {
		b.data = b.data[:off]
		return &recordError{err}
	}
	e := entry{plan: p, variant: p.full, off: uint32(off), keyEnd: uint32(keyEnd), record: int32(i)}
	if n < len(p.columns) {
		binary.BigEndian.PutUint16(b.data[off:], uint16(n))
		if p.insert == modeInsert {
			err := t.noValue(p, p.without(p.absent))
			b.data = b.data[:off]
			return err
		}
		e.variant = p.without(p.absent)
	}
	if p.keyed {
		key := b.data[off+2 : keyEnd]
		e.hash = b.index.hash(p.table, key)
		if old := b.latest(p.table, key, e.hash); old != nil && p.insert != modeInsert {
			again, err := t.replace(ctx, b, old, &e)
			if err != nil {
				return err
			}
			if again {
				t.cur.take(batch)
				t.cur.sees(r)
				return t.addRow(ctx, p, r, row, batch, i)
			}
		}
	}
	e.end = uint32(len(b.data))
	if p.keyed && len(e.variant.absent) == 0 {
		t.settleOrphan(p.table, b.data[e.off+2:e.keyEnd])
	}
	b.add(e, p.keyed)
	return nil
}

// replace makes room for e, a later row of old's key. A row that lacks columns
// takes them from the old one. Where that cannot be done, because the old row
// was deleted or had other columns, all so far is written first and the caller
// must encode the row again.
func (t *task) replace(ctx context.Context, b *buffer, old, e *entry) (again bool, err error) {
	deleted := old.variant.shape.Action == postgres.Delete
	partial := len(e.variant.absent) > 0
	if deleted && !partial {
		return false, nil // deletes are written first
	}
	if deleted || old.plan != e.plan {
		b.data = b.data[:e.off]
		return true, t.writeBefore(ctx)
	}
	if partial {
		p := e.plan
		merged, absent := p.patched(nil, b.data[e.off:], e.variant.absent, b.data[old.off:old.end], old.variant.absent)
		b.data = append(b.data[:e.off], merged...)
		e.variant = p.without(absent)
	}
	b.kill(old)
	return false, nil
}

// writeBefore writes all rows so far, before a row that depends on them.
func (t *task) writeBefore(ctx context.Context) error {
	if !t.failure.replanning {
		return t.drain(ctx)
	}
	if err := t.session.Write(ctx, t.cur.work(nil)); err != nil {
		return t.trouble(err)
	}
	t.cur.clearRows()
	return nil
}

func (t *task) noValue(p *plan, v *variant) error {
	return &recordError{connect.DataErrorf("the source sent no value for column %s of table %s, which an update left unchanged, and insert.mode=insert cannot keep the old one: use upsert or update",
		strings.Join(p.absentNames(v), ", "), p.table.def.Name)}
}

// emptyTable carries out a truncate in its place between the rows.
func (t *task) emptyTable(ctx context.Context, m *mapping, r *connect.Record) error {
	name, ok := m.tableName(r)
	if !ok {
		return &recordError{connect.DataErrorf("the truncate event does not tell its table")}
	}
	id, err := t.set.table.parse(name)
	if err != nil {
		return &recordError{err}
	}
	if err := t.drain(ctx); err != nil {
		return err
	}
	if err := t.connect(ctx); err != nil {
		return t.trouble(err)
	}
	tbl, err := t.lookup(ctx, id)
	if err == nil && tbl.def != nil {
		err = t.session.Truncate(ctx, tbl.def.Name)
	}
	if err != nil {
		return t.trouble(err)
	}
	return nil
}

// describe adds where a record came from to its error.
func describe(r *connect.Record, err error) error {
	if e, ok := err.(*recordError); ok {
		err = e.err
	}
	tp := topicPartition(r)
	return connect.Errorf(connect.ClassOf(err), "record %s-%d@%d: %w", tp.Topic, tp.Partition, r.Offset, err)
}
