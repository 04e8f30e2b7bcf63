package primitive

import (
	"unicode/utf8"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javacharset"
)

// StringClass is StringConverter's Java class name.
const StringClass = "org.apache.kafka.connect.storage.StringConverter"

// String is StringConverter: any value as its Java text, and text as an optional
// string.
type String struct {
	encoding string
	charset  *javacharset.Charset
	scratch  []byte
}

// NewString returns a converter to be configured.
func NewString() connect.Converter { return &String{} }

// Define declares StringConverterConfig.
func (c *String) Define(d *config.Def) {
	defineType(d)
	d.String(&c.encoding, "converter.encoding").Default("UTF-8").Label("Encoding").Width(config.MediumWidth).
		Doc("Name of the character encoding of the text.")
}

// Configure applies the properties.
func (c *String) Configure(props map[string]string, isKey bool) error {
	return c.configure(props, roleOf(isKey))
}

func (c *String) configure(props map[string]string, role string) error {
	if err := config.Parse(c, withType(props, role)); err != nil {
		return err
	}
	cs, ok := javacharset.Lookup(c.encoding)
	if !ok {
		class := "java.nio.charset.UnsupportedCharsetException"
		if !javacharset.ValidName(c.encoding) {
			class = "java.nio.charset.IllegalCharsetNameException"
		}
		return connect.Cause(connect.ClassSerialization, "Unsupported encoding "+c.encoding, connect.Errorf(class, "%s", c.encoding))
	}
	c.charset = cs
	return nil
}

// FromConnect appends the text; null is a null payload.
func (c *String) FromConnect(dst []byte, _ string, _ *[]connect.Header, s *data.Schema, v data.Value) ([]byte, error) {
	if v.IsNull() {
		return nil, nil
	}
	v = data.Materialize(s, v)
	if c.charset.UTF8 {
		return v.AppendText(dst), nil
	}
	c.scratch = v.AppendText(c.scratch[:0])
	return c.charset.Append(dst, string(c.scratch)), nil
}

// ToConnect returns the text, which aliases b where it is UTF-8.
func (c *String) ToConnect(_ *data.Arena, _ string, _ []connect.Header, b []byte) (*data.Schema, data.Value, error) {
	switch {
	case b == nil:
		return data.OptionalStringSchema, data.Null, nil
	case c.charset.UTF8 && utf8.Valid(b):
		return data.OptionalStringSchema, data.StringBytes(b), nil
	}
	return data.OptionalStringSchema, data.String(c.charset.Decode(b)), nil
}

// Close does nothing.
func (c *String) Close() error { return nil }

// StringHeader is StringConverter for header values.
type StringHeader struct{ conv String }

// NewStringHeader returns a converter to be configured.
func NewStringHeader() connect.HeaderConverter { return &StringHeader{} }

// Define declares StringConverterConfig.
func (c *StringHeader) Define(d *config.Def) { c.conv.Define(d) }

// Configure applies the properties.
func (c *StringHeader) Configure(props map[string]string) error {
	return c.conv.configure(props, "header")
}

// FromConnectHeader appends the text.
func (c *StringHeader) FromConnectHeader(dst []byte, topic, _ string, s *data.Schema, v data.Value) ([]byte, error) {
	return c.conv.FromConnect(dst, topic, nil, s, v)
}

// ToConnectHeader returns the text.
func (c *StringHeader) ToConnectHeader(a *data.Arena, topic, _ string, b []byte) (*data.Schema, data.Value, error) {
	return c.conv.ToConnect(a, topic, nil, b)
}

// Close does nothing.
func (c *StringHeader) Close() error { return nil }
