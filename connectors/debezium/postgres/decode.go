package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/postgres/column"
	"github.com/leat-project/leat/connectors/debezium/postgres/wire"
)

// decoder turns pgoutput's messages (protocol version 1) into records. Layout of
// the messages: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
type decoder struct {
	t      *Task
	state  snapshotState
	tables map[uint32]*table // by relation id; nil: not captured
	rel    map[uint32]relationMessage

	open   bool     // inside a transaction
	commit wire.LSN // end of the last transaction
	passed wire.LSN // everything before was emitted
	txID   uint64
	micros int64 // commit time
	at     wire.LSN
	origin originInfo
	tx     txMetadata

	b     *connect.Batch
	tail  *position // of the open transaction's last record, while its batch is ours
	last  *position // of the last record
	space column.Space

	before, after image // of the change that is being decoded
}

type originInfo struct {
	name string
	lsn  wire.LSN
}

func (d *decoder) begin(b *connect.Batch) { d.b, d.space = b, d.t.emitter.space(b) }

// end gives the batch back: its positions do not change any more.
func (d *decoder) end() { d.b, d.tail = nil, nil }

// isRow reports whether a message may add records.
func isRow(m wire.Message) bool {
	if len(m.Data) == 0 {
		return false
	}
	switch m.Data[0] {
	case 'I', 'U', 'D', 'T', 'M', 'B':
		return true
	}
	return false
}

var errShort = errors.New("decoding pgoutput: a message ends too early; is the server's version newer than this program knows?")

// message handles one message.
func (d *decoder) message(ctx context.Context, m wire.Message) (err error) {
	if m.Data == nil {
		if !d.open {
			d.reached(m.End)
		}
		return nil
	}
	d.at = m.Start
	body := m.Data[1:]
	switch m.Data[0] {
	case 'I', 'U', 'D':
		return d.change(ctx, m.Data[0], body)
	case 'B':
		return d.beginTx(body)
	case 'C':
		return d.commitTx(body)
	case 'R':
		return d.relation(ctx, body)
	case 'T':
		return d.truncate(body)
	case 'M':
		return d.logical(body)
	case 'O':
		if len(body) < 9 {
			return errShort
		}
		d.origin = originInfo{string(bytes.TrimSuffix(body[8:], []byte{0})), wire.LSN(binary.BigEndian.Uint64(body))}
		return nil
	case 'Y':
		return nil // types are read from the catalogue
	}
	return fmt.Errorf("decoding pgoutput: unknown message %q; remove options from slot.stream.params that change the protocol", m.Data[0])
}

// reached tells progress that everything before lsn was emitted.
func (d *decoder) reached(lsn wire.LSN) {
	d.passed = max(d.passed, lsn)
	d.t.progress.reached(d.t.emitter.positions.seq, lsn)
}

func (d *decoder) beginTx(body []byte) error {
	if len(body) < 20 {
		return errShort
	}
	const postgresEpoch = 946684800 * 1_000_000 // 2000-01-01 in Unix microseconds
	d.open, d.origin = true, originInfo{}
	d.micros = int64(binary.BigEndian.Uint64(body[8:])) + postgresEpoch
	d.txID = uint64(binary.BigEndian.Uint32(body[16:]))
	return d.tx.begin(d)
}

func (d *decoder) commitTx(body []byte) error {
	if len(body) < 25 {
		return errShort
	}
	end := wire.LSN(binary.BigEndian.Uint64(body[9:]))
	d.tx.end(d, end)
	d.commit = end
	if d.tail != nil { // with its last record the transaction is complete
		d.tail.lsnCommit = end
		d.tail = nil
	}
	d.open = false
	d.reached(end)
	return nil
}

// position makes the offset of a record that is being emitted.
func (d *decoder) position(message string) *position {
	p := d.t.emitter.positions.next()
	p.lsn, p.lsnCommit, p.txID, p.micros, p.message, p.snapshot = d.at, d.commit, d.txID, d.micros, message, d.state
	d.tx.store(p)
	d.last = p
	if d.open {
		d.tail = p
	}
	return p
}

// relationMessage is what a Relation message says.
type relationMessage struct {
	id           uint32
	schema, name string
	identity     byte
	columns      []sent
}

func parseRelation(body []byte) (r relationMessage, err error) {
	if len(body) < 4 {
		return r, errShort
	}
	r.id = binary.BigEndian.Uint32(body)
	body = body[4:]
	text := func() (s string) {
		i := bytes.IndexByte(body, 0)
		if i < 0 {
			err = errShort
			return ""
		}
		s, body = string(body[:i]), body[i+1:]
		return s
	}
	if r.schema, r.name = text(), text(); r.schema == "" {
		r.schema = "pg_catalog"
	}
	if err != nil || len(body) < 3 {
		return r, errShort
	}
	r.identity = body[0]
	n := int(binary.BigEndian.Uint16(body[1:]))
	body = body[3:]
	for range n {
		if len(body) < 1 {
			return r, errShort
		}
		body = body[1:] // whether the column is part of the replica identity
		c := sent{name: text()}
		if err != nil || len(body) < 8 {
			return r, errShort
		}
		c.oid, c.mod = binary.BigEndian.Uint32(body), int32(binary.BigEndian.Uint32(body[4:]))
		body = body[8:]
		r.columns = append(r.columns, c)
	}
	return r, nil
}

// relation compiles the plan of a table that follows in the stream. The server
// sends it anew whenever the table was altered.
func (d *decoder) relation(ctx context.Context, body []byte) error {
	m, err := parseRelation(body)
	if err != nil {
		return err
	}
	if !d.t.cfg.captured(m.schema, m.name) {
		d.tables[m.id] = nil
		return nil
	}
	if d.rel == nil {
		d.rel = map[uint32]relationMessage{}
	}
	d.rel[m.id] = m
	return d.compile(ctx, m, false)
}

// compile makes the plan of a table from a Relation message and the catalogue,
// which may already know the table in a newer form.
func (d *decoder) compile(ctx context.Context, m relationMessage, types bool) error {
	t := d.t
	for _, c := range m.columns {
		types = types || t.catalogue.types[c.oid] == nil
	}
	if types {
		if err := t.catalogue.loadTypes(ctx, t.session); err != nil {
			return err
		}
	}
	found, err := t.catalogue.byOIDs(ctx, t.session, m.id)
	if err != nil {
		return err
	}
	rel := &relation{oid: m.id} // dropped meanwhile: without key and defaults
	if len(found) > 0 {
		rel = found[0]
	} else {
		t.log.Warn("a table of the stream does not exist any more; its last changes are emitted without key", "table", m.schema+"."+m.name)
	}
	rel.schema, rel.name = m.schema, m.name
	plan, err := t.catalogue.compile(t.cfg, rel, m.identity, m.columns)
	if err != nil {
		return err
	}
	if old := d.tables[m.id]; old != nil && old.Envelope.Equal(plan.Envelope) && old.Key.Equal(plan.Key) {
		plan.Table = old.Table // converters cache by schema
	} else {
		plan.warnOmitted(t.log)
	}
	d.tables[m.id] = plan
	return nil
}

// change emits an insert, update or delete.
func (d *decoder) change(ctx context.Context, kind byte, body []byte) error {
	if len(body) < 5 {
		return errShort
	}
	id := binary.BigEndian.Uint32(body)
	t := d.tables[id]
	if t == nil {
		if _, known := d.tables[id]; !known {
			return fmt.Errorf("decoding pgoutput: a change of the relation %d, which was not described", id)
		}
		return nil
	}
	n := d.b.Len()
	err := d.row(ctx, t, kind, body[4:])
	if err != nil {
		d.cut(n)
		err = d.failed(ctx, id, kind, body[4:], err)
	}
	if err == nil {
		d.b.Grow(len(body))
	}
	return err
}

// failed answers a change that cannot be decoded.
func (d *decoder) failed(ctx context.Context, id uint32, kind byte, body []byte, err error) error {
	n := d.b.Len()
	var label *column.ErrNewLabel
	if errors.As(err, &label) { // ALTER TYPE ... ADD VALUE is not announced
		if err = d.compile(ctx, d.rel[id], true); err == nil {
			err = d.row(ctx, d.tables[id], kind, body)
		}
		if err == nil {
			return nil
		}
		d.cut(n)
	}
	mode := strings.ToLower(d.t.cfg.EventFailure)
	if mode == "fail" || errors.Is(err, errShort) {
		return fmt.Errorf("change at %s: %w; event.processing.failure.handling.mode=warn leaves such changes out", d.at, err)
	}
	if mode == "warn" {
		d.t.log.Warn("a change is left out", "position", d.at.String(), "error", err)
	}
	return nil
}

// cut takes records back that a failed change added.
func (d *decoder) cut(n int) {
	clear(d.b.Records[n:])
	d.b.Records = d.b.Records[:n]
}

// tuple decodes the columns of a row. old, if not nil, holds the values that the
// server does not send again.
func (d *decoder) tuple(t *table, im image, body []byte, old *image) ([]byte, error) {
	if len(body) < 2 {
		return nil, errShort
	}
	if n := int(binary.BigEndian.Uint16(body)); n != len(t.columns) {
		return nil, fmt.Errorf("a row of table %s has %d columns, the table has %d", t.full, n, len(t.columns))
	}
	body = body[2:]
	for i := range t.columns {
		p := &t.columns[i]
		if len(body) < 1 {
			return nil, errShort
		}
		kind := body[0]
		body = body[1:]
		switch kind {
		case 't':
			if len(body) < 4 {
				return nil, errShort
			}
			n := int(binary.BigEndian.Uint32(body))
			if n < 0 || len(body)-4 < n {
				return nil, errShort
			}
			raw := body[4 : 4+n : 4+n]
			body = body[4+n:]
			if !p.wanted() {
				continue
			}
			v, err := p.decode(d.space, raw)
			if err != nil {
				if v, err = p.unusable(err); err != nil {
					return nil, errColumn(t, p, err)
				}
			}
			p.set(im, v)
		case 'n':
			if p.wanted() {
				p.set(im, data.Null)
			}
		case 'u':
			p.setUnsent(im, old)
		default:
			return nil, fmt.Errorf("decoding pgoutput: unknown kind of column %q; remove binary from slot.stream.params", kind)
		}
	}
	return body, nil
}

// unusable answers a value that its schema cannot carry (NaN as a decimal): null
// where the column may be null, as event.converting.failure.handling.mode=warn.
func (p *planned) unusable(err error) (data.Value, error) {
	var special *column.SpecialError
	if errors.As(err, &special) && !p.required {
		return data.Null, nil
	}
	return data.Null, err
}

// setUnsent sets a TOAST value that was not sent: the old row's where there is
// one, else the placeholder.
func (p *planned) setUnsent(im image, old *image) {
	if p.key >= 0 {
		im.key[p.key] = p.unsent
		if old != nil {
			im.key[p.key] = old.key[p.key]
		}
	}
	if p.row >= 0 {
		im.row[p.row] = p.unsent
		if old != nil {
			im.row[p.row] = old.row[p.row]
		}
	}
}
