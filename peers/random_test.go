//go:build peers

package peers_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// chance makes schemas, values, records and JSON oddTexts in the neutral form of the
// fixtures. Most values fit their schema, some do not: both have an answer in Java.
type chance struct{ *rand.Rand }

type object = map[string]any

func pick[T any](c chance, from ...T) T { return from[c.IntN(len(from))] }

// one is true once in n times.
func (c chance) one(n int) bool { return c.IntN(n) == 0 }

var (
	oddTexts = []string{"", "a", "b", "A", "true", "False", "null", "NaN", "Infinity", "-Infinity", "0", "-0", "1", "-1", "127", "128", "-129", "32768", "2147483648",
		"9223372036854775807", "9223372036854775808", "-9223372036854775809", "1.5", "-0.0", "1e5", "1E400", ".5", "5.", "0x10", "1_000", "+7", " 7", "1f", "1d", "1L", "3.4028236e38",
		"2024-02-29", "2024-02-30", "1969-12-31", "2024-02-29T12:34:56.789Z", "2024-02-29T12:34:56.789+0100", "12:34:56.789Z", "12:34:56", "2024-02-29 12:34:56",
		`"q"`, `\`, `\"`, "\x00", "\x1f\x7f", "\n\t\r", "\u00e9\u6f22\U0001F600", "\u2028", "</script>", "a,b", "[]", "[1,2]", "[1,2.5]", "[1,\"a\"]", "[true,null]", "[null]", "[1,,2]", "[ 1 , 2 ]", "[1", "1]",
		"{}", `{"a":1}`, "{a:1}", `{"a":1,"b":"x"}`, `{"a":[1,2]}`, `{"a":null}`, `{"a":1,"a":2}`, `{1:2}`, "{a}", "{:1}", "a:b", "  x ", "x y", `"2024-02-29"`, "'a'"}
	fieldNames = []string{"a", "b", "c", "d", "e.f", "A"}
	longs      = []int64{0, 1, -1, 5, 127, 128, -128, -129, 255, 32767, 32768, -32769, 65535, 2147483647, 2147483648, -2147483649, 1700000000, 1700000000000, 1700000000000000, -62135596800000,
		86399999, 86400000, 9007199254740992, 9007199254740993, -9007199254740993, 9223372036854775807, -9223372036854775808}
	reals = []any{0, 1, -1, 0.5, -0.25, 1.1, 100, 1e7, 12345678, 1e-3, 9.999e-4, 1e21, 1e22, 3.4028234e38, 1.17549435e-38, 1.4e-45, 123456789.125, 2147483647.5, 9.223372036854776e18, 1e19, 127.6, -128.9, "NaN", "Infinity", "-Infinity", "-0.0"}
)

const logicalNames = "org.apache.kafka.connect.data."

// schema makes a schema with at most depth levels below it.
func (c chance) schema(depth int) object {
	primitive := []string{"int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string", "bytes", "Decimal", "Date", "Time", "Timestamp"}
	kinds := primitive
	if depth > 0 {
		kinds = append(append([]string{}, primitive...), "array", "map", "struct", "struct", "struct")
	}
	return c.schemaOf(pick(c, kinds...), depth)
}

func (c chance) schemaOf(kind string, depth int) object {
	s := object{"type": kind, "optional": c.one(2)}
	logical := func(base string) {
		s["type"], s["name"], s["version"] = base, logicalNames+kind, 1
	}
	switch kind {
	case "Decimal":
		logical("bytes")
		s["parameters"] = object{"scale": pick(c, "0", "2", "5", "-2")}
	case "Date", "Time":
		logical("int32")
	case "Timestamp":
		logical("int64")
	case "array":
		s["valueSchema"] = c.schema(depth - 1)
	case "map":
		s["keySchema"], s["valueSchema"] = c.schema(0), c.schema(depth-1)
		if c.one(2) {
			s["keySchema"] = c.schemaOf("string", 0)
		}
		delete(s["keySchema"].(object), "default") // what a null stands for may be a key as well
	case "struct":
		fields := []any{}
		for i := range c.IntN(len(fieldNames)) {
			fields = append(fields, object{"name": fieldNames[i], "schema": c.schema(depth - 1)})
		}
		s["fields"] = fields
	}
	if _, ok := s["name"]; !ok && c.one(5) {
		s["name"] = pick(c, "n", "ns.Name", "io.debezium.time.Date", "x y")
	}
	if _, ok := s["version"]; !ok && c.one(6) {
		s["version"] = c.IntN(4)
	}
	if c.one(8) {
		s["doc"] = pick(c, "doc", "a \"doc\"") // an empty one is none here
	}
	if _, ok := s["parameters"]; !ok && c.one(10) {
		s["parameters"] = object{"k": "v"}
	}
	if kind != "struct" && c.one(5) {
		if v := c.fit(s, 2); v != nil {
			s["default"] = v
		}
	}
	return s
}

func (c chance) text() string { return pick(c, oddTexts...) }

func (c chance) long(bits int) int64 {
	v := pick(c, longs...)
	if c.one(3) {
		v = c.Int64()
	}
	return v << (64 - bits) >> (64 - bits)
}

func (c chance) bytes() string {
	b := make([]byte, c.IntN(5))
	for i := range b {
		b[i] = byte(c.IntN(256))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// integer is an int64 in the neutral form.
func integer(v int64) any {
	if v > 1<<53 || v < -(1<<53) {
		return strconv.FormatInt(v, 10)
	}
	return v
}

func (c chance) decimal(scale int) object {
	unscaled := strconv.FormatInt(c.long(64), 10)
	if c.one(5) {
		unscaled = "123456789012345678901234567890"
	}
	return object{"decimal": object{"unscaled": unscaled, "scale": scale}}
}

// fit makes a value of a schema; null where it is optional.
func (c chance) fit(s object, depth int) any {
	if s["optional"] == true && c.one(5) {
		return nil
	}
	kind := s["type"].(string)
	name, _ := s["name"].(string)
	switch strings.TrimPrefix(name, logicalNames) {
	case "Decimal":
		scale, _ := strconv.Atoi(s["parameters"].(object)["scale"].(string))
		return c.decimal(scale)
	case "Date":
		return object{"date": int64(c.IntN(40000)-20000) * 86400000}
	case "Time":
		return object{"date": c.IntN(86400000)}
	case "Timestamp":
		return object{"date": pick(c, 0, 1, -1, 1700000000123, -62135596800000, 253402300799999, -12219292800000, -12219292800001, -14826585600000, -62198755200000)}
	}
	switch kind {
	case "int8", "int16", "int32", "int64":
		bits, _ := strconv.Atoi(kind[3:])
		return object{kind: integer(c.long(bits))}
	case "float32", "float64":
		return object{kind: pick(c, reals...)}
	case "boolean":
		return object{kind: c.one(2)}
	case "string":
		return object{kind: c.text()}
	case "bytes":
		return object{pick(c, "bytes", "bytes", "bytebuffer"): c.bytes()}
	case "array":
		list := []any{}
		for range c.IntN(4) {
			list = append(list, c.fit(s["valueSchema"].(object), depth-1))
		}
		return object{"list": list}
	case "map":
		pairs, seen := []any{}, map[string]bool{}
		for range c.IntN(4) {
			key := c.fit(s["keySchema"].(object), 0)
			id := encode(key)
			if key == nil { // both are members of this name
				id = encode(object{"string": "null"})
			}
			if !seen[id] {
				seen[id] = true
				pairs = append(pairs, []any{key, c.fit(s["valueSchema"].(object), depth-1)})
			}
		}
		return object{"map": pairs}
	}
	fields := object{}
	for _, f := range s["fields"].([]any) {
		f := f.(object)
		fields[f["name"].(string)] = c.fit(f["schema"].(object), depth-1)
	}
	return object{"struct": fields}
}

// free makes a value without a schema.
func (c chance) free(depth int) any {
	switch n := c.IntN(16); {
	case n == 0:
		return nil
	case depth > 0 && n < 4:
		return c.freeMap(depth)
	case depth > 0 && n < 6:
		list := []any{}
		for range c.IntN(4) {
			list = append(list, c.free(depth-1))
		}
		return object{"list": list}
	case n == 6:
		return c.decimal(c.IntN(4))
	case n == 7:
		return object{"date": pick(c, int64(0), -1, 86400000, 1700000000123)}
	}
	return c.fit(c.schemaOf(pick(c, "int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string", "bytes"), 0), 0)
}

func (c chance) freeMap(depth int) any {
	pairs := []any{}
	for i := range c.IntN(5) {
		pairs = append(pairs, []any{object{"string": fieldNames[i]}, c.free(depth - 1)})
	}
	return object{"map": pairs}
}

// pair makes a schema and a value: usually one that fits.
func (c chance) pair(depth int) (schema, value any) {
	switch {
	case c.one(4):
		return nil, c.free(depth)
	case c.one(12):
		return c.schema(depth), c.free(1)
	}
	s := c.schema(depth)
	return s, c.fit(s, depth)
}

// record makes a record whose value is usually a struct or a map.
func (c chance) record() object {
	r := object{"kind": "source", "topic": pick(c, "t", "shop.public.orders", "x$y\\z"), "partition": nil, "timestamp": nil, "keySchema": nil, "key": nil}
	if c.one(2) {
		r["kind"], r["offset"], r["timestampType"] = "sink", c.IntN(1000), "CREATE_TIME"
		r["partition"] = c.IntN(4)
	}
	if !c.one(5) {
		r["timestamp"] = pick(c, int64(0), 1700000000123, 5)
	} else if r["kind"] == "sink" {
		r["timestampType"] = "NO_TIMESTAMP_TYPE"
	}
	structured := func() (any, any) {
		switch {
		case c.one(8):
			return c.pair(2)
		case c.one(4):
			return nil, c.freeMap(2)
		case c.one(10):
			return nil, nil
		}
		s := c.schemaOf("struct", 2)
		return s, c.fit(s, 2)
	}
	r["valueSchema"], r["value"] = structured()
	if c.one(2) {
		r["keySchema"], r["key"] = structured()
	}
	headers := []any{}
	for range c.IntN(3) {
		s, v := c.pair(1)
		headers = append(headers, object{"key": pick(c, fieldNames...), "schema": s, "value": v})
	}
	r["headers"] = headers
	return r
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // everything here is made of maps, lists and scalars
	}
	return string(b)
}

// text of JSON: numbers in all their spellings, escapes, blanks, double members.
func (c chance) json(depth int) string {
	blank := func() string { return pick(c, "", "", "", " ", "\n\t") }
	n := c.IntN(14)
	switch {
	case n == 0:
		return "null"
	case n == 1:
		return pick(c, "true", "false")
	case n < 6:
		return c.jsonString(c.text())
	case n < 10 || depth == 0:
		return pick(c, "0", "-0", "1", "-1", "127", "128", "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "0.1", "-0.0", "1.10", "1e5", "1E-7", "100000000000000000000000",
			"0.1000000000000000055511151231257827", "1e400", "-1e400", "12345678.9", "1.0", "5e-324", strconv.FormatInt(c.Int64(), 10), strconv.FormatFloat(c.NormFloat64(), 'g', -1, 64))
	}
	var b strings.Builder
	open, closing := "[", "]"
	if n < 12 {
		open, closing = "{", "}"
	}
	b.WriteString(open + blank())
	for i := range c.IntN(4) {
		if i > 0 {
			b.WriteString(blank() + "," + blank())
		}
		if open == "{" {
			b.WriteString(c.jsonString(pick(c, "a", "b", "c", "schema", "payload", "")) + blank() + ":" + blank())
		}
		b.WriteString(c.json(depth - 1))
	}
	b.WriteString(blank() + closing)
	return b.String()
}

// jsonString writes some characters as escapes.
func (c chance) jsonString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '/' && c.one(2):
			b.WriteString(`\/`)
		case r < 0x20 || r < 0x10000 && c.one(8):
			fmt.Fprintf(&b, `\u%04x`, r)
		case r >= 0x10000 && c.one(2):
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}
