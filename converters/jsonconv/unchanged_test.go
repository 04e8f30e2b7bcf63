package jsonconv

import (
	"fmt"
	"testing"

	"github.com/leat-project/leat/connect/data"
)

// A value that the source did not send is written as its placeholder, in the form
// that the column's type has.
func TestUnchangedIsWrittenAsItsPlaceholder(t *testing.T) {
	s := data.NewStruct("t").Field("s", data.StringSchema).Field("b", data.OptionalBytesSchema).
		Field("a", data.NewArray(data.StringSchema).Build()).Field("n", data.OptionalInt64Schema).Build()
	p := data.UnchangedAs("ph")
	v := data.StructOf(data.RowOf(s, []data.Value{p, p, p, p}))
	got, err := converter(t, "schemas.enable", "false").FromConnect(nil, "t", nil, s, v)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"s":"ph","b":"cGg=","a":["ph"],"n":null}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got, err = converter(t).FromConnect(nil, "t", nil, nil, p)
	if want := `{"schema":null,"payload":"ph"}`; err != nil || string(got) != want {
		t.Errorf("schemaless: got %s %v, want %s", got, err, want)
	}
}

// Equal schema texts give the same schema, for any number of topics up to the bound.
func TestSchemasAreShared(t *testing.T) {
	c := converter(t, "schemas.cache.size", "20")
	text := func(table int) []byte {
		return fmt.Appendf(nil, `{"schema":{"type":"struct","fields":[{"type":"int32","field":"c%d"}]},"payload":{"c%d":%d}}`, table, table, table)
	}
	first := map[int]*data.Schema{}
	for round := range 3 {
		for table := range 15 {
			s, v, err := c.ToConnect(nil, fmt.Sprint("topic", table), nil, text(table))
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Struct().At(0).Int(); got != int64(table) {
				t.Fatalf("table %d: %d", table, got)
			}
			if round == 0 {
				first[table] = s
			} else if s != first[table] {
				t.Fatalf("table %d has another schema in round %d", table, round)
			}
		}
	}
	for table := range 100 {
		if _, _, err := c.ToConnect(nil, "one", nil, text(table)); err != nil {
			t.Fatal(err)
		}
		if n := len(c.dec.entries); n > 20 {
			t.Fatalf("%d schemas are kept, want at most 20", n)
		}
	}
}
