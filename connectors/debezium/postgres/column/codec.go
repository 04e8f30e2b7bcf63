package column

import (
	"crypto/md5"
	"fmt"
	"strings"

	"github.com/leat-project/leat/connect/data"
)

var (
	variableSchema = data.NewStruct("io.debezium.data.VariableScaleDecimal").Version(1).Doc("Variable scaled decimal").
			Field("scale", data.Int32Schema).Field("value", data.BytesSchema).Build()
	pointSchema = data.NewStruct("io.debezium.data.geometry.Point").Version(1).Doc("Geometry (POINT)").
			Field("x", data.Float64Schema).Field("y", data.Float64Schema).
			Field("wkb", data.OptionalBytesSchema).Field("srid", data.OptionalInt32Schema).Build()
	geometrySchema  = geometry("io.debezium.data.geometry.Geometry", "Geometry")
	geographySchema = geometry("io.debezium.data.geometry.Geography", "Geography")
	sparseSchema    = data.NewStruct("io.debezium.data.SparseDoubleVector").Version(1).Doc("Sparse vector").
			Field("dimensions", data.Int16Schema).
			Field("vector", data.NewMap(data.Int16Schema, data.Float64Schema).Build()).Build()
)

func geometry(name, doc string) *data.Schema {
	return data.NewStruct(name).Version(1).Doc(doc).
		Field("wkb", data.BytesSchema).Field("srid", data.OptionalInt32Schema).Build()
}

func primitive(t data.Type) func() *data.Builder {
	return func() *data.Builder { return data.NewSchema(t) }
}

func named(t data.Type, name string) func() *data.Builder {
	return func() *data.Builder { return data.NewSchema(t).Name(name).Version(1) }
}

func derived(s *data.Schema) func() *data.Builder {
	return func() *data.Builder { return data.Derive(s) }
}

// Compile returns the codec of a column of type t with the type modifier mod. It
// is nil when the type is not supported: the column is left out.
func Compile(t *Type, mod int32, o Options) *Codec {
	if t.Kind == 'd' {
		if mod == -1 {
			mod = t.BaseMod
		}
		base := t.Base
		for base != nil && base.Kind == 'd' {
			base = base.Base // length and scale of inner domains are lost, as in Debezium
		}
		if base == nil {
			return nil
		}
		t = base
	}
	if t.Elem != nil {
		c := compileArray(t.Elem, mod, o)
		if c == nil && o.Unknown && foreign(t.Elem) {
			return unknown(t, o)
		}
		return c
	}
	c := compileBase(t, mod, o)
	if c == nil && o.Unknown {
		c = unknown(t, o)
	}
	if c == nil {
		return nil
	}
	if c.Unchanged.IsNull() {
		c.Unchanged = data.UnchangedAs(o.Placeholder)
	}
	return c
}

// foreign says of an element type without a form whether Debezium takes its arrays
// for unknown: those of domains, composites and extensions, and tsquery. It leaves
// arrays of the other built-in types out, whatever the settings.
func foreign(elem *Type) bool {
	return elem.Kind == 'd' || elem.Kind == 'c' || elem.Schema != "pg_catalog" || elem.Name == "tsquery"
}

// binaryCodec is the codec of bytes in some form.
func binarySchema(mode Binaries) func() *data.Builder {
	if mode == BinaryBytes {
		return primitive(data.TypeBytes)
	}
	return primitive(data.TypeString)
}

func unknown(t *Type, o Options) *Codec {
	geometric := strings.Contains(" line lseg box path polygon circle ", " "+t.Name+" ")
	return &Codec{Schema: binarySchema(o.Binaries), Decode: unknownDecoder(o.Binaries, geometric),
		Zero: Binary(o.Binaries, nil), Unchanged: unchangedBinary(o), Length: -1, Scale: -1}
}

// unchangedBinary shows the placeholder in the column's own form.
func unchangedBinary(o Options) data.Value {
	if o.Binaries == BinaryBytes {
		return data.UnchangedAs(o.Placeholder)
	}
	return data.UnchangedAs(Binary(o.Binaries, []byte(o.Placeholder)).Str())
}

func compileBase(t *Type, mod int32, o Options) *Codec {
	if t.Kind == 'e' {
		return enum(t)
	}
	if t.Kind == 'r' {
		switch t.Name {
		case "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange":
			return text(-1)
		}
		return nil
	}
	if t.Kind != 'b' {
		return nil
	}
	if c := compileTemporal(t, mod, o); c != nil {
		return c
	}
	switch t.Name {
	case "bool":
		return number(data.TypeBoolean, decodeBool, data.Bool(false), "false")
	case "int2":
		return number(data.TypeInt16, decodeInt16, data.Int16(0), "0")
	case "int4":
		return number(data.TypeInt32, decodeInt32, data.Int32(0), "0")
	case "int8":
		return number(data.TypeInt64, decodeInt64, data.Int64(0), "0")
	case "oid":
		c := number(data.TypeInt64, decodeInt64, data.Int64(0), "0")
		c.defaults = false
		return c
	case "float4":
		return number(data.TypeFloat32, decodeFloat32, data.Float32(0), "0.0")
	case "float8":
		return number(data.TypeFloat64, decodeFloat64, data.Float64(0), "0.0")
	case "numeric":
		return numeric(mod, o)
	case "money":
		return money(o)
	case "bpchar", "varchar":
		return text(int(mod) - 4)
	case "text":
		return text(-1)
	case "json", "jsonb":
		return texts("io.debezium.data.Json", "{}")
	case "xml":
		return texts("io.debezium.data.Xml", "")
	case "uuid":
		return texts("io.debezium.data.Uuid", "00000000-0000-0000-0000-000000000000")
	case "bit", "varbit":
		return bits(t, mod)
	case "bytea":
		return &Codec{Schema: binarySchema(o.Binaries), Decode: binaryDecoder(o.Binaries), Zero: Binary(o.Binaries, nil),
			Unchanged: unchangedBinary(o), Length: -1, Scale: -1}
	case "point":
		return structure(pointSchema, pointDecoder)
	case "ltree":
		return noDefault(texts("io.debezium.data.Ltree", ""))
	case "tsvector":
		return noDefault(texts("io.debezium.data.Tsvector", ""))
	case "hstore":
		return hstoreCodec(o)
	case "geometry":
		return structure(geometrySchema, geometryDecoder)
	case "geography":
		return structure(geographySchema, geometryDecoder)
	case "vector":
		return vector("io.debezium.data.DoubleVector", data.Float64Schema, func(f float64) data.Value { return data.Float64(f) })
	case "halfvec":
		return vector("io.debezium.data.FloatVector", data.Float32Schema, func(f float64) data.Value { return data.Float32(float32(f)) })
	case "sparsevec":
		return structure(sparseSchema, sparseDecoder)
	case "char", "name", "citext", "inet", "cidr", "macaddr", "macaddr8",
		"isbn", "isbn13", "issn", "issn13", "ismn", "ismn13", "ean13", "upc":
		return noDefault(text(-1))
	}
	return nil
}

func number(t data.Type, d Decoder, zero data.Value, generated string) *Codec {
	return &Codec{Schema: primitive(t), Decode: d, Zero: zero, generated: generated, defaults: true, Length: -1, Scale: -1}
}

func text(length int) *Codec {
	return &Codec{Schema: primitive(data.TypeString), Decode: decodeText, Zero: data.String(""), defaults: true, Text: true, Length: max(length, -1), Scale: -1}
}

func texts(name, generated string) *Codec {
	return &Codec{Schema: named(data.TypeString, name), Decode: decodeText, Zero: data.String(""), generated: generated, defaults: true, Length: -1, Scale: -1}
}

func noDefault(c *Codec) *Codec { c.defaults = false; return c }

func structure(s *data.Schema, bind func(*data.Schema) Decoder) *Codec {
	return &Codec{Schema: derived(s), bind: bind, Zero: data.StructOf(zeroStruct(s)), Length: -1, Scale: -1}
}

// zeroStruct stands for a struct that may not be null.
func zeroStruct(s *data.Schema) *data.Struct {
	row := data.NewRow(s)
	for i, f := range s.Fields() {
		if f.Schema.Optional() {
			continue
		}
		switch f.Schema.Type() {
		case data.TypeFloat64:
			row.Set(i, data.Float64(0))
		case data.TypeBytes:
			row.Set(i, data.Bytes([]byte{0}))
		case data.TypeInt16:
			row.Set(i, data.Int16(0))
		case data.TypeInt32:
			row.Set(i, data.Int32(0))
		case data.TypeMap:
			row.Set(i, data.MapOf(data.NewMapSize(0)))
		}
	}
	return row
}

func enum(t *Type) *Codec {
	allowed := strings.Join(t.Labels, ",")
	zero := data.String("")
	if len(t.Labels) > 0 {
		zero = data.String(t.Labels[0])
	}
	return &Codec{Schema: func() *data.Builder {
		return data.NewSchema(data.TypeString).Name("io.debezium.data.Enum").Version(1).Param("allowed", allowed)
	}, Decode: enumDecoder(t), Zero: zero, defaults: true, Length: -1, Scale: -1}
}

func hstoreCodec(o Options) *Codec {
	if !o.HstoreMap {
		c := noDefault(texts("io.debezium.data.Json", ""))
		c.Decode = decodeHstoreJSON
		return c
	}
	unchanged := data.NewMapSize(1)
	unchanged.PutString(o.Placeholder, data.String(o.Placeholder))
	return &Codec{Schema: func() *data.Builder { return data.NewMap(data.StringSchema, data.OptionalStringSchema) },
		Decode: decodeHstoreMap, Zero: data.MapOf(data.NewMapSize(0)), Unchanged: data.MapOf(unchanged), Length: -1, Scale: -1}
}

func vector(name string, elem *data.Schema, value func(float64) data.Value) *Codec {
	return &Codec{Schema: func() *data.Builder { return data.NewArray(elem).Name(name).Version(1) },
		Decode: vectorDecoder(value), Zero: data.Array(nil), Length: -1, Scale: -1}
}

func bits(t *Type, mod int32) *Codec {
	length := int(mod)
	if mod < 0 {
		length = 1<<31 - 1
	}
	if length == 1 {
		c := number(data.TypeBoolean, decodeBit, data.Bool(false), "0")
		c.Length = 1
		return c
	}
	return &Codec{Schema: func() *data.Builder {
		return data.NewSchema(data.TypeBytes).Name("io.debezium.data.Bits").Version(1).Param("length", fmt.Sprint(length))
	}, Decode: decodeBits, Zero: data.Bytes(nil), generated: "0", defaults: true, Length: length, Scale: -1}
}

// numeric compiles numeric(p,s). A negative scale counts as none: the value has
// no digits after the point.
func numeric(mod int32, o Options) *Codec {
	precision, scale := -1, -1
	if mod >= 4 {
		precision = int((mod - 4) >> 16 & 0xffff)
		scale = max(0, int(((mod-4)&0x7ff)^1024)-1024)
	}
	var c *Codec
	switch {
	case o.Decimals == Double:
		c = number(data.TypeFloat64, decodeFloat64, data.Float64(0), "0.0")
	case o.Decimals == DecimalString:
		c = number(data.TypeString, decodeText, data.String("0"), "0.0")
	case mod < 4:
		c = structure(variableSchema, variableDecoder)
	default:
		c = &Codec{Schema: func() *data.Builder {
			return data.NewDecimal(int32(scale)).Param("connect.decimal.precision", fmt.Sprint(precision))
		}, Decode: decimalDecoder(scale), Zero: data.Decimal(0, int32(scale)), generated: "0.0", defaults: true}
	}
	c.Length, c.Scale = precision, scale
	return c
}

func money(o Options) *Codec {
	switch o.Decimals {
	case Double:
		return noDefault(number(data.TypeFloat64, moneyDecoder(decodeFloat64), data.Float64(0), ""))
	case DecimalString:
		return noDefault(number(data.TypeString, moneyDecoder(decodeText), data.String("0"), ""))
	}
	return &Codec{Schema: func() *data.Builder { return data.NewDecimal(int32(o.MoneyDigits)) },
		Decode: moneyDecoder(decimalDecoder(o.MoneyDigits)), Zero: data.Decimal(0, int32(o.MoneyDigits)), Length: -1, Scale: -1}
}

// omittedArrays are types whose arrays Debezium does not carry.
var omittedArrays = map[string]bool{"money": true, "name": true, "interval": true, "bit": true, "varbit": true, "xml": true, "point": true, "refcursor": true}

func compileArray(elem *Type, mod int32, o Options) *Codec {
	if omittedArrays[elem.Name] || elem.Kind == 'd' {
		return nil
	}
	e := compileBase(elem, mod, o)
	if e == nil {
		return nil
	}
	schema := e.Schema()
	if elem.Kind != 'e' {
		schema = schema.Optional()
	}
	built := schema.Build()
	delimiter := byte(',')
	if elem.Name == "box" {
		delimiter = ';'
	}
	return &Codec{Schema: func() *data.Builder { return data.NewArray(built) }, Decode: arrayDecoder(e.Decoder(built), delimiter),
		Zero: data.Array(nil), Unchanged: unchangedArray(elem, built, o), Length: -1, Scale: -1}
}

// unchangedArray is what Debezium shows for an array that an update did not
// touch: the placeholder in the form of its elements. Types that have no such
// form are plainly unchanged, where Debezium shows null.
func unchangedArray(elem *Type, s *data.Schema, o Options) data.Value {
	p := []byte(o.Placeholder)
	switch {
	case elem.Name == "uuid":
		sum := md5.Sum(p) // name-based UUID, version 3, without a name space
		sum[6], sum[8] = sum[6]&0x0f|0x30, sum[8]&0x3f|0x80
		return data.Array([]data.Value{data.String(fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))})
	case elem.Name == "bytea":
		return data.Array([]data.Value{Binary(o.Binaries, p)})
	case elem.Name == "int4" || elem.Name == "int8":
		values := make([]data.Value, len(p))
		for i, c := range p {
			values[i] = data.Int64(int64(c))
			if elem.Name == "int4" {
				values[i] = data.Int32(int32(c))
			}
		}
		return data.Array(values)
	case s.Type() == data.TypeString && !strings.HasPrefix(s.Name(), "io.debezium.time."):
		return data.Array([]data.Value{data.String(o.Placeholder)})
	}
	return data.Unchanged
}
