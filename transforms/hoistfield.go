package transforms

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// HoistField wraps a key or value in a struct or map of one field.
type HoistField struct {
	closer
	side
	field string
	plans planner[*data.Schema]
}

// Define declares the keys.
func (t *HoistField) Define(d *config.Def) {
	d.String(&t.field, "field").Importance(config.Medium).Doc("Name of the one field.")
}

// Configure applies the properties.
func (t *HoistField) Configure(props map[string]string) error { return config.Parse(t, props) }

// Apply wraps.
func (t *HoistField) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if s == nil {
		m := data.NewMapSize(1)
		m.PutString(t.field, v)
		t.set(r, nil, data.MapOf(m))
		return true, nil
	}
	schema, err := t.plans.get(s, func(s *data.Schema) (*data.Schema, error) {
		return build(data.NewStruct("").Field(t.field, s))
	})
	if err != nil {
		return false, err
	}
	if err := checked(t.field, s, v); err != nil {
		return false, err
	}
	values := r.Arena().Values(1)
	values[0] = v
	t.set(r, schema, data.StructOf(r.Arena().Row(schema, values)))
	return true, nil
}
