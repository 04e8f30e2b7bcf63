package column

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/leat-project/leat/connect/data"
	"github.com/leat-project/leat/connectors/debezium/slab"
)

func base(name string) *Type { return &Type{Name: name, Schema: "pg_catalog", Kind: 'b', BaseMod: -1} }

func arrayOf(t *Type) *Type { return &Type{Name: "_" + t.Name, Kind: 'b', Elem: t, BaseMod: -1} }

func show(v data.Value) string {
	switch v.Kind() {
	case data.KindNull:
		return "null"
	case data.KindUnchanged:
		return "unchanged:" + v.Placeholder()
	case data.KindString:
		return fmt.Sprintf("%q", v.Str())
	case data.KindBytes:
		return fmt.Sprintf("%x", v.Bytes())
	case data.KindBool:
		return fmt.Sprint(v.Bool())
	case data.KindFloat32, data.KindFloat64:
		return fmt.Sprint(v.Float())
	case data.KindDecimal:
		n, s := v.BigDecimal()
		return fmt.Sprintf("%se-%d", n, s)
	case data.KindDate:
		return fmt.Sprintf("date %d", v.Millis())
	case data.KindArray:
		var parts []string
		for _, e := range v.Array() {
			parts = append(parts, show(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case data.KindMap:
		var parts []string
		for _, e := range v.Map().Entries() {
			parts = append(parts, show(e.Key)+":"+show(e.Value))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case data.KindStruct:
		var parts []string
		for _, e := range v.Struct().Values() {
			parts = append(parts, show(e))
		}
		return "(" + strings.Join(parts, " ") + ")"
	}
	return fmt.Sprint(v.Int())
}

func numericMod(p, s int32) int32 { return (p<<16 | s&0x7ff) + 4 }

var decodeCases = []struct {
	typ  *Type
	mod  int32
	o    Options
	text string
	want string
}{
	{base("bool"), -1, Options{}, "t", "true"},
	{base("int2"), -1, Options{}, "-32768", "-32768"},
	{base("int8"), -1, Options{}, "-9223372036854775808", "-9223372036854775808"},
	{base("float4"), -1, Options{}, "1e-45", "1.401298464324817e-45"},
	{base("float8"), -1, Options{}, "-Infinity", "-Inf"},
	{base("numeric"), numericMod(10, 2), Options{}, "123.45", "12345e-2"},
	{base("numeric"), numericMod(10, 2), Options{}, "-0.50", "-50e-2"},
	{base("numeric"), numericMod(38, 10), Options{}, "12345678901234567890.0123456789", "123456789012345678900123456789e-10"},
	{base("numeric"), numericMod(5, -2), Options{}, "12300", "12300e-0"},
	{base("numeric"), -1, Options{}, "12345.678900", "(4 075bcd15)"},
	{base("numeric"), -1, Options{}, "-128", "(0 80)"},
	{base("numeric"), -1, Options{}, "128", "(0 0080)"},
	{base("numeric"), -1, Options{}, "100000000000000000000.0", "(0 056bc75e2d63100000)"},
	{base("numeric"), -1, Options{}, "-99999999999999999999", "(0 fa9438a1d29cf00001)"},
	{base("numeric"), numericMod(10, 2), Options{Decimals: DecimalString}, "1.50", `"1.50"`},
	{base("numeric"), -1, Options{Decimals: Double}, "NaN", "NaN"},
	{base("money"), -1, Options{MoneyDigits: 2}, "-$1,234.56", "-123456e-2"},
	{base("money"), -1, Options{MoneyDigits: 4}, "$1.25", "12500e-4"},
	{base("bytea"), -1, Options{}, `\x00ff`, "00ff"},
	{base("bytea"), -1, Options{Binaries: BinaryHex}, `\x00ff`, `"00ff"`},
	{base("bytea"), -1, Options{Binaries: BinaryBase64URL}, `\xfbff`, `"-_8="`},
	{base("bit"), 1, Options{}, "1", "true"},
	{base("varbit"), -1, Options{}, "1111000011", "c303"},
	{base("date"), -1, Options{}, "2024-02-29", "19782"},
	{base("date"), -1, Options{}, "0044-03-15 BC", "-735160"},
	{base("date"), -1, Options{Times: ISOStrings}, "0044-03-15 BC", `"-0043-03-15Z"`},
	{base("date"), -1, Options{Times: ISOStrings}, "0001-12-31 BC", `"0000-12-31Z"`},
	{base("date"), -1, Options{Times: ISOStrings}, "12024-02-29", `"+12024-02-29Z"`},
	{base("date"), -1, Options{Times: ConnectTimes}, "1969-12-31", "date -86400000"},
	{base("time"), -1, Options{}, "12:34:56.789012", "45296789012"},
	{base("time"), 3, Options{}, "24:00:00", "86400000"},
	{base("time"), 3, Options{Times: AdaptiveTimeMicroseconds}, "00:00:00.001", "1000"},
	{base("time"), -1, Options{Times: Nanoseconds}, "00:00:00.000001", "1000"},
	{base("timetz"), -1, Options{}, "12:34:56.789012+05:30", `"07:04:56.789012Z"`},
	{base("timetz"), -1, Options{}, "23:59:59-12", `"11:59:59Z"`},
	{base("timestamp"), -1, Options{}, "2024-02-29 12:34:56.789012", "1709210096789012"},
	{base("timestamp"), 0, Options{}, "1969-12-31 23:59:59", "-1000"},
	{base("timestamp"), -1, Options{}, "infinity", "9223372036825200000"},
	{base("timestamp"), -1, Options{}, "294276-12-31 23:59:59.999999", "9223372036854775807"},
	{base("timestamp"), -1, Options{Times: Nanoseconds}, "2300-01-01 00:00:00", "9223372036854775807"},
	{base("timestamp"), -1, Options{Times: Nanoseconds}, "2024-02-29 12:34:56.789012", "1709210096789012000"},
	{base("timestamp"), 0, Options{Times: Microseconds}, "1970-01-01 00:00:01", "1000000"},
	{base("timestamp"), -1, Options{Times: ISOStrings}, "2024-02-29 12:34:56.5", `"2024-02-29T12:34:56.5Z"`},
	{base("timestamptz"), -1, Options{}, "2024-02-29 12:34:56.5+00", `"2024-02-29T12:34:56.500000Z"`},
	{base("timestamptz"), 0, Options{}, "2024-02-29 12:34:56+00", `"2024-02-29T12:34:56Z"`},
	{base("timestamptz"), 3, Options{}, "0044-03-15 12:00:00+00 BC", `"-0043-03-15T12:00:00.000Z"`},
	{base("timestamptz"), -1, Options{}, "-infinity", `"-infinity"`},
	{base("interval"), -1, Options{}, "1 year 2 mons 3 days 04:05:06.789", "37091106789000"},
	{base("interval"), -1, Options{}, "-1 mons +2 days -00:00:01", "-2457001000000"},
	{base("interval"), -1, Options{IntervalString: true}, "-00:00:00.5", `"P0Y0M0DT0H0M-0.5S"`},
	{base("interval"), -1, Options{IntervalString: true}, "1 year 2 mons 3 days 04:05:06.78", `"P1Y2M3DT4H5M6.78S"`},
	{base("hstore"), -1, Options{}, `"a"=>"1", "b \"c"=>NULL`, `"{\"a\":\"1\",\"b \\\"c\":null}"`},
	{base("hstore"), -1, Options{HstoreMap: true}, `"a"=>"1", "b"=>NULL`, `{"a":"1" "b":null}`},
	{base("point"), -1, Options{}, "(1.5,-2.5)", "(1.5 -2.5 0101000000000000000000f83f00000000000004c0 null)"},
	{base("vector"), -1, Options{}, "[1,2.5]", "[1 2.5]"},
	{base("sparsevec"), -1, Options{}, "{1:0.5,3:2}/5", "(5 {1:0.5 3:2})"},
	{base("geometry"), -1, Options{}, "0101000020e6100000000000000000f03f0000000000000040", "(0101000020e6100000000000000000f03f0000000000000040 4326)"},
	{base("pg_lsn"), -1, Options{Unknown: true}, "16/B374D848", "31362f4233373444383438"},
	{base("box"), -1, Options{Unknown: true, Binaries: BinaryHex}, "(1,1),(0,0.5)", fmt.Sprintf("%q", fmt.Sprintf("%x", "(1.0,1.0),(0.0,0.5)"))},
	{arrayOf(base("int4")), -1, Options{}, "{1,NULL,-3}", "[1 null -3]"},
	{arrayOf(base("int4")), -1, Options{}, "{{1,2},{3,4}}", "[null null]"},
	{arrayOf(base("int4")), -1, Options{}, "[0:1]={1,2}", "[1 2]"},
	{arrayOf(base("text")), -1, Options{}, `{a,"b,c","d\"e\\",NULL,"NULL",""}`, `["a" "b,c" "d\"e\\" null "NULL" ""]`},
	{arrayOf(&Type{Name: "d", Schema: "public", Kind: 'd', Base: base("numeric")}), -1, Options{Unknown: true}, "{1.5}", "7b312e357d"},
	{arrayOf(&Type{Name: "pair", Schema: "public", Kind: 'c'}), -1, Options{Unknown: true}, `{"(1,x)"}`, "7b2228312c7829227d"},
	{arrayOf(base("numeric")), numericMod(5, 2), Options{}, "{1.50,2.25}", "[150e-2 225e-2]"},
	{&Type{Name: "d", Kind: 'd', Base: base("numeric"), BaseMod: numericMod(8, 2)}, -1, Options{}, "12.50", "1250e-2"},
	{&Type{Name: "mood", Kind: 'e', Labels: []string{"sad", "ok"}}, -1, Options{}, "ok", `"ok"`},
}

func TestDecode(t *testing.T) {
	for _, c := range decodeCases {
		t.Run(fmt.Sprintf("%s(%d) %s", c.typ.Name, c.mod, c.text), func(t *testing.T) {
			codec := Compile(c.typ, c.mod, c.o)
			if codec == nil {
				t.Fatal("the type is not supported")
			}
			s := codec.Schema().Optional().Build()
			var arena data.Arena
			v, err := codec.Decoder(s)(Space{&arena, &slab.Bytes{}}, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := show(v); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if err := data.Validate("", s, v); err != nil {
				t.Errorf("the value does not fit its schema: %v", err)
			}
			if err := data.Validate("", codec.Schema().Build(), codec.ZeroOf(codec.Schema().Build())); err != nil {
				t.Errorf("the zero does not fit the schema: %v", err)
			}
		})
	}
}

func TestUnsupported(t *testing.T) {
	for _, c := range []*Type{base("line"), base("pg_lsn"), arrayOf(base("money")), arrayOf(base("interval")), {Name: "comp", Kind: 'c'}, {Name: "int4multirange", Kind: 'm'}} {
		if Compile(c, -1, Options{}) != nil {
			t.Errorf("%s is supported", c.Name)
		}
	}
}

func TestParseDefault(t *testing.T) {
	for _, c := range []struct {
		typ        *Type
		mod        int32
		expr, want string
	}{
		{base("int4"), -1, "7", "7"},
		{base("int8"), -1, "'-5'::integer", "-5"},
		{base("int4"), -1, "(-5)", "-5"},
		{base("int4"), -1, "nextval('a_id_seq'::regclass)", "0"},
		{base("int4"), -1, "(5 + 3)", "none"},
		{base("int4"), -1, "NULL::integer", "none"},
		{base("text"), -1, "'it''s'::text", `"it's"`},
		{base("bool"), -1, "true", "true"},
		{base("numeric"), numericMod(6, 3), "1.5", "1500e-3"},
		{base("float8"), -1, "'NaN'::double precision", "NaN"},
		{base("timestamptz"), -1, "now()", `"1970-01-01T00:00:00.000000Z"`},
		{base("date"), -1, "CURRENT_DATE", "0"},
		{base("timestamp"), -1, "'2020-01-02 03:04:05.678901'::timestamp without time zone", "1577934245678901"},
		{base("money"), -1, "'$2.50'::money", "none"},
		{base("bytea"), -1, `'\x00'::bytea`, "none"},
		{&Type{Name: "mood", Kind: 'e', Labels: []string{"sad", "ok"}}, -1, "'ok'::mood", `"ok"`},
	} {
		v, ok := Compile(c.typ, c.mod, Options{MoneyDigits: 2}).ParseDefault(c.expr)
		got := show(v)
		if !ok {
			got = "none"
		}
		if got != c.want {
			t.Errorf("default %s of %s: %s, want %s", c.expr, c.typ.Name, got, c.want)
		}
	}
}

func TestUnchanged(t *testing.T) {
	o := Options{Placeholder: "ab"}
	hex := o
	hex.Binaries = BinaryHex
	for _, c := range []struct {
		typ  *Type
		o    Options
		want string
	}{
		{base("text"), o, "unchanged:ab"},
		{base("bytea"), o, "unchanged:ab"},
		{base("bytea"), hex, "unchanged:6162"},
		{arrayOf(base("int4")), o, "[97 98]"},
		{arrayOf(base("text")), o, `["ab"]`},
		{arrayOf(base("uuid")), o, `["187ef443-6122-31cc-af40-dc2b92f0eba0"]`},
		{arrayOf(base("float8")), o, "unchanged:"},
	} {
		got := show(Compile(c.typ, -1, c.o).Unchanged)
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.typ.Name, got, c.want)
		}
	}
}

// TestNoAllocation: everyday types decode without allocating.
func TestNoAllocation(t *testing.T) {
	var arena data.Arena
	sp := Space{&arena, &slab.Bytes{}}
	for _, c := range []struct {
		typ  *Type
		mod  int32
		text string
	}{{base("int8"), -1, "123456789"}, {base("numeric"), numericMod(10, 2), "123.45"}, {base("text"), -1, "text"},
		{base("timestamp"), -1, "2024-02-29 12:34:56.789012"}, {base("float8"), -1, "1.25"}, {base("bool"), -1, "t"}} {
		codec, raw := Compile(c.typ, c.mod, Options{}), []byte(c.text)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := codec.Decode(sp, raw); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.typ.Name, n)
		}
	}
}

// FuzzDecode: no text makes a decoder panic, and integers survive a round trip.
func FuzzDecode(f *testing.F) {
	for i, c := range decodeCases {
		f.Add(i, c.text)
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		if i < 0 || i >= len(decodeCases) {
			return
		}
		c := decodeCases[i]
		codec := Compile(c.typ, c.mod, c.o)
		var arena data.Arena
		_, _ = codec.Decoder(codec.Schema().Build())(Space{&arena, &slab.Bytes{}}, []byte(text))
	})
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-1.5", "123456789012345678901234567890.123", "999999999999999999", "-9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		small, large, scale, err := parseDecimal([]byte(s))
		if err != nil {
			return
		}
		if large == nil {
			large = big.NewInt(small)
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok {
			return
		}
		got := new(big.Rat).SetFrac(large, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		if got.Cmp(want) != 0 {
			t.Errorf("%q = %s, want %s", s, got, want)
		}
	})
}
