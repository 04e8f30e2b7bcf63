package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/data"
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
	return data.Float64(f).String()
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
			InJavaOrder(upper, func(s string) string { return s })
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

// ValuesIn is ConfigDef.ValidList.in, or anyNonDuplicateValues without valid
// values (KIP-1161): no duplicates, no empty values, only valid ones.
func ValuesIn(emptyAllowed, nullAllowed bool, valid ...string) Check {
	return func(name string, v any) error {
		values, ok := v.([]string)
		if !ok {
			if nullAllowed {
				return nil
			}
			return listError(name, "values must not be null.")
		}
		if len(values) == 0 && !emptyAllowed {
			kinds := "any non-empty value"
			if len(valid) > 0 {
				kinds = "[" + strings.Join(valid, ", ") + "]"
			}
			return listError(name, "must not be empty. Valid values include: "+kinds)
		}
		for i, s := range values {
			if slices.Contains(values[:i], s) {
				return listError(name, "values must not be duplicated.")
			}
		}
		for _, s := range values {
			if s == "" {
				return listError(name, "values must not be empty.")
			}
			if len(valid) > 0 && !slices.Contains(valid, s) {
				return OneOf(valid...)(name, s)
			}
		}
		return nil
	}
}

func listError(name, what string) error {
	return &Error{Msg: "Configuration '" + name + "' " + what}
}

// UniqueAliases refuses an alias that is named twice.
func UniqueAliases(name string, v any) error {
	if err := NonNull(name, v); err != nil {
		return err
	}
	aliases, _ := v.([]string)
	for i, a := range aliases {
		if slices.Contains(aliases[:i], a) {
			return Invalid(name, v, "Duplicate alias provided.")
		}
	}
	return nil
}

// Printable is ConfigDef.NonEmptyStringWithoutControlChars; null is accepted.
func Printable(name string, v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	if s == "" {
		return Invalid(name, v, "String may not be empty")
	}
	var bad []string
	for _, r := range s {
		if r < 0x20 || (r >= 0x7f && r <= 0x9f) {
			bad = append(bad, strconv.Itoa(int(r)))
		}
	}
	if len(bad) > 0 {
		return Invalid(name, v, "String may not contain control sequences but had the following ASCII chars: "+strings.Join(bad, ", "))
	}
	return nil
}
