package transforms

import (
	"maps"
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// Cast converts fields, or the whole key or value, to another primitive type.
type Cast struct {
	closer
	side
	spec     []string
	casts    map[string]data.Type
	order    []string  // names of casts, sorted, so that equal records give equal results
	whole    data.Type // TypeUnknown: fields
	defaults bool
	plans    planner[*castPlan]
}

// castPlan is a schema after the cast and the target type of each field.
type castPlan struct {
	schema  *data.Schema
	targets []data.Type // TypeUnknown: as it is
}

const purposeCast = "cast types"

const castOutputs = "[INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]"

// Define declares the keys.
func (t *Cast) Define(d *config.Def) {
	d.List(&t.spec, "spec").Check(func(_ string, v any) error {
		list, _ := v.([]string)
		if len(list) == 0 {
			return connect.ConfigErrorf("Must specify at least one field to cast.")
		}
		_, _, err := parseCasts(list)
		return err
	}).Doc("Pairs field:type, or one type for the whole key or value. Types are int8, int16, int32, int64, float32, " +
		"float64, boolean and string.")
	defineDefaults(d, &t.defaults)
}

// Configure applies the properties.
func (t *Cast) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	var err error
	t.casts, t.whole, err = parseCasts(t.spec)
	t.order = slices.Sorted(maps.Keys(t.casts))
	return err
}

func parseCasts(spec []string) (fields map[string]data.Type, whole data.Type, err error) {
	fields = map[string]data.Type{}
	for _, entry := range spec {
		parts := javaSplit(entry)
		if len(parts) > 2 {
			return nil, 0, config.Invalid("renames", spec, "Invalid rename mapping: "+entry)
		}
		typ, err := castType(strings.TrimSpace(parts[len(parts)-1]))
		if err != nil {
			return nil, 0, err
		}
		if len(parts) == 1 {
			whole = typ
		} else {
			fields[strings.TrimSpace(parts[0])] = typ
		}
	}
	if whole != data.TypeUnknown && len(spec) > 1 {
		return nil, 0, connect.ConfigErrorf("Cast transformations that specify a type to cast the entire value to " +
			"may only specify a single cast in their spec")
	}
	return fields, whole, nil
}

func castType(name string) (data.Type, error) {
	upper := strings.ToUpper(name)
	for typ := data.TypeInt8; typ <= data.TypeStruct; typ++ {
		if typ.String() != upper {
			continue
		}
		if typ > data.TypeString {
			return 0, connect.ConfigErrorf("Cast transformation does not support casting to %s; supported types are %s", typ, castOutputs)
		}
		return typ, nil
	}
	return 0, connect.ConfigErrorf("Invalid value java.lang.IllegalArgumentException: No enum constant "+
		"org.apache.kafka.connect.data.Schema.Type.%s for configuration Invalid type found in casting spec: %s", upper, name)
}

// Apply casts.
func (t *Cast) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if v.IsNull() {
		return true, nil
	}
	if s == nil {
		return t.applySchemaless(r, v)
	}
	if t.whole != data.TypeUnknown {
		plan, err := t.plans.get(s, t.plan)
		if err != nil {
			return false, err
		}
		if v, err = castValue(s, v, t.whole); err != nil {
			return false, err
		}
		t.set(r, plan.schema, v)
		return true, nil
	}
	plan, err := t.plans.get(s, t.plan)
	if err != nil {
		return false, err
	}
	st, err := requireStruct(v, purposeCast)
	if err != nil {
		return false, err
	}
	return true, t.applyStruct(r, plan, st)
}

func (t *Cast) applyStruct(r *connect.Record, plan *castPlan, st *data.Struct) error {
	values := r.Arena().Values(plan.schema.NumFields())
	for i := range values {
		v := fieldValue(st, i, t.defaults)
		if plan.targets[i] != data.TypeUnknown {
			var err error
			if v, err = castValue(st.Schema().Fields()[i].Schema, v, plan.targets[i]); err != nil {
				return err
			}
		}
		f := &plan.schema.Fields()[i]
		if err := checkedNull(f.Name, f.Schema, v); err != nil {
			return err
		}
		values[i] = v
	}
	t.set(r, plan.schema, data.StructOf(r.Arena().Row(plan.schema, values)))
	return nil
}

func (t *Cast) applySchemaless(r *connect.Record, v data.Value) (bool, error) {
	if t.whole != data.TypeUnknown {
		v, err := castValue(nil, v, t.whole)
		if err != nil {
			return false, err
		}
		t.set(r, nil, v)
		return true, nil
	}
	m, err := requireMap(v, purposeCast)
	if err != nil {
		return false, err
	}
	out := copyMap(m, 0)
	for _, name := range t.order {
		old, _ := m.GetString(name)
		v, err := castValue(nil, old, t.casts[name])
		if err != nil {
			return false, err
		}
		out.PutString(name, v)
	}
	t.set(r, nil, data.MapOf(out))
	return true, nil
}

func (t *Cast) plan(s *data.Schema) (*castPlan, error) {
	p := &castPlan{}
	b := data.NewSchema(t.whole).BasicsOf(s)
	if t.whole == data.TypeUnknown {
		if s.Type() != data.TypeStruct {
			return nil, connect.DataErrorf("Cannot list fields on non-struct type")
		}
		b = basics(s)
		p.targets = make([]data.Type, s.NumFields())
		for i, f := range s.Fields() {
			typ, ok := t.casts[f.Name]
			if !ok {
				b.Field(f.Name, f.Schema)
				continue
			}
			p.targets[i] = typ
			fb := data.NewSchema(typ).SetOptional(f.Schema.Optional())
			if err := castDefault(fb, f.Schema, typ); err != nil {
				return nil, err
			}
			fs, err := build(fb)
			if err != nil {
				return nil, err
			}
			b.Field(f.Name, fs)
		}
	}
	b.SetOptional(s.Optional())
	if err := castDefault(b, s, t.whole); err != nil {
		return nil, err
	}
	var err error
	p.schema, err = build(b)
	return p, err
}

// castDefault casts a schema's default; a struct's stays out of it.
func castDefault(b *data.Builder, s *data.Schema, typ data.Type) error {
	def, ok := s.Default()
	if !ok || typ == data.TypeUnknown {
		return nil
	}
	v, err := castValue(s, def, typ)
	if err != nil {
		return err
	}
	b.Default(v)
	return nil
}
