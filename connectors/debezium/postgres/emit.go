package postgres

import (
	"fmt"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/event"
	"github.com/leat-project/leat/connectors/debezium/postgres/column"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
	"github.com/leat-project/leat/connectors/debezium/slab"
)

// emitter turns decoded rows into records. Both phases that emit rows share it.
type emitter struct {
	cfg       *settings
	partition *connect.Partition
	headers   *event.Headers
	positions positions
	bytes     slab.Bytes
	now       time.Time // processing time, of a span rather than of every row
}

func (e *emitter) space(b *connect.Batch) column.Space {
	return column.Space{Arena: b.Arena(), Bytes: &e.bytes}
}

// image is a decoded row: fields of the value and of the key.
type image struct{ row, key []data.Value }

func newImage(t *table, a *data.Arena) image {
	return image{a.Values(t.Row.NumFields()), a.Values(t.keys)}
}

func (im image) value(t *table, a *data.Arena) data.Value {
	return data.StructOf(a.Row(t.Row, im.row))
}

// set puts a column's value, null included, in its places.
func (p *planned) set(im image, v data.Value) {
	if v.IsNull() && p.required {
		v = p.missing
	}
	if p.key >= 0 {
		im.key[p.key] = v
	}
	if p.row >= 0 {
		if p.convert != nil {
			v = p.convert(v)
		}
		im.row[p.row] = v
	}
}

func (p *planned) wanted() bool { return p.row >= 0 || p.key >= 0 }

// errColumn says which column could not be decoded.
func errColumn(t *table, p *planned, err error) error {
	return fmt.Errorf("decoding column %s of table %s: %w", p.name, t.full, err)
}

// sourceBlock makes the source block of a change.
func (e *emitter) sourceBlock(t *table, a *data.Arena, micros int64, txID uint64, commit, lsn wire.LSN) *data.Struct {
	values := a.Values(sourceFields)
	copy(values, t.source[:])
	sequence := e.bytes.Keep(appendSequence(e.bytes.Start(50), commit, lsn))
	fillSource(values, micros, txID, lsn, data.StringBytes(sequence))
	return a.Row(sourceSchema, values)
}

// record adds a record of a table with its key; the value is still to be filled.
func (e *emitter) record(b *connect.Batch, t *table, key []data.Value, pos *position, extra ...connect.Header) *connect.Record {
	r := b.Add()
	r.Topic = t.Topic
	if t.keys > 0 {
		r.KeySchema, r.Key = t.Key, data.StructOf(b.Arena().Row(t.Key, key))
	}
	r.SourcePartition, r.SourceOffset = e.partition, pos
	e.headers.Set(r, extra...)
	return r
}
