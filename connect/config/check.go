package config

import (
	"fmt"
	"slices"
	"strings"
)

// AtLeast is ConfigDef.Range.atLeast; null is refused as Java refuses it.
func AtLeast(least float64) Check {
	return func(name string, v any) error {
		n, null := number(v)
		if null {
			return Invalid(name, nil, "Value must be non-null")
		}
		if n < least {
			return Invalid(name, v, "Value must be at least "+trim(least))
		}
		return nil
	}
}

// Between is ConfigDef.Range.between, both ends included.
func Between(least, most float64) Check {
	return func(name string, v any) error {
		if err := AtLeast(least)(name, v); err != nil {
			return err
		}
		if n, _ := number(v); n > most {
			return Invalid(name, v, "Value must be no more than "+trim(most))
		}
		return nil
	}
}

func number(v any) (n float64, null bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), false
	case float64:
		return v, false
	}
	return 0, true
}

func trim(f float64) string {
	if f == float64(int64(f)) {
		return fmt.Sprint(int64(f))
	}
	return javaDouble(f)
}

// OneOf is ConfigDef.ValidString.in.
func OneOf(valid ...string) Check {
	return func(name string, v any) error {
		if s, ok := v.(string); !ok || !slices.Contains(valid, s) {
			return Invalid(name, v, "String must be one of: "+strings.Join(valid, ", "))
		}
		return nil
	}
}

// OneOfFold is ConfigDef.CaseInsensitiveValidString.in.
func OneOfFold(valid ...string) Check {
	return func(name string, v any) error {
		s, ok := v.(string)
		if !ok || !slices.ContainsFunc(valid, func(o string) bool { return strings.EqualFold(o, s) }) {
			upper := make([]string, len(valid))
			for i, o := range valid {
				upper[i] = strings.ToUpper(o)
			}
			slices.Sort(upper)
			return Invalid(name, v, "String must be one of (case insensitive): "+strings.Join(upper, ", "))
		}
		return nil
	}
}

// NonEmpty is ConfigDef.NonEmptyString: null is accepted.
func NonEmpty(name string, v any) error {
	if s, ok := v.(string); ok && s == "" {
		return Invalid(name, "", "String must be non-empty")
	}
	return nil
}

// NonNull is ConfigDef.NonNullValidator.
func NonNull(name string, v any) error {
	if v == nil {
		return Invalid(name, nil, "entry must be non null")
	}
	return nil
}
