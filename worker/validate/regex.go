package validate

import (
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/internal/javaregex"
)

// regex is Java's RegexValidator: a Java regular expression.
func regex(name string, v any) error {
	s, _ := v.(string)
	if _, err := javaregex.Compile(s); err != nil {
		return config.Invalid(name, s, "Invalid regex: "+err.Error())
	}
	return nil
}

// matches reports whether the whole of s matches; a wrong pattern matches nothing,
// the key's own check has reported it.
func matches(pattern, s string) bool {
	re, err := javaregex.Compile(pattern)
	if err != nil {
		return false
	}
	return re.MatchFull(s)
}
