package postgres

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/leat-project/leat/connect/data"
)

// Options are settings of the sink that decide how values are bound.
type Options struct {
	// Zone is the time zone of columns without one: for values that have a zone,
	// and for instants where Instants is set. nil is UTC.
	Zone *time.Location
	// Instants says that Connect's Timestamp and Time are instants, shown in
	// Zone (Confluent), instead of local times (Debezium).
	Instants bool
	// DateZone is the zone in which a Connect Date is a day; nil is UTC.
	DateZone *time.Location
	// Julian shows Connect's Date and Timestamp before 15 October 1582 in the
	// Julian calendar, as java.util.GregorianCalendar does. PostgreSQL takes what
	// is shown for Gregorian.
	Julian bool
}

// shown returns how far what is shown of a value is ahead of it, in microseconds:
// us is the value in microseconds since 1970, clock how far the clock is ahead.
func (o Options) shown(src source, us, clock int64) int64 {
	if !o.Julian || src != srcDateDate && src != srcDateTimestamp {
		return clock
	}
	return clock + julianDays(floorDiv(us+clock, dayMicros))*dayMicros
}

// Binder turns the values of one field into the binary format of one column.
type Binder struct {
	// OID is the type of the encoded value: the column's, or text.
	OID uint32
	// Text says that the value travels as text and SQL casts it to the column.
	Text   bool
	append func(dst []byte, v data.Value) ([]byte, error)
}

const textOID = 25

// Bind returns how values of schema s are written to column c. A pair that does
// not go together gives a Binder that refuses every value but null.
func Bind(s *data.Schema, c *Column, o Options) *Binder {
	b := bindType(s, &c.Type, o)
	if limit := c.Limit(); limit > 0 && !b.Text {
		inner := b.append
		b.append = func(dst []byte, v data.Value) ([]byte, error) {
			start := len(dst)
			dst, err := inner(dst, v)
			if err == nil && len(dst)-start > limit && utf8.RuneCount(dst[start:]) > limit {
				return dst, fmt.Errorf("it has %d characters, more than %s holds", utf8.RuneCount(dst[start:]), c.SQL)
			}
			return dst, err
		}
	}
	if whole, ok := c.Whole(); ok && whole >= 0 && whole < 18 && !b.Text {
		b.append = wholeLimit(b.append, whole, c.SQL)
	}
	return b
}

// wholeLimit refuses decimals with more digits before the point than a column
// holds: the server's error would not name the column.
func wholeLimit(inner appendFunc, whole int, sql string) appendFunc {
	limit := int64(1)
	for range whole {
		limit *= 10
	}
	return func(dst []byte, v data.Value) ([]byte, error) {
		if v.Kind() == data.KindDecimal {
			if n, scale, ok := v.SmallDecimal(); ok {
				for ; scale > 0; scale-- {
					n /= 10
				}
				if n >= limit || n <= -limit {
					return dst, fmt.Errorf("its value is out of range: %s holds %d digits before the point", sql, whole)
				}
			}
		}
		return inner(dst, v)
	}
}

// Field appends one field of a tuple. Its error says what is wrong with the value
// but not which column it is of.
func (b *Binder) Field(dst []byte, v data.Value) ([]byte, error) {
	if v.IsNull() {
		return append(dst, 0xff, 0xff, 0xff, 0xff), nil
	}
	start := len(dst)
	dst, err := b.append(append(dst, 0, 0, 0, 0), v)
	if err != nil {
		return dst[:start], err
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst, nil
}

type appendFunc = func(dst []byte, v data.Value) ([]byte, error)

// native are the types that have an encoder: given what a field means it returns
// the encoder, nil where the two do not go together.
var native = map[string]func(src source, o Options) appendFunc{
	"bool": bindBool, "int2": bindInt(16), "int4": bindInt(32), "int8": bindInt(64), "oid": bindOID,
	"float4": bindFloat4, "float8": bindFloat8, "numeric": bindNumeric, "money": bindMoney,
	"text": bindText, "varchar": bindText, "bpchar": bindText, "name": bindText, "json": bindText, "jsonb": bindJSONB,
	"uuid": bindUUID, "bytea": bindBytes, "date": bindDate, "time": bindTime, "timestamp": bindTimestamp,
	"timestamptz": bindTimestampTZ, "interval": bindInterval, "bit": bindBits, "varbit": bindBits,
}

// strict are types into which a string is not cast: a mapping mistake there is
// better seen with the column's name than as a failed cast.
var strict = map[string]bool{"bool": true, "int2": true, "int4": true, "int8": true, "oid": true, "float4": true,
	"float8": true, "bytea": true}

func bindType(s *data.Schema, t *Type, o Options) *Binder {
	src := sourceOf(s)
	if t.Enum && src == srcString {
		return &Binder{OID: t.OID, append: appendString}
	}
	if t.Name == "hstore" && s.Name() == nameJSON {
		return &Binder{OID: textOID, Text: true, append: appendHstoreJSON}
	}
	if make := native[t.Name]; make != nil {
		if f := make(src, o); f != nil {
			return &Binder{OID: t.OID, append: f}
		}
	}
	if t.Elem != nil && src == srcArray {
		return bindArray(s, t, o)
	}
	if !strict[t.Name] {
		if f := asText(src, s); f != nil {
			return &Binder{OID: textOID, Text: true, append: f}
		}
	}
	if s.Type() == data.TypeString && t.Name != "bytea" {
		return refuse(s, t, "; cast it with a transform, or change the column's type")
	}
	return refuse(s, t, "")
}

func refuse(s *data.Schema, t *Type, hint string) *Binder {
	what := s.Type().Name()
	if s.Name() != "" {
		what += " (" + s.Name() + ")"
	}
	return &Binder{OID: textOID, Text: true, append: func(dst []byte, v data.Value) ([]byte, error) {
		return dst, fmt.Errorf("a value of schema %s cannot be written to type %s%s", what, t.SQL, hint)
	}}
}

func wrongKind(dst []byte, v data.Value, want string) ([]byte, error) {
	return dst, fmt.Errorf("its value is a %s where the column takes %s", v.Kind(), want)
}
