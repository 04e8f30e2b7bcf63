// Package delegating holds Debezium's converters of raw bytes, which hand everything
// else to another converter: BinaryDataConverter and ByteArrayConverter of
// io.debezium.converters. They differ in who takes a ByteBuffer.
package delegating

import (
	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connect/plugin"
)

// Version is what the converters report: that of the Debezium they answer as.
const Version = "3.5.0.Final"

const (
	pkg         = "io.debezium.converters."
	delegateKey = "delegate.converter.type"
)

// Register adds the converters to a registry, in which they look up delegates.
func Register(r *plugin.Registry) {
	for name, buffers := range map[string]bool{"BinaryDataConverter": true, "ByteArrayConverter": false} {
		r.AddConverter(pkg+name, Version, func() connect.Converter { return &Converter{registry: r, buffers: buffers} })
		r.AddHeaderConverter(pkg+name, Version, func() connect.HeaderConverter {
			return &HeaderConverter{Converter{registry: r, buffers: buffers}}
		})
	}
}

// Converter writes bytes as they are.
type Converter struct {
	registry *plugin.Registry
	buffers  bool // takes ByteBuffers too
	delegate connect.Converter
}

// Define declares the keys.
func (c *Converter) Define(d *config.Def) {
	d.String(nil, "converter.type").Check(config.OneOf("key", "value", "header")).Importance(config.Low).
		Doc("What the converter is used for: key, value or header. The runtime sets it.")
	d.String(nil, delegateKey).Default(nil).Importance(config.Low).
		Doc("Class of the converter for everything that is not bytes. Its own keys begin with " + delegateKey + ".")
}

// Configure applies the properties.
func (c *Converter) Configure(props map[string]string, isKey bool) error {
	class, ok := props[delegateKey]
	if !ok {
		return nil
	}
	p, err := c.registry.Find(class, plugin.Converter)
	if err != nil {
		return err
	}
	c.delegate = p.NewConverter()
	return c.delegate.Configure(config.Sub(props, delegateKey+"."), isKey)
}

// FromConnect appends bytes, or what the delegate makes of another value.
func (c *Converter) FromConnect(dst []byte, topic string, headers *[]connect.Header, s *data.Schema, v data.Value) ([]byte, error) {
	if s == nil || s.Type() == data.TypeBytes {
		switch kind := v.Kind(); {
		case kind == data.KindNull:
			return nil, nil
		case kind == data.KindUnchanged:
			return append(dst, data.Materialize(data.BytesSchema, v).Bytes()...), nil
		case kind == data.KindBytes, kind == data.KindByteBuffer && c.buffers:
			return append(dst, v.Bytes()...), nil
		}
	}
	if c.delegate == nil {
		return dst, connect.DataErrorf("A %s of type '%s' requires a %s to be configured", topic, v, delegateKey)
	}
	return c.delegate.FromConnect(dst, topic, headers, s, v)
}

// ToConnect returns the bytes.
func (c *Converter) ToConnect(_ *data.Arena, _ string, _ []connect.Header, b []byte) (*data.Schema, data.Value, error) {
	if b == nil {
		return data.OptionalBytesSchema, data.Null, nil
	}
	return data.OptionalBytesSchema, data.Bytes(b), nil
}

// Close closes the delegate.
func (c *Converter) Close() error {
	if c.delegate == nil {
		return nil
	}
	return c.delegate.Close()
}

// HeaderConverter does the same for headers, which have no delegate in Java either.
type HeaderConverter struct{ conv Converter }

// Define declares the keys.
func (h *HeaderConverter) Define(d *config.Def) { h.conv.Define(d) }

// Configure accepts everything.
func (h *HeaderConverter) Configure(map[string]string) error { return nil }

// FromConnectHeader appends bytes.
func (h *HeaderConverter) FromConnectHeader(dst []byte, topic, _ string, s *data.Schema, v data.Value) ([]byte, error) {
	return h.conv.FromConnect(dst, topic, nil, s, v)
}

// ToConnectHeader returns the bytes.
func (h *HeaderConverter) ToConnectHeader(a *data.Arena, topic, _ string, b []byte) (*data.Schema, data.Value, error) {
	return h.conv.ToConnect(a, topic, nil, b)
}

// Close does nothing.
func (h *HeaderConverter) Close() error { return h.conv.Close() }
