package column

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/internal/jsonx"
)

// ErrNewLabel says that an enum value is not among the labels of the schema: the
// type was altered, read it again.
type ErrNewLabel struct{ Type, Label string }

func (e *ErrNewLabel) Error() string {
	return fmt.Sprintf("the enum type %s has no label %q; it was altered while streaming", e.Type, e.Label)
}

func enumDecoder(t *Type) Decoder {
	known := make(map[string]bool, len(t.Labels))
	for _, l := range t.Labels {
		known[l] = true
	}
	return func(_ Space, raw []byte) (data.Value, error) {
		if !known[string(raw)] {
			return data.Null, &ErrNewLabel{t.Name, string(raw)}
		}
		return data.StringBytes(raw), nil
	}
}

// hstore calls fn for every pair of hstore's text: "a"=>"1", "b"=>NULL.
func hstore(raw []byte, fn func(key, value string, null bool)) error {
	s := string(raw)
	quoted := func() (string, bool) {
		if !strings.HasPrefix(s, `"`) {
			return "", false
		}
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case s[i] == '"':
				s = s[i+1:]
				return b.String(), true
			default:
				b.WriteByte(s[i])
			}
		}
		return "", false
	}
	for s != "" {
		key, ok := quoted()
		if !ok || !strings.HasPrefix(s, "=>") {
			return fmt.Errorf("%q is no hstore", raw)
		}
		if s = s[2:]; strings.HasPrefix(s, "NULL") {
			s = s[4:]
			fn(key, "", true)
		} else if value, ok := quoted(); ok {
			fn(key, value, false)
		} else {
			return fmt.Errorf("%q is no hstore", raw)
		}
		s = strings.TrimPrefix(s, ", ")
	}
	return nil
}

func decodeHstoreJSON(_ Space, raw []byte) (data.Value, error) {
	b := []byte{'{'}
	quote := func(s string) {
		text, err := jsonx.Marshal(s)
		if err != nil {
			panic("column: a string that is no JSON: " + err.Error())
		}
		b = append(b, text...)
	}
	err := hstore(raw, func(key, value string, null bool) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		quote(key)
		b = append(b, ':')
		if null {
			b = append(b, "null"...)
			return
		}
		quote(value)
	})
	return data.StringBytes(append(b, '}')), err
}

func decodeHstoreMap(_ Space, raw []byte) (data.Value, error) {
	m := data.NewMapSize(4)
	err := hstore(raw, func(key, value string, null bool) {
		if null {
			m.PutString(key, data.Null)
			return
		}
		m.PutString(key, data.String(value))
	})
	return data.MapOf(m), err
}

func numbers(raw []byte) ([]float64, error) {
	var out []float64
	for _, f := range bytes.FieldsFunc(raw, func(r rune) bool { return strings.ContainsRune("()[]{}<>,", r) }) {
		n, err := strconv.ParseFloat(str(f), 64)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

const (
	wkbPoint  = 1
	ewkbSRID  = 0x20000000
	wkbLittle = 1
)

// pointDecoder makes an io.debezium.data.geometry.Point of (x,y).
func pointDecoder(s *data.Schema) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) { return point(sp, s, raw) }
}

func point(sp Space, s *data.Schema, raw []byte) (data.Value, error) {
	xy, err := numbers(raw)
	if err != nil || len(xy) != 2 {
		return data.Null, fmt.Errorf("%q is no point", raw)
	}
	wkb := sp.Bytes.Start(21)
	wkb = append(wkb, wkbLittle)
	wkb = binary.LittleEndian.AppendUint32(wkb, wkbPoint)
	wkb = binary.LittleEndian.AppendUint64(wkb, math.Float64bits(xy[0]))
	wkb = binary.LittleEndian.AppendUint64(wkb, math.Float64bits(xy[1]))
	row := sp.Arena.Struct(s)
	row.Set(0, data.Float64(xy[0]))
	row.Set(1, data.Float64(xy[1]))
	row.Set(2, data.Bytes(sp.Bytes.Keep(wkb)))
	return data.StructOf(row), nil
}

// geometryDecoder reads PostGIS's hex EWKB.
func geometryDecoder(schema *data.Schema) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) {
		wkb := make([]byte, len(raw)/2)
		if _, err := hex.Decode(wkb, raw); err != nil || len(wkb) < 5 {
			return data.Null, fmt.Errorf("%.40q is no hex EWKB", raw)
		}
		row := sp.Arena.Struct(schema)
		row.Set(0, data.Bytes(wkb))
		var order binary.ByteOrder = binary.BigEndian
		if wkb[0] == wkbLittle {
			order = binary.LittleEndian
		}
		if order.Uint32(wkb[1:])&ewkbSRID != 0 && len(wkb) >= 9 {
			row.Set(1, data.Int32(int32(order.Uint32(wkb[5:]))))
		}
		return data.StructOf(row), nil
	}
}

// vectorDecoder reads pgvector's [1,2,3].
func vectorDecoder(elem func(float64) data.Value) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) {
		ns, err := numbers(raw)
		if err != nil {
			return data.Null, fmt.Errorf("%.40q is no vector", raw)
		}
		values := sp.Arena.Values(len(ns))
		for i, n := range ns {
			values[i] = elem(n)
		}
		return data.Array(values), nil
	}
}

// sparseDecoder reads pgvector's {1:0.5,3:2}/5.
func sparseDecoder(s *data.Schema) Decoder {
	return func(sp Space, raw []byte) (data.Value, error) { return sparse(sp, s, raw) }
}

func sparse(sp Space, s *data.Schema, raw []byte) (data.Value, error) {
	body, dim, ok := bytes.Cut(raw, []byte("/"))
	n, err := strconv.ParseInt(str(dim), 10, 16)
	if !ok || err != nil {
		return data.Null, fmt.Errorf("%.40q is no sparse vector", raw)
	}
	m := data.NewMapSize(4)
	for _, pair := range bytes.Split(bytes.Trim(body, "{}"), []byte(",")) {
		if len(pair) == 0 {
			continue
		}
		at, value, _ := bytes.Cut(pair, []byte(":"))
		i, err1 := strconv.ParseInt(str(at), 10, 16)
		f, err2 := strconv.ParseFloat(str(value), 64)
		if err1 != nil || err2 != nil {
			return data.Null, fmt.Errorf("%.40q is no sparse vector", raw)
		}
		m.Put(data.Int16(int16(i)), data.Float64(f))
	}
	row := sp.Arena.Struct(s)
	row.Set(0, data.Int16(int16(n)))
	row.Set(1, data.MapOf(m))
	return data.StructOf(row), nil
}

// unknownDecoder passes a type that has no mapping as the bytes of its text.
func unknownDecoder(mode Binaries, geometric bool) Decoder {
	return func(_ Space, raw []byte) (data.Value, error) {
		if geometric {
			raw = javaNumbers(raw)
		}
		return Binary(mode, raw), nil
	}
}

// javaNumbers writes the numbers of a geometric type as the Java driver does:
// 1 becomes 1.0.
func javaNumbers(raw []byte) []byte {
	out := make([]byte, 0, 2*len(raw))
	for i := 0; i < len(raw); {
		j := i
		for j < len(raw) && !bytes.ContainsRune([]byte("()[]{}<>,"), rune(raw[j])) {
			j++
		}
		if j == i {
			out = append(out, raw[i])
			i++
			continue
		}
		out = append(out, raw[i:j]...)
		if !bytes.ContainsAny(raw[i:j], ".eIN") {
			out = append(out, ".0"...)
		}
		i = j
	}
	return out
}
