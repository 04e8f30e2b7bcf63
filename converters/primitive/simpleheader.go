package primitive

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/javacharset"
	"github.com/leat-project/leat/internal/javavalues"
)

// SimpleHeaderClass is SimpleHeaderConverter's Java class name.
const SimpleHeaderClass = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

// SimpleHeader is SimpleHeaderConverter: text whose schema is guessed on reading.
type SimpleHeader struct {
	known map[string]guess // of texts that were read before
}

// guess is what a header's text was taken for.
type guess struct {
	schema *data.Schema
	value  data.Value
}

// Headers mostly repeat (the name of a connector, the number of a task). knownTexts
// bounds how many are remembered, knownLength how long they are in bytes.
const (
	knownTexts  = 256
	knownLength = 128
)

// NewSimpleHeader returns a converter to be configured.
func NewSimpleHeader() connect.HeaderConverter { return &SimpleHeader{} }

// Define declares no keys.
func (c *SimpleHeader) Define(*config.Def) {}

// Configure accepts everything.
func (c *SimpleHeader) Configure(map[string]string) error { return nil }

// FromConnectHeader appends the text; null is a null payload.
func (c *SimpleHeader) FromConnectHeader(dst []byte, _, _ string, s *data.Schema, v data.Value) ([]byte, error) {
	if v.IsNull() {
		return nil, nil
	}
	return javavalues.Append(dst, data.Materialize(s, v))
}

// ToConnectHeader guesses schema and value; the text null has neither.
func (c *SimpleHeader) ToConnectHeader(_ *data.Arena, _, _ string, b []byte) (*data.Schema, data.Value, error) {
	if b == nil {
		return nil, data.Null, nil
	}
	if g, ok := c.known[string(b)]; ok {
		return g.schema, g.value, nil
	}
	s, v := javavalues.Parse(javacharset.DecodeUTF8(b))
	if len(b) <= knownLength && isScalar(v) {
		if c.known == nil || len(c.known) >= knownTexts {
			c.known = make(map[string]guess, knownTexts)
		}
		c.known[string(b)] = guess{s, v.Clone()}
	}
	return s, v, nil
}

// isScalar reports whether a value holds nothing that its user could change.
func isScalar(v data.Value) bool {
	switch v.Kind() {
	case data.KindArray, data.KindMap, data.KindStruct:
		return false
	}
	return true
}

// Close does nothing.
func (c *SimpleHeader) Close() error { return nil }
