package jdbc

import (
	"encoding/binary"
	"fmt"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/jdbc/postgres"
)

// table is a table of the database, shared by the plans that write to it.
type table struct {
	id  uint32
	def *postgres.Table
}

// plan is how the records of a mapping get into a table.
type plan struct {
	table   *table
	columns []planColumn // key columns first
	keys    int
	keyed   bool // rows of one key replace each other
	insert  insertMode
	full    *variant // rows with all columns
	remove  *variant // keys of rows to delete
	partial map[string]*variant
	absent  bitset // scratch
	nextID  func() int
}

// variant is a set of a plan's columns.
type variant struct {
	shape  *postgres.Shape
	absent bitset // columns of the plan that are left out
}

type planColumn struct {
	column
	target *postgres.Column
	binder *postgres.Binder
	def    data.Value // in place of null
}

// newPlan binds the columns of a mapping to those of a table.
func newPlan(s *settings, m *mapping, t *table, nextID func() int) *plan {
	p := &plan{table: t, insert: s.insert, partial: map[string]*variant{}, nextID: nextID}
	for _, c := range m.columns {
		target := t.def.Column(c.name)
		if target.Generated && !c.key {
			continue // the database computes it
		}
		pc := planColumn{column: c, target: target, binder: postgres.Bind(c.schema, target, s.bind)}
		if def, ok := c.schema.Default(); ok && (s.defaults || !c.schema.Optional()) {
			pc.def = def
		}
		p.columns = append(p.columns, pc)
		if c.key {
			p.keys++
		}
	}
	p.keyed = p.keys > 0
	p.absent = make(bitset, (len(p.columns)+7)/8)
	actions := map[insertMode]postgres.Action{modeInsert: postgres.Insert, modeUpsert: postgres.Upsert, modeUpdate: postgres.Update}
	p.full = p.variant(actions[s.insert], nil)
	if p.keyed {
		p.remove = &variant{shape: p.shape(postgres.Delete, func(i int) bool { return i < p.keys })}
	}
	return p
}

func (p *plan) variant(a postgres.Action, absent bitset) *variant {
	v := &variant{absent: append(bitset(nil), absent...)}
	v.shape = p.shape(a, func(i int) bool { return !v.absent.has(i) })
	return v
}

func (p *plan) shape(a postgres.Action, has func(i int) bool) *postgres.Shape {
	var columns []*postgres.Column
	var binders []*postgres.Binder
	for i := range p.columns {
		if has(i) {
			columns, binders = append(columns, p.columns[i].target), append(binders, p.columns[i].binder)
		}
	}
	return postgres.NewShape(p.table.def, a, columns, binders, p.keys, p.nextID())
}

// without returns the variant for rows that lack columns.
func (p *plan) without(absent bitset) *variant {
	if absent.none() {
		return p.full
	}
	if v := p.partial[string(absent)]; v != nil {
		return v
	}
	a := postgres.Patch
	if p.insert == modeUpdate {
		a = postgres.Update
	}
	v := p.variant(a, absent)
	p.partial[string(absent)] = v
	return v
}

// encodeKey appends the key of a row as the start of a tuple of n fields.
func (p *plan) encodeKey(dst []byte, n int, r *connect.Record, row *data.Struct) ([]byte, error) {
	dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	for i := range p.columns[:p.keys] {
		c := &p.columns[i]
		v := c.valueOf(r, row)
		if v.IsNull() {
			v = c.def
		}
		if v.IsNull() && p.keyed && c.key {
			return dst, fmt.Errorf("column %s of table %s is part of the key, but its value is null", c.target.Name, p.table.def.Name)
		}
		var err error
		if dst, err = c.binder.Field(dst, v); err != nil {
			return dst, p.badValue(c, v, err)
		}
	}
	return dst, nil
}

// encodeRow appends the fields behind the key; those of columns whose value the
// source did not send are left out and set in p.absent.
func (p *plan) encodeRow(dst []byte, r *connect.Record, row *data.Struct, place *placeholders) ([]byte, int, error) {
	clear(p.absent)
	n := p.keys
	for i := p.keys; i < len(p.columns); i++ {
		c := &p.columns[i]
		v := c.valueOf(r, row)
		if v.IsNull() {
			v = c.def
		} else if place.is(v) {
			p.absent.set(i)
			continue
		}
		var err error
		if dst, err = c.binder.Field(dst, v); err != nil {
			return dst, n, p.badValue(c, v, err)
		}
		n++
	}
	return dst, n, nil
}

func (p *plan) badValue(c *planColumn, v data.Value, err error) error {
	return connect.DataErrorf("column %s of table %s is %s, and the value of field %s is a %s: %w",
		c.target.Name, p.table.def.Name, c.target.SQL, c.field, v.Kind(), err)
}

// absentNames lists the columns that a variant lacks.
func (p *plan) absentNames(v *variant) []string {
	var names []string
	for i := range p.columns {
		if v.absent.has(i) {
			names = append(names, p.columns[i].target.Name)
		}
	}
	return names
}
