package transforms

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// SetSchemaMetadata sets name and version of a schema.
type SetSchemaMetadata struct {
	closer
	side
	name                string
	version             int
	hasName, hasVersion bool
	defaults            bool
	plans               planner[*data.Schema]
}

// Define declares the keys.
func (t *SetSchemaMetadata) Define(d *config.Def) {
	d.String(&t.name, "schema.name").Default(nil).Doc("Name of the schema.")
	d.Int(&t.version, "schema.version").Default(nil).Doc("Version of the schema.")
	defineDefaults(d, &t.defaults)
}

// Configure applies the properties.
func (t *SetSchemaMetadata) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	_, t.hasName = props["schema.name"]
	_, t.hasVersion = props["schema.version"]
	if !t.hasName && !t.hasVersion {
		return connect.ConfigErrorf("Neither schema name nor version configured")
	}
	return nil
}

// Apply replaces the schema; a struct is bound to the new one.
func (t *SetSchemaMetadata) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if s == nil {
		if v.IsNull() {
			return true, nil
		}
		return false, connect.DataErrorf("Schema required for [updating schema metadata]")
	}
	schema, err := t.plans.get(s, t.plan)
	if err != nil {
		return false, err
	}
	if v.Kind() == data.KindStruct && v.Struct().Schema().NumFields() == schema.NumFields() {
		st := v.Struct()
		values := r.Arena().Values(schema.NumFields())
		for i := range values {
			values[i] = fieldValue(st, i, t.defaults)
			f := &schema.Fields()[i]
			if err := checkedNull(f.Name, f.Schema, values[i]); err != nil {
				return false, err
			}
		}
		v = data.StructOf(r.Arena().Row(schema, values))
	}
	t.set(r, schema, v)
	return true, nil
}

func (t *SetSchemaMetadata) plan(s *data.Schema) (*data.Schema, error) {
	if s.Type() != data.TypeStruct {
		return nil, connect.DataErrorf("Cannot list fields on non-struct type")
	}
	b := data.Derive(s)
	if t.hasName {
		b.Name(t.name)
	}
	if t.hasVersion {
		b.Version(int32(t.version))
	}
	return build(b)
}
