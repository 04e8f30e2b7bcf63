package transforms

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javavalues"
)

// Cast converts fields, or the whole key or value, to another primitive type.
type Cast struct {
	closer
	side
	spec     []string
	casts    map[string]data.Type
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
	for name, typ := range t.casts {
		old, _ := m.GetString(name)
		v, err := castValue(nil, old, typ)
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
	b := withBasics(s, data.NewSchema(t.whole))
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

// castValue converts a value of schema s, nil if unknown.
func castValue(s *data.Schema, v data.Value, to data.Type) (data.Value, error) {
	if v.IsNull() || v.IsUnchanged() {
		return v, nil
	}
	from := schemaType(v)
	if s != nil {
		from = s.Type()
	}
	switch {
	case from == data.TypeUnknown:
		return v, connect.DataErrorf("Cast transformation was passed a value of type class %s which is not supported by Connect's data API", className(v))
	case from > data.TypeBytes:
		return v, connect.DataErrorf("Cast transformation does not support casting from %s; supported types are %s, BYTES]", from,
			strings.TrimSuffix(castOutputs, "]"))
	}
	if to == data.TypeString {
		return data.String(castText(v)), nil
	}
	if s != nil && v.Kind() == data.KindDate {
		var err error
		if v, err = encodeDate(s, v); err != nil {
			return v, err
		}
	}
	out, ok, nfe := castNumber(v, to)
	switch {
	case nfe != "":
		return v, connect.Cause(connect.ClassData, "Value ("+v.String()+") was out of range for requested data type",
			connect.Errorf("java.lang.NumberFormatException", "%s", nfe))
	case !ok:
		return v, connect.DataErrorf("Unexpected type in Cast transformation: class %s", className(v))
	}
	return out, nil
}

// schemaType is ConnectSchema.schemaType: unknown for classes that need a schema.
func schemaType(v data.Value) data.Type {
	switch v.Kind() {
	case data.KindInt8:
		return data.TypeInt8
	case data.KindInt16:
		return data.TypeInt16
	case data.KindInt32:
		return data.TypeInt32
	case data.KindInt64:
		return data.TypeInt64
	case data.KindFloat32:
		return data.TypeFloat32
	case data.KindFloat64:
		return data.TypeFloat64
	case data.KindBool:
		return data.TypeBoolean
	case data.KindString, data.KindUnchanged:
		return data.TypeString
	case data.KindBytes, data.KindByteBuffer:
		return data.TypeBytes
	case data.KindArray:
		return data.TypeArray
	case data.KindMap:
		return data.TypeMap
	case data.KindStruct:
		return data.TypeStruct
	}
	return data.TypeUnknown
}

// encodeDate returns the number that a logical type stores.
func encodeDate(s *data.Schema, v data.Value) (data.Value, error) {
	const day = 24 * 60 * 60 * 1000
	switch ms := v.Millis(); s.Name() {
	case data.DateName:
		if ms%day != 0 {
			return v, connect.DataErrorf("Kafka Connect Date type should not have any time fields set to non-zero values.")
		}
		return data.Int32(int32(ms / day)), nil
	case data.TimeName:
		if ms < 0 || ms > day {
			return v, connect.DataErrorf("Kafka Connect Time type should not have any date fields set to non-zero values.")
		}
		return data.Int32(int32(ms)), nil
	case data.TimestampName:
		return data.Int64(ms), nil
	}
	return v, nil
}

func castText(v data.Value) string {
	switch v.Kind() {
	case data.KindDate:
		return javavalues.DateFormatFor(v.Millis()).Text(v.Millis())
	case data.KindBytes, data.KindByteBuffer:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return v.String()
}

// castNumber converts to a number or boolean. ok is false for a class that cannot
// be, nfe is the message of a NumberFormatException.
func castNumber(v data.Value, to data.Type) (out data.Value, ok bool, nfe string) {
	var long int64
	var double float64
	switch v.Kind() {
	case data.KindBool:
		if v.Bool() {
			long, double = 1, 1
		}
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		long = v.Int()
		double = float64(long)
	case data.KindFloat32, data.KindFloat64:
		return fromFloat(v, to), true, ""
	case data.KindDecimal, data.KindBigInteger:
		long, double = ofBig(v)
		if to == data.TypeFloat32 {
			f, _ := strconv.ParseFloat(v.String(), 32) // once rounded, not twice
			return data.Float32(float32(f)), true, ""
		}
	case data.KindString:
		return castParsed(v.Str(), to)
	default:
		return v, false, ""
	}
	if to == data.TypeFloat32 && v.IsInt() {
		return data.Float32(float32(long)), true, ""
	}
	return toType(to, long, double), true, ""
}

func toType(to data.Type, long int64, double float64) data.Value {
	switch to {
	case data.TypeInt8:
		return data.Int8(int8(long))
	case data.TypeInt16:
		return data.Int16(int16(long))
	case data.TypeInt32:
		return data.Int32(int32(long))
	case data.TypeInt64:
		return data.Int64(long)
	case data.TypeFloat32:
		return data.Float32(float32(double))
	case data.TypeFloat64:
		return data.Float64(double)
	}
	return data.Bool(long != 0)
}

// fromFloat narrows as Java does: toward zero, saturating, over int for the small types.
func fromFloat(v data.Value, to data.Type) data.Value {
	f := v.Float()
	switch to {
	case data.TypeInt8, data.TypeInt16, data.TypeInt32:
		return toType(to, saturate(f, math.MinInt32, math.MaxInt32), f)
	case data.TypeFloat32:
		if v.Kind() == data.KindFloat32 {
			return v
		}
	}
	return toType(to, saturate(f, math.MinInt64, math.MaxInt64), f)
}

func saturate(f float64, low, high int64) int64 {
	switch {
	case f != f:
		return 0
	case f >= float64(high):
		return high
	case f <= float64(low):
		return low
	}
	return int64(f)
}

// ofBig returns the low 64 bits of the integer part, and the nearest double.
func ofBig(v data.Value) (int64, float64) {
	n := v
	double, _ := strconv.ParseFloat(v.String(), 64)
	if v.Kind() == data.KindBigInteger {
		n = data.BigDecimal(v.BigInt(), 0)
	}
	unscaled, scale := n.BigDecimal()
	if scale <= -64 || int64(scale) > int64(len(unscaled.Text(10))) {
		return 0, double
	}
	ten := big.NewInt(10)
	i := new(big.Int)
	if scale <= 0 {
		i.Mul(unscaled, ten.Exp(ten, big.NewInt(int64(-scale)), nil))
	} else {
		i.Quo(unscaled, ten.Exp(ten, big.NewInt(int64(scale)), nil))
	}
	return int64(i.And(i, new(big.Int).SetUint64(math.MaxUint64)).Uint64()), double
}
