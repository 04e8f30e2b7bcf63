package debezium

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

const deletedField = "__deleted"

var deleted, notDeleted = data.String("true"), data.String("false")

type planKey struct{ event *data.Schema }

// unwrapPlan is ExtractNewRecordState compiled for an envelope schema.
type unwrapPlan struct {
	after, before int // indexes; before is -1 if there is none
	fields        []located
	headers       []located
	rows          map[*data.Schema]*rowPlan
	lastRow       *rowPlan
}

// rowPlan is a row's schema and what it becomes.
type rowPlan struct {
	from, to *data.Schema
	n        int   // fields of from
	required []int // fields of from that must not be null
}

func (t *ExtractNewRecordState) plan(event *data.Schema) (*unwrapPlan, error) {
	key := planKey{event}
	if t.last != nil && t.lastKey == key {
		return t.last, nil
	}
	p := t.plans[key]
	if p == nil {
		var err error
		if p, err = t.compile(event); err != nil {
			return nil, err
		}
		if t.plans == nil || len(t.plans) >= planCache {
			t.plans = map[planKey]*unwrapPlan{}
		}
		t.plans[key] = p
	}
	t.lastKey, t.last = key, p
	return p, nil
}

func (t *ExtractNewRecordState) compile(event *data.Schema) (*unwrapPlan, error) {
	p := &unwrapPlan{after: event.FieldIndex("after"), before: event.FieldIndex("before"), rows: map[*data.Schema]*rowPlan{}}
	if p.after < 0 {
		return nil, unknownField("after")
	}
	var err error
	if p.headers, err = locate(t.headers, event); err != nil {
		return nil, err
	}
	p.fields, err = locate(t.fields, event)
	return p, err
}

func (p *unwrapPlan) addHeaders(r *connect.Record, event *data.Struct) {
	for i := range p.headers {
		h := &p.headers[i]
		r.Headers = append(r.Headers, connect.Header{Key: h.name, Schema: h.schema, Value: h.value(event)})
	}
}

// row builds the flat row. It takes over the values of st where none are added.
func (t *ExtractNewRecordState) row(r *connect.Record, p *unwrapPlan, event, st *data.Struct, del data.Value) (*data.Struct, error) {
	rp := p.lastRow
	if rp == nil || rp.from != st.Schema() {
		var err error
		if rp, err = t.rowPlan(p, st.Schema()); err != nil {
			return nil, err
		}
	}
	values := st.Values()
	if extra := rp.to.NumFields() - rp.n; extra > 0 {
		values = r.Arena().Values(rp.n + extra)
		copy(values, st.Values())
		next := rp.n
		if t.rewrites() {
			if t.defaults {
				for i := range rp.n {
					values[i] = st.Get(i)
				}
			}
			values[next] = del
			next++
		}
		for i := range p.fields {
			f := &p.fields[i]
			v := f.value(event)
			if err := data.Validate(f.name, f.schema, v); err != nil {
				return nil, connect.Errorf(connect.ClassData, "%s", err)
			}
			values[next+i] = v
		}
	}
	for _, i := range rp.required {
		if values[i].IsNull() {
			f := &rp.to.Fields()[i]
			return nil, connect.Errorf(connect.ClassData, "%s", data.Validate(f.Name, f.Schema, data.Null))
		}
	}
	return r.Arena().Row(rp.to, values), nil
}

func (t *ExtractNewRecordState) rowPlan(p *unwrapPlan, from *data.Schema) (*rowPlan, error) {
	if rp := p.rows[from]; rp != nil {
		p.lastRow = rp
		return rp, nil
	}
	b := data.NewStruct("").BasicsOf(from)
	rp := &rowPlan{from: from, n: from.NumFields()}
	for i, f := range from.Fields() {
		b.Field(f.Name, f.Schema)
		if !f.Schema.Optional() {
			rp.required = append(rp.required, i)
		}
	}
	if t.rewrites() {
		b.Field(deletedField, data.OptionalStringSchema)
	}
	for _, f := range p.fields {
		b.Field(f.name, f.schema)
	}
	var err error
	if rp.to, err = b.TryBuild(); err != nil {
		return nil, connect.Errorf(connect.ClassSchemaBuilder, "%s", err)
	}
	if len(p.rows) >= planCache {
		clear(p.rows)
	}
	p.rows[from], p.lastRow = rp, rp
	return rp, nil
}
