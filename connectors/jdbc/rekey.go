package jdbc

import (
	"context"
	"encoding/binary"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// Debezium sends a changed key as a delete of the old row with the new key in a
// header, and a create of the new row with the old key in a header. The create
// lacks the columns that the update left alone and the source's log does not hold
// (TOAST), so deleting the old row would lose them. Where that may be so the row
// is moved to its new key instead of deleted; the create then updates it.
const (
	newKeyHeader = "__debezium.newkey"
	oldKeyHeader = "__debezium.oldkey"
)

// addRemoval buffers a delete, or moves the row where the record says so.
func (t *task) addRemoval(ctx context.Context, p *plan, r *connect.Record, row *data.Struct, batch *connect.Batch, i int) error {
	h, ok := r.Header(newKeyHeader)
	if !ok || !p.keyed || p.insert == modeInsert || t.set.key != keyRecord || !t.moves(batch, i) {
		return t.addDelete(p, r, row, i)
	}
	oldKey, err := p.encodeKey(nil, p.keys, r, row)
	if err != nil {
		return &recordError{err}
	}
	newKey, ok := p.headerKey(h.Value)
	if !ok {
		return t.addDelete(p, r, row, i)
	}
	if err := t.drain(ctx); err != nil {
		return err
	}
	if err := t.connect(ctx); err != nil {
		return t.trouble(err)
	}
	if err := t.session.Move(ctx, p.remove.shape, oldKey, newKey); err != nil {
		if postgres.Classify(err) != postgres.Data {
			return t.trouble(err)
		}
		// Somebody refers to the row, say: a delete tells it as well.
		t.cur.take(batch)
		t.cur.sees(r)
		return t.addDelete(p, r, row, i)
	}
	t.settleOrphan(p.table, oldKey[2:])
	return nil
}

// moves reports whether the row of delete i must be kept for the create that
// follows: that lacks values, or is not in this batch.
func (t *task) moves(batch *connect.Batch, i int) bool {
	r := &batch.Records[i]
	if i > 0 && r.Value.IsNull() {
		if _, ok := batch.Records[i-1].Header(newKeyHeader); ok && batch.Records[i-1].Key.Equal(r.Key) {
			return false // the tombstone behind a delete that has been dealt with
		}
	}
	for j := i + 1; j < batch.Len() && j <= i+2; j++ {
		next := &batch.Records[j]
		if _, ok := next.Header(oldKeyHeader); ok && next.Topic == r.Topic {
			return t.lacksValues(next)
		}
	}
	return true
}

func (t *task) lacksValues(r *connect.Record) bool {
	_, row, err := t.mapping(r).operation(t.set, r)
	if err != nil || row == nil {
		return true
	}
	for _, v := range row.Values() {
		if t.place.is(v) {
			return true
		}
	}
	return false
}

// headerKey encodes a key from a header: a struct, or the map or the single value
// that header converters make of it. ok is false where it is none of these.
func (p *plan) headerKey(v data.Value) (tuple []byte, ok bool) {
	tuple = binary.BigEndian.AppendUint16(nil, uint16(p.keys))
	for i := range p.columns[:p.keys] {
		c := &p.columns[i]
		field := v
		switch v.Kind() {
		case data.KindStruct:
			field, _ = v.Struct().Lookup(c.field)
		case data.KindMap:
			field, _ = v.Map().GetString(c.field)
		}
		if field.IsNull() {
			return nil, false
		}
		var err error
		if tuple, err = c.binder.Field(tuple, field); err != nil {
			return nil, false
		}
	}
	return tuple, true
}
