package validate

import (
	"regexp"

	"github.com/leat-project/leat/connect/config"
)

// regex is Java's RegexValidator: blank is accepted.
func regex(name string, v any) error {
	s, _ := v.(string)
	if s == "" {
		return nil
	}
	if _, err := regexp.Compile(s); err != nil {
		return config.Invalid(name, s, "Invalid regex: "+err.Error())
	}
	return nil
}

// matches reports whether the whole of s matches; a wrong pattern matches nothing,
// the key's own check has reported it.
func matches(pattern, s string) bool {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err == nil && re.MatchString(s)
}
