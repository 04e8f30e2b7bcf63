package jsonconv

import (
	"errors"
	"maps"
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
)

// Class is the converter's Java class name.
const Class = "org.apache.kafka.connect.json.JsonConverter"

var (
	_ connect.Converter       = (*Converter)(nil)
	_ connect.HeaderConverter = (*HeaderConverter)(nil)
)

// Converter is JsonConverter for keys and values.
type Converter struct {
	schemas       bool
	cacheSize     int
	content       string
	decimalFormat string
	nullToDefault bool

	enc encoder
	dec decoder
}

// New returns a converter to be configured.
func New() connect.Converter { return &Converter{} }

// Define declares JsonConverterConfig.
func (c *Converter) Define(d *config.Def) {
	d.String(nil, "converter.type").Check(config.OneOf("key", "value", "header")).Importance(config.Low).
		Doc("What the converter is used for: key, value or header. The runtime sets it.")
	d.Bool(&c.schemas, "schemas.enable").Default(true).Group("Schemas", 0).Width(config.MediumWidth).Label("Enable Schemas").
		Doc("Whether messages carry their schema in an envelope with the members schema and payload.")
	d.Int(&c.cacheSize, "schemas.cache.size").Default(1000).Group("Schemas", 1).Width(config.MediumWidth).Label("Schema Cache Size").
		Doc("Largest number of schemas that are kept compiled in each direction.")
	d.String(&c.content, "schema.content").Default(nil).Group("Schemas", 2).Width(config.MediumWidth).Label("Schema Content").
		Doc("Schema, as JSON text in the envelope's form, of messages that come without an envelope. " +
			"It applies to reading, and only with schemas.enable=true; empty is unset.")
	d.String(&c.decimalFormat, "decimal.format").Default("BASE64").Check(config.OneOfFold("BASE64", "NUMERIC")).
		Importance(config.Low).Group("Serialization", 0).Width(config.MediumWidth).Label("Decimal Format").
		Doc("How decimals are written: BASE64 as the bytes of the unscaled value, NUMERIC as a JSON number. Both are read.")
	d.Bool(&c.nullToDefault, "replace.null.with.default").Default(true).Importance(config.Low).Group("Serialization", 1).
		Width(config.MediumWidth).Label("Replace null with default").
		Doc("Whether a null of a field with a default value becomes the default, in both directions.")
}

// Configure applies the properties.
func (c *Converter) Configure(props map[string]string, isKey bool) error {
	role := "value"
	if isKey {
		role = "key"
	}
	return c.configure(props, role)
}

func (c *Converter) configure(props map[string]string, role string) error {
	props = maps.Clone(props)
	if props == nil {
		props = map[string]string{}
	}
	props["converter.type"] = role
	if err := config.Parse(c, props); err != nil {
		return err
	}
	// One plan is needed to work at all.
	limit := max(c.cacheSize, 1)
	c.enc = encoder{numeric: strings.EqualFold(c.decimalFormat, "NUMERIC"), nullToDefault: c.nullToDefault, limit: limit,
		plans: map[*data.Schema]*plan{}}
	c.dec = decoder{slow: slow{c.nullToDefault}, limit: limit, entries: map[string]*readEntry{}}
	if c.content == "" || !c.schemas {
		return nil
	}
	n, err := parse([]byte(c.content))
	if err != nil {
		return connect.Cause(connect.ClassData, "Failed to parse schema in converter config due to serialization error: ", errors.Unwrap(err))
	}
	s, err := c.dec.schema(n)
	if err != nil {
		return err
	}
	if s != nil {
		c.dec.fixed = &readEntry{schema: s, plan: c.dec.compile(s)}
	}
	return nil
}

// FromConnect appends the JSON text. Null without a schema is a null payload.
func (c *Converter) FromConnect(dst []byte, _ string, _ *[]connect.Header, s *data.Schema, v data.Value) ([]byte, error) {
	return c.from(dst, s, v)
}

func (c *Converter) from(dst []byte, s *data.Schema, v data.Value) ([]byte, error) {
	if s == nil && v.IsNull() {
		return nil, nil
	}
	return c.enc.message(dst, c.schemas, s, v)
}

// ToConnect reads JSON text. Strings alias b.
func (c *Converter) ToConnect(a *data.Arena, topic string, _ []connect.Header, b []byte) (*data.Schema, data.Value, error) {
	return c.to(a, topic, b)
}

func (c *Converter) to(a *data.Arena, topic string, b []byte) (*data.Schema, data.Value, error) {
	if b == nil {
		return nil, data.Null, nil
	}
	return c.dec.message(a, topic, c.schemas, b)
}

// Close does nothing.
func (c *Converter) Close() error { return nil }

// HeaderConverter is JsonConverter for header values.
type HeaderConverter struct{ conv Converter }

// NewHeader returns a header converter to be configured.
func NewHeader() connect.HeaderConverter { return &HeaderConverter{} }

// Define declares JsonConverterConfig.
func (h *HeaderConverter) Define(d *config.Def) { h.conv.Define(d) }

// Configure applies the properties.
func (h *HeaderConverter) Configure(props map[string]string) error {
	return h.conv.configure(props, "header")
}

// FromConnectHeader appends the JSON text.
func (h *HeaderConverter) FromConnectHeader(dst []byte, _, _ string, s *data.Schema, v data.Value) ([]byte, error) {
	return h.conv.from(dst, s, v)
}

// ToConnectHeader reads JSON text.
func (h *HeaderConverter) ToConnectHeader(a *data.Arena, topic, _ string, b []byte) (*data.Schema, data.Value, error) {
	return h.conv.to(a, topic, b)
}

// Close does nothing.
func (h *HeaderConverter) Close() error { return nil }
