package config

import "fmt"

// FieldStyle makes the definition behave as io.debezium.config.Field does, which
// validates apart from ConfigDef: reports carry no values, every check of a key
// runs and each may report, and a text that does not parse as the key's type is
// handed to the checks as a string instead of being an error of its own. A text
// that no check complains of and that still does not parse is refused by Parse
// with ConfigDef's message.
func (d *Def) FieldStyle() { d.fieldStyle = true }

// FieldError is Debezium's message for a wrong value:
// "The 'NAME' value is invalid: PROBLEM".
func FieldError(name, problem string) error {
	return &Error{Msg: fmt.Sprintf("The '%s' value is invalid: %s", name, problem)}
}

// FieldRequired is Debezium's Field.isRequired: null and blank texts are refused.
// The key declares a null default all the same.
func FieldRequired(name string, v any) error {
	if s, isText := v.(string); v == nil || (isText && trimSpace(s) == "") {
		return FieldError(name, "A value is required")
	}
	return nil
}

func (k *Key) evaluateField(props map[string]string, nulls []string) (any, []error) {
	v, parseErr := k.parse(props, nulls)
	checked := v
	if raw, ok := k.Lookup(props); ok && parseErr != nil {
		checked = raw
	}
	var errs []error
	for _, c := range k.Checks {
		if err := c(k.Name, checked); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && parseErr != nil {
		errs = append(errs, parseErr)
	}
	return v, errs
}
