package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/data"
)

// Definer declares keys bound to its own fields.
type Definer interface{ Define(d *Def) }

// Parse declares c's keys and fills its fields from props. The error joins one
// Java message a bad key, in order of declaration; c is then half filled and of
// no use. Unknown keys are not an error.
func Parse(c Definer, props map[string]string) error {
	var d Def
	c.Define(&d)
	return d.Parse(props)
}

// Parse fills the bound fields from props; see the function Parse.
func (d *Def) Parse(props map[string]string) error {
	var errs []error
	for _, k := range d.keys {
		v, bad := d.evaluate(k, props, nil)
		if len(bad) > 0 {
			errs = append(errs, bad[0])
			continue
		}
		k.store(v)
	}
	return errors.Join(errs...)
}

// evaluate parses and checks one key. As in ConfigDef.validate the checks run on
// null when the value could not be parsed, and may add to its error; v is nil then.
func (d *Def) evaluate(k *Key, props map[string]string, nulls []string) (v any, errs []error) {
	if d.fieldStyle {
		return k.evaluateField(props, nulls)
	}
	v, err := k.parse(props, nulls)
	if err != nil {
		errs = append(errs, err)
	}
	if err := k.check(v); err != nil {
		errs = append(errs, err)
	}
	return v, errs
}

// Lookup returns the raw text of the key under its name or one of its aliases.
func (k *Key) Lookup(props map[string]string) (string, bool) {
	if raw, ok := props[k.Name]; ok {
		return raw, true
	}
	for _, a := range k.Aliases {
		if raw, ok := props[a]; ok {
			return raw, true
		}
	}
	return "", false
}

func (k *Key) parse(props map[string]string, nulls []string) (any, error) {
	if slices.Contains(nulls, k.Name) {
		return nil, nil // given, so neither its default nor missing
	}
	if raw, ok := k.Lookup(props); ok {
		if k.classes != nil {
			return k.class(raw)
		}
		return parseType(k.Name, raw, k.Type)
	}
	if !k.HasDefault {
		return nil, &Error{Msg: fmt.Sprintf("Missing required configuration %q which has no default value.", k.Name)}
	}
	return k.def, nil
}

func (k *Key) class(raw string) (any, error) {
	full, ok := k.classes(trimSpace(raw))
	if !ok {
		return nil, Invalid(k.Name, raw, "Class "+raw+" could not be found.")
	}
	return full, nil
}

func (k *Key) check(v any) error {
	for _, c := range k.Checks {
		if err := c(k.Name, v); err != nil {
			return err
		}
	}
	return nil
}

// Error is a ConfigException. Its text is Java's.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

// Invalid is Java's ConfigException(name, value, message):
// "Invalid value V for configuration NAME: MESSAGE".
func Invalid(name string, value any, message string) error {
	msg := fmt.Sprintf("Invalid value %s for configuration %s", show(value), name)
	if message != "" {
		msg += ": " + message
	}
	return &Error{Msg: msg}
}

func show(v any) string {
	if v == nil {
		return "null"
	}
	if l, ok := v.([]string); ok {
		return "[" + strings.Join(l, ", ") + "]"
	}
	return text(v)
}

// Text renders a parsed value as ConfigDef.convertToString does: secrets are
// [hidden], lists joined with commas.
func Text(v any) string { return text(v) }

// text renders a parsed value as ConfigDef.convertToString does.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return data.Float64(v).String()
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprint(v) // Secret: [hidden]
}

var intBits = map[Type]int{TypeShort: 16, TypeInt: 32, TypeLong: 64}

// trimSpace is Java's String.trim.
func trimSpace(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// parseType is ConfigDef.parseType: the value, or Java's message.
func parseType(name string, v any, t Type) (any, error) {
	raw, isText := v.(string)
	s := trimSpace(raw)
	switch t {
	case TypeBoolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		if isText && strings.EqualFold(s, "true") {
			return true, nil
		}
		if isText && strings.EqualFold(s, "false") {
			return false, nil
		}
		return nil, Invalid(name, raw, "Expected value to be either true or false")
	case TypeString, TypeClass:
		return s, nil
	case TypePassword:
		if sec, ok := v.(Secret); ok {
			return sec, nil
		}
		return Secret(s), nil
	case TypeInt, TypeShort, TypeLong:
		switch n := v.(type) {
		case int:
			return int64(n), nil
		case int64:
			return n, nil
		}
		n, err := strconv.ParseInt(s, 10, intBits[t])
		if err != nil {
			return nil, Invalid(name, raw, "Not a number of type "+t.String())
		}
		return n, nil
	case TypeDouble:
		switch n := v.(type) {
		case float64:
			return n, nil
		case int:
			return float64(n), nil
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, Invalid(name, raw, "Not a number of type "+t.String())
		}
		return f, nil
	case TypeList:
		if l, ok := v.([]string); ok {
			return l, nil
		}
		if s == "" {
			return []string{}, nil
		}
		parts := strings.Split(s, ",")
		for i := range parts {
			parts[i] = trimSpace(parts[i])
		}
		return parts, nil
	}
	panic("config: key " + name + " has no type")
}
