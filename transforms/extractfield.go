package transforms

import (
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// ExtractField replaces a key or value by one of its fields.
type ExtractField struct {
	closer
	side
	field, syntax string
	defaults      bool
	steps         []string
	plans         planner[*data.Schema]
}

// Define declares the keys.
func (t *ExtractField) Define(d *config.Def) {
	d.String(&t.field, "field").Importance(config.Medium).Doc("Field to take out; a path where field.syntax.version is V2.")
	defineDefaults(d, &t.defaults)
	d.String(&t.syntax, "field.syntax.version").Default("V1").Check(config.OneOfFold("V1", "V2")).
		Doc("How field names are read: V1 as they are, V2 with dots between levels and backticks around names with dots.")
}

// Configure applies the properties.
func (t *ExtractField) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	var err error
	t.steps, err = parsePath(t.field, strings.EqualFold(t.syntax, "V2"))
	return err
}

// Apply extracts the field.
func (t *ExtractField) Apply(r *connect.Record) (bool, error) {
	const purpose = "field extraction"
	s, v := t.get(r)
	if s == nil {
		if v.IsNull() {
			return true, nil
		}
		m, err := requireMap(v, purpose)
		if err != nil {
			return false, err
		}
		out, err := pathInMap(m, t.steps)
		t.set(r, nil, out)
		return true, err
	}
	var st *data.Struct
	var err error
	if !v.IsNull() {
		if st, err = requireStruct(v, purpose); err != nil {
			return false, err
		}
	}
	schema, err := t.plans.get(s, func(s *data.Schema) (*data.Schema, error) { return pathSchema(s, t.steps) })
	if err != nil {
		return false, err
	}
	if schema == nil {
		return false, connect.Errorf(connect.ClassIllegalArg, "Unknown field: %s", t.field)
	}
	if st == nil {
		t.set(r, schema, data.Null)
		return true, nil
	}
	out, err := pathInStruct(st, t.steps, t.defaults)
	t.set(r, schema, out)
	return true, err
}
