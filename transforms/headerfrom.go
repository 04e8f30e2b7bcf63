package transforms

import (
	"slices"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// HeaderFrom copies or moves fields to headers.
type HeaderFrom struct {
	closer
	side
	fields, headers []string
	operation       string
	defaults        bool
	plans           planner[*headerPlan]
}

// headerPlan says where the headers come from and what stays.
type headerPlan struct {
	from  []int // fields for the headers
	rest  []int // fields that stay when they are moved
	moved *data.Schema
}

const opMove = "move"

// Define declares the keys.
func (t *HeaderFrom) Define(d *config.Def) {
	d.List(&t.fields, "fields").Check(nonEmptyList).Doc("Fields to copy or move to headers.")
	d.List(&t.headers, "headers").Check(nonEmptyList).Doc("Names of the headers, in the order of the fields.")
	d.String(&t.operation, "operation").Check(config.OneOf(opMove, "copy")).
		Doc("move takes the fields out of the key or value, copy leaves them there.")
	defineDefaults(d, &t.defaults)
}

// nonEmptyList is NonEmptyListValidator.
func nonEmptyList(name string, v any) error {
	if list, _ := v.([]string); len(list) == 0 {
		return config.Invalid(name, v, "Empty list")
	}
	return nil
}

// Configure applies the properties.
func (t *HeaderFrom) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	if len(t.fields) != len(t.headers) {
		return connect.ConfigErrorf("'fields' config must have the same number of elements as 'headers' config.")
	}
	return nil
}

// Apply adds the headers.
func (t *HeaderFrom) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if s == nil {
		return t.applyMap(r, v)
	}
	st, err := requireStruct(v, "header "+t.operation)
	if err != nil {
		return false, err
	}
	plan, err := t.plans.get(st.Schema(), t.plan)
	if err != nil {
		return false, err
	}
	for i, from := range plan.from {
		if from < 0 {
			return false, connect.Errorf(connect.ClassNullPointer, "the struct has no field %s for the header %s", t.fields[i], t.headers[i])
		}
		r.Headers = append(r.Headers, connect.Header{Key: t.headers[i], Schema: st.Schema().Fields()[from].Schema,
			Value: fieldValue(st, from, t.defaults)})
	}
	if t.operation != opMove {
		return true, nil
	}
	values := r.Arena().Values(len(plan.rest))
	for i, from := range plan.rest {
		values[i] = fieldValue(st, from, t.defaults)
		f := &plan.moved.Fields()[i]
		if err := checkedNull(f.Name, f.Schema, values[i]); err != nil {
			return false, err
		}
	}
	t.set(r, plan.moved, data.StructOf(r.Arena().Row(plan.moved, values)))
	return true, nil
}

func (t *HeaderFrom) applyMap(r *connect.Record, v data.Value) (bool, error) {
	m, err := requireMap(v, "header "+t.operation)
	if err != nil {
		return false, err
	}
	out := copyMap(m, 0)
	for i, name := range t.fields {
		v, _ := m.GetString(name)
		if t.operation == opMove {
			out.Delete(data.String(name))
		}
		r.Headers = append(r.Headers, connect.Header{Key: t.headers[i], Value: v})
	}
	t.set(r, nil, data.MapOf(out))
	return true, nil
}

func (t *HeaderFrom) plan(s *data.Schema) (*headerPlan, error) {
	p := &headerPlan{}
	for _, name := range t.fields {
		p.from = append(p.from, s.FieldIndex(name))
	}
	b := basics(s)
	for i, f := range s.Fields() {
		if !slices.Contains(t.fields, f.Name) {
			b.Field(f.Name, f.Schema)
			p.rest = append(p.rest, i)
		}
	}
	var err error
	p.moved, err = build(b)
	return p, err
}
