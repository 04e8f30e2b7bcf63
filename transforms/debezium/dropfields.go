package debezium

import (
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

type dropKey struct {
	schema *data.Schema
	names  string
}

// dropPlan is a schema without some of its fields.
type dropPlan struct {
	schema *data.Schema
	from   []int
}

// dropFields leaves out the fields that the header named by
// drop.fields.header.name lists.
func (t *ExtractNewRecordState) dropFields(r *connect.Record) error {
	if strings.TrimSpace(t.dropHeader) == "" {
		return nil
	}
	i := slices.IndexFunc(r.Headers, func(h connect.Header) bool { return h.Key == t.dropHeader })
	if i < 0 || r.Headers[i].Value.IsNull() {
		return nil
	}
	list := r.Headers[i].Value
	if list.Kind() != data.KindArray {
		return connect.Errorf(connect.ClassCast, "class %s cannot be cast to class java.util.List", list.Kind().JavaClass())
	}
	var names []string
	for _, v := range list.Array() {
		names = append(names, v.String())
	}
	if len(names) == 0 {
		return nil
	}
	if t.dropFromKey && !r.Key.IsNull() {
		s, v, err := t.without(r, r.KeySchema, r.Key, names)
		if err != nil {
			return err
		}
		r.KeySchema, r.Key = s, v
	}
	s, v, err := t.without(r, r.ValueSchema, r.Value, names)
	if err != nil {
		return err
	}
	r.ValueSchema, r.Value = s, v
	return nil
}

// without returns a struct without the named fields; anything else stays.
func (t *ExtractNewRecordState) without(r *connect.Record, s *data.Schema, v data.Value, names []string) (*data.Schema, data.Value, error) {
	if v.Kind() != data.KindStruct {
		return s, v, nil
	}
	st := v.Struct()
	key := dropKey{st.Schema(), strings.Join(names, ",")}
	p := t.drops[key]
	if p == nil {
		var err error
		if p, err = t.dropPlan(st.Schema(), names); err != nil {
			return s, v, err
		}
		if t.drops == nil || len(t.drops) >= planCache {
			t.drops = map[dropKey]*dropPlan{}
		}
		t.drops[key] = p
	}
	if p.schema == st.Schema() {
		return s, v, nil
	}
	values := r.Arena().Values(len(p.from))
	for i, from := range p.from {
		values[i] = st.Get(from)
	}
	return p.schema, data.StructOf(r.Arena().Row(p.schema, values)), nil
}

func (t *ExtractNewRecordState) dropPlan(s *data.Schema, names []string) (*dropPlan, error) {
	b := data.NewStruct("").BasicsOf(s)
	p := &dropPlan{}
	for i, f := range s.Fields() {
		if slices.Contains(names, f.Name) && (f.Schema.Optional() || !t.dropKeepsBase) {
			continue
		}
		b.Field(f.Name, f.Schema)
		p.from = append(p.from, i)
	}
	if len(p.from) == s.NumFields() {
		p.schema = s
		return p, nil
	}
	var err error
	if p.schema, err = b.TryBuild(); err != nil {
		return nil, connect.Errorf(connect.ClassSchemaBuilder, "%s", err)
	}
	return p, nil
}
