package config

// Result is what validating a whole configuration says of each key
// (org.apache.kafka.common.config.Config).
type Result struct {
	Values []*Value
	byName map[string]*Value
}

// Value is one key's outcome (ConfigValue).
type Value struct {
	Name        string
	Value       any // parsed, nil for null, when it could not be parsed, and always with Def.FieldStyle
	Recommended []any
	Errors      []string // Java's messages
	Hidden      bool     // not visible
}

// Value returns a key's outcome; it is added when the key is unknown.
func (r *Result) Value(name string) *Value {
	if v := r.byName[name]; v != nil {
		return v
	}
	v := &Value{Name: name}
	r.add(v)
	return v
}

// AddError adds an error message to a key.
func (r *Result) AddError(name, message string) {
	v := r.Value(name)
	v.Errors = append(v.Errors, message)
}

// ErrorCount returns the number of keys' messages in all.
func (r *Result) ErrorCount() int {
	n := 0
	for _, v := range r.Values {
		n += len(v.Errors)
	}
	return n
}

func (r *Result) add(v *Value) {
	if r.byName == nil {
		r.byName = map[string]*Value{}
	}
	r.Values = append(r.Values, v)
	r.byName[v.Name] = v
}

// Validate parses and checks every key of props without storing anything. nulls are
// keys that are given without a value.
func (d *Def) Validate(props map[string]string, nulls ...string) *Result {
	r := &Result{}
	for _, k := range d.keys {
		v := &Value{Name: k.Name}
		parsed, errs := d.evaluate(k, props, nulls)
		if !d.fieldStyle {
			v.Value = parsed
		}
		for _, err := range errs {
			v.Errors = append(v.Errors, err.Error())
		}
		if k.Rec != nil {
			if k.Rec.Values != nil {
				v.Recommended = k.Rec.Values(k.Name, props)
			}
			v.Hidden = k.Rec.Visible != nil && !k.Rec.Visible(k.Name, props)
		}
		r.add(v)
	}
	return r
}
