package transforms

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// Flatten makes one level of nested structs or maps, with joined names.
type Flatten struct {
	closer
	side
	delimiter string
	plans     planner[*data.Schema]
}

const purposeFlatten = "flattening"

// Define declares the keys.
func (t *Flatten) Define(d *config.Def) {
	d.String(&t.delimiter, "delimiter").Default(".").Importance(config.Medium).Doc("What is put between the names of the levels.")
}

// Configure applies the properties.
func (t *Flatten) Configure(props map[string]string) error { return config.Parse(t, props) }

// Apply flattens.
func (t *Flatten) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if v.IsNull() {
		return true, nil
	}
	if s == nil {
		m, err := requireMap(v, purposeFlatten)
		if err != nil {
			return false, err
		}
		out := data.NewMapSize(m.Len())
		if err := t.flattenMap(m, "", out); err != nil {
			return false, err
		}
		t.set(r, nil, data.MapOf(out))
		return true, nil
	}
	st, err := requireStruct(v, purposeFlatten)
	if err != nil {
		return false, err
	}
	schema, err := t.plans.get(s, t.plan)
	if err != nil {
		return false, err
	}
	values := r.Arena().Values(schema.NumFields())
	if _, err := flattenStruct(s, st, schema, values, 0); err != nil {
		return false, err
	}
	t.set(r, schema, data.StructOf(r.Arena().Row(schema, values)))
	return true, nil
}

func (t *Flatten) join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + t.delimiter + name
}

func (t *Flatten) flattenMap(m *data.Map, prefix string, out *data.Map) error {
	for _, e := range m.Entries() {
		name, err := nameOf(e.Key)
		if err != nil {
			return err
		}
		name = t.join(prefix, name)
		switch typ := schemaType(e.Value); {
		case e.Value.IsNull():
			out.PutString(name, data.Null)
		case typ == data.TypeUnknown:
			return connect.DataErrorf("Flatten transformation was passed a value of type class %s which is not supported by Connect's data API", className(e.Value))
		case typ == data.TypeMap:
			if err := t.flattenMap(e.Value.Map(), name, out); err != nil {
				return err
			}
		case typ == data.TypeStruct:
			return connect.DataErrorf("Flatten transformation does not support class %s for record without schemas (for field %s).", className(e.Value), name)
		default:
			out.PutString(name, e.Value)
		}
	}
	return nil
}

func (t *Flatten) plan(s *data.Schema) (*data.Schema, error) {
	b := basics(s)
	var def *data.Struct
	if v, ok := s.Default(); ok && v.Kind() == data.KindStruct {
		def = v.Struct()
	}
	if err := t.planFields(b, s, "", s.Optional(), def); err != nil {
		return nil, err
	}
	return build(b)
}

// planFields adds the fields below s. parent is the default of the struct, which
// gives its fields theirs.
func (t *Flatten) planFields(b *data.Builder, s *data.Schema, prefix string, optional bool, parent *data.Struct) error {
	if s.Type() != data.TypeStruct {
		return connect.DataErrorf("Cannot list fields on non-struct type")
	}
	for i, f := range s.Fields() {
		name := t.join(prefix, f.Name)
		optional := optional || f.Schema.Optional()
		def, ok := f.Schema.Default()
		if !ok && parent != nil {
			def = parent.Get(i)
		}
		switch f.Schema.Type() {
		case data.TypeStruct:
			var below *data.Struct
			if def.Kind() == data.KindStruct {
				below = def.Struct()
			}
			if err := t.planFields(b, f.Schema, name, optional, below); err != nil {
				return err
			}
		case data.TypeMap:
			return connect.DataErrorf("Flatten transformation does not support %s for record with schemas (for field %s).", f.Schema.Type(), name)
		default:
			leaf, err := leafSchema(f.Schema, optional, def)
			if err != nil {
				return err
			}
			b.Field(name, leaf)
		}
	}
	return nil
}

func leafSchema(s *data.Schema, optional bool, def data.Value) (*data.Schema, error) {
	b := data.NewSchema(s.Type())
	if s.Type() == data.TypeArray {
		b = data.NewArray(s.Elem())
	}
	b.BasicsOf(s).SetOptional(optional)
	if !def.IsNull() {
		b.Default(def)
	}
	return build(b)
}

// flattenStruct fills values from index next on and returns the next free one; a
// nil st leaves its places null.
func flattenStruct(s *data.Schema, st *data.Struct, out *data.Schema, values []data.Value, next int) (int, error) {
	for i, f := range s.Fields() {
		if f.Schema.Type() == data.TypeStruct {
			var below *data.Struct
			if st != nil {
				if v := st.Get(i); v.Kind() == data.KindStruct {
					below = v.Struct()
				}
			}
			var err error
			if next, err = flattenStruct(f.Schema, below, out, values, next); err != nil {
				return next, err
			}
			continue
		}
		if st != nil {
			v := st.Get(i)
			if err := checkedNull(out.Fields()[next].Name, out.Fields()[next].Schema, v); err != nil {
				return next, err
			}
			values[next] = v
		}
		next++
	}
	return next, nil
}
