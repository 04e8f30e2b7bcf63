package transforms

import (
	"slices"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// ReplaceField leaves out and renames fields.
type ReplaceField struct {
	closer
	side
	exclude, include, renameList []string
	renames, reverse             map[string]string
	defaults                     bool
	plans                        planner[*selection]
}

// selection is a schema and where its fields come from.
type selection struct {
	schema *data.Schema
	from   []int // index in the old struct
	mixed  bool  // a value may come from a field of another schema
}

// row makes the struct of the selected fields of st.
func (p *selection) row(r *connect.Record, st *data.Struct, defaults bool) (data.Value, error) {
	values := r.Arena().Values(len(p.from))
	for i, from := range p.from {
		values[i] = fieldValue(st, from, defaults)
		f := &p.schema.Fields()[i]
		check := checkedNull
		if p.mixed {
			check = checked
		}
		if err := check(f.Name, f.Schema, values[i]); err != nil {
			return data.Value{}, err
		}
	}
	return data.StructOf(r.Arena().Row(p.schema, values)), nil
}

// Define declares the keys.
func (t *ReplaceField) Define(d *config.Def) {
	d.List(&t.exclude, "exclude").Default("").Check(listOf(true)).Importance(config.Medium).
		Doc("Fields to leave out; this wins over include.")
	d.List(&t.include, "include").Default("").Check(listOf(true)).Importance(config.Medium).
		Doc("Fields to keep; empty keeps all.")
	d.List(&t.renameList, "renames").Default("").Check(func(name string, v any) error {
		list, _ := v.([]string)
		_, err := renameMap(list)
		return err
	}).Importance(config.Medium).Doc("Pairs old:new of field names.")
	defineDefaults(d, &t.defaults)
}

func renameMap(list []string) (map[string]string, error) {
	m := make(map[string]string, len(list))
	for _, pair := range list {
		parts := javaSplit(pair)
		if len(parts) != 2 {
			return nil, config.Invalid("renames", list, "Invalid rename mapping: "+pair)
		}
		m[parts[0]] = parts[1]
	}
	return m, nil
}

// javaSplit is split(":") of Java: empty strings at the end are dropped.
func javaSplit(s string) []string {
	parts := strings.Split(s, ":")
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// Configure applies the properties.
func (t *ReplaceField) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	var err error
	if t.renames, err = renameMap(t.renameList); err != nil {
		return err
	}
	t.reverse = make(map[string]string, len(t.renames))
	for from, to := range t.renames {
		t.reverse[to] = from
	}
	return nil
}

// Apply replaces the fields.
func (t *ReplaceField) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if v.IsNull() {
		return true, nil
	}
	if s == nil {
		m, err := requireMap(v, "field replacement")
		if err != nil {
			return false, err
		}
		out, err := t.replaceMap(m)
		t.set(r, nil, data.MapOf(out))
		return true, err
	}
	st, err := requireStruct(v, "field replacement")
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
	t.set(r, plan.schema, row)
	return true, nil
}

func (t *ReplaceField) keeps(name string) bool {
	return !slices.Contains(t.exclude, name) && (len(t.include) == 0 || slices.Contains(t.include, name))
}

func (t *ReplaceField) replaceMap(m *data.Map) (*data.Map, error) {
	out := data.NewMapSize(m.Len())
	for _, e := range m.Entries() {
		name, err := nameOf(e.Key)
		if err != nil {
			return m, err
		}
		if t.keeps(name) {
			if to, ok := t.renames[name]; ok {
				name = to
			}
			out.PutString(name, e.Value)
		}
	}
	return out, nil
}

func (t *ReplaceField) plan(s *data.Schema) (*selection, error) {
	b := basics(s)
	var names []string
	for _, f := range s.Fields() {
		if !t.keeps(f.Name) {
			continue
		}
		name := f.Name
		if to, ok := t.renames[name]; ok {
			name = to
		}
		names = append(names, name)
		b.Field(name, f.Schema)
	}
	schema, err := build(b)
	if err != nil {
		return nil, err
	}
	p := &selection{schema: schema}
	for out, name := range names {
		// The old name is looked up backwards: a field that another one is
		// renamed to takes that one's value, even where that one is left out.
		if from, ok := t.reverse[name]; ok {
			name = from
		}
		i := s.FieldIndex(name)
		if i < 0 {
			return nil, connect.DataErrorf("%s is not a valid field name", name)
		}
		p.from = append(p.from, i)
		p.mixed = p.mixed || s.Fields()[i].Schema != schema.Fields()[out].Schema
	}
	return p, nil
}
