// Package primitive holds the converters without a format of their own:
// StringConverter, ByteArrayConverter, the number converters, BooleanConverter and
// SimpleHeaderConverter.
package primitive

import (
	"maps"

	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/plugin"
)

// Register adds the converters to a registry.
func Register(r *plugin.Registry, version string) {
	r.AddConverter(StringClass, version, NewString)
	r.AddHeaderConverter(StringClass, version, NewStringHeader)
	for _, c := range codecs {
		r.AddConverter(c.class, version, c.newConverter)
		r.AddHeaderConverter(c.class, version, c.newHeaderConverter)
	}
	r.AddHeaderConverter(SimpleHeaderClass, version, NewSimpleHeader)
}

func defineType(d *config.Def) {
	d.String(nil, "converter.type").Check(config.OneOf("key", "value", "header")).Importance(config.Low).
		Doc("What the converter is used for: key, value or header. The runtime sets it.")
}

func withType(props map[string]string, role string) map[string]string {
	props = maps.Clone(props)
	if props == nil {
		props = map[string]string{}
	}
	props["converter.type"] = role
	return props
}

func roleOf(isKey bool) string {
	if isKey {
		return "key"
	}
	return "value"
}
