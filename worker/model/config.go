package model

import (
	"maps"
	"slices"
)

// Config is a connector configuration as it was posted: references to providers
// are not resolved, and a key that was given as JSON null is nil. Plugins get its
// Texts.
type Config map[string]*string

// ConfigOf returns a configuration of texts.
func ConfigOf(texts map[string]string) Config {
	c := make(Config, len(texts))
	for k, v := range texts {
		c[k] = &v
	}
	return c
}

// Text returns the text of a key, "" when it is missing or null.
func (c Config) Text(key string) string {
	if v := c[key]; v != nil {
		return *v
	}
	return ""
}

// Texts returns the keys that have a text.
func (c Config) Texts() map[string]string {
	texts := make(map[string]string, len(c))
	for k, v := range c {
		if v != nil {
			texts[k] = *v
		}
	}
	return texts
}

// Nulls returns the keys that are null, sorted.
func (c Config) Nulls() []string {
	var nulls []string
	for k, v := range c {
		if v == nil {
			nulls = append(nulls, k)
		}
	}
	slices.Sort(nulls)
	return nulls
}

// Equal reports whether both say the same.
func (c Config) Equal(other Config) bool {
	return maps.EqualFunc(c, other, func(a, b *string) bool {
		return a == b || (a != nil && b != nil && *a == *b)
	})
}

// Patched returns a copy with the keys of patch in place of its own; a null
// removes a key (KIP-477).
func (c Config) Patched(patch Config) Config {
	out := maps.Clone(c)
	for k, v := range patch {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}
