package transforms

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javavalues"
)

// MaskField replaces fields by the empty value of their type, or by a fixed one.
type MaskField struct {
	closer
	side
	fields      []string
	replacement string
	replaces    bool
	defaults    bool
	plans       planner[[]bool]
}

const purposeMask = "mask fields"

// Define declares the keys.
func (t *MaskField) Define(d *config.Def) {
	d.List(&t.fields, "fields").Check(listOf(false)).Doc("Fields to mask.")
	d.String(&t.replacement, "replacement").Default(nil).Check(config.NonEmpty).Importance(config.Low).
		Doc("Value for numbers and strings in place of 0 and the empty text.")
	defineDefaults(d, &t.defaults)
}

// Configure applies the properties.
func (t *MaskField) Configure(props map[string]string) error {
	_, t.replaces = props["replacement"]
	return config.Parse(t, props)
}

// Apply masks.
func (t *MaskField) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if s == nil {
		return t.applyMap(r, v)
	}
	st, err := requireStruct(v, purposeMask)
	if err != nil {
		return false, err
	}
	mask, err := t.plans.get(st.Schema(), func(s *data.Schema) ([]bool, error) {
		mask := make([]bool, s.NumFields())
		for i, f := range s.Fields() {
			mask[i] = slices.Contains(t.fields, f.Name)
		}
		return mask, nil
	})
	if err != nil {
		return false, err
	}
	values := r.Arena().Values(len(mask))
	for i, f := range st.Schema().Fields() {
		v := fieldValue(st, i, t.defaults)
		if mask[i] {
			if v, err = t.masked(v); err != nil {
				return false, err
			}
		}
		if err := checkedNull(f.Name, f.Schema, v); err != nil {
			return false, err
		}
		values[i] = v
	}
	t.set(r, s, data.StructOf(r.Arena().Row(st.Schema(), values)))
	return true, nil
}

func (t *MaskField) applyMap(r *connect.Record, v data.Value) (bool, error) {
	m, err := requireMap(v, purposeMask)
	if err != nil {
		return false, err
	}
	out := copyMap(m, 0)
	for _, name := range t.fields {
		old, _ := m.GetString(name)
		masked, err := t.masked(old)
		if err != nil {
			return false, err
		}
		out.PutString(name, masked)
	}
	t.set(r, nil, data.MapOf(out))
	return true, nil
}

// masked returns what stands for a value. Null stays null, and what the source did
// not send stays unsent: the masked value is there already.
func (t *MaskField) masked(v data.Value) (data.Value, error) {
	switch {
	case v.IsNull() || v.IsUnchanged():
		return v, nil
	case t.replaces:
		return t.replaced(v)
	}
	switch v.Kind() {
	case data.KindBool:
		return data.Bool(false), nil
	case data.KindString:
		return data.String(""), nil
	case data.KindDate:
		return data.Date(0), nil
	case data.KindDecimal:
		return data.Decimal(0, 0), nil
	case data.KindBigInteger:
		return data.BigInteger(new(big.Int)), nil
	case data.KindArray:
		return data.Array(nil), nil
	case data.KindMap:
		return data.MapOf(data.NewMapSize(0)), nil
	case data.KindBytes, data.KindByteBuffer, data.KindStruct:
		return v, connect.DataErrorf("Cannot mask value of type: class %s", className(v))
	}
	return toType(schemaType(v), 0, 0), nil
}

func (t *MaskField) replaced(v data.Value) (data.Value, error) {
	switch v.Kind() {
	case data.KindString:
		return data.String(t.replacement), nil
	case data.KindDecimal, data.KindBigInteger:
		return t.replacedBig(v)
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64, data.KindFloat32, data.KindFloat64:
	default:
		return v, connect.DataErrorf("Cannot mask value of type class %s with custom replacement.", className(v))
	}
	unscaled, scale, ok := javavalues.ParseDecimal(t.replacement)
	if !ok {
		return v, connect.Cause(connect.ClassData, fmt.Sprintf("Unable to convert %s (class java.lang.String) to a number", t.replacement),
			notDecimal(t.replacement))
	}
	long, double := ofBig(data.BigDecimal(unscaled, scale))
	return toType(schemaType(v), long, double), nil
}

func (t *MaskField) replacedBig(v data.Value) (data.Value, error) {
	fail := func(cause error) (data.Value, error) {
		return v, connect.Cause(connect.ClassData, fmt.Sprintf("Unable to convert %s (class java.lang.String) to number", t.replacement), cause)
	}
	if v.Kind() == data.KindBigInteger {
		n, ok := new(big.Int).SetString(t.replacement, 10)
		if !ok {
			return fail(connect.Errorf("java.lang.NumberFormatException", "For input string: \"%s\"", t.replacement))
		}
		return data.BigInteger(n), nil
	}
	unscaled, scale, ok := javavalues.ParseDecimal(t.replacement)
	if !ok {
		return fail(notDecimal(t.replacement))
	}
	return data.BigDecimal(unscaled, scale), nil
}

// notDecimal is BigDecimal's complaint: of the first character that is none of a
// number's.
func notDecimal(s string) error {
	for _, c := range s {
		if (c < '0' || c > '9') && c != '.' && c != 'e' && c != 'E' && c != '+' && c != '-' {
			return connect.Errorf("java.lang.NumberFormatException",
				"Character %c is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark.", c)
		}
	}
	return connect.Errorf("java.lang.NumberFormatException", "%s is not a number", s)
}
