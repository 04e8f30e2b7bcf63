package validate

import (
	"slices"
	"testing"

	"github.com/leat-project/leat/connect/config"
)

func TestMoot(t *testing.T) {
	var d config.Def
	d.Int(nil, "pool.size").Default(5).Doc("Connections.").NoEffect("there is one connection")
	d.String(nil, "host").Default("h").Doc("Host.")
	for _, c := range []struct {
		props map[string]string
		want  []string
	}{
		{map[string]string{"host": "x"}, nil},
		{map[string]string{"pool.size": "5"}, nil}, // what it is anyway
		{map[string]string{"pool.size": "7"}, []string{"pool.size: there is one connection"}},
	} {
		if got := moot(&d, c.props); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.props, got, c.want)
		}
	}
	if got, want := Describe(d.Key("pool.size")).Documentation, "Connections. No effect: there is one connection."; got != want {
		t.Errorf("documentation %q, want %q", got, want)
	}
}
