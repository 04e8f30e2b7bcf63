package transforms

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// ValueToKey makes a key of some of the value's fields.
type ValueToKey struct {
	closer
	fields   []string
	defaults bool
	plans    planner[*selection]
}

const purposeKey = "copying fields from value to key"

// Define declares the keys.
func (t *ValueToKey) Define(d *config.Def) {
	d.List(&t.fields, "fields").Check(listOf(false)).Doc("Fields of the value that make the key.")
	defineDefaults(d, &t.defaults)
}

// Configure applies the properties.
func (t *ValueToKey) Configure(props map[string]string) error {
	err := config.Parse(t, props)
	t.fields = unique(t.fields)
	return err
}

// Apply sets the key.
func (t *ValueToKey) Apply(r *connect.Record) (bool, error) {
	if r.ValueSchema == nil {
		m, err := requireMap(r.Value, purposeKey)
		if err != nil {
			return false, err
		}
		key := data.NewMapSize(len(t.fields))
		for _, name := range t.fields {
			v, _ := m.GetString(name)
			key.PutString(name, v)
		}
		r.KeySchema, r.Key = nil, data.MapOf(key)
		return true, nil
	}
	st, err := requireStruct(r.Value, purposeKey)
	if err != nil {
		return false, err
	}
	plan, err := t.plans.get(st.Schema(), t.plan)
	if err != nil {
		return false, err
	}
	row, err := plan.row(r, st, t.defaults)
	if err != nil {
		return false, err
	}
	r.KeySchema, r.Key = plan.schema, row
	r.ValueSchema = st.Schema()
	return true, nil
}

func (t *ValueToKey) plan(s *data.Schema) (*selection, error) {
	b := data.NewStruct("")
	p := &selection{}
	for _, name := range t.fields {
		i := s.FieldIndex(name)
		if i < 0 {
			return nil, connect.DataErrorf("Field does not exist: %s", name)
		}
		b.Field(name, s.Fields()[i].Schema)
		p.from = append(p.from, i)
	}
	var err error
	p.schema, err = build(b)
	return p, err
}
