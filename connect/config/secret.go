package config

import "strings"

// secretWords are parts of names of keys that hold secrets.
var secretWords = []string{"password", "secret", "token", "jaas", "credential", "private.key", "ssl.key", "api.key", "basic.auth.user.info"}

// SoundsSecret reports whether the value of a key that nobody has declared, so
// that its type is unknown, is better not shown.
func SoundsSecret(name string) bool {
	name = strings.ToLower(name)
	for _, w := range secretWords {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}
