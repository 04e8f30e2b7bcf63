package column

import "github.com/leat-project/leat/connect/data"

// SessionSettings are the settings under which PostgreSQL prints what the
// decoders read.
func SessionSettings() map[string]string {
	return map[string]string{
		"TimeZone": "UTC", "DateStyle": "ISO", "IntervalStyle": "postgres", "lc_monetary": "C",
		"bytea_output": "hex", "extra_float_digits": "1", "client_encoding": "UTF8",
	}
}

// Type is a row of pg_type.
type Type struct {
	OID     uint32
	Name    string // typname
	Schema  string
	Kind    byte  // typtype: b(ase), c(omposite), d(omain), e(num), p(seudo), r(ange), m(ultirange)
	Elem    *Type // of an array, else nil
	Base    *Type // of a domain, else nil
	BaseMod int32 // typtypmod of a domain, -1 if none
	Labels  []string
}

// Decimals is decimal.handling.mode.
type Decimals uint8

// The modes of decimal.handling.mode.
const (
	Precise Decimals = iota
	Double
	DecimalString
)

// Times is time.precision.mode.
type Times uint8

// The modes of time.precision.mode.
const (
	Adaptive Times = iota
	AdaptiveTimeMicroseconds
	ConnectTimes
	ISOStrings
	Microseconds
	Nanoseconds
)

// Binaries is binary.handling.mode.
type Binaries uint8

// The modes of binary.handling.mode.
const (
	BinaryBytes Binaries = iota
	BinaryBase64
	BinaryBase64URL
	BinaryHex
)

// Options are the settings that change how values look.
type Options struct {
	Decimals       Decimals
	Times          Times
	Binaries       Binaries
	IntervalString bool // interval.handling.mode=string
	HstoreMap      bool // hstore.handling.mode=map
	Unknown        bool // include.unknown.datatypes
	MoneyDigits    int  // money.fraction.digits
	Placeholder    string
}

// Codec is a compiled column type.
type Codec struct {
	// Schema starts a schema of the type: neither optional nor with a default.
	Schema func() *data.Builder
	// Decode turns PostgreSQL's text into a value. The value may alias raw. It is
	// nil for structs, see Decoder.
	Decode Decoder
	bind   func(*data.Schema) Decoder
	// Zero stands for a value that PostgreSQL did not send in a column that may
	// not be null.
	Zero data.Value
	// Unchanged stands for a TOAST value that an update did not touch.
	Unchanged data.Value
	Length    int  // declared length or precision, -1 if none
	Scale     int  // declared scale, -1 if none
	Text      bool // a character type: masks and truncation apply

	defaults  bool   // column defaults are carried, see ParseDefault
	generated string // what a default that is a function shows as
}

// Decoder returns the decoder of a column whose schema was built as s: structs
// carry that very schema.
func (c *Codec) Decoder(s *data.Schema) Decoder {
	if c.bind != nil {
		return c.bind(s)
	}
	return c.Decode
}

// ZeroOf is Zero with the schema s.
func (c *Codec) ZeroOf(s *data.Schema) data.Value {
	if c.bind != nil {
		return data.StructOf(zeroStruct(s))
	}
	return c.Zero
}
