package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/data"
)

// Types says which column type a schema becomes when the sink creates a table or
// adds a column.
type Types struct {
	// Confluent selects the types of io.confluent.connect.jdbc, which knows
	// Connect's own logical types only. Otherwise Debezium's.
	Confluent bool
	// PostGIS is the schema of the postgis extension; "" is public.
	PostGIS string
}

// Parameters with which Debezium tells the type of the source column.
const (
	paramType      = "__debezium.source.column.type"
	paramLength    = "__debezium.source.column.length"
	paramScale     = "__debezium.source.column.scale"
	paramPrecision = "connect.decimal.precision"
	unbounded      = 2147483647
)

// SQL returns the column type of a schema.
func (t Types) SQL(s *data.Schema) (string, error) {
	if t.Confluent {
		return t.confluent(s)
	}
	if sql := propagated(s); sql != "" {
		return sql, nil
	}
	if sql, ok := debeziumTypes[s.Name()]; ok {
		return sql, nil
	}
	switch s.Name() {
	case data.DecimalName:
		return decimalSQL(s), nil
	case nameBits:
		return bitsSQL(s), nil
	case nameGeometry:
		return t.postgis("geometry"), nil
	case nameGeography:
		return t.postgis("geography"), nil
	}
	switch s.Type() {
	case data.TypeArray:
		elem, err := t.SQL(s.Elem())
		if err != nil {
			return "", err
		}
		return elem + "[]", nil
	case data.TypeMap:
		return "hstore", nil
	}
	if sql, ok := plainTypes[s.Type()]; ok {
		return sql, nil
	}
	return "", fmt.Errorf("no column type for schema %s: flatten or drop the field with a transform, or create the column by hand", s)
}

var plainTypes = map[data.Type]string{data.TypeInt8: "smallint", data.TypeInt16: "smallint", data.TypeInt32: "integer",
	data.TypeInt64: "bigint", data.TypeFloat32: "real", data.TypeFloat64: "double precision", data.TypeBoolean: "boolean",
	data.TypeString: "text", data.TypeBytes: "bytea"}

var debeziumTypes = map[string]string{
	data.DateName: "date", data.TimeName: "time(6)", data.TimestampName: "timestamp(6)",
	"io.debezium.time.Date": "date", nameIsoDate: "date", "io.debezium.time.Year": "integer",
	"io.debezium.time.Time": "time(6)", "io.debezium.time.MicroTime": "time(6)", "io.debezium.time.NanoTime": "time(6)",
	nameIsoTime:                  "time(6)",
	"io.debezium.time.Timestamp": "timestamp(6)", "io.debezium.time.MicroTimestamp": "timestamp(6)",
	"io.debezium.time.NanoTimestamp": "timestamp(6)", nameIsoTimestamp: "timestamp(6)",
	nameZonedTime: "time(6) with time zone", nameZonedTimestamp: "timestamp(6) with time zone",
	nameInterval: "interval", nameMicroDuration: "bigint",
	// Java creates double precision, which does not hold every numeric.
	nameVarDecimal: "numeric",
	nameJSON:       "json", nameXML: "xml", nameUUID: "uuid", nameLtree: "ltree", nameTsvector: "tsvector",
	"io.debezium.data.Enum": "text", "io.debezium.data.EnumSet": "text", namePoint: "point",
	nameDoubleVector: "vector", nameFloatVector: "halfvec", nameSparseVector: "sparsevec",
}

func (t Types) postgis(name string) string {
	schema := t.PostGIS
	if schema == "" {
		schema = "public"
	}
	return schema + "." + name
}

func intParam(s *data.Schema, name string) int {
	p, _ := s.Param(name)
	n, err := strconv.Atoi(p)
	if err != nil {
		return 0
	}
	return n
}

func decimalSQL(s *data.Schema) string {
	precision, scale := intParam(s, paramPrecision), intParam(s, data.ScaleParam)
	if scale < 0 {
		precision, scale = precision-scale, 0
	}
	if intParam(s, paramPrecision) == 0 || precision > 1000 || scale > precision {
		return "numeric" // the precision is not told: any loses digits
	}
	return fmt.Sprintf("numeric(%d,%d)", precision, scale)
}

func bitsSQL(s *data.Schema) string {
	if n := intParam(s, "length"); n > 0 && n < unbounded {
		return fmt.Sprintf("bit(%d)", n)
	}
	return "bit varying"
}

// sized are source types that take a length, others are kept by name where their
// values are texts that PostgreSQL casts, or a narrower form of the same value.
var sized = map[string]string{"VARCHAR": "varchar", "CHARACTER VARYING": "varchar", "CHAR": "char", "BPCHAR": "char",
	"CHARACTER": "char", "NVARCHAR": "varchar", "NCHAR": "char"}

var kept = map[data.Type]map[string]string{
	data.TypeString: {"INET": "inet", "CIDR": "cidr", "MACADDR": "macaddr", "MACADDR8": "macaddr8", "CITEXT": "citext",
		"INT4RANGE": "int4range", "INT8RANGE": "int8range", "NUMRANGE": "numrange", "TSRANGE": "tsrange",
		"TSTZRANGE": "tstzrange", "DATERANGE": "daterange", "LTREE": "ltree", "JSON": "json", "JSONB": "jsonb",
		"XML": "xml", "UUID": "uuid", "INTERVAL": "interval", "NUMERIC": "numeric", "TSVECTOR": "tsvector"},
	data.TypeInt64:  {"OID": "oid", "INTERVAL": "interval"},
	data.TypeBytes:  {"MONEY": "money", "VARBIT": "bit varying"},
	data.TypeStruct: {"NUMERIC": "numeric"},
}

// propagated is the type that the source column had, where the schema tells.
func propagated(s *data.Schema) string {
	name, ok := s.Param(paramType)
	if !ok {
		return ""
	}
	name = strings.ToUpper(name)
	if s.Type() == data.TypeString && s.Name() == "" {
		if sql, ok := sized[name]; ok {
			if n := intParam(s, paramLength); n > 0 && n <= 10485760 {
				return fmt.Sprintf("%s(%d)", sql, n)
			}
			return "text"
		}
	}
	return kept[s.Type()][name]
}

func (t Types) confluent(s *data.Schema) (string, error) {
	switch s.Name() {
	case data.DecimalName:
		return "DECIMAL", nil
	case data.DateName:
		return "DATE", nil
	case data.TimeName:
		return "TIME", nil
	case data.TimestampName:
		return "TIMESTAMP", nil
	}
	switch s.Type() {
	case data.TypeInt32:
		return "INT", nil
	case data.TypeArray:
		elem, err := t.confluent(s.Elem())
		if err != nil || s.Elem().Type() == data.TypeArray {
			return "", fmt.Errorf("no column type for an array of %s", s.Elem())
		}
		return elem + "[]", nil
	}
	if sql, ok := plainTypes[s.Type()]; ok {
		return strings.ToUpper(sql), nil
	}
	return "", connectMapping(s)
}

// connectMapping is the text of Confluent's ConnectException.
func connectMapping(s *data.Schema) error {
	name := s.Name()
	if name == "" {
		name = "null"
	}
	return fmt.Errorf("%s (%s) type doesn't have a mapping to the SQL database column type", name, s.Type())
}
