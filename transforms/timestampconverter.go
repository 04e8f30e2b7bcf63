package transforms

import (
	"math"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javadate"
)

// TimestampConverter converts times between text, Unix time and Connect's types.
type TimestampConverter struct {
	closer
	side
	field, target, pattern, precision string
	defaults                          bool
	format                            *javadate.Format
	plans                             planner[*timePlan]
}

// timePlan is the schema after the conversion and the field that is converted.
type timePlan struct {
	schema *data.Schema
	field  int // -1: none
}

// The kinds of time.
const (
	timeString    = "string"
	timeUnix      = "unix"
	timeDate      = "Date"
	timeTime      = "Time"
	timeTimestamp = "Timestamp"
)

const (
	purposeTime = "converting timestamp formats"
	dayMillis   = 24 * 60 * 60 * 1000
)

var timeSchemas = map[string][2]*data.Schema{
	timeString:    {data.StringSchema, data.OptionalStringSchema},
	timeUnix:      {data.Int64Schema, data.OptionalInt64Schema},
	timeDate:      {data.NewDate().Build(), data.NewDate().Optional().Build()},
	timeTime:      {data.NewTime().Build(), data.NewTime().Optional().Build()},
	timeTimestamp: {requiredTimestamp, optionalTimestamp},
}

// Define declares the keys.
func (t *TimestampConverter) Define(d *config.Def) {
	d.String(&t.field, "field").Default("").Doc("Field with the time; empty where the whole key or value is one.")
	d.String(&t.target, "target.type").Check(config.OneOf(timeString, timeUnix, timeDate, timeTime, timeTimestamp)).
		Doc("What it becomes: string, unix, Date, Time or Timestamp.")
	d.String(&t.pattern, "format").Default("").Importance(config.Medium).
		Doc("Pattern of java.text.SimpleDateFormat, for text on either side.")
	d.String(&t.precision, "unix.precision").Default("milliseconds").
		Check(config.OneOf("nanoseconds", "microseconds", "milliseconds", "seconds")).Importance(config.Low).
		Doc("Unit of Unix times on either side. What is below a millisecond gets lost.")
	defineDefaults(d, &t.defaults)
}

// Configure applies the properties.
func (t *TimestampConverter) Configure(props map[string]string) error {
	if err := config.Parse(t, props); err != nil {
		return err
	}
	t.format = nil
	if strings.TrimSpace(t.pattern) == "" {
		if t.target == timeString {
			return connect.ConfigErrorf("TimestampConverter requires format option to be specified when using string timestamps")
		}
		return nil
	}
	f, err := javadate.Compile(t.pattern)
	if err != nil {
		return connect.ConfigErrorf("Invalid value java.lang.IllegalArgumentException: %s for configuration TimestampConverter requires "+
			"a SimpleDateFormat-compatible pattern for string timestamps: %s", err.Error(), t.pattern)
	}
	t.format = f
	return nil
}

func timeSchema(kind string, optional bool) *data.Schema {
	if optional {
		return timeSchemas[kind][1]
	}
	return timeSchemas[kind][0]
}

// Apply converts.
func (t *TimestampConverter) Apply(r *connect.Record) (bool, error) {
	s, v := t.get(r)
	if s == nil {
		return t.applySchemaless(r, v)
	}
	if t.field == "" {
		kind, err := timeKind(s)
		if err != nil {
			return false, err
		}
		if v, err = t.convert(v, kind); err != nil {
			return false, err
		}
		t.set(r, timeSchema(t.target, s.Optional()), v)
		return true, nil
	}
	if v.IsNull() {
		plan, err := t.plans.get(s, t.plan)
		if err == nil {
			t.set(r, plan.schema, v)
		}
		return true, err
	}
	st, err := requireStruct(v, purposeTime)
	if err != nil {
		return false, err
	}
	plan, err := t.plans.get(s, t.plan)
	if err != nil {
		return false, err
	}
	row, err := t.row(r.Arena(), plan, st)
	if err != nil {
		return false, err
	}
	t.set(r, plan.schema, data.StructOf(row))
	return true, nil
}

func (t *TimestampConverter) row(a *data.Arena, plan *timePlan, st *data.Struct) (*data.Struct, error) {
	values := a.Values(plan.schema.NumFields())
	for i := range values {
		v := fieldValue(st, i, t.defaults)
		if i == plan.field {
			kind, err := timeKind(st.Schema().Fields()[i].Schema)
			if err != nil {
				return nil, err
			}
			if v, err = t.convert(v, kind); err != nil {
				return nil, err
			}
		}
		f := &plan.schema.Fields()[i]
		if err := checkedNull(f.Name, f.Schema, v); err != nil {
			return nil, err
		}
		values[i] = v
	}
	return a.Row(plan.schema, values), nil
}

func (t *TimestampConverter) applySchemaless(r *connect.Record, v data.Value) (bool, error) {
	if v.IsNull() || t.field == "" {
		v, err := t.convertAny(v)
		t.set(r, nil, v)
		return true, err
	}
	m, err := requireMap(v, purposeTime)
	if err != nil {
		return false, err
	}
	old, _ := m.GetString(t.field)
	if v, err = t.convertAny(old); err != nil {
		return false, err
	}
	out := copyMap(m, 1)
	out.PutString(t.field, v)
	t.set(r, nil, data.MapOf(out))
	return true, nil
}

func (t *TimestampConverter) plan(s *data.Schema) (*timePlan, error) {
	if s.Type() != data.TypeStruct {
		return nil, connect.DataErrorf("Cannot list fields on non-struct type")
	}
	p := &timePlan{field: -1}
	b := basics(s)
	for i, f := range s.Fields() {
		if f.Name != t.field {
			b.Field(f.Name, f.Schema)
			continue
		}
		p.field = i
		b.Field(f.Name, timeSchema(t.target, f.Schema.Optional()))
	}
	b.SetOptional(s.Optional())
	var err error
	if p.schema, err = build(b); err != nil {
		return nil, err
	}
	if def, ok := s.Default(); ok && def.Kind() == data.KindStruct {
		row, err := t.row(nil, p, def.Struct())
		if err != nil {
			return nil, err
		}
		// The default is of the schema that it belongs to, which has none yet.
		if p.schema, err = build(b.Default(data.StructOf(row))); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// timeKind says how a schema holds times.
func timeKind(s *data.Schema) (string, error) {
	switch {
	case s.Name() == data.TimestampName:
		return timeTimestamp, nil
	case s.Name() == data.DateName:
		return timeDate, nil
	case s.Name() == data.TimeName:
		return timeTime, nil
	case s.Type() == data.TypeString:
		return timeString, nil
	case s.Type() == data.TypeInt64:
		return timeUnix, nil
	}
	return "", connect.ConnectErrorf("Schema %s does not correspond to a known timestamp type format", s)
}

// convertAny converts a value whose kind of time follows from its class.
func (t *TimestampConverter) convertAny(v data.Value) (data.Value, error) {
	kinds := map[data.Kind]string{data.KindDate: timeTimestamp, data.KindInt64: timeUnix, data.KindString: timeString}
	if v.IsNull() || v.IsUnchanged() {
		return v, nil
	}
	kind, ok := kinds[v.Kind()]
	if !ok {
		return v, connect.DataErrorf("TimestampConverter does not support class %s objects as timestamps", className(v))
	}
	return t.convert(v, kind)
}

func (t *TimestampConverter) convert(v data.Value, kind string) (data.Value, error) {
	if v.IsNull() || v.IsUnchanged() {
		return v, nil
	}
	ms, err := t.millis(v, kind)
	if err != nil {
		return v, err
	}
	switch t.target {
	case timeString:
		return data.String(t.format.Text(ms)), nil
	case timeUnix:
		return data.Int64(t.unix(ms)), nil
	case timeDate:
		return data.Date(ms - mod(ms, dayMillis)), nil
	case timeTime:
		return data.Date(mod(ms, dayMillis)), nil
	}
	return data.Date(ms), nil
}

func mod(a, b int64) int64 { return (a%b + b) % b }

func (t *TimestampConverter) millis(v data.Value, kind string) (int64, error) {
	switch kind {
	case timeString:
		if v.Kind() != data.KindString {
			return 0, connect.DataErrorf("Expected string timestamp to be a String, but found class %s", className(v))
		}
		if t.format == nil {
			return 0, connect.Errorf(connect.ClassNullPointer, "the format option is needed to read string timestamps")
		}
		ms, ok := t.format.Parse(v.Str())
		if !ok {
			return 0, connect.Cause(connect.ClassData, "Could not parse timestamp: value ("+v.Str()+") does not match pattern ("+t.pattern+")",
				connect.Errorf("java.text.ParseException", "Unparseable date: \"%s\"", v.Str()))
		}
		return ms, nil
	case timeUnix:
		if v.Kind() != data.KindInt64 {
			return 0, connect.DataErrorf("Expected Unix timestamp to be a Long, but found class %s", className(v))
		}
		return t.ofUnix(v.Int()), nil
	}
	if v.Kind() != data.KindDate {
		return 0, connect.DataErrorf("Expected %s to be a java.util.Date, but found class %s", kind, className(v))
	}
	return v.Millis(), nil
}

func (t *TimestampConverter) ofUnix(n int64) int64 {
	switch t.precision {
	case "seconds":
		return times(n, 1000)
	case "microseconds":
		return n / 1000
	case "nanoseconds":
		return n / 1000000
	}
	return n
}

func (t *TimestampConverter) unix(ms int64) int64 {
	switch t.precision {
	case "seconds":
		return ms / 1000
	case "microseconds":
		return times(ms, 1000)
	case "nanoseconds":
		return times(ms, 1000000)
	}
	return ms
}

// times saturates as TimeUnit does.
func times(n, factor int64) int64 {
	switch {
	case n > math.MaxInt64/factor:
		return math.MaxInt64
	case n < math.MinInt64/factor:
		return math.MinInt64
	}
	return n * factor
}
