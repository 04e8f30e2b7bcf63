package transforms

import (
	"errors"
	"slices"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// side is what a transform works on: a record's key or its value.
type side bool

const (
	keySide   side = true
	valueSide side = false
)

func (s side) get(r *connect.Record) (*data.Schema, data.Value) {
	if s == keySide {
		return r.KeySchema, r.Key
	}
	return r.ValueSchema, r.Value
}

func (s side) set(r *connect.Record, schema *data.Schema, v data.Value) {
	if s == keySide {
		r.KeySchema, r.Key = schema, v
		return
	}
	r.ValueSchema, r.Value = schema, v
}

// Close does nothing; it is embedded by the transforms.
type closer struct{}

// Close does nothing.
func (closer) Close() error { return nil }

func className(v data.Value) string { return v.Kind().JavaClass() }

func requireStruct(v data.Value, purpose string) (*data.Struct, error) {
	if v.Kind() != data.KindStruct {
		return nil, connect.DataErrorf("Only Struct objects supported for [%s], found: %s", purpose, className(v))
	}
	return v.Struct(), nil
}

func requireMap(v data.Value, purpose string) (*data.Map, error) {
	if v.Kind() != data.KindMap {
		return nil, connect.DataErrorf("Only Map objects supported in absence of schema for [%s], found: %s", purpose, className(v))
	}
	return v.Map(), nil
}

func isSink(r *connect.Record) bool { return r.OriginalTopic != "" }

// nameOf returns a map's key as a field name.
func nameOf(k data.Value) (string, error) {
	if k.Kind() != data.KindString {
		return "", connect.Errorf(connect.ClassCast, "class %s cannot be cast to class java.lang.String", className(k))
	}
	return k.Str(), nil
}

// copyMap returns a copy with room for more entries.
func copyMap(m *data.Map, more int) *data.Map {
	out := data.NewMapSize(m.Len() + more)
	for _, e := range m.Entries() {
		out.Put(e.Key, e.Value)
	}
	return out
}

// planCache bounds the plans that a transform keeps.
const planCache = 256

// planner makes a plan for each schema and keeps it by the schema's pointer. It is
// used by one goroutine.
type planner[P any] struct {
	plans map[*data.Schema]P
	last  *data.Schema
	plan  P
}

// get returns the plan of a schema, made by build where there is none.
func (p *planner[P]) get(s *data.Schema, build func(*data.Schema) (P, error)) (P, error) {
	if p.last == s && s != nil {
		return p.plan, nil
	}
	plan, ok := p.plans[s]
	if !ok {
		var err error
		if plan, err = build(s); err != nil {
			return plan, err
		}
		if p.plans == nil || len(p.plans) >= planCache {
			p.plans = map[*data.Schema]P{}
		}
		p.plans[s] = plan
	}
	p.last, p.plan = s, plan
	return plan, nil
}

// basics starts a struct schema with the basics of s.
func basics(s *data.Schema) *data.Builder { return data.NewStruct("").BasicsOf(s) }

// build finishes a schema; a mistake is a SchemaBuilderException.
func build(b *data.Builder) (*data.Schema, error) {
	s, err := b.TryBuild()
	if misfit := errors.Unwrap(err); misfit != nil {
		return nil, connect.Cause(connect.ClassSchemaBuilder, "Invalid default value", connect.Errorf(connect.ClassData, "%s", misfit))
	}
	if err != nil {
		return nil, connect.Errorf(connect.ClassSchemaBuilder, "%s", err)
	}
	return s, nil
}

// fieldValue returns a field of a struct, with its default if that is wanted.
func fieldValue(st *data.Struct, i int, defaults bool) data.Value {
	if defaults {
		return st.Get(i)
	}
	return st.At(i)
}

// checked validates a value for a field as Struct.put does.
func checked(name string, s *data.Schema, v data.Value) error {
	if err := data.Validate(name, s, v); err != nil {
		return connect.Errorf(connect.ClassData, "%s", err)
	}
	return nil
}

// checkedNull is checked for a value that was of this schema before: only a null
// can be wrong.
func checkedNull(name string, s *data.Schema, v data.Value) error {
	if v.IsNull() && !s.Optional() {
		return checked(name, s, v)
	}
	return nil
}

func defineDefaults(d *config.Def, p *bool) {
	d.Bool(p, "replace.null.with.default").Default(true).Importance(config.Medium).
		Doc("Whether a null of a field with a default value becomes the default; if not it stays null.")
}

// listOf checks a list as ConfigDef.ValidList.anyNonDuplicateValues does: no empty
// values, and duplicates are no mistake. See unique.
func listOf(emptyAllowed bool) config.Check {
	return func(name string, v any) error {
		list, ok := v.([]string)
		if !ok {
			return config.ValuesIn(emptyAllowed, false)(name, v)
		}
		return config.ValuesIn(emptyAllowed, false)(name, unique(list))
	}
}

// unique returns a list without repetitions.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
