package jsonconv

import (
	"errors"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

var typeOfText = map[string]data.Type{"boolean": data.TypeBoolean, "int8": data.TypeInt8, "int16": data.TypeInt16,
	"int32": data.TypeInt32, "int64": data.TypeInt64, "float": data.TypeFloat32, "double": data.TypeFloat64,
	"bytes": data.TypeBytes, "string": data.TypeString}

// schema builds the schema that n describes (JsonConverter.asConnectSchema); a
// JSON null is no schema.
func (c slow) schema(n *node) (*data.Schema, error) {
	if n.kind == nodeNull {
		return nil, nil
	}
	typ := n.get("type")
	if typ == nil || typ.kind != nodeString {
		return nil, connect.DataErrorf("Schema must contain 'type' field")
	}
	b, err := c.builder(n, typ.text)
	if err != nil {
		return nil, err
	}
	if opt := n.get("optional"); opt != nil && opt.truth {
		b.Optional()
	}
	if name := n.get("name"); name != nil && name.kind == nodeString {
		b.Name(name.text)
	}
	if v := n.get("version"); v != nil && v.kind == nodeNumber && !v.float {
		b.Version(int32(v.long()))
	}
	if doc := n.get("doc"); doc != nil && doc.kind == nodeString {
		b.Doc(doc.text)
	}
	if params := n.get("parameters"); params != nil && params.kind == nodeObject {
		for i, key := range params.names {
			if params.elems[i].kind != nodeString {
				return nil, connect.DataErrorf("Schema parameters must have string values.")
			}
			b.Param(key, params.elems[i].text)
		}
	}
	if def := n.get("default"); def != nil {
		if err := c.setDefault(b, def); err != nil {
			return nil, err
		}
	}
	s, err := b.TryBuild()
	return s, builderError(err)
}

func (c slow) builder(n *node, typ string) (*data.Builder, error) {
	switch typ {
	case "array":
		items, err := c.part(n, "items", "Array schema did not specify the element type")
		return data.NewArray(items), err
	case "map":
		keys, err := c.part(n, "keys", "Map schema did not specify the key type")
		if err != nil {
			return nil, err
		}
		values, err := c.part(n, "values", "Map schema did not specify the value type")
		return data.NewMap(keys, values), err
	case "struct":
		return c.structBuilder(n)
	}
	t, ok := typeOfText[typ]
	if !ok {
		return nil, connect.DataErrorf("Unknown schema type: %s", typ)
	}
	return data.NewSchema(t), nil
}

func (c slow) part(n *node, member, missing string) (*data.Schema, error) {
	p := n.get(member)
	if p == nil || p.kind == nodeNull {
		return nil, connect.DataErrorf("%s", missing)
	}
	return c.schema(p)
}

func (c slow) structBuilder(n *node) (*data.Builder, error) {
	fields := n.get("fields")
	if fields == nil || fields.kind != nodeArray {
		return nil, connect.DataErrorf("Struct schema's \"fields\" argument is not an array.")
	}
	b := data.NewStruct("")
	for _, f := range fields.elems {
		name := f.get("field")
		if name == nil || name.kind != nodeString {
			return nil, connect.DataErrorf("Struct schema's field name not specified properly")
		}
		s, err := c.schema(f)
		if err != nil {
			return nil, err
		}
		b.Field(name.text, s)
		if _, err := b.TryBuild(); err != nil {
			return nil, builderError(err)
		}
	}
	return b, nil
}

func (c slow) setDefault(b *data.Builder, def *node) error {
	place, err := b.TryBuild()
	if err != nil {
		return builderError(err)
	}
	v, err := c.value(place, def)
	if err != nil {
		return err
	}
	if v.IsNull() && place.Optional() {
		return nil
	}
	if err := data.Validate("", place, v); err != nil {
		return connect.Cause(connect.ClassSchemaBuilder, "Invalid default value", connect.Errorf(connect.ClassData, "%s", err))
	}
	b.Default(v)
	return nil
}

func builderError(err error) error {
	var e *connect.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return connect.Errorf(connect.ClassSchemaBuilder, "%s", err)
}
